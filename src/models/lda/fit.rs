//! A batch run: one process's part of a run over threads and processes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use timely::dataflow::InputHandleVec;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::vec::{Input, Map};
use timely::dataflow::operators::{Inspect, Probe};
use timely::worker::Worker;

use super::assemble::assemble;
use super::assignments::Assignments;
use super::change::{Change, Output, Publish};
use super::corpus::{Bags, Corpus};
use super::division::{ends, fits, ring};
use super::hyper::Hyper;
use super::keys::Keys;
use super::measure::Measure;
use super::model::TopicModel;
use super::options::Options;
use super::priors::{Priors, of_model};
use super::program::Topics;
use crate::checkpoint::Keeper;
use crate::cluster::{self, ClusterError, Flags};
use crate::container::Slice;
use crate::operators::{GatherSlices, Rotate, RotateOptions};
use crate::scheduler::{Rotation, SweepLimits, Swept};

/// A measured point on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The sweep; 0 is the one that gives every token its first topic.
    pub iteration: u64,
    /// Joint log-likelihood `ln p(w, z)` per token, where it was measured.
    pub log_likelihood: Option<f64>,
    /// See [`super::Measure::s_error`].
    pub s_error: f64,
    /// `Σ_k α_k`.
    pub alpha_sum: f64,
    /// β.
    pub beta: f64,
}

/// What a run gave.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// The model, on the process of worker 0.
    pub model: Option<TopicModel>,
    /// The last state, on the process of worker 0, if [`Options::assignments`] asks for it.
    pub assignments: Option<Assignments>,
    /// Every sweep, on the process of worker 0.
    pub points: Vec<Point>,
    /// Sub-rounds.
    pub rounds: u64,
    /// Document shards.
    pub shards: usize,
    /// Word slices.
    pub slices: usize,
}

/// A process's documents until its workers have taken them.
struct Task {
    bags: Option<Arc<Bags>>,
    /// What first topics are drawn by, beside the tokens.
    start: Option<Arc<Priors>>,
    /// Workers that have not come yet.
    waiting: usize,
}

/// What every worker knows.
struct Plan {
    task: Mutex<Task>,
    options: Options,
    rotate: RotateOptions,
    keys: Arc<Vec<u32>>,
    /// Where each shard's documents end.
    ends: Vec<usize>,
}

impl Plan {
    /// The documents, for a worker of this process.
    fn bags(&self) -> Option<Arc<Bags>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).bags.clone()
    }

    /// What first topics are drawn by, for a worker of this process.
    fn start(&self) -> Option<Arc<Priors>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).start.clone()
    }

    /// A worker has what it needs: after the last one the documents are let go.
    fn leave(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.waiting = task.waiting.saturating_sub(1);
        if task.waiting == 0 {
            (task.bags, task.start) = (None, None);
        }
    }
}

impl Point {
    fn of(swept: &Swept<Measure>) -> Self {
        let measure = &swept.certificate;
        let per_token = measure.log_likelihood / measure.tokens.max(1) as f64;
        Point {
            iteration: swept.sweep.number,
            log_likelihood: (!per_token.is_nan()).then_some(per_token),
            s_error: measure.s_error,
            alpha_sum: measure.alpha_sum,
            beta: measure.beta,
        }
    }
}

/// Trains on this process's workers together with those of the other processes, which must be
/// called with the same corpus and options. `watch` sees every sweep, on the process of worker 0.
///
/// Memory: 6 bytes a token, 4 to 8 for the counts of documents (more for those of few tokens), up
/// to 4 for the counts of words, 8 for a word and shard; divided by the number of processes, as
/// is time.
///
/// # Errors
/// [`ClusterError::Usage`] if options are out of range; else as of [`cluster::execute`].
///
/// ```
/// use strads::cluster::Flags;
/// use strads::models::lda::{Corpus, Options, fit};
///
/// let mut corpus = Corpus::new(["apple", "pear", "bolt", "nut"].into_iter().collect());
/// for _ in 0..20 {
///     corpus.push(&[(0, 5), (1, 4)])?;
///     corpus.push(&[(2, 4), (3, 5)])?;
/// }
/// let options = Options { topics: 2, iterations: 50, ..Options::default() };
/// let fit = fit(&Flags::threads(1), b"", corpus, options, |_| {})?;
/// let model = fit.model.expect("this is the process of worker 0");
/// assert_eq!(model.topic_total.iter().sum::<u64>(), 360);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    flags: &Flags,
    digest: &[u8],
    corpus: Corpus,
    options: Options,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    fit_kept(flags, digest, corpus, options, None, watch)
}

