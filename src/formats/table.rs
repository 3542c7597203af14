//! What a read gives.

use super::ReadOptions;
use crate::shard::{ColumnShard, RowShard};

/// Rows of features as column shards, with a response a row.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The number of rows, without those left out.
    pub rows: usize,
    /// The number of feature columns in the whole file, kept or not.
    pub columns: usize,
    /// The feature names: a csv header, or the variant identifiers of a `.bim`.
    pub names: Option<Vec<String>>,
    /// The row names: the individual identifiers of a `.fam`.
    pub row_ids: Option<Vec<String>>,
    /// A response for every row; empty if there is none.
    pub response: Vec<f64>,
    /// The kept shards in ascending order, each with its number; none if rows are kept.
    pub shards: Vec<(usize, ColumnShard)>,
    /// The kept shards of a table that is kept by rows.
    pub row_shards: Option<Vec<(usize, RowShard)>>,
    /// How many rows were left out because their response is missing.
    pub left_out: usize,
    /// How many missing values, in columns kept or not, stand for their column's mean.
    pub missing: u64,
    /// How many bytes were read, after decompression.
    pub bytes: u64,
}

impl Table {
    /// The table, read as columns of one shard, by rows. Both forms are held for a while.
    pub(super) fn into_rows(mut self, options: &ReadOptions) -> Self {
        let whole = std::mem::take(&mut self.shards).into_iter().next();
        if let Some((_, whole)) = whole.filter(|(_, whole)| !whole.is_empty()) {
            self.row_shards = Some(RowShard::deal(&whole, options.shards, options.keep.clone()));
        }
        self
    }
}
