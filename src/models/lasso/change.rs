//! What can happen to a Lasso: data, rows, weights, another λ.

use std::sync::Arc;

use super::options::Lambda;
use crate::shard::ColumnShard;

/// One change of a worker's data or task. Changes of one epoch may come in any order; those of a
/// kind that replaces (data, weights, λ) should come once an epoch.
#[derive(Clone, Debug)]
pub enum Change<I = u64> {
    /// All of this worker's data at once: a batch fit.
    Data(Box<Data>),
    /// A row, or the retraction of one: this shard's part of it.
    Row(RowPart<I>),
    /// A coefficient (data's scale) to start from, once the epoch's rows are there.
    Start(u32, f64),
    /// Other row weights, in the order of the rows; all finite and not negative.
    Weights {
        /// The weights to fit with.
        weights: Arc<Vec<f64>>,
        /// The weights of rows that are held out, whose loss is to be measured.
        held_out: Option<Arc<Vec<f64>>>,
    },
    /// Another λ; the coefficients stay as a warm start.
    Lambda(Lambda),
}

/// The columns of this worker's shards, and what belongs to all of them.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The number of columns over all shards.
    pub columns: usize,
    /// One finite response a row.
    pub response: Arc<Vec<f64>>,
    /// Row weights, all finite and not negative; one each unless given.
    pub weights: Option<Arc<Vec<f64>>>,
    /// Penalty factors of all columns, finite and not negative; one each unless given.
    pub factors: Option<Arc<Vec<f64>>>,
    /// This worker's shards: columns dealt by [`crate::shard::Layout`].
    pub shards: Vec<(usize, ColumnShard)>,
}

/// A shard's part of a row that was inserted or retracted.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RowPart<I> {
    /// The shard this part is for; on a worker without shards, where its range of shards starts.
    pub shard: usize,
    /// The row's identity.
    pub id: I,
    /// Tells rows of the same identity apart: a digest of the whole row.
    pub digest: u64,
    /// The row's response.
    pub response: f64,
    /// Ascending columns of this shard, with their values.
    pub entries: Vec<(u32, f64)>,
    /// How many copies of the row came (or went).
    pub diff: i64,
}
