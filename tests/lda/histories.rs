//! Random histories of documents over hundreds of epochs, at several worker layouts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use strads::models::lda::{Bag, Options};

use super::live::{Change, follow, run};

const WORDS: u32 = 20;
const NAMES: u32 = 25;

/// What an epoch does to a document.
#[derive(Clone, Debug)]
enum Step {
    /// It comes, or is replaced; by the same one if it is that already.
    Put(u32, u32),
    /// It goes, if it is there.
    Delete(u32),
    /// It comes and goes at once.
    Cancel(u32, u32),
    /// Another copy of it comes.
    Copy(u32),
    /// All documents go.
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => (0..NAMES, 0..40u32).prop_map(|(name, text)| Step::Put(name, text)),
        30 => (0..NAMES).prop_map(Step::Delete),
        15 => (0..NAMES, 0..40u32).prop_map(|(name, text)| Step::Cancel(name, text)),
        10 => (0..NAMES).prop_map(Step::Copy),
        1 => Just(Step::Clear),
    ]
}

/// One of forty texts, one of them without words.
fn bag(text: u32) -> Bag {
    (0..text % 7).map(|at| ((text * 3 + at * at) % WORDS, 1 + (text + at) % 3)).collect()
}

/// Twenty documents, then an epoch for each list of steps.
fn history(steps: &[Vec<Step>]) -> Vec<Vec<Change>> {
    // The text of each document, and its copies.
    let mut alive: BTreeMap<u32, (u32, isize)> = (0..20).map(|name| (name, (name, 1))).collect();
    let first = alive.iter().map(|(&name, &(text, _))| (name, bag(text), 1)).collect();
    let gone = |name: u32, (text, copies): (u32, isize)| (name, bag(text), -copies);
    let rest = steps.iter().map(|steps| {
        let mut epoch: Vec<Change> = Vec::new();
        for step in steps {
            match *step {
                Step::Put(name, text) => {
                    epoch.extend(alive.insert(name, (text, 1)).map(|old| gone(name, old)));
                    epoch.push((name, bag(text), 1));
                }
                Step::Delete(name) => epoch.extend(alive.remove(&name).map(|old| gone(name, old))),
                Step::Cancel(name, text) => {
                    epoch.extend([1, -1].map(|diff| (name, bag(text), diff)));
                }
                Step::Copy(name) => {
                    if let Some((text, copies)) = alive.get_mut(&name) {
                        *copies += 1;
                        epoch.push((name, bag(*text), 1));
                    }
                }
                Step::Clear => {
                    let all = std::mem::take(&mut alive);
                    epoch.extend(all.into_iter().map(|(name, old)| gone(name, old)));
                }
            }
        }
        epoch
    });
    [first].into_iter().chain(rest.collect::<Vec<_>>()).collect()
}

/// Whether nothing is left of an epoch when what comes and goes at once is taken out.
fn is_nothing(epoch: &[Change]) -> bool {
    let mut sums: BTreeMap<(u32, &Bag), isize> = BTreeMap::new();
    epoch.iter().for_each(|(name, bag, diff)| *sums.entry((*name, bag)).or_default() += diff);
    sums.values().all(|sum| *sum == 0)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(20_261_201),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Counts, documents and likelihood are those of the documents that are there, which is all that
    /// a state of a batch run's chain can be held to.
    #[test]
    fn every_epoch_is_a_state_of_the_documents_that_are_there(
        steps in prop::collection::vec(prop::collection::vec(step(), 0..4), 200..260),
        (threads, shards) in (1..4usize, 1..4usize),
    ) {
        let epochs = history(&steps);
        let options = Options { topics: 5, iterations: 3, shards, ..Options::default() };
        let options = Options { document_topics: true, ..options };
        let seen = run(&epochs, threads, &options, 0);
        prop_assert!(seen == run(&epochs, 1, &options, 0), "{threads} workers");
        follow(&epochs, &seen, &options, 0);
        for (number, _) in epochs.iter().enumerate().filter(|(_, epoch)| is_nothing(epoch)) {
            let Some(seen) = seen.get(&(number as u64)) else { continue };
            let changes = seen.counts.len() + seen.documents.len() + seen.mixtures.len();
            prop_assert_eq!(changes, 0, "epoch {}", number);
        }
    }
}
