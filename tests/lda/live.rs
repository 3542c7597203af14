//! Documents that come and go: the model is always that of those that are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::InputSession;
use strads::models::lda::{
    Bag, Corpus, Counts, LiveOptions, Measure, Options, TopicCounts, TopicModel, TopicsOf,
};
use strads::random::{Draws, purpose};
use strads::scheduler::Swept;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

use super::corpora::{log_likelihood, recount};

const WORDS: u64 = 40;

/// Documents by name and epoch: how many copies come or go.
pub type Change = (u32, Bag, isize);
/// What is seen of an epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Epoch {
    /// Changes of counts.
    pub counts: Vec<((u32, u16), u32, isize)>,
    /// Changes of documents' topics.
    pub documents: Vec<(u32, TopicCounts, isize)>,
    /// Changes of mixtures, as their sums and the number of their topics.
    pub mixtures: Vec<(u32, f64, usize, isize)>,
    /// As last measured.
    likelihood: f64,
    sweeps: u64,
}

/// By epoch.
pub type Seen = BTreeMap<u64, Epoch>;

fn epochs() -> Vec<Vec<Change>> {
    let mut draws = Draws::new(3, purpose("live corpus"), 0, 0);
    let mut bag = |runs: u64| -> Bag {
        (0..runs).map(|_| (draws.below(WORDS) as u32, 1 + draws.below(3) as u32)).collect()
    };
    let bags: Vec<Bag> = (0..60).map(|at| bag(at % 13)).collect();
    let all = |range: std::ops::Range<usize>, diff| {
        range.map(|at| (at as u32, bags[at].clone(), diff)).collect::<Vec<Change>>()
    };
    let replaced = vec![(3, bags[3].clone(), -1), (3, bags[40].clone(), 1)];
    let copies = vec![(7, bags[7].clone(), 2), (7, bags[8].clone(), 1)];
    let fewer = vec![(7, bags[7].clone(), -1), (9, bags[9].clone(), 1), (9, bags[9].clone(), -1)];
    let last = [(3, bags[40].clone(), -1), (7, bags[7].clone(), -2), (7, bags[8].clone(), -1)];
    let rest = (30..60).chain(0..3).chain(4..7).chain(8..30);
    let mut empty: Vec<Change> = rest.map(|at| (at as u32, bags[at].clone(), -1)).collect();
    empty.extend(last);
    vec![all(0..30, 1), all(30..60, 1), replaced, copies, fewer, empty, all(5..9, 1)]
}

/// What is seen of a run on so many threads, with so many words known from the start.
pub fn run(epochs: &[Vec<Change>], threads: usize, options: &Options, vocabulary: usize) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let (to, options, epochs) = (Arc::clone(&seen), options.clone(), epochs.to_vec());
    timely::execute(timely::Config::process(threads), move |worker| {
        let mut input = InputSession::new();
        let probe = ProbeHandle::new();
        let to = Arc::clone(&to);
        let see = move |epoch: u64, f: &dyn Fn(&mut Epoch)| {
            f(to.lock().unwrap().entry(epoch).or_default());
        };
        let live =
            LiveOptions { options: options.clone(), vocabulary, passes: 2, upkeep: 3, begun: 0 };
        worker.dataflow::<u64, _, _>(|scope| {
            let topics = input.to_collection(scope).topics(live).expect("options are in range");
            let note = see.clone();
            topics.counts.inner.clone().inspect(move |((place, count), time, diff)| {
                note(*time, &|epoch| epoch.counts.push((*place, *count, *diff)));
            });
            let note = see.clone();
            topics.documents.inner.clone().inspect(move |((name, topics), time, diff)| {
                note(*time, &|epoch| epoch.documents.push((*name, topics.clone(), *diff)));
            });
            let note = see.clone();
            topics.mixtures().inner.inspect(move |((name, mixture), time, diff)| {
                let sum = mixture.iter().map(|(_, share)| share.0).sum();
                let row = (*name, sum, mixture.len(), *diff);
                note(*time, &|epoch| epoch.mixtures.push(row));
            });
            let note = move |time: u64, swept: &Swept<Measure>| {
                see(time, &|epoch| {
                    epoch.likelihood = swept.certificate.log_likelihood;
                    epoch.sweeps = swept.sweep.number;
                });
            };
            // A sweep's own epoch counts those with changes alone, so the time is what tells.
            let swept = topics.sweeps.inspect_core(move |event| {
                let Ok((stamp, swept)) = event else { return };
                let time = *stamp.iter().next().expect("messages have a time");
                swept.iter().for_each(|swept| note(time, swept));
            });
            topics.counts.inner.probe_with(&probe);
            topics.documents.inner.probe_with(&probe);
            swept.probe_with(&probe);
        });
        for (epoch, changes) in epochs.iter().enumerate() {
            let own = changes.iter().skip(worker.index()).step_by(worker.peers()).cloned();
            own.for_each(|(name, bag, diff)| input.update((name, bag), diff));
            input.advance_to(epoch as u64 + 1);
            input.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
        }
    })
    .expect("threads start");
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    for epoch in seen.values_mut() {
        epoch.counts.sort_unstable();
        epoch.documents.sort_unstable();
        epoch
            .mixtures
            .sort_by(|a, b| (a.0, a.2, a.3).cmp(&(b.0, b.2, b.3)).then(a.1.total_cmp(&b.1)));
    }
    seen
}

