//! Documents that come and go: the model is always that of those that are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::InputSession;
use strads::models::lda::{Bag, LiveOptions, Measure, Options, TopicsOf};
use strads::random::{Draws, purpose};
use strads::scheduler::Swept;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

const WORDS: u64 = 40;

/// Documents by name and epoch: how many copies come or go.
type Change = (u32, Bag, isize);
/// By epoch: the changes of counts, and the last measured likelihood.
type Seen = BTreeMap<u64, (Vec<((u32, u16), u32, isize)>, f64)>;

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

/// What is seen of a run on so many threads.
fn run(threads: usize, options: &Options) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let (to, options) = (Arc::clone(&seen), options.clone());
    timely::execute(timely::Config::process(threads), move |worker| {
        let mut input = InputSession::new();
        let probe = ProbeHandle::new();
        let (counts, sweeps) = (Arc::clone(&to), Arc::clone(&to));
        let live = LiveOptions { options: options.clone(), vocabulary: WORDS as usize, sweeps: 2 };
        worker.dataflow::<u64, _, _>(|scope| {
            let topics = input.to_collection(scope).topics(live).expect("options are in range");
            let note = move |(count, time, diff): &(((u32, u16), u32), u64, isize)| {
                counts.lock().unwrap().entry(*time).or_default().0.push((count.0, count.1, *diff));
            };
            topics.counts.inner.inspect(note).probe_with(&probe);
            let note = move |swept: &Swept<Measure>| {
                let mut seen = sweeps.lock().unwrap();
                let likelihood = &mut seen.entry(swept.sweep.epoch).or_default().1;
                *likelihood = swept.certificate.log_likelihood;
            };
            topics.sweeps.inspect(note).probe_with(&probe);
        });
        for (epoch, changes) in epochs().into_iter().enumerate() {
            let own = changes.into_iter().skip(worker.index()).step_by(worker.peers());
            own.for_each(|(name, bag, diff)| input.update((name, bag), diff));
            input.advance_to(epoch as u64 + 1);
            input.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
        }
    })
    .expect("threads start");
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.values_mut().for_each(|(counts, _)| counts.sort_unstable());
    seen
}

#[test]
fn counts_are_those_of_the_documents_that_are_there() {
    let base = Options { topics: 7, iterations: 5, shards: 3, ..Options::default() };
    for options in [base.clone(), Options { topics: 900, slices: 5, ..base }] {
        let seen = run(2, &options);
        let mut model: BTreeMap<(u32, u16), i64> = BTreeMap::new();
        let mut corpus: BTreeMap<u32, i64> = BTreeMap::new();
        for (epoch, changes) in epochs().into_iter().enumerate() {
            for (_, bag, diff) in changes {
                for (word, count) in bag {
                    *corpus.entry(word).or_default() += i64::from(count) * diff as i64;
                }
            }
            let (counts, likelihood) = &seen[&(epoch as u64)];
            for &(place, count, diff) in counts {
                *model.entry(place).or_default() += i64::from(count) * diff as i64;
            }
            assert!(model.values().all(|count| *count >= 0));
            let mut words: BTreeMap<u32, i64> = BTreeMap::new();
            model.iter().for_each(|((word, _), count)| *words.entry(*word).or_default() += count);
            let there = |counts: &BTreeMap<u32, i64>| -> Vec<(u32, i64)> {
                counts.iter().map(|(word, count)| (*word, *count)).filter(|c| c.1 != 0).collect()
            };
            assert_eq!(there(&words), there(&corpus), "epoch {epoch}");
            assert_eq!(*likelihood == 0.0, there(&corpus).is_empty(), "epoch {epoch}");
            assert!(*likelihood <= 0.0);
        }
    }
}

#[test]
fn any_number_of_workers_sees_the_same() {
    let options = Options { topics: 7, iterations: 5, shards: 3, ..Options::default() };
    let one = run(1, &options);
    assert_eq!(one, run(2, &options));
    assert_eq!(one, run(4, &options));
}
