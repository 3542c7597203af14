//! Topics that are told in one dataflow and go on in another.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use differential_dataflow::input::Input;
use strads::models::lda::{Aside, Bag, LiveOptions, Measure, Options, TokenTopics, TopicsOf};
use strads::random::{Draws, purpose};
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};

/// Documents by name: how many copies come or go.
type Change = (u32, Bag, isize);

/// What an epoch leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
struct Left {
    counts: BTreeSet<((u32, u16), u32)>,
    tokens: Vec<(u32, TokenTopics)>,
    measure: Measure,
    sweeps: u64,
}

/// Runs epochs of changes, with what is said beside them, on so many threads.
fn run(
    epochs: Vec<(Vec<Change>, Vec<Aside<u32>>)>,
    options: &Options,
    begun: u64,
    threads: usize,
) -> Vec<Left> {
    let options = options.clone();
    let done = timely::execute(timely::Config::process(threads), move |worker| {
        let (seen, probe): (Rc<RefCell<Left>>, _) = (Rc::default(), ProbeHandle::new());
        let (counted, told, swept) = (Rc::clone(&seen), Rc::clone(&seen), Rc::clone(&seen));
        let (mut asides, options) = (InputHandleVec::new(), options.clone());
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, documents) = scope.new_collection::<(u32, Bag), isize>();
            let live = LiveOptions { options, vocabulary: 0, passes: 2, upkeep: 10, begun };
            let said = scope.input_from(&mut asides);
            let topics = documents.topics_with(Some(said), live).expect("options in range");
            let count = move |(count, _, diff): &(((u32, u16), u32), u64, isize)| {
                let counts = &mut counted.borrow_mut().counts;
                assert!(if *diff > 0 { counts.insert(*count) } else { counts.remove(count) });
            };
            topics.counts.inner.exchange(|_| 0).inspect(count).probe_with(&probe);
            let tell = move |document: &(u32, TokenTopics)| {
                told.borrow_mut().tokens.push(document.clone());
            };
            topics.tokens.exchange(|_| 0).inspect(tell).probe_with(&probe);
            let sweep = move |point: &strads::scheduler::Swept<Measure>| {
                let mut seen = swept.borrow_mut();
                (seen.measure, seen.sweeps) = (point.certificate, point.sweep.number);
            };
            topics.sweeps.inspect(sweep).probe_with(&probe);
            input
        });
        let mut left = Vec::new();
        for (number, (changes, said)) in epochs.iter().enumerate() {
            if worker.index() == 0 {
                for (name, bag, diff) in changes {
                    input.update((*name, bag.clone()), *diff);
                }
                said.iter().for_each(|aside| asides.send(aside.clone()));
            }
            seen.borrow_mut().tokens.clear();
            let next = number as u64 + 1;
            input.advance_to(next);
            input.flush();
            asides.advance_to(next);
            worker.step_or_park_while(None, || probe.less_than(&next));
            let mut seen = seen.borrow().clone();
            seen.tokens.sort();
            left.push(seen);
        }
        left
    });
    let mut left = done.expect("threads start").join().into_iter();
    left.next().expect("a worker").expect("no panic")
}

/// The counts of words and topics.
fn counts(tokens: &[(u32, TokenTopics)]) -> BTreeSet<((u32, u16), u32)> {
    let mut counts = BTreeMap::new();
    for &(word, topic, count) in tokens.iter().flat_map(|(_, tokens)| tokens) {
        *counts.entry((word, topic)).or_insert(0) += count;
    }
    counts.into_iter().collect()
}

fn epochs() -> Vec<Vec<Change>> {
    let mut draws = Draws::new(5, purpose("test of topics begun anew"), 0, 0);
    let mut bag = |runs: u64| -> Bag {
        (0..runs).map(|_| (draws.below(50) as u32, 1 + draws.below(3) as u32)).collect()
    };
    let bags: Vec<Bag> = (0..60).map(|at| bag(at % 17)).collect();
    // A document long enough for a row of its own form.
    let long: Bag = (0..40).map(|word| (word, 2000)).collect();
    let all = |range: std::ops::Range<usize>, diff| {
        range.map(|at| (at as u32, bags[at].clone(), diff)).collect::<Vec<Change>>()
    };
    let mixed = [all(3..9, -1), all(50..56, 1)].concat();
    vec![
        [all(0..50, 1), vec![(99, long, 1)], vec![(7, bags[7].clone(), 2)]].concat(),
        mixed,
        all(20..24, -1),
        all(20..22, 1),
        [all(56..60, 1), vec![(7, bags[7].clone(), -1)]].concat(),
    ]
}

#[test]
fn topics_are_told_and_taken_as_they_are() {
    for topics in [3, 40, 600] {
        let options =
            Options { topics, iterations: 8, shards: 3, slices: 6, seed: 4, ..Options::default() };
        let epochs = epochs();
        let mut through: Vec<_> =
            epochs[..3].iter().map(|changes| (changes.clone(), Vec::new())).collect();
        through.push((Vec::new(), vec![Aside::Tell]));
        let told = run(through, &options, 0, 1);
        let (last, state) = (&told[2], told[3].clone());
        // Told in an epoch of its own, in which nothing changes.
        assert_eq!((&state.counts, state.measure.tokens), (&last.counts, last.measure.tokens));
        assert_eq!(counts(&state.tokens), state.counts);
        let mut there: BTreeMap<(u32, Bag), isize> = BTreeMap::new();
        for (name, bag, diff) in epochs[..3].concat() {
            *there.entry((name, bag)).or_default() += diff;
        }
        let there: Vec<Change> =
            there.into_iter().map(|((name, bag), copies)| (name, bag, copies)).collect();
        let begin = |(name, tokens): &(u32, TokenTopics)| Aside::Begin(*name, tokens.clone());
        let mut said: Vec<_> = state.tokens.iter().map(begin).collect();
        said.extend([Aside::Owed(0.75), Aside::Words(50)]);
        let mut anew = vec![(there, said)];
        anew.extend(epochs[3..].iter().map(|changes| (changes.clone(), Vec::new())));
        anew.push((Vec::new(), vec![Aside::Tell]));
        let on = run(anew.clone(), &options, 2, 1);
        assert_eq!((&on[0].counts, on[0].sweeps), (&state.counts, 0));
        let likelihoods = (on[0].measure.log_likelihood, last.measure.log_likelihood);
        assert!((likelihoods.0 - likelihoods.1).abs() < 1e-9 * likelihoods.0.abs());
        assert_eq!(counts(&on[3].tokens), on[3].counts);
        assert!(run(anew.clone(), &options, 2, 4) == on, "on four threads");
        assert!(run(anew, &options, 3, 1)[2] != on[2], "draws of each time are its own");
    }
}