/// What collections hold, with how many copies.
type Held<D> = BTreeMap<D, isize>;

fn update<D: Ord>(held: &mut Held<D>, datum: D, diff: isize) {
    let copies = held.entry(datum).or_default();
    *copies += diff;
}

fn settle<D: Ord + std::fmt::Debug>(held: &mut Held<D>) {
    held.retain(|_, copies| *copies != 0);
    assert!(held.values().all(|copies| *copies > 0), "{held:?}");
}

/// The model of counts and documents, as a batch run would give it.
fn model(
    counts: &Held<((u32, u16), u32)>,
    documents: &Held<(u32, TopicCounts)>,
    options: &Options,
    vocabulary: usize,
) -> TopicModel {
    let (mut word_topic, mut document_topic) = (Counts::default(), Counts::default());
    let mut topic_total = vec![0; options.topics];
    for word in 0..vocabulary as u32 {
        let row = counts.keys().filter(|((other, _), _)| *other == word);
        word_topic.push(row.map(|((_, topic), count)| (*topic, *count)));
    }
    for ((_, topic), count) in counts.keys() {
        topic_total[usize::from(*topic)] += u64::from(*count);
    }
    for ((_, topics), copies) in documents {
        (0..*copies).for_each(|_| document_topic.push(topics.iter().copied()));
    }
    TopicModel {
        vocabulary: (0..vocabulary).map(|word| word.to_string()).collect(),
        word_topic,
        topic_total,
        alpha: options.alphas(),
        beta: options.beta,
        samples: 1,
        document_topic: Some(document_topic),
        ..TopicModel::default()
    }
}

/// Follows a run: its counts, its documents and its likelihood are those of the corpus.
pub fn follow(epochs: &[Vec<Change>], seen: &Seen, options: &Options, known: usize) {
    let (mut counts, mut documents, mut corpus) = (Held::new(), Held::new(), Held::new());
    let mut vocabulary = known;
    for (number, changes) in epochs.iter().enumerate() {
        for (name, bag, diff) in changes.iter().cloned() {
            update(&mut corpus, (name, bag), diff);
        }
        settle(&mut corpus);
        // What came and went at once was never seen.
        let words = corpus.keys().flat_map(|(_, bag): &(u32, Bag)| bag);
        vocabulary = words.map(|(word, _)| *word as usize + 1).fold(vocabulary, usize::max);
        // Nothing is seen of an epoch of no documents.
        let Some(epoch) = seen.get(&(number as u64)) else { continue };
        epoch
            .counts
            .iter()
            .for_each(|(place, count, diff)| update(&mut counts, (*place, *count), *diff));
        for (name, topics, diff) in &epoch.documents {
            update(&mut documents, (*name, topics.clone()), *diff);
        }
        settle(&mut counts);
        settle(&mut documents);
        let mut bags = Corpus::new((0..vocabulary).map(|word| word.to_string()).collect());
        let (mut lengths, mut own) = (Held::new(), Held::new());
        for ((name, bag), copies) in &corpus {
            let tokens: u32 = bag.iter().map(|(_, count)| count).sum();
            update(&mut lengths, (*name, tokens), *copies);
            (0..*copies).for_each(|_| bags.push(bag).expect("words that are known"));
        }
        for ((name, topics), copies) in &documents {
            update(&mut own, (*name, topics.iter().map(|(_, count)| count).sum()), *copies);
        }
        assert_eq!(own, lengths, "epoch {number}");
        let model = model(&counts, &documents, options, vocabulary);
        recount(&model, &bags);
        let tokens = bags.tokens();
        let expected =
            if tokens == 0 { 0.0 } else { log_likelihood(&model, &bags) * tokens as f64 };
        let likelihood = epoch.likelihood;
        let near = (likelihood - expected).abs() <= 1e-9 * expected.abs();
        assert!(near, "epoch {number}: {likelihood} {expected}");
    }
}

