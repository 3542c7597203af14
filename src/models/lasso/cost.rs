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

/// A Cholesky factor of a matrix of that order, and what a Newton step takes besides.
pub(super) fn factorisation(order: usize) -> f64 {
    let order = order as f64;
    order.powi(3) / 6.0 / FACTOR_SPEED + order * order
}

/// Multiplications and additions of the factorisation in a nanosecond.
const FACTOR_SPEED: f64 = 8.0;
