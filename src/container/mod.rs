//! Flat parameter blocks and how they travel.

mod columns;

pub use columns::Columns;

mod gathered;

pub use gathered::{Moves, Partials};
