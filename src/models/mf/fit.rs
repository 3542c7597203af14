//! A batch fit: what goes into a solver, and what comes out of it.

use std::sync::Arc;

use super::sgd::{self, Reports};
use super::{Factorisation, Options, Ratings, Solver, ccd};
use crate::checkpoint::Keeper;
use crate::cluster::{ClusterError, Flags};
use crate::operators::{self, RotateOptions};
use crate::scheduler::Policy;

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

/// The solver that suits the goal: gradient descent to predict what is not rated (ratings are held
/// out, or [`Options::recommends`]), but coordinate descent if a penalty or a tolerance say that it
/// is the objective that matters, and for what only it can do. What was measured is in
/// `docs/benchmarks.md`: `scripts/bench solvers`.
pub fn chosen(options: &Options, problem: &Problem) -> Solver {
    let Options { lambda, weighted_lambda, tolerance, nonnegative, implicit, .. } = *options;
    let unseen = options.recommends || problem.test.is_some();
    let objective = lambda.is_some() || weighted_lambda || tolerance.is_some();
    let by_progress = options.scheduler == Policy::Dynamic;
    let only = nonnegative || implicit.is_some() || problem.warm.is_some() || by_progress;
    match options.solver {
        Solver::Auto if unseen && !objective && !only => Solver::Sgd,
        Solver::Auto => Solver::Ccd,
        solver => solver,
    }
}

/// Factorises on this process's workers together with those of the other processes, which must be
/// called with the same problem and options, by the solver that the options ask for (see
/// [`chosen`]). `watch` sees every measured point, on the process of worker 0; of gradient descent
/// as many as `reports` says.
///
/// # Errors
/// [`ClusterError::Usage`] if options are out of range or do not fit the data; else as of
/// [`cluster::execute`](crate::cluster::execute).
///
/// ```
/// use std::sync::Arc;
/// use strads::cluster::Flags;
/// use strads::models::mf::{Options, Problem, Ratings, fit, sgd::Reports};
/// use strads::operators;
///
/// let entries = (0..60).map(|at| (format!("u{}", at % 6), format!("i{}", at % 10), (at % 5) as f32));
/// let train = Arc::new(Ratings::from_entries(entries)?);
/// let problem = Problem { train, ..Problem::default() };
/// let options = Options { rank: 2, ..Options::default() };
/// let engine = operators::Options::default();
/// let fit = fit(&Flags::thread(), b"", problem, options, engine, Reports::Last, |_| {})?;
/// assert!(fit.converged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    flags: &Flags,
    digest: &[u8],
    problem: Problem,
    options: Options,
    engine: operators::Options,
    reports: Reports,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    fit_kept(flags, digest, (problem, options), engine, reports, None, watch)
}

/// As [`fit`], with a checkpoint after every so many sweeps, or going on from one: see
/// [`ccd::fit_kept`] and [`sgd::fit_kept`].
///
/// # Errors
/// As [`fit`].
pub fn fit_kept(
    flags: &Flags,
    digest: &[u8],
    fitted: (Problem, Options),
    engine: operators::Options,
    reports: Reports,
    keeper: Option<Arc<Keeper>>,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    match chosen(&fitted.1, &fitted.0) {
        Solver::Auto | Solver::Ccd => ccd::fit_kept(flags, digest, fitted, engine, keeper, watch),
        Solver::Sgd => {
            let engine = RotateOptions { shards: engine.shards, ..RotateOptions::default() };
            sgd::fit_kept(flags, digest, fitted, engine, reports, keeper, watch)
        }
    }
}
