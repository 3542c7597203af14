//! A batch fit: one process's part of a run over threads and processes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use timely::dataflow::InputHandleVec;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe, vec::Input};
use timely::worker::Worker;

use super::certificate::Measure;
use super::check;
use super::folds::{Folds, Validation};
use super::memory::Memory;
use super::options::{Lambda, Options};
use super::program::{Coefficient, Parameter};
use super::stored::{Model, Stored};
use crate::cluster::{self, ClusterError, Flags, gather};
use crate::operators::{self, Certified, Form, ModelParallel};
use crate::program::Program;
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
/// called with the same options. `watch` sees every measured point, on the process of worker 0.
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
    plan: Plan,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    check::all(flags, &problem, &options, engine, &plan).map_err(ClusterError::Usage)?;
    let problem = Mutex::new(problem);
    let process = flags.process;
    let watch = Arc::new(watch);
    let fits = cluster::execute(flags, digest, move |worker| {
        run(worker, process, &problem, &options, engine, &plan, Arc::clone(&watch))
    })?;
    // The one of worker 0, if it is here, comes first.
    Ok(fits.into_iter().next().unwrap_or_default())
}

type Changes<M> = InputHandleVec<u64, <M as Program>::Change>;

impl<S> Problem<S> {
    /// The problem with other shards.
    pub fn with_shards<T>(self, shards: Vec<(usize, T)>) -> Problem<T> {
        let Problem { columns, response, weights, factors, warm, .. } = self;
        Problem { columns, response, weights, factors, shards, warm }
    }
}

/// What reaches worker 0: the model so far, and the last point.
#[derive(Default)]
struct Seen {
    model: BTreeMap<Parameter, f64>,
    point: Option<Point>,
    epoch: u64,
    rounds: u64,
}

fn run<S: Stored>(
    worker: &mut Worker,
    process: usize,
    problem: &Mutex<Problem<S>>,
    options: &Options,
    engine: operators::Options,
    plan: &Plan,
    watch: Arc<impl Fn(&Point) + Send + Sync + 'static>,
) -> Fit {
    let placement = engine.placement(worker.peers());
    let local = placement.local(worker.index());
    let engine = operators::Options { form: S::FORM, ..engine };
    let program = S::model(options.clone(), placement.shards(), local.clone());
    let program = Rc::new(RefCell::new(program));
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut input = Changes::<S::Model>::new();
    let probe = ProbeHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let changes = scope.input_from(&mut input);
        let trained =
            changes.model_parallel("Lasso", engine, Rc::clone(&program), S::scheduler(options));
        let to = Rc::clone(&seen);
        trained
            .changes
            .exchange(|_| 0)
            .inspect(move |Coefficient { parameter, new, .. }| {
                to.borrow_mut().model.insert(*parameter, *new);
            })
            .probe_with(&probe);
        let to = Rc::clone(&seen);
        trained
            .certificates
            .inspect(move |Certified { round, certificate, .. }| {
                // Until something has been measured there is nothing to tell.
                if certificate.total == 0.0 && S::FORM == Form::Partial {
                    return;
                }
                let mut seen = to.borrow_mut();
                let point = Point { epoch: seen.epoch, round: *round, measure: *certificate };
                watch(&point);
                seen.point = Some(point);
            })
            .probe_with(&probe);
    });
    let part = take(problem, |shard| local.contains(&shard));
    let weights = part.weights.clone();
    input.send(S::data(&mut program.borrow_mut(), part, plan));
    let fit = Fit { converged: true, ..Fit::default() };
    let tolerance = options.tolerance;
    let mut session = Session { worker, input, probe, program, seen, tolerance, fit };
    session.follow(plan, weights);
    let Session { worker, program, mut fit, .. } = session;
    let memory = program.borrow().memory(process);
    fit.memory = gather(worker, memory);
    fit
}

