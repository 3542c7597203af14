//! A tile from its first word to its last.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

use super::draw::Draw;
use super::masses::{Masses, Prior, REFRESH};
use super::rows::{Form, Rows, line};
use super::tile::Tile;
use super::unit::{Line, Plain, Table, Unit};
use super::{dense, sparse};
use crate::random::Draws;

/// Words whose counts and tokens together are fewer than this share of the topics are loaded topic
/// by topic instead of all topics at once.
const FEW: usize = 32;
/// Tokens ahead of which the first line of a row is asked for, and then the others.
const AHEAD: [usize; 2] = [16, 8];

/// Which instructions the kernel runs with. None changes a result.
#[derive(Clone, Copy, Debug)]
pub(in crate::models::lda) enum Path {
    /// What every processor of the target has.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
}

impl Path {
    /// The fastest of this processor.
    pub fn best() -> Path {
        Path::all().pop().unwrap_or(Path::Portable)
    }

    /// All of this processor, the portable one first.
    pub fn all() -> Vec<Path> {
        #[allow(unused_mut)]
        let mut all = vec![Path::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(V3::try_new().map(Path::Avx2));
            all.extend(V4::try_new().map(Path::Avx512));
        }
        all
    }
}

/// The counts of a slice's words: where each row ends, and the rows.
///
/// A row with room for every topic has a count for each; a shorter one has its counts as
/// `code << 16 | count`, the unused end zero. A word's row has room for as many topics as the word
/// has tokens, if there are that many, so that counts of the shorter rows fit 16 bits.
pub(in crate::models::lda) struct WordRows<'a> {
    pub ends: &'a [u64],
    pub cells: &'a mut [u32],
}

impl WordRows<'_> {
    fn row(&mut self, word: usize) -> &mut [u32] {
        let start = word.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        &mut self.cells[start..self.ends[word] as usize]
    }
}

/// What a worker samples with: about 12 bytes a topic.
pub(in crate::models::lda) struct Kernel {
    path: Path,
    masses: Masses,
    products: Box<Table<f32>>,
    /// Topics that the word at hand has or had.
    codes: Vec<u16>,
    /// β of a word that has its own, when one is at hand.
    spare: Option<Box<Table<f32>>>,
}

/// What a tile is sampled with, beyond its counts.
pub(in crate::models::lda) struct Setting<'a> {
    /// Draws of the seed, the sweep and the shard; each word has a stream of its own.
    pub draws: &'a Draws,
    /// More prior weight: ascending positions in the slice, codes, what is added to β.
    pub priors: &'a [(u32, u16, f32)],
    /// The number of a word, from its position in the slice: names its draws.
    pub number: &'a dyn Fn(u32) -> u64,
    /// Whether only tokens without a topic are drawn.
    pub fresh: bool,
}

impl Kernel {
    /// A kernel for so many topics (at most 65 535).
    pub fn new(path: Path, topics: usize) -> Self {
        Kernel {
            path,
            masses: Masses::new(topics),
            products: Table::zeroed(),
            codes: Vec::new(),
            spare: None,
        }
    }

    /// Sets α, β and the prior tokens of topics beyond `V β`.
    pub fn set_prior(&mut self, alpha: &[f64], prior: Prior, topic_prior: &[f64]) {
        for (to, from) in self.masses.alpha.0[1..].iter_mut().zip(alpha) {
            *to = *from as f32;
        }
        self.masses.prior = prior;
        self.masses.topic_prior = topic_prior.iter().any(|prior| *prior > 0.0).then(|| {
            let mut table = Table::zeroed();
            for (to, from) in table.0[1..].iter_mut().zip(topic_prior) {
                *to = *from as f32;
            }
            table
        });
    }

