//! From dense values to dense columns.

use super::options::Kept;
use super::sparse::join;
use crate::shard::ColumnShard;
use std::thread;

/// Neighbouring rows of the kept columns, column by column.
#[derive(Debug)]
pub(super) struct Block {
    pub rows: usize,
    pub values: Vec<f64>,
}

impl Block {
    fn column(&self, place: usize) -> &[f64] {
        &self.values[place * self.rows..(place + 1) * self.rows]
    }
}

/// Some places of values that are row by row, `width` a row, column by column.
pub(super) fn by_column(
    by_row: &[f64],
    width: usize,
    places: impl IntoIterator<Item = usize>,
) -> Vec<f64> {
    let mut values = Vec::with_capacity(by_row.len());
    for place in places {
        values.extend(by_row.iter().skip(place).step_by(width));
    }
    values.shrink_to_fit();
    values
}

/// The kept ones of `columns` columns, ascending.
pub(super) fn kept_columns(kept: &Kept, columns: usize) -> Vec<usize> {
    (0..columns).filter(|&column| kept.holds(column)).collect()
}

/// The kept shards of blocks that follow each other.
pub(super) fn shards(
    blocks: &[Block],
    columns: usize,
    kept: &Kept,
    threads: usize,
) -> Vec<(usize, ColumnShard)> {
    let rows = blocks.iter().map(|block| block.rows).sum();
    let places = kept_columns(kept, columns);
    let build = |shard: usize| {
        let mut built = kept.empty(rows);
        let mut values = Vec::with_capacity(rows);
        for local in 0..kept.layout.count(shard, columns) {
            let Ok(place) = places.binary_search(&kept.layout.column(shard, local)) else {
                continue;
            };
            values.clear();
            blocks.iter().for_each(|block| values.extend_from_slice(block.column(place)));
            built.push_dense(&values);
        }
        built.shrink();
        (shard, built)
    };
    let all: Vec<_> = kept.shards.clone().collect();
    let share = all.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = all
            .chunks(share)
            .map(|shards| scope.spawn(move || shards.iter().map(|&s| build(s)).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(join).collect()
    })
}

/// Shards whose columns come one after the other.
pub(super) struct InOrder {
    kept: Kept,
    shards: Vec<(usize, ColumnShard)>,
}

impl InOrder {
    pub fn new(kept: Kept, rows: usize) -> Self {
        let shards = kept.shards.clone().map(|shard| (shard, kept.empty(rows))).collect();
        InOrder { kept, shards }
    }

    /// The shard that takes a column, if it is kept.
    pub fn shard(&mut self, column: usize) -> Option<&mut ColumnShard> {
        let place = self.kept.layout.shard_of(column).checked_sub(self.kept.shards.start)?;
        self.shards.get_mut(place).map(|(_, shard)| shard)
    }

    pub fn finish(mut self) -> Vec<(usize, ColumnShard)> {
        self.shards.iter_mut().for_each(|(_, shard)| shard.shrink());
        self.shards
    }
}

/// Shards from values that come column by column, in runs of any length.
pub(super) struct ByColumn {
    rows: usize,
    column: usize,
    /// How many values of the current column have come.
    filled: usize,
    values: Vec<f64>,
    shards: InOrder,
}

impl ByColumn {
    /// Nothing yet, of columns with `rows` values, at least one.
    pub fn new(kept: Kept, rows: usize) -> Self {
        let shards = InOrder::new(kept, rows);
        ByColumn { rows: rows.max(1), column: 0, filled: 0, values: Vec::new(), shards }
    }

    /// Takes the next values.
    pub fn extend(&mut self, mut values: &[f64]) {
        while !values.is_empty() {
            let (run, rest) = values.split_at(values.len().min(self.rows - self.filled));
            values = rest;
            self.filled += run.len();
            let shard = self.shards.shard(self.column);
            if shard.is_some() {
                self.values.extend_from_slice(run);
            }
            if self.filled == self.rows {
                if let Some(shard) = shard {
                    shard.push_dense(&self.values);
                }
                self.values.clear();
                self.filled = 0;
                self.column += 1;
            }
        }
    }

    pub fn finish(self) -> Vec<(usize, ColumnShard)> {
        self.shards.finish()
    }
}