/// This worker's part of the process's data.
fn take<S>(problem: &Mutex<Problem<S>>, is_local: impl Fn(usize) -> bool) -> Problem<S> {
    let mut problem = problem.lock().unwrap_or_else(PoisonError::into_inner);
    let shards = std::mem::take(&mut problem.shards);
    let (own, rest) = shards.into_iter().partition(|(shard, _)| is_local(*shard));
    problem.shards = rest;
    Problem {
        columns: problem.columns,
        response: Arc::clone(&problem.response),
        weights: problem.weights.clone(),
        factors: problem.factors.clone(),
        shards: own,
        warm: problem.warm.clone(),
    }
}

struct Session<'a, M: Model> {
    worker: &'a mut Worker,
    input: Changes<M>,
    probe: ProbeHandle<u64>,
    program: Rc<RefCell<M>>,
    seen: Rc<RefCell<Seen>>,
    tolerance: f64,
    fit: Fit,
}

impl<M: Model> Session<'_, M> {
    fn follow(&mut self, plan: &Plan, weights: Option<Arc<Vec<f64>>>) {
        match plan {
            Plan::One(lambda) => {
                self.epoch(M::at(*lambda));
                self.keep();
            }
            Plan::Path { count, min_ratio } => {
                self.path(*count, *min_ratio);
            }
            Plan::CrossValidate { count, min_ratio, folds } => {
                let path = self.path(*count, *min_ratio);
                self.validate(path, folds, weights);
            }
        }
    }

    /// Fits a path and keeps its solutions; gives its λ.
    fn path(&mut self, count: usize, min_ratio: f64) -> Vec<f64> {
        let mut path = Vec::with_capacity(count);
        for index in 0..count {
            let share = index as f64 / (count.max(2) - 1) as f64;
            self.epoch(M::at(Lambda::Ratio(min_ratio.powf(share))));
            let largest = self.program.borrow().lambda_max().unwrap_or(1.0);
            path.push(largest * min_ratio.powf(share));
            self.keep();
        }
        path
    }

    fn validate(&mut self, path: Vec<f64>, folds: &Folds, weights: Option<Arc<Vec<f64>>>) {
        let weights = weights.as_ref().map(|weights| weights.as_slice());
        let mut losses = Vec::new();
        for fold in 0..folds.count() {
            let total = folds.held_out(fold, weights).iter().sum::<f64>();
            self.input.send(M::hold_out(folds, Some(fold), weights));
            let mut loss = Vec::new();
            for &lambda in &path {
                self.epoch(M::at(Lambda::Value(lambda)));
                // The program's own measure, not the reported one: every worker must choose alike.
                let held_out = self.program.borrow().measure().held_out;
                loss.push(if total > 0.0 { held_out / total } else { 0.0 });
            }
            losses.push(loss);
        }
        let validation = Validation::of(path, &losses);
        self.input.send(M::hold_out(folds, None, weights));
        self.epoch(M::at(Lambda::Value(validation.lambda_min)));
        self.keep();
        self.fit.validation = Some(validation);
    }

    /// Runs an epoch to its end.
    fn epoch(&mut self, change: M::Change) {
        self.input.send(change);
        let next = self.input.time() + 1;
        self.input.advance_to(next);
        let probe = &self.probe;
        self.worker.step_or_park_while(None, || probe.less_than(&next));
        let mut seen = self.seen.borrow_mut();
        seen.epoch += 1;
        seen.rounds += seen.point.map_or(0, |point| point.round + 1);
        self.fit.rounds = seen.rounds;
    }

    /// Keeps the model as it stands, where it is known.
    fn keep(&mut self) {
        self.fit.converged &= self.program.borrow().measure().is_converged(self.tolerance);
        let seen = self.seen.borrow();
        let Some(point) = seen.point else { return };
        let column = |(parameter, value): (&Parameter, &f64)| match parameter {
            Parameter::Column(column) if *value != 0.0 => Some((*column, *value)),
            _ => None,
        };
        self.fit.solutions.push(Solution {
            point,
            intercept: seen.model.get(&Parameter::Intercept).copied().unwrap_or(0.0),
            coefficients: seen.model.iter().filter_map(column).collect(),
        });
    }
}
