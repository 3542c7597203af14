//! Matrix factorisation: ratings of items by users as products of short vectors.
//!
//! ```text
//! explicit:  Σ_Ω c_ij (r_ij − μ − a_i − b_j − w_i·h_j)²  +  λ ( ‖W‖² + ‖H‖² + ‖a‖² + ‖b‖² )
//! implicit:  Σ_all c_ij (p_ij − w_i·h_j)²                +  λ ( ‖W‖² + ‖H‖² )
//! ```
//!
//! minimised over the factors `W` (users × rank) and `H` (items × rank) and, if they are asked for,
//! the biases `a` and `b` (else 0). `Ω` are the observed pairs, `c_ij` a rating's weight (1 unless
//! given) and `μ` the weighted mean of the training ratings, or 0: see [`Options::centres`]. With
//! `weighted_lambda` each row of `W`, `H`, `a` and `b` is penalised by λ times the number of
//! ratings it has in `Ω`. For implicit feedback (Hu, Koren, Volinsky, ICDM 2008) the sum runs over
//! *all* pairs, with `p = 1` and `c = 1 + α · weight · r` for observed ones, `p = 0` and `c = 1` for
//! the others, which are never materialised.
//!
//! [`fit()`] is a batch run over threads and processes.

pub mod ccd;
mod file;
mod fit;
mod fold_in;
mod metrics;
mod model;
mod options;
mod predict;
mod recommend;
pub mod sgd;
mod split;
#[cfg(test)]
mod testing;

pub use crate::shard::{Entry, Names, RatingError, Ratings, Unordered};
pub use file::{Model, Seen};
pub use fit::{Fit, Point, Problem, chosen, fit, fit_kept};
pub use fold_in::{FoldIn, Known, Terms};
pub use metrics::{Errors, Ranking, RankingOptions, errors, ranking};
pub use model::Factorisation;
pub use options::{Options, Solver};
pub use predict::Row;
pub use recommend::{Choice, in_parallel, top};
pub use split::{HoldOut, hold_out};
