//! Rows that come and go: a shard's part of each, and the columns they make.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::RowPart;
use super::design::Rows;
use super::program::Lasso;
use crate::shard::ColumnShard;

/// What identifies a row in live use.
pub trait RowId: Clone + Ord + 'static {}
impl<I: Clone + Ord + 'static> RowId for I {}

/// The surviving rows: this worker's parts of each.
#[derive(Clone, Debug)]
pub(super) struct RowStore<I> {
    rows: BTreeMap<(I, u64), Stored>,
}

#[derive(Clone, Debug)]
struct Stored {
    response: f64,
    /// Copies, by local shard; every shard hears of every row, so they agree once an epoch is in.
    copies: i64,
    parts: Vec<Vec<(u32, f64)>>,
}

impl<I> Default for RowStore<I> {
    fn default() -> Self {
        RowStore { rows: BTreeMap::new() }
    }
}

impl<I: RowId> Lasso<I> {
    /// Takes in an epoch's rows and makes the columns of those that survive, in the order of
    /// their identities: the same columns a batch fit of these rows has.
    ///
    /// A row whose copies are negative (retracted before it came) does not count until it is not.
    pub(super) fn absorb_rows(&mut self, parts: Vec<RowPart<I>>) {
        let locals = self.local.len();
        for part in parts {
            let key = (part.id, part.digest);
            let stored = self.live.rows.entry(key).or_insert_with(|| Stored {
                response: part.response,
                copies: 0,
                parts: vec![Vec::new(); locals],
            });
            // The first local shard counts for all of them, and stands for a worker without any.
            if part.shard == self.local.start {
                stored.copies += part.diff;
            }
            let local = part.shard.checked_sub(self.local.start);
            if let Some(entries) = local.and_then(|local| stored.parts.get_mut(local))
                && part.diff > 0
            {
                *entries = part.entries;
            }
        }
        self.live.rows.retain(|_, stored| stored.copies != 0);
        let counted = || self.live.rows.values().filter(|stored| stored.copies > 0);
        let response: Vec<f64> = counted().map(|stored| stored.response).collect();
        let weighted = counted().any(|stored| stored.copies > 1);
        let weights = weighted
            .then(|| Arc::new(counted().map(|stored| stored.copies as f64).collect::<Vec<_>>()));
        let made: Vec<ColumnShard> = (0..locals)
            .map(|local| {
                let parts = counted().map(|stored| stored.parts[local].as_slice());
                columns_of(parts, response.len(), |key| self.layout.local(key as usize))
            })
            .collect();
        for (shard, columns) in self.shards.iter_mut().zip(made) {
            shard.columns = columns;
        }
        self.rows = Rows::new(Arc::new(response), weights, self.options.intercept);
        self.restate();
    }
}

/// Rows' entries as columns.
fn columns_of<'a>(
    rows: impl Iterator<Item = &'a [(u32, f64)]>,
    count: usize,
    position: impl Fn(u32) -> usize,
) -> ColumnShard {
    let mut columns: Vec<(Vec<u32>, Vec<f64>)> = Vec::new();
    for (row, entries) in rows.enumerate() {
        for &(key, value) in entries.iter().filter(|(_, value)| *value != 0.0) {
            let position = position(key);
            if columns.len() <= position {
                columns.resize_with(position + 1, Default::default);
            }
            columns[position].0.push(row as u32);
            columns[position].1.push(value);
        }
    }
    let mut shard = ColumnShard::new(count);
    columns.iter().for_each(|(rows, values)| shard.push_sparse(rows, values));
    shard
}
