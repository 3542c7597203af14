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

use super::corpus::{Bags, Corpus};
use super::hyper::Hyper;
use super::keys::Keys;
use super::measure::Measure;
use super::model::{Counts, TopicModel};
use super::options::Options;
use super::program::{Change, Output, Publish, Topics};
use super::sampler::Rows;
use super::slice;
use crate::cluster::{self, ClusterError, Flags};
use crate::container::Slice;
use crate::operators::{GatherSlices, Ring, Rotate, RotateOptions};
use crate::scheduler::{Rotation, SweepLimits, Swept};
use crate::shard::Words;

/// The s-error that the number of slices is chosen for, where the number is not told.
const S_ERROR: f64 = 0.002;
/// Slices to a shard, at most, where the number is not told.
const MAX_SLICES: usize = 256;
/// Tokens that seem to move in a sweep, as a share of all: in the first sweeps nearly all do, and
/// topics that grow or shrink move the totals by more than chance.
const MOVING: f64 = 1.4;

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
    /// Every sweep, on the process of worker 0.
    pub points: Vec<Point>,
    /// Sub-rounds.
    pub rounds: u64,
    /// Document shards.
    pub shards: usize,
    /// Word slices.
    pub slices: usize,
}

/// The ring for options and a corpus of so many tokens, on so many workers.
pub(super) fn ring(options: &Options, tokens: u64, peers: usize) -> (RotateOptions, Ring) {
    let shards = if options.shards == 0 { peers } else { options.shards };
    let slices = match options.slices {
        0 if shards == 1 => 1,
        0 => {
            let enough = |slices: &usize| {
                foreseen(options.topics, tokens, shards, slices * shards) <= S_ERROR
            };
            let fewest = [2, 4, 8, 16, 32, 64, 128].into_iter().find(enough);
            fewest.unwrap_or(MAX_SLICES) * shards
        }
        slices => slices,
    };
    let rotate = RotateOptions { shards, slices, sync_every: 1, staleness: 0 };
    (rotate, rotate.ring(peers))
}

/// The s-error to be expected: in a sub-round the other shards move `x` tokens in and out of `K`
/// topics, so that the total of a topic changes by the difference of two Poisson numbers of mean
/// `x/K`, whose mean size is about `√(4x/πK)`, and at most `2x/K`.
fn foreseen(topics: usize, tokens: u64, shards: usize, slices: usize) -> f64 {
    let (topics, tokens) = (topics as f64, tokens.max(1) as f64);
    let moves = MOVING * tokens / (shards as f64 * slices as f64) * (shards as f64 - 1.0);
    let variance = 2.0 * moves / topics;
    topics * variance.min((2.0 * variance / std::f64::consts::PI).sqrt()) / tokens
}

/// A process's documents until its workers have taken them.
struct Task {
    bags: Option<Arc<Bags>>,
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

