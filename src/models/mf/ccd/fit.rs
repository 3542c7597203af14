//! A batch fit: one process's part of a run over threads and processes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use timely::dataflow::InputHandleVec;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe, vec::Input};
use timely::worker::Worker;

use super::measure::Measure;
use super::options::Terms;
use super::program::{Ccd, Change, Row};
use super::schedule::{Stopping, Sweeps};
use super::stored::{History, Keep, Measured};
use crate::checkpoint::Keeper;
use crate::cluster::{self, ClusterError, Flags};
use crate::models::mf::{Factorisation, Fit, Options, Point, Problem};
use crate::operators::{self, Certified, ModelParallel};
use crate::program::Certificate;

/// Where a fit ends if nothing is said of it.
const TOLERANCE: f64 = 1e-4;
const SWEEPS: u64 = 1000;

/// Factorises on this process's workers together with those of the other processes, which must be
/// called with the same problem and options. `watch` sees every measured point, on the process of
/// worker 0.
///
/// # Errors
/// [`ClusterError::Usage`] if options are out of range or do not fit the data; else as of
/// [`cluster::execute`].
pub fn fit(
    flags: &Flags,
    digest: &[u8],
    problem: Problem,
    options: Options,
    engine: operators::Options,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    fit_kept(flags, digest, (problem, options), engine, None, watch)
}

/// As [`fit`], with a checkpoint after every so many sweeps, or going on from one. What comes out is
/// the same to the bit, however often the fit was stopped; `watch` sees every point of all of it.
///
/// A checkpoint takes 8 bytes a rating, and for each user and item 4 bytes a factor and 300 more.
///
/// # Errors
/// As [`fit`]; [`ClusterError::Usage`] if the checkpoint is none of a fit.
pub fn fit_kept(
    flags: &Flags,
    digest: &[u8],
    (problem, options): (Problem, Options),
    engine: operators::Options,
    keeper: Option<Arc<Keeper>>,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    check(&problem, &options, engine).map_err(ClusterError::Usage)?;
    let watch = Arc::new(watch);
    let digest = keeper.as_ref().map_or_else(|| digest.to_vec(), |keeper| keeper.digest(digest));
    let from = keeper.as_ref().and_then(|keeper| keeper.from()).map(History::of).transpose();
    let from = from.map_err(|error| ClusterError::Usage(error.to_string()))?.unwrap_or_default();
    let fits = cluster::execute(flags, &digest, move |worker| {
        let kept = keeper.as_ref().map(|keeper| (Arc::clone(keeper), from.clone()));
        run(worker, &problem, &options, engine, kept, Arc::clone(&watch))
    })?;
    Ok(fits.into_iter().find(|fit| fit.model.is_some()).unwrap_or_default())
}

fn check(problem: &Problem, options: &Options, engine: operators::Options) -> Result<(), String> {
    options.check()?;
    if engine.staleness > 0 {
        return Err(format!("staleness: expected 0 with solver ccd, found {}", engine.staleness));
    }
    let negative = |value: &&f32| options.implicit.is_some() && **value < 0.0;
    if let Some(value) = problem.train.values().iter().find(negative) {
        return Err(format!("implicit: expected ratings >= 0, found {value}"));
    }
    match &problem.warm {
        Some(warm) if !fits(warm, problem, options) => {
            Err("warm-start: expected factors of these users and items and of this rank".into())
        }
        _ => Ok(()),
    }
}

fn fits(warm: &Factorisation, problem: &Problem, options: &Options) -> bool {
    let (users, items) = (problem.train.users.len(), problem.train.items.len());
    warm.rank == options.rank
        && warm.user_factors.len() == users * warm.rank
        && warm.item_factors.len() == items * warm.rank
        && warm.user_bias.len() == users
        && warm.item_bias.len() == items
}

pub(super) fn stopping(options: &Options) -> Stopping {
    let usual = options.iterations.is_none().then_some(TOLERANCE);
    Stopping {
        tolerance: options.tolerance.or(usual),
        sweeps: options.iterations.unwrap_or(SWEEPS),
        rounds: options.max_rounds,
    }
}

/// What reaches worker 0.
struct Seen {
    model: Factorisation,
    last: Option<(u64, Measure)>,
    /// Some sweep lowered the objective by no more than the tolerance.
    settled: bool,
}

