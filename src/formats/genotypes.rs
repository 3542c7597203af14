//! The columns of a chunk of a `.bed`: its codes of two bits as they are, without the rows that are
//! left out.

use std::ops::Range;

use super::options::Kept;
use super::stream::Chunk;
use crate::shard::{Line, WORD, lines};

/// The lower bit of every code.
const LOW: u64 = 0x5555_5555_5555_5555;

/// Which samples of every variant are rows.
pub(super) struct Samples {
    /// Bytes of a variant.
    unit: usize,
    /// Neighbours that are kept.
    runs: Vec<Range<usize>>,
    /// The rows.
    rows: usize,
    /// The lower bit of the code of every sample that is kept.
    marks: Vec<u64>,
}

impl Samples {
    /// Of so many samples, these: ascending.
    pub fn new(samples: usize, rows: &[usize]) -> Self {
        let mut marks = vec![0; samples.div_ceil(WORD)];
        rows.iter().for_each(|row| marks[row / WORD] |= 1 << (row % WORD * 2));
        let runs = rows.chunk_by(|a, b| a + 1 == *b);
        let runs = runs.map(|run| run[0]..run[0] + run.len()).collect();
        Samples { unit: samples.div_ceil(4), runs, rows: rows.len(), marks }
    }

    /// How many of the rows are missing: code 01.
    fn missing(&self, packed: &[u64]) -> u64 {
        let missing = |(codes, marks): (&u64, &u64)| codes & !(codes >> 1) & marks;
        packed.iter().zip(&self.marks).map(|pair| u64::from(missing(pair).count_ones())).sum()
    }

    /// The codes of the rows, packed side by side; zeros beyond the last.
    fn gather(&self, packed: &[u64], to: &mut Vec<u64>) {
        to.clear();
        to.resize(self.rows.div_ceil(WORD), 0);
        let mut row = 0;
        for run in &self.runs {
            for from in run.clone().step_by(WORD) {
                let count = WORD.min(run.end - from);
                let codes = window(packed, from) & u64::MAX >> (2 * (WORD - count));
                let (word, shift) = (row / WORD, row % WORD * 2);
                to[word] |= codes << shift;
                if row % WORD + count > WORD {
                    to[word + 1] = codes >> (64 - shift);
                }
                row += count;
            }
        }
    }
}

/// The codes of 32 samples from one on; zeros beyond the last.
fn window(packed: &[u64], from: usize) -> u64 {
    let (word, shift) = (from / WORD, from % WORD * 2);
    let next = packed.get(word + 1).copied().unwrap_or(0);
    match shift {
        0 => packed[word],
        _ => packed[word] >> shift | next << (64 - shift),
    }
}

/// The values of the codes of so many rows: copies of the first allele; the mean where it is missing.
fn table(packed: &[u64], rows: usize) -> [f64; 4] {
    let (mut missing, mut one, mut zero) = (0, 0, 0);
    for &codes in packed {
        let (low, high) = (codes & LOW, codes >> 1 & LOW);
        missing += (low & !high).count_ones() as usize;
        one += (high & !low).count_ones() as usize;
        zero += (low & high).count_ones() as usize;
    }
    let present = rows - missing;
    let copies = 2 * (present - one - zero) + one;
    let mean = if present > 0 { copies as f64 / present as f64 } else { 0.0 };
    [2.0, mean, 1.0, 0.0]
}

/// The kept variants of a chunk.
#[derive(Default)]
pub(super) struct Piece {
    /// Their columns, and the values of their codes.
    columns: Vec<(usize, [f64; 4])>,
    /// Their codes, column after column.
    lines: Vec<Line>,
    /// Missing values of all variants, in rows.
    pub missing: u64,
}

impl Piece {
    /// Takes a chunk of whole variants that begins at a byte of the genotypes.
    pub fn take(&mut self, chunk: &Chunk, begin: usize, samples: &Samples, kept: &Kept) {
        let first = begin / samples.unit;
        let (mut packed, mut rows) = (vec![0; samples.marks.len()], Vec::new());
        for (column, variant) in (first..).zip(chunk.bytes.chunks_exact(samples.unit)) {
            for (word, bytes) in packed.iter_mut().zip(variant.chunks(8)) {
                let mut whole = [0; 8];
                whole[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_le_bytes(whole);
            }
            self.missing += samples.missing(&packed);
            if kept.holds(column) {
                samples.gather(&packed, &mut rows);
                self.columns.push((column, table(&rows, samples.rows)));
                self.lines.extend(lines(&rows));
            }
        }
    }

    /// The columns, with their values and codes.
    pub fn columns(&self) -> impl Iterator<Item = (usize, [f64; 4], &[Line])> {
        let each = self.lines.len() / self.columns.len().max(1);
        let lines = self.lines.chunks_exact(each.max(1));
        self.columns.iter().zip(lines).map(|(&(column, table), lines)| (column, table, lines))
    }
}
