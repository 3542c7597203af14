//! What reaches a tall Lasso, and what its shards send each other.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::passes::Table;
use crate::models::lasso::options::Lambda;
use crate::shard::RowShard;
use crate::shard::gram::TILE;

/// What can happen to a tall Lasso.
#[derive(Clone, Debug)]
pub enum Change {
    /// All of this worker's data: comes once, first.
    Data(Box<Data>),
    /// Another λ; the coefficients stay as a warm start.
    Lambda(Lambda),
    /// The fold to hold out from now on.
    HoldOut(Option<usize>),
}

/// The rows of this worker's shards, and what belongs to all of the table.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The number of columns.
    pub columns: usize,
    /// What belongs to all rows.
    pub table: Table,
    /// Penalty factors of all columns, if they are not one each.
    pub factors: Option<Arc<Vec<f64>>>,
    /// The rows of this worker's shards.
    pub shards: Vec<(usize, RowShard)>,
    /// Coefficients to start from, on the data's scale.
    pub warm: Option<Arc<Vec<(u32, f64)>>>,
}

/// A piece of a long vector of sums; the last one is filled up with zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Piece(pub(super) [f64; TILE]);
