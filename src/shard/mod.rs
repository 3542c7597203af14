//! Compact column shards: the data of the keys that live on a shard; and ratings.
//!
//! [`ColumnShard`] keeps each column in its most compact exact form and computes on it in `f64`.
//! The order in which the kernels add up is documented and part of the determinism contract: a
//! result depends on the column's values and form, never on the machine or the number of threads.

mod arrays;
mod bytes;
mod codes;
mod columns;
mod cross;
mod dense;
mod form;
pub mod gram;
mod kernels;
pub mod layout;
#[cfg(target_arch = "x86_64")]
mod lookup;
mod moments;
mod names;
mod ordering;
mod packed;
mod patch;
mod path;
mod ratings;
mod rows;
mod sparse;
#[cfg(test)]
mod tests;
mod wire;
mod words;

pub(crate) use arrays::{Arrays, Stored, present};
pub(crate) use codes::Line;
pub use columns::ColumnShard;
pub use layout::Layout;
pub use moments::{Moments, Weights};
pub use names::Names;
pub(crate) use packed::{WORD, lines};
pub(crate) use path::Path;
pub use path::vectors;
#[cfg(target_arch = "x86_64")]
pub(crate) use path::with_unit;
pub use ratings::{Entry, RatingError, Ratings, Unordered};
pub use rows::{BLOCK, RowShard};
pub use wire::CorruptColumn;
pub use words::Words;
