//! What arithmetic costs, in nanoseconds at the measured speed of the kernels, by shape alone.
//!
//! Choices between ways of solving are made by these figures, never by clocks: they are part of
//! the result.

use crate::shard::ColumnShard;

/// One update of a column's coefficient: a dot product, and adding the column to the residual.
pub(super) fn update(columns: &ColumnShard, column: usize) -> f64 {
    let entries = columns.entries(column) as f64;
    let each = match (columns.is_sparse(column), columns.entries(column) < columns.rows()) {
        (true, _) => 2.0,
        // Two-bit: an entry is four rows.
        (false, true) => 0.4,
        (false, false) => 0.2,
    };
    50.0 + each * entries
}

/// The rows of a Cholesky factor after the first `kept`, up to `order`, and a solve.
pub(super) fn factorisation(kept: usize, order: usize) -> f64 {
    let cube = |order: usize| (order as f64).powi(3) / 6.0;
    (cube(order) - cube(kept)) * 0.1 + (order * order) as f64 * 0.3
}

/// Taking a row out of a factor with so many rows from it on.
pub(super) fn rotations(after: usize) -> f64 {
    (after * after) as f64 * 1.5
}

/// So many columns of a factor's rows, from `left` to `right`.
pub(super) fn columns(left: usize, right: usize, rows: usize) -> f64 {
    ((right * right - left * left) / 2 * rows) as f64 * 0.1
}

/// What a round costs at least, and a number that it brings from another shard.
pub(super) const ROUND: f64 = 50e3;
const NUMBER: f64 = 2.0;
/// What is saved by a round must be more than so many times its cost.
const MARGIN: f64 = 2.0;

/// Whether work that gives so many numbers is worth a round in which each shard does its part.
pub(super) fn pays(work: f64, numbers: usize, shards: usize) -> bool {
    let saved = 1.0 - 1.0 / shards.max(1) as f64;
    saved * work - NUMBER * numbers as f64 > MARGIN * ROUND
}