    /// Draws a topic for every token of the tile. `totals` are the tokens of each topic, as the
    /// shard knows them; they, the words' counts, the documents' rows and the tokens' topics follow.
    ///
    /// Takes, a token, time proportional to the number of topics of its document (sparse rows) or
    /// of all (dense rows), over 16; and a word, time proportional to the number of topics over 16.
    pub fn sample(
        &mut self,
        totals: &mut [i64],
        rows: &mut Rows,
        tile: &mut Tile,
        words: WordRows<'_>,
        setting: &Setting<'_>,
    ) {
        self.masses.total.0[1..=totals.len()].copy_from_slice(totals);
        match self.path {
            Path::Portable => self.words(Plain, rows, tile, words, setting),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(simd) => simd.vectorize(
                #[inline(always)]
                || self.words(simd, rows, tile, words, setting),
            ),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => simd.vectorize(
                #[inline(always)]
                || self.words(simd, rows, tile, words, setting),
            ),
        }
        totals.copy_from_slice(&self.masses.total.0[1..=totals.len()]);
    }

    #[inline(always)]
    fn words<U: Unit>(
        &mut self,
        unit: U,
        rows: &mut Rows,
        tile: &mut Tile,
        mut words: WordRows<'_>,
        setting: &Setting<'_>,
    ) {
        self.masses.load_totals();
        let mut start = 0;
        // Whether φ is that of a word without counts.
        let mut blank = false;
        for (&word, &count) in tile.words.iter().zip(&tile.counts) {
            let end = start + count as usize;
            if setting.fresh && !tile.topics[start..end].contains(&0) {
                start = end;
                continue;
            }
            let cells = words.row(word as usize);
            let own_prior = !setting.priors.is_empty() && self.take_prior(word, setting.priors);
            let few = !own_prior && (cells.len() + count as usize) * FEW < self.masses.topics;
            if few {
                if !blank {
                    self.masses.fill(unit);
                }
                self.load_few(cells);
            } else {
                self.load_all(unit, cells);
            }
            blank = few;
            let draws = setting.draws.within((setting.number)(word));
            self.tokens(
                unit,
                rows,
                (&tile.rows, &mut tile.topics),
                start..end,
                &draws,
                setting.fresh,
            );
            if few {
                self.store_few(unit, cells, &tile.topics[start..end]);
            } else {
                self.store_all(cells);
            }
            if own_prior {
                self.spare = self.masses.word_prior.take();
            }
            start = end;
        }
    }

    /// Loads a word's counts for all topics.
    #[inline(always)]
    fn load_all<U: Unit>(&mut self, unit: U, cells: &[u32]) {
        let topics = self.masses.topics;
        if cells.len() == topics {
            self.masses.word.0[1..=topics].copy_from_slice(cells);
        } else {
            for cell in cells.iter().take_while(|cell| **cell != 0) {
                self.masses.word.0[(cell >> 16) as usize] = cell & 0xffff;
            }
        }
        self.masses.fill(unit);
    }

    /// Stores what [`Kernel::load_all`] loaded; the table is left empty.
    #[inline(always)]
    fn store_all(&mut self, cells: &mut [u32]) {
        let topics = self.masses.topics;
        let counts = &mut self.masses.word.0[1..=topics];
        if cells.len() == topics {
            cells.copy_from_slice(counts);
            counts.fill(0);
            return;
        }
        let mut free = cells.iter_mut();
        for (code, count) in (1u32..).zip(counts) {
            if *count != 0
                && let Some(cell) = free.next()
            {
                *cell = code << 16 | *count;
                *count = 0;
            }
        }
        free.for_each(|cell| *cell = 0);
    }

    /// Loads a word's few counts over a word without counts.
    #[inline(always)]
    fn load_few(&mut self, cells: &[u32]) {
        self.codes.clear();
        for cell in cells.iter().take_while(|cell| **cell != 0) {
            let code = (cell >> 16) as u16;
            self.codes.push(code);
            self.masses.load(code, cell & 0xffff);
        }
    }

