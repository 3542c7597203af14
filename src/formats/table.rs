//! What a read gives.

use crate::shard::ColumnShard;

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
    /// The kept shards in ascending order, each with its number.
    pub shards: Vec<(usize, ColumnShard)>,
    /// How many rows were left out because their response is missing.
    pub left_out: usize,
    /// How many missing values in the kept shards took their column's mean.
    pub missing: u64,
    /// How many bytes were read, after decompression.
    pub bytes: u64,
}
