//! Seeded synthetic data of any size, known down to the planted coefficients.
//!
//! A design is a pure function of its fields: every column can be drawn by itself, from counters
//! keyed by the seed and the column, so that workers draw exactly the columns they keep and the
//! data does not depend on shards, threads or processes. (Logarithms and cosines come from the
//! platform: across platforms the last bit may differ.)

mod block;
mod corpus;
mod design;
mod draws;
mod lasso;
mod ratings;

pub use block::BlockDesign;
pub use corpus::{CorpusDesign, Drawn};
pub use design::{Column, Design, Generated};
pub use lasso::LassoDesign;
pub use ratings::{Rated, RatingDesign};