    /// Stores what [`Kernel::load_few`] loaded; a word without counts is left.
    #[inline(always)]
    fn store_few<U: Unit>(&mut self, unit: U, cells: &mut [u32], topics: &[u16]) {
        self.codes.extend_from_slice(topics);
        self.codes.sort_unstable();
        self.codes.dedup();
        let mut free = cells.iter_mut();
        for &code in &self.codes {
            let count = self.masses.word.0[usize::from(code)];
            if count != 0
                && let Some(cell) = free.next()
            {
                *cell = u32::from(code) << 16 | count;
            }
        }
        free.for_each(|cell| *cell = 0);
        self.masses.unload(unit, &self.codes);
    }

    /// Sets β of the word at hand if it has its own.
    fn take_prior(&mut self, word: u32, priors: &[(u32, u16, f32)]) -> bool {
        let start = priors.partition_point(|prior| prior.0 < word);
        let own = priors[start..].iter().take_while(|prior| prior.0 == word);
        if own.clone().next().is_none() {
            return false;
        }
        let mut table = self.spare.take().unwrap_or_else(Table::zeroed);
        table.0[1..=self.masses.topics].fill(self.masses.prior.beta);
        own.for_each(|&(_, code, weight)| table.0[usize::from(code)] += weight);
        self.masses.word_prior = Some(table);
        true
    }

    /// Draws topics for the tokens of the word at hand.
    #[inline(always)]
    fn tokens<U: Unit>(
        &mut self,
        unit: U,
        rows: &mut Rows,
        (documents, topics): (&[u32], &mut [u16]),
        range: std::ops::Range<usize>,
        draws: &Draws,
        fresh: bool,
    ) {
        let [sparse_lines, dense_lines, wide_lines] = &mut rows.lines;
        let (mut last, mut number) = (u32::MAX, 0);
        let first = range.start;
        for at in range {
            if at > first && (at - first).is_multiple_of(REFRESH) {
                self.masses.sum(unit);
            }
            if let Some(&row) = documents.get(at + AHEAD[0])
                && Form::at(row) == Form::Sparse
            {
                unit.prefetch(sparse_lines, line(row));
            }
            let row = documents[at];
            number = if row == last { number + 1 } else { 0 };
            last = row;
            if fresh && topics[at] != 0 {
                continue;
            }
            let draw = Draw::new(draws, row, number);
            let (masses, products) = (&mut self.masses, &mut *self.products);
            let topic = &mut topics[at];
            match Form::at(row) {
                Form::Sparse => {
                    if let Some(&row) = documents.get(at + AHEAD[1])
                        && Form::at(row) == Form::Sparse
                    {
                        ahead(unit, sparse_lines, line(row));
                    }
                    let row = &mut sparse_lines[line(row)..];
                    sparse::token(unit, masses, products, row, topic, draw);
                }
                Form::Dense => {
                    let lines = Form::Dense.lines(0, masses.topics);
                    if let Some(&row) = documents.get(at + AHEAD[1])
                        && Form::at(row) == Form::Dense
                    {
                        (0..lines).for_each(|more| unit.prefetch(dense_lines, line(row) + more));
                    }
                    let row = &mut dense_lines[line(row)..][..lines];
                    let row = bytemuck::cast_slice_mut::<Line, u16>(row);
                    dense::token(unit, masses, products, row, topic, draw);
                }
                Form::Wide => {
                    let lines = Form::Wide.lines(0, masses.topics);
                    let row = &mut wide_lines[line(row)..][..lines];
                    let row = bytemuck::cast_slice_mut::<Line, u32>(row);
                    dense::token(unit, masses, products, row, topic, draw);
                }
            }
        }
    }
}

/// Asks for the lines of a row after the first.
#[inline(always)]
fn ahead<U: Unit>(unit: U, lines: &[Line], row: usize) {
    if let Some(first) = lines.get(row) {
        (1..=(first.0[0] >> 4) as usize).for_each(|more| unit.prefetch(lines, row + more));
    }
}
