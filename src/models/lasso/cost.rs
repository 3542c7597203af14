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
