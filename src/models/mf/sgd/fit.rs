//! A batch fit: one process's part of a run over threads and processes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use timely::dataflow::operators::{Input, Inspect, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

use super::kernels::LANES;
use super::measure::{HELD, Measure, TEST, TRAIN};
use super::plan::Plan;
use super::program::Sgd;
use super::row::{ITEM_BIAS, USER_BIAS, width};
use super::schedule::{Epochs, Progress};
use super::side::lines_of;
use super::terms::Terms;
use crate::checkpoint::Keeper;
use crate::cluster::{self, ClusterError, Flags};
use crate::container::Slice;
use crate::models::mf::{Factorisation, Fit, Options, Point, Problem};
use crate::operators::{GatherSlices, Ring, Rotate, RotateOptions};
use crate::scheduler::Swept;
use crate::shard::Path;

/// Bytes of a slice's rows that stay in a core's own cache while a tile is worked on.
const CACHED: usize = 1 << 20;
/// Items of a slice at most: their rows have numbers of 16 bits, one of them is for zeros.
const ITEMS: usize = u16::MAX as usize;

/// How much is measured on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reports {
    /// The model that comes out.
    #[default]
    Last,
    /// The model after every epoch. Measuring takes about half as long as an epoch.
    Every,
}

/// Factorises on this process's workers together with those of the other processes, which must be
/// called with the same problem and options. `watch` sees every measured point, on the process of
/// worker 0.
///
/// Results depend on `engine.shards` and `engine.slices`, whose default is as many slices as it
/// takes for one to fit a core's cache.
///
/// # Errors
/// [`ClusterError::Usage`] if options are out of range or do not fit the data, or if the factors
/// grew beyond all bounds; else as of [`cluster::execute`].
pub fn fit(
    flags: &Flags,
    digest: &[u8],
    problem: Problem,
    options: Options,
    engine: RotateOptions,
    reports: Reports,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    fit_kept(flags, digest, (problem, options), engine, reports, None, watch)
}

/// As [`fit`], with a checkpoint after every so many sweeps (of updates, and those that measure), or
/// going on from one. What comes out is the same to the bit, however often the run was stopped.
///
/// A checkpoint takes what the model takes in memory.
///
/// # Errors
/// As [`fit`].
pub fn fit_kept(
    flags: &Flags,
    digest: &[u8],
    (problem, options): (Problem, Options),
    engine: RotateOptions,
    reports: Reports,
    keeper: Option<Arc<Keeper>>,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    check(&problem, &options).map_err(ClusterError::Usage)?;
    let watch = Arc::new(watch);
    let digest = keeper.as_ref().map_or_else(|| digest.to_vec(), |keeper| keeper.digest(digest));
    let job = Job { keeper, ..Job::new(problem, options, engine, reports, Path::best()) };
    let fits = cluster::execute(flags, &digest, move |worker| job.run(worker, Arc::clone(&watch)))?;
    let fit = fits.into_iter().find(|fit| fit.point.is_some()).unwrap_or_default();
    match fit.point {
        Some(point) if !point.objective.is_finite() => Err(ClusterError::Usage(
            "solver sgd: the factors grew beyond all bounds; try a larger lambda, or solver ccd"
                .into(),
        )),
        _ => Ok(fit),
    }
}

fn check(problem: &Problem, options: &Options) -> Result<(), String> {
    options.check()?;
    if options.nonnegative || options.implicit.is_some() {
        return Err("solver sgd: neither with nonnegative nor with implicit".into());
    }
    let (users, items) = (problem.train.users.len(), problem.train.items.len());
    let fits = |warm: &Factorisation| {
        warm.rank == options.rank
            && warm.user_factors.len() == users * warm.rank
            && warm.item_factors.len() == items * warm.rank
            && warm.user_bias.len() == users
            && warm.item_bias.len() == items
    };
    match &problem.warm {
        Some(warm) if !fits(warm) => {
            Err("warm-start: expected factors of these users and items and of this rank".into())
        }
        _ if problem.train.is_empty() => Err("expected ratings, found none".into()),
        _ => Ok(()),
    }
}

/// What every worker is to do.
pub(super) struct Job {
    problem: Problem,
    options: Options,
    engine: RotateOptions,
    reports: Reports,
    path: Path,
    keeper: Option<Arc<Keeper>>,
    /// Made by the first worker of the process that asks for it.
    plan: OnceLock<Arc<Plan>>,
}

/// What reaches worker 0.
#[derive(Default)]
struct Seen {
    rows: Vec<(usize, Slice<f32>)>,
    last: Option<Swept<Measure>>,
}

impl Job {
    pub fn new(
        problem: Problem,
        options: Options,
        engine: RotateOptions,
        reports: Reports,
        path: Path,
    ) -> Self {
        let (keeper, plan) = (None, OnceLock::new());
        Job { problem, options, engine, reports, path, keeper, plan }
    }

    /// As many slices as asked for or as the cache wants, and as there must be.
    fn ring(&self, peers: usize) -> Ring {
        let items = self.problem.train.items.len();
        let bytes = items * width(self.options.rank) * LANES * size_of::<f32>();
        let wanted = match self.engine.slices {
            0 => bytes.div_ceil(CACHED),
            slices => slices,
        };
        let slices = wanted.max(items.div_ceil(ITEMS)).max(1);
        RotateOptions { slices, ..self.engine }.ring(peers)
    }

