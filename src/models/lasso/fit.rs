//! A batch fit: one process's part of a run over threads and processes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::certificate::Measure;
use super::check;
use super::folds::{Folds, Validation};
use super::keeping::Task;
use super::legs::{Setting, run};
use super::memory::Memory;
use super::options::{Lambda, Options};
use super::stored::Stored;
use crate::cluster::{self, ClusterError, Flags};
use crate::operators;
use crate::shard::ColumnShard;

/// What is to be fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// One λ.
    One(Lambda),
    /// A geometric path of `count` λ from λ_max down to `min_ratio` of it, each warm-started.
    Path {
        /// The number of λ.
        count: usize,
        /// The last λ over λ_max.
        min_ratio: f64,
    },
    /// A path, cross-validated, and the model at the best λ.
    CrossValidate {
        /// The number of λ.
        count: usize,
        /// The last λ over λ_max.
        min_ratio: f64,
        /// Which rows are held out when.
        folds: Folds,
    },
}

/// This process's data, by shard: shards of columns, or of rows where data is tall (see
/// [`is_tall`](super::is_tall)).
#[derive(Clone, Debug, Default)]
pub struct Problem<S = ColumnShard> {
    /// The number of columns over all shards.
    pub columns: usize,
    /// One finite response a row.
    pub response: Arc<Vec<f64>>,
    /// Row weights.
    pub weights: Option<Arc<Vec<f64>>>,
    /// Penalty factors.
    pub factors: Option<Arc<Vec<f64>>>,
    /// The shards of this process's workers.
    pub shards: Vec<(usize, S)>,
    /// Coefficients to start from (data's scale), by column.
    pub warm: Option<Arc<Vec<(u32, f64)>>>,
}

/// A measured point on the way.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// The epoch: 0 for a single λ, the position on the path otherwise.
    pub epoch: u64,
    /// The round within the epoch.
    pub round: u64,
    /// What was measured.
    pub measure: Measure,
}

/// The model at one λ.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The last measured point: that of the model.
    pub point: Point,
    /// The intercept.
    pub intercept: f64,
    /// Ascending columns whose coefficient is not zero.
    pub coefficients: Vec<(u32, f64)>,
}

/// What a run gave. Only the process of worker 0 has solutions.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// One solution a λ, in the plan's order; with cross-validation the last is that of the best λ.
    pub solutions: Vec<Solution>,
    /// Cross-validation's findings.
    pub validation: Option<Validation>,
    /// Rounds over all epochs.
    pub rounds: u64,
    /// Whether every solution is as good as was asked for: known on every process.
    pub converged: bool,
    /// What every worker held in the end, in the order of the workers. Like solutions, of worker 0
    /// only.
    pub memory: Vec<Memory>,
}

/// Fits on this process's workers together with those of the other processes, which must be
/// called with the same options. The task is a [`Plan`], with checkpoints ([`Task::keeping`]) or
/// without. `watch` sees every measured point, on the process of worker 0.
///
/// # Errors
/// [`ClusterError::Usage`] if options or plan are out of range or the data do not fit together;
/// else as of [`cluster::execute`].
pub fn fit<S: Stored>(
    flags: &Flags,
    digest: &[u8],
    problem: Problem<S>,
    options: Options,
    engine: operators::Options,
    task: impl Into<Task>,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    let task = task.into();
    check::all(flags, &problem, &options, engine, &task.plan).map_err(ClusterError::Usage)?;
    let problem = Mutex::new(problem);
    let process = flags.process;
    let watch = Arc::new(watch);
    let fits = cluster::execute(flags, digest, move |worker| {
        let part = take(&problem, engine.placement(worker.peers()).local(worker.index()));
        let setting = Setting { options: &options, engine, task: &task, process };
        run(worker, part, &setting, &watch)
    })?;
    // The one of worker 0, if it is here, comes first.
    Ok(fits.into_iter().next().unwrap_or_default())
}

impl<S> Problem<S> {
    /// The problem with other shards.
    pub fn with_shards<T>(self, shards: Vec<(usize, T)>) -> Problem<T> {
        let Problem { columns, response, weights, factors, warm, .. } = self;
        Problem { columns, response, weights, factors, shards, warm }
    }

    /// The same with other shards, leaving this as it is.
    pub(super) fn of_others(&self, shards: Vec<(usize, S)>) -> Self {
        Problem {
            columns: self.columns,
            response: Arc::clone(&self.response),
            weights: self.weights.clone(),
            factors: self.factors.clone(),
            shards,
            warm: self.warm.clone(),
        }
    }
}

/// This worker's part of the process's data.
fn take<S>(problem: &Mutex<Problem<S>>, local: Range<usize>) -> Problem<S> {
    let mut problem = problem.lock().unwrap_or_else(PoisonError::into_inner);
    let shards = std::mem::take(&mut problem.shards);
    let (own, rest) = shards.into_iter().partition(|(shard, _)| local.contains(shard));
    problem.shards = rest;
    problem.of_others(own)
}