/// As [`fit`], with a checkpoint after every so many sweeps, or going on from one. What comes out is
/// the same to the bit, however often the run was stopped; `watch` sees every sweep of all of it.
///
/// A checkpoint takes 2 bytes a token more than the counts of documents and words in memory.
///
/// # Errors
/// As [`fit`].
pub fn fit_kept(
    flags: &Flags,
    digest: &[u8],
    corpus: Corpus,
    mut options: Options,
    keeper: Option<Arc<Keeper>>,
    watch: impl Fn(&Point) + Send + Sync + 'static,
) -> Result<Fit, ClusterError> {
    let usage = ClusterError::Usage;
    options.check(corpus.vocabulary().len()).map_err(usage)?;
    let (rotate, ring) = ring(&options, corpus.tokens(), flags.workers());
    let of_slices = Keys(ring.slices());
    let many = || usage("vocabulary: expected fewer words, or fewer slices".to_owned());
    let frequencies = corpus.frequencies();
    let keys = Arc::new(of_slices.balanced(&frequencies).ok_or_else(many)?);
    let ends = ends(&corpus, ring.shards());
    fits(&corpus, &frequencies, &ends, options.topics).map_err(usage)?;
    drop(frequencies);
    let (vocabulary, bags) = corpus.into_parts();
    let start = options.warm_start.take().map(|model| {
        let weights = options.priors.iter().copied().chain(of_model(&model, &vocabulary));
        let key = |word: u32| keys[word as usize];
        Arc::new(Priors::new(options.topics, of_slices, key, weights))
    });
    let task = Mutex::new(Task { bags: Some(Arc::new(bags)), start, waiting: flags.threads });
    let words = vocabulary.len();
    let plan = Arc::new(Plan { task, options, rotate, keys, ends });
    let (shared, watch) = (Arc::clone(&plan), Arc::new(watch));
    let digest = keeper.as_ref().map_or_else(|| digest.to_vec(), |keeper| keeper.digest(digest));
    let seen = cluster::execute(flags, &digest, move |worker| {
        run(worker, &shared, words, keeper.clone(), Arc::clone(&watch))
    })?;
    let (shards, slices) = (ring.shards(), ring.slices());
    let mut fit = Fit { shards, slices, ..Fit::default() };
    if let Some(mut seen) = seen.into_iter().flatten().next() {
        let tokens = seen.slices.split_off(&(slices + shards));
        let wanted = plan.options.assignments;
        fit.assignments = wanted.then(|| Assignments::assemble(tokens, &plan.keys));
        fit.rounds = seen.points.len() as u64 * slices as u64;
        fit.model =
            Some(assemble(vocabulary, (&plan.options, &plan.keys), &seen.hyper, seen.slices, ring));
        fit.points = seen.points;
    }
    Ok(fit)
}

/// What reaches worker 0.
#[derive(Default)]
struct Seen {
    slices: BTreeMap<usize, Slice<u32>>,
    points: Vec<Point>,
}

/// What a run left on worker 0.
struct Left {
    slices: BTreeMap<usize, Slice<u32>>,
    points: Vec<Point>,
    hyper: Hyper,
}

fn run(
    worker: &mut Worker,
    plan: &Plan,
    vocabulary: usize,
    keeper: Option<Arc<Keeper>>,
    watch: Arc<impl Fn(&Point) + Send + Sync + 'static>,
) -> Option<Left> {
    let (options, index) = (&plan.options, worker.index());
    let ring = plan.rotate.ring(worker.peers());
    let keys = Arc::clone(&plan.keys);
    let key = |word: u32| keys[word as usize];
    let program = Topics::<u32>::new(options.clone(), ring, index, vocabulary, Publish::Whole, key);
    let program = Rc::new(RefCell::new(program.starting(plan.start())));
    let limits = SweepLimits {
        sweeps: options.iterations,
        max_seconds: options.max_seconds.unwrap_or(f64::INFINITY),
        ..SweepLimits::default()
    };
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut input = InputHandleVec::new();
    let probe = ProbeHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let changes = scope.input_from(&mut input);
        let (program, sweeps) = (Rc::clone(&program), Rotation::new(limits));
        let trained = changes.rotate_kept("LDA", plan.rotate, program, sweeps, keeper);
        let to = Rc::clone(&seen);
        let slices = trained.changes.flat_map(|output| match output {
            Output::Slice(number, slice) => Some((number, slice)),
            Output::Count(..) | Output::Document(..) | Output::Tokens(..) => None,
        });
        slices
            .gather_slices()
            .flat_map(move |(number, slice)| to.borrow_mut().slices.insert(number, slice))
            .probe_with(&probe);
        let to = Rc::clone(&seen);
        trained
            .certificates
            .inspect(move |swept| {
                let point = Point::of(swept);
                watch(&point);
                to.borrow_mut().points.push(point);
            })
            .probe_with(&probe);
    });
    for shard in ring.placement().local(index) {
        let start = shard.checked_sub(1).map_or(0, |before| plan.ends[before]);
        let range = start..plan.ends[shard];
        if let Some(bags) = plan.bags() {
            input.send(Change::Corpus { shard, bags, range, keys: Arc::clone(&plan.keys) });
        }
    }
    plan.leave();
    input.close();
    worker.step_or_park_while(None, || !probe.done());
    let Seen { slices, points } = seen.take();
    let hyper = program.borrow().hyper().cloned()?;
    (index == 0).then_some(Left { slices, points, hyper })
}
