//! A batch fit: what goes into a solver, and what comes out of it.

use std::sync::Arc;

use super::{Factorisation, Ratings};

/// What is to be factorised, the same in every process.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// The ratings to learn from.
    pub train: Arc<Ratings>,
    /// Ratings held out, of the same users and items.
    pub test: Option<Arc<Ratings>>,
    /// Factors to start from, for the same users and items and of the same rank.
    pub warm: Option<Arc<Factorisation>>,
}

/// A measured point on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Sweeps or epochs so far.
    pub iteration: u64,
    /// Rounds so far.
    pub round: u64,
    /// The objective (see [`super`]), penalty included, of the factors as they are.
    pub objective: f64,
    /// Root mean squared error on the training ratings; of implicit feedback on `p`, over all pairs
    /// that are observed.
    pub rmse_train: f64,
    /// Root mean squared error on the ratings held out, if there are any.
    pub rmse_test: Option<f64>,
}

/// What a run gave. Only the process of worker 0 has a model.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// The factors.
    pub model: Option<Factorisation>,
    /// The last measured point: that of the model.
    pub point: Option<Point>,
    /// Rounds over all iterations.
    pub rounds: u64,
    /// Whether the fit ended as asked, and not by a limit.
    pub converged: bool,
}
