//! Tall data: row shards, the Gram matrix by partial sums, the same joint solve.
//!
//! With many more rows than columns all that the rows know of the problem fits in a Gram matrix.
//! **Partial form.** A shard holds blocks of rows ([`crate::shard::RowShard`]). The keys of the
//! program are *pieces* of two long vectors of sums over the rows: the Gram matrix of the columns,
//! the response and a column of ones; and what a pass with the coefficients gives, the products of
//! columns and residual. *Push* takes a shard's part of the sums, *pull* adds the parts up in shard
//! order where the piece lives, *sync* gives every worker the whole: 8 bytes for each pair of
//! columns, and nothing for a row.
//!
//! Every worker then solves the same `p × p` problem alike: coordinate descent, and Newton steps
//! on the support, along falling λ. **Certificates are those of the data**: the residual is taken
//! anew from the rows, and if its gap is not small enough (the Gram matrix is rounded) the problem
//! is solved again from the residual's own products, as often as it takes. Only the points of
//! cross-validation's folds are measured by the Gram matrices of their folds: one pass over the
//! data serves all of them.
//!
//! Columns are shifted by their means before products are taken, and what rounding leaves of the
//! means is taken off afterwards, so a mean that is large against the spread does no harm.

mod data;
mod frame;
mod newton;
mod passes;
mod program;
mod solver;
mod solving;

pub use data::{Change, Data};
pub use passes::Table;
pub use program::Tall;
