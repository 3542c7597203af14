//! From entries in the order of the file to sparse columns.

use super::options::Kept;
use crate::shard::ColumnShard;
use std::ops::Range;
use std::thread;

/// The rows of entries.
#[derive(Debug)]
pub(super) enum Rows {
    /// Row `first + i` has the entries up to `ends[i]`.
    Runs { first: u32, ends: Vec<u32> },
    /// Every entry has its row, and the line it is on, counted from line `first`.
    Each { first: u64, rows: Vec<u32>, lines: Vec<u32> },
}

/// Entries of kept columns, as one chunk gave them.
#[derive(Debug)]
pub(super) struct Entries {
    pub rows: Rows,
    pub columns: Vec<u32>,
    pub values: Vec<f64>,
}

impl Entries {
    /// Calls with row, column and value of every entry, in order.
    fn each(&self, mut call: impl FnMut(u32, u32, f64)) {
        let cells = self.columns.iter().zip(&self.values);
        match &self.rows {
            Rows::Each { rows, .. } => {
                rows.iter().zip(cells).for_each(|(&row, (&column, &value))| {
                    call(row, column, value);
                });
            }
            Rows::Runs { first, ends } => {
                let mut cells = cells;
                let mut start = 0;
                for (row, &end) in (*first..).zip(ends) {
                    for (&column, &value) in cells.by_ref().take((end - start) as usize) {
                        call(row, column, value);
                    }
                    start = end;
                }
            }
        }
    }
}

/// Some column has two entries in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// The first entry in the order of the file whose place was taken: its line, row and column.
pub(super) fn first_repeated(all: &[Entries]) -> Option<(u64, u32, u32)> {
    let mut places = Vec::new();
    for entries in all {
        if let Rows::Each { first, rows, lines } = &entries.rows {
            let cells = rows.iter().zip(&entries.columns).zip(lines);
            places.extend(
                cells.map(|((&row, &column), &line)| (column, row, first + u64::from(line))),
            );
        }
    }
    places.sort_unstable();
    let again = places.windows(2).filter_map(|pair| match pair {
        [first, second] if (first.0, first.1) == (second.0, second.1) => {
            Some((second.2, second.1, second.0))
        }
        _ => None,
    });
    again.min()
}

/// What the columns are built from.
pub(super) struct Build<'a> {
    pub entries: &'a [Entries],
    /// What is subtracted from every column index.
    pub base: u32,
    pub rows: usize,
    pub columns: usize,
    pub kept: &'a Kept,
    pub threads: usize,
    /// Whether columns are handed over with their zeros.
    pub dense: bool,
}

impl Build<'_> {
    /// The kept shards, built a few at a time on every thread: the transposed copy of the
    /// entries is only ever a part of them.
    pub fn shards(&self) -> Result<Vec<(usize, ColumnShard)>, Repeated> {
        let kept = self.kept.shards.clone();
        let size = kept.len().div_ceil(4 * self.threads.max(1)).max(1);
        let batches: Vec<_> = kept
            .clone()
            .step_by(size)
            .map(|start| start..kept.end.min(start.saturating_add(size)))
            .collect();
        let share = batches.len().div_ceil(self.threads.max(1)).max(1);
        let built: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = batches
                .chunks(share)
                .map(|batches| {
                    scope.spawn(move || {
                        batches.iter().map(|batch| self.batch(batch.clone())).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(join).collect()
        });
        let mut shards = Vec::with_capacity(kept.len());
        for batch in built {
            shards.extend(batch?);
        }
        Ok(kept.zip(shards).collect())
    }

    /// The columns of some shards, by counting sort.
    fn batch(&self, shards: Range<usize>) -> Result<Vec<ColumnShard>, Repeated> {
        let layout = self.kept.layout;
        let counts: Vec<_> =
            shards.clone().map(|shard| layout.count(shard, self.columns)).collect();
        let firsts: Vec<_> = counts
            .iter()
            .scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count)))
            .collect();
        let slot = |column: u32| {
            let column = column.checked_sub(self.base)? as usize;
            let shard = layout.shard_of(column);
            shards.contains(&shard).then(|| firsts[shard - shards.start] + layout.local(column))
        };
        // After the scatter `ends[slot]` is where the entries of a column end.
        let mut ends = vec![0usize; counts.iter().sum::<usize>() + 1];
        self.each(|_, column, _| {
            if let Some(slot) = slot(column) {
                ends[slot + 1] += 1;
            }
        });
        let total = ends.iter_mut().fold(0, |sum, end| {
            *end += sum;
            *end
        });
        let (mut rows, mut values) = (vec![0u32; total], vec![0f64; total]);
        self.each(|row, column, value| {
            if let Some(slot) = slot(column) {
                let end = &mut ends[slot];
                rows[*end] = row;
                values[*end] = value;
                *end += 1;
            }
        });
        let mut columns =
            Columns { rows, values, zeros: vec![0.0; if self.dense { self.rows } else { 0 }] };
        let mut built = Vec::with_capacity(shards.len());
        let mut start = 0;
        for (count, first) in counts.into_iter().zip(firsts) {
            let mut shard = self.kept.empty(self.rows);
            for &end in &ends[first..first + count] {
                columns.push(start..end, &mut shard)?;
                start = end;
            }
            shard.shrink();
            built.push(shard);
        }
        Ok(built)
    }

    fn each(&self, mut call: impl FnMut(u32, u32, f64)) {
        self.entries.iter().for_each(|entries| entries.each(&mut call));
    }
}

/// A thread's result; its panic goes on here.
pub(super) fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Entries by column.
struct Columns {
    rows: Vec<u32>,
    values: Vec<f64>,
    /// A column of zeros, if columns are handed over dense.
    zeros: Vec<f64>,
}

impl Columns {
    /// Appends a column to a shard without its zeros, in the order of its rows.
    fn push(&mut self, range: Range<usize>, shard: &mut ColumnShard) -> Result<(), Repeated> {
        let (rows, values) = (&mut self.rows[range.clone()], &mut self.values[range]);
        if !rows.is_sorted_by(|a, b| a < b) {
            let mut cells: Vec<_> = rows.iter().copied().zip(values.iter().copied()).collect();
            cells.sort_by_key(|cell| cell.0);
            for (i, (row, value)) in cells.into_iter().enumerate() {
                (rows[i], values[i]) = (row, value);
            }
            if !rows.is_sorted_by(|a, b| a < b) {
                return Err(Repeated);
            }
        }
        if !self.zeros.is_empty() {
            for (&row, &value) in rows.iter().zip(&*values) {
                self.zeros[row as usize] = value;
            }
            shard.push_dense(&self.zeros);
            self.zeros.fill(0.0);
        } else if values.contains(&0.0) {
            let (rows, values): (Vec<_>, Vec<_>) =
                rows.iter().zip(&*values).filter(|(_, value)| **value != 0.0).unzip();
            shard.push_sparse(&rows, &values);
        } else {
            shard.push_sparse(rows, values);
        }
        Ok(())
    }
}