    /// A worker has what it needs: after the last one the documents are let go.
    fn leave(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.waiting = task.waiting.saturating_sub(1);
        if task.waiting == 0 {
            task.bags = None;
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
    let usage = ClusterError::Usage;
    options.check(corpus.vocabulary().len()).map_err(usage)?;
    let (rotate, ring) = ring(&options, corpus.tokens(), flags.workers());
    let keys = Keys(ring.slices());
    let many = || usage("vocabulary: expected fewer words, or fewer slices".to_owned());
    let frequencies = corpus.frequencies();
    let keys = Arc::new(keys.balanced(&frequencies).ok_or_else(many)?);
    let ends = ends(&corpus, ring.shards());
    fits(&corpus, &frequencies, &ends, options.topics).map_err(usage)?;
    drop(frequencies);
    let (vocabulary, bags) = corpus.into_parts();
    let task = Mutex::new(Task { bags: Some(Arc::new(bags)), waiting: flags.threads });
    let words = vocabulary.len();
    let plan = Arc::new(Plan { task, options, rotate, keys, ends });
    let (shared, watch) = (Arc::clone(&plan), Arc::new(watch));
    let seen = cluster::execute(flags, digest, move |worker| {
        run(worker, &shared, words, Arc::clone(&watch))
    })?;
    let (shards, slices) = (ring.shards(), ring.slices());
    let mut fit = Fit { shards, slices, ..Fit::default() };
    if let Some(seen) = seen.into_iter().flatten().next() {
        fit.rounds = seen.points.len() as u64 * slices as u64;
        fit.model = Some(assemble(vocabulary, &plan, &seen.hyper, seen.slices, ring));
        fit.points = seen.points;
    }
    Ok(fit)
}

/// Whether counts fit their types.
fn fits(corpus: &Corpus, frequencies: &[u64], ends: &[usize], topics: usize) -> Result<(), String> {
    if let Some(word) = frequencies.iter().position(|count| *count > u64::from(u32::MAX)) {
        let found = frequencies[word];
        return Err(format!("word {word}: expected fewer than 2^32 tokens, found {found}"));
    }
    let mut start = 0;
    for &end in ends {
        let lengths = (start..end).map(|document| corpus.bags().tokens(document));
        if !Rows::hold(lengths, topics) {
            return Err("shards: expected more, for so large a corpus".to_owned());
        }
        start = end;
    }
    Ok(())
}

/// Cuts the documents into runs with about as many tokens each.
fn ends(corpus: &Corpus, shards: usize) -> Vec<usize> {
    let (mut ends, mut tokens) = (Vec::with_capacity(shards), 0u128);
    for document in 0..corpus.len() {
        let due =
            |ends: &Vec<usize>| corpus.tokens() as u128 * (ends.len() as u128 + 1) / shards as u128;
        while ends.len() + 1 < shards && tokens >= due(&ends) {
            ends.push(document);
        }
        tokens += u128::from(corpus.bags().tokens(document));
    }
    ends.resize(shards, corpus.len());
    ends
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
    watch: Arc<impl Fn(&Point) + Send + Sync + 'static>,
) -> Option<Left> {
    let (options, index) = (&plan.options, worker.index());
    let ring = plan.rotate.ring(worker.peers());
    let keys = Arc::clone(&plan.keys);
    let key = |word: u32| keys[word as usize];
    let program = Topics::<u32>::new(options.clone(), ring, index, vocabulary, Publish::Whole, key);
    let program = Rc::new(RefCell::new(program));
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
        let trained =
            changes.rotate("LDA", plan.rotate, Rc::clone(&program), Rotation::new(limits));
        let to = Rc::clone(&seen);
        let slices = trained.changes.flat_map(|output| match output {
            Output::Slice(number, slice) => Some((number, slice)),
            Output::Count(..) => None,
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

/// The model from what was published.
fn assemble(
    vocabulary: Words,
    plan: &Plan,
    hyper: &Hyper,
    mut slices: BTreeMap<usize, Slice<u32>>,
    ring: Ring,
) -> TopicModel {
    let (options, keys) = (&plan.options, Keys(ring.slices()));
    let documents = slices.split_off(&ring.slices());
    let summed = options.samples > 1;
    let samples = match slices.values().next() {
        Some(slice) if summed => slice.head.first().copied().unwrap_or(1) as u32,
        _ => 1,
    };
    let mut word_topic = Counts::default();
    let mut topic_total = vec![0; options.topics];
    let mut row = Vec::new();
    for &key in plan.keys.iter() {
        let position = keys.position(key) as usize;
        if let Some(slice) = slices.get(&keys.slice(key)) {
            match summed {
                true => row.extend(slice::pairs(&slice.head[1..], &slice.cells, position)),
                false => row.extend(slice::word(slice, position, options.topics)),
            }
        }
        row.sort_unstable();
        for &(topic, count) in &row {
            topic_total[usize::from(topic)] += u64::from(count);
        }
        word_topic.push(row.drain(..));
    }
    let document_topic = options.document_topics.then(|| {
        let mut counts = Counts::default();
        for slice in documents.values() {
            for document in 0..slice.head.len() {
                counts.push(slice::pairs(&slice.head, &slice.cells, document));
            }
        }
        counts
    });
    let mut priors = options.priors.to_vec();
    priors.sort_by_key(|prior| (prior.word, prior.topic));
    TopicModel {
        vocabulary,
        word_topic,
        topic_total,
        alpha: hyper.alpha.clone(),
        beta: hyper.beta,
        priors,
        samples,
        document_topic,
    }
}