    fn scheduler(&self, plan: &Plan, ring: &Ring) -> Epochs {
        Epochs {
            epochs: Terms::new(&self.options, plan).epochs,
            sweeps: self.options.max_rounds / ring.slices() as u64,
            holds: plan.holds(),
            traces: self.reports == Reports::Every || self.options.tolerance.is_some(),
            tolerance: self.options.tolerance,
            max_seconds: self.options.max_seconds,
            progress: Progress::default(),
        }
    }

    pub fn run(
        &self,
        worker: &mut Worker,
        watch: Arc<impl Fn(&Point) + Send + Sync + 'static>,
    ) -> Fit {
        let ring = self.ring(worker.peers());
        let make = || Arc::new(Plan::new(self.problem.clone(), &self.options, &ring));
        let plan = Arc::clone(self.plan.get_or_init(make));
        let program = Sgd::new(self.options.clone(), ring, worker.index(), self.path);
        let scheduler = self.scheduler(&plan, &ring);
        let engine = RotateOptions { shards: ring.shards(), slices: ring.slices(), ..self.engine };
        let seen = Rc::new(RefCell::new(Seen::default()));
        let mut input = InputHandle::new();
        let probe = ProbeHandle::new();
        worker.dataflow::<u64, _, _>(|scope| {
            let program = Rc::new(RefCell::new(program));
            let changes = scope.input_from(&mut input);
            let keeper = self.keeper.clone();
            let rotated = changes.rotate_kept("Descend", engine, program, scheduler, keeper);
            let to = Rc::clone(&seen);
            rotated
                .changes
                .gather_slices()
                .inspect_core(move |event| {
                    if let Ok((_, rows)) = event {
                        to.borrow_mut().rows.extend(rows.iter().cloned());
                    }
                })
                .probe_with(&probe);
            let (to, plan) = (Rc::clone(&seen), Arc::clone(&plan));
            rotated
                .certificates
                .inspect(move |swept| {
                    if swept.certificate.is_full() {
                        to.borrow_mut().last = Some(*swept);
                        watch(&point(swept, &plan, &ring));
                    }
                })
                .probe_with(&probe);
        });
        input.send(Arc::clone(&plan));
        input.advance_to(1);
        worker.step_or_park_while(None, || probe.less_than(&1));
        let seen = seen.take();
        let Some(last) = seen.last else { return Fit::default() };
        let point = point(&last, &plan, &ring);
        Fit {
            model: Some(model(&plan, &self.options, &ring, seen.rows)),
            point: Some(point),
            rounds: point.round,
            converged: !last.late && last.sweep.number < self.options.max_rounds,
        }
    }
}

/// A measurement on the scale of the ratings.
fn point(swept: &Swept<Measure>, plan: &Plan, ring: &Ring) -> Point {
    let (measure, deviation) = (&swept.certificate, plan.deviation);
    let rmse = |kinds: &[usize]| measure.rmse(kinds).map(|rmse| rmse * deviation);
    Point {
        iteration: swept.sweep.number,
        round: (swept.sweep.number + 1) * ring.slices() as u64,
        objective: measure.objective() * deviation * deviation * plan.weight,
        rmse_train: rmse(&[TRAIN, HELD]).unwrap_or(0.0),
        rmse_test: rmse(&[TEST]),
    }
}

/// The rows as a model.
fn model(
    plan: &Plan,
    options: &Options,
    ring: &Ring,
    rows: Vec<(usize, Slice<f32>)>,
) -> Factorisation {
    let train = &plan.problem.train;
    let (users, items, rank) = (train.users.len(), train.items.len(), options.rank);
    let mut model = Factorisation {
        users: Arc::clone(&train.users),
        items: Arc::clone(&train.items),
        rank,
        user_factors: vec![0.0; users * rank],
        item_factors: vec![0.0; items * rank],
        user_bias: vec![0.0; users],
        item_bias: vec![0.0; items],
        mean: plan.mean,
        scale: train.scale(),
    };
    let (width, deviation) = (width(rank), plan.deviation);
    for (number, rows) in rows {
        let (ids, lines, lane, factors, biases) = match number.checked_sub(ring.slices()) {
            None => {
                let (factors, biases) = (&mut model.item_factors, &mut model.item_bias);
                (plan.slice(number), lines_of(&rows), ITEM_BIAS, factors, biases)
            }
            Some(shard) => {
                let (factors, biases) = (&mut model.user_factors, &mut model.user_bias);
                let ids = &plan.users[plan.shards[shard].clone()];
                (ids, bytemuck::cast_slice(&rows.cells), USER_BIAS, factors, biases)
            }
        };
        for (row, &id) in lines.chunks(width).zip(ids) {
            let own = &mut factors[id as usize * rank..][..rank];
            for (to, &from) in own.iter_mut().zip(row.as_flattened()) {
                *to = (f64::from(from) * deviation.sqrt()) as f32;
            }
            if options.biases {
                biases[id as usize] = (f64::from(row[width - 1][lane]) * deviation) as f32;
            }
        }
    }
    model
}