impl Seen {
    /// Takes note of a measure.
    fn take(&mut self, round: u64, measure: Measure, tolerance: Option<f64>) {
        // The last measure is of the same sweep once more.
        let again = self.last.is_some_and(|(_, last)| last.sweeps == measure.sweeps);
        self.settled |= tolerance.is_some_and(|most| measure.error() <= most) && !again;
        self.last = Some((round, measure));
    }
}

fn run(
    worker: &mut Worker,
    problem: &Problem,
    options: &Options,
    engine: operators::Options,
    kept: Option<(Arc<Keeper>, History)>,
    watch: Arc<impl Fn(&Point) + Send + Sync + 'static>,
) -> Fit {
    let placement = engine.placement(worker.peers());
    let terms = Terms::of(options, &problem.train);
    let (blocks, mean, limits) = (terms.blocks(), terms.mean, stopping(options));
    let tells = worker.index() == 0;
    let past = kept.as_ref().map_or_else(Vec::new, |(_, history)| history.measured.clone());
    let before = past.last().map_or(0, |last| last.round);
    let kept = kept.map(|(keeper, history)| (keeper, Rc::new(RefCell::new(history))));
    let history = kept.as_ref().map(|(_, history)| Rc::clone(history));
    let keep = kept.map(|(keeper, history)| Keep::new(keeper, tells, history));
    let program = Ccd::new(terms, placement.shards(), placement.local(worker.index())).kept(keep);
    let (policy, warm) = (options.scheduler, problem.warm.is_some());
    let scheduler = Sweeps::new(policy, options.seed, blocks, warm, limits).kept(history);
    let model = match worker.index() {
        0 => empty(problem, options, mean),
        _ => Factorisation::default(),
    };
    let mut seen = Seen { model, last: None, settled: false };
    for Measured { round, measure } in past.into_iter().filter(|_| tells) {
        seen.take(round, measure, limits.tolerance);
        watch(&point(round, &measure));
    }
    let seen = Rc::new(RefCell::new(seen));
    let mut input = InputHandleVec::<u64, Change>::new();
    let probe = ProbeHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let changes = scope.input_from(&mut input);
        let program = Rc::new(RefCell::new(program));
        let trained = changes.model_parallel("Factorise", engine, program, scheduler);
        let to = Rc::clone(&seen);
        trained
            .changes
            .exchange(|_| 0)
            .inspect(move |row| put(&mut to.borrow_mut().model, row))
            .probe_with(&probe);
        let to = Rc::clone(&seen);
        trained
            .certificates
            .inspect(move |Certified { round, certificate, .. }| {
                let round = before + *round;
                to.borrow_mut().take(round, *certificate, limits.tolerance);
                watch(&point(round, certificate));
            })
            .probe_with(&probe);
    });
    input.send(Change::Problem(problem.clone()));
    input.advance_to(1);
    worker.step_or_park_while(None, || probe.less_than(&1));
    let mut seen = seen.borrow_mut();
    let Some((round, measure)) = seen.last else { return Fit::default() };
    Fit {
        model: Some(std::mem::take(&mut seen.model)),
        point: Some(point(round, &measure)),
        rounds: round + 1,
        converged: measure.expired == 0.0
            && match options.tolerance {
                None if options.iterations.is_some() => measure.sweeps as u64 >= limits.sweeps,
                _ => seen.settled,
            },
    }
}

fn point(round: u64, measure: &Measure) -> Point {
    Point {
        iteration: measure.sweeps as u64,
        round,
        objective: measure.objective(),
        rmse_train: measure.rmse(),
        rmse_test: None,
    }
}

/// A model without factors yet.
fn empty(problem: &Problem, options: &Options, mean: f64) -> Factorisation {
    let train = &problem.train;
    let (users, items) = (train.users.len(), train.items.len());
    Factorisation {
        users: Arc::clone(&train.users),
        items: Arc::clone(&train.items),
        rank: options.rank,
        user_factors: vec![0.0; users * options.rank],
        item_factors: vec![0.0; items * options.rank],
        user_bias: vec![0.0; users],
        item_bias: vec![0.0; items],
        mean,
        scale: train.scale(),
    }
}

/// Takes a row into the model.
fn put(model: &mut Factorisation, row: &Row) {
    let (factors, biases) = match row.item {
        false => (&mut model.user_factors, &mut model.user_bias),
        true => (&mut model.item_factors, &mut model.item_bias),
    };
    let at = row.id as usize;
    factors[at * model.rank..][..model.rank].copy_from_slice(&row.factors);
    biases[at] = row.bias;
}