#[test]
fn the_model_is_that_of_the_documents_that_are_there() {
    let base = Options { topics: 7, iterations: 5, shards: 3, ..Options::default() };
    let base = Options { document_topics: true, ..base };
    for options in [base.clone(), Options { topics: 900, slices: 5, ..base }] {
        for known in [WORDS as usize, 0] {
            follow(&epochs(), &run(&epochs(), 2, &options, known), &options, known);
        }
    }
}

#[test]
fn mixtures_are_shares_of_the_documents() {
    let options = Options { topics: 7, iterations: 5, document_topics: true, ..Options::default() };
    let alpha_sum: f64 = options.alphas().iter().sum();
    for epoch in run(&epochs(), 1, &options, 0).into_values() {
        assert_eq!(epoch.mixtures.len(), epoch.documents.len());
        for (name, topics, diff) in epoch.documents {
            let tokens: u32 = topics.iter().map(|(_, count)| count).sum();
            let alpha = alpha_sum * topics.len() as f64 / 7.0;
            let sum = (f64::from(tokens) + alpha) / (f64::from(tokens) + alpha_sum);
            let same = |other: &(u32, f64, usize, isize)| {
                (other.0, other.2, other.3) == (name, topics.len(), diff)
                    && (other.1 - sum).abs() < 1e-12
            };
            assert!(epoch.mixtures.iter().any(same), "{name}");
        }
    }
}

#[test]
fn work_follows_the_change() {
    let options = Options { topics: 7, iterations: 5, ..Options::default() };
    let seen = run(&epochs(), 1, &options, 0);
    let sweeps: Vec<u64> = seen.values().map(|epoch| epoch.sweeps).collect();
    // The first; one that doubles the corpus; small ones; all go; few come to none.
    assert_eq!((sweeps[0], sweeps[1] > 2), (5, true), "{sweeps:?}");
    assert!(sweeps[2..5].contains(&2), "{sweeps:?}");
    assert!(sweeps[6] >= 5, "{sweeps:?}");
    assert!(seen.values().all(|epoch| epoch.documents.is_empty() && epoch.mixtures.is_empty()));
}

#[test]
fn options_of_batch_runs_are_refused() {
    let model = TopicModel { topic_total: vec![0; 100], ..TopicModel::default() };
    let base = Options::default();
    for (name, options) in [
        ("optimize_alpha", Options { optimize_alpha: true, ..base.clone() }),
        ("optimize_beta", Options { optimize_beta: true, ..base.clone() }),
        ("warm_start", Options { warm_start: Some(Arc::new(model)), ..base.clone() }),
        ("assignments", Options { assignments: true, ..base }),
    ] {
        timely::execute_directly(move |worker| {
            worker.dataflow::<u64, _, _>(|scope| {
                let documents = InputSession::<u64, (u32, Bag), isize>::new().to_collection(scope);
                let live = LiveOptions { options, vocabulary: 0, passes: 1, upkeep: 1, begun: 0 };
                let why = documents.topics(live).err().expect("it is refused");
                assert_eq!(why, format!("{name}: not with live data"));
            });
        });
    }
}

#[test]
fn any_number_of_workers_sees_the_same() {
    let options = Options { topics: 7, iterations: 5, shards: 3, ..Options::default() };
    let options = Options { document_topics: true, ..options };
    let one = run(&epochs(), 1, &options, 0);
    assert_eq!(one, run(&epochs(), 2, &options, 0));
    assert_eq!(one, run(&epochs(), 4, &options, 0));
}
