//! Random histories of ratings over hundreds of epochs, at several worker layouts.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use strads::models::mf::ccd::Rating;
use strads::models::mf::{Options, Problem};

use super::live::{Epoch, live, model, survivors};
use super::run::{objective, run_on, run_problem};

const USERS: u32 = 14;
const ITEMS: u32 = 9;

/// What an epoch does to a pair of a user and an item.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A rating comes, or is replaced; by the same one if it is that already.
    Put(u32, u32, u8),
    /// A rating goes, if it is there.
    Delete(u32, u32),
    /// A rating comes and goes at once.
    Cancel(u32, u32),
    /// All ratings of a user go.
    Leave(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let pair = (0..USERS, 0..ITEMS);
    prop_oneof![
        12 => (pair.clone(), 0..10u8).prop_map(|((user, item), value)| Step::Put(user, item, value)),
        6 => pair.clone().prop_map(|(user, item)| Step::Delete(user, item)),
        3 => pair.prop_map(|(user, item)| Step::Cancel(user, item)),
        1 => (0..USERS).prop_map(Step::Leave),
    ]
}

/// A rating that follows a taste, off by a part of `value`.
fn rating(user: u32, item: u32, value: u8) -> Rating {
    let taste = if user % 2 == item % 2 { 4.0 } else { 1.5 };
    Rating::new(user, item, taste + f32::from(value % 5) / 4.0).expect("finite")
}

/// Ratings of two of three pairs, then an epoch for each list of steps.
fn history(steps: &[Vec<Step>]) -> Vec<Epoch> {
    let pairs = (0..USERS).flat_map(|user| (0..ITEMS).map(move |item| (user, item)));
    let known = pairs.filter(|(user, item)| (user + item / 2) % 3 != 0);
    let mut alive: BTreeMap<(u32, u32), Rating> =
        known.map(|(user, item)| ((user, item), rating(user, item, 2))).collect();
    let first = Epoch { puts: alive.values().copied().collect(), deletes: Vec::new() };
    let rest = steps.iter().map(|steps| {
        let mut epoch = Epoch::default();
        for step in steps {
            match *step {
                Step::Put(user, item, value) => {
                    let new = rating(user, item, value);
                    epoch.deletes.extend(alive.insert((user, item), new));
                    epoch.puts.push(new);
                }
                Step::Delete(user, item) => epoch.deletes.extend(alive.remove(&(user, item))),
                Step::Cancel(user, item) => {
                    let passing = Rating::new(user, item, 9.0).expect("finite");
                    epoch.puts.push(passing);
                    epoch.deletes.push(passing);
                }
                Step::Leave(user) => {
                    alive.retain(|&(of, _), rating| {
                        let leaves = of == user;
                        epoch.deletes.extend(leaves.then_some(*rating));
                        !leaves
                    });
                }
            }
        }
        epoch
    });
    [first].into_iter().chain(rest.collect::<Vec<_>>()).collect()
}

/// What is left of an epoch when what comes and goes at once is taken out.
fn net(epoch: &Epoch) -> Epoch {
    let mut sums: BTreeMap<Rating, i32> = BTreeMap::new();
    epoch.puts.iter().for_each(|rating| *sums.entry(*rating).or_default() += 1);
    epoch.deletes.iter().for_each(|rating| *sums.entry(*rating).or_default() -= 1);
    let of = |sign: i32| {
        let some = sums.iter().filter(|(_, sum)| sum.signum() == sign);
        some.map(|(rating, _)| *rating).collect()
    };
    Epoch { puts: of(1), deletes: of(-1) }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(20_261_130),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_epoch_is_certified_and_changes_add_up(
        steps in prop::collection::vec(prop::collection::vec(step(), 0..4), 100..160),
        (biases, nonnegative) in (any::<bool>(), any::<bool>()),
        (threads, shards) in (1..4usize, 1..4usize),
    ) {
        let base = Options { rank: 3, lambda: Some(0.1), weighted_lambda: true, ..Options::default() };
        let options = Options { biases, nonnegative, tolerance: Some(1e-3), ..base };
        let epochs = history(&steps);
        let seen = live(&epochs, &options, threads, shards);
        prop_assert!(seen == live(&epochs, &options, 1, shards), "{threads} workers");
        let nets: Vec<Epoch> = epochs.iter().map(net).collect();
        let ratings = survivors(&nets, USERS as usize, ITEMS as usize);
        for (time, train) in ratings.iter().enumerate() {
            let (now, net) = (&seen[time], &nets[time]);
            if net.puts.is_empty() && net.deletes.is_empty() {
                prop_assert_eq!(now.changes, 0, "epoch {}", time);
            }
            if !now.is_measured() {
                prop_assert_eq!(now.changes, 0, "epoch {}", time);
                continue;
            }
            // The deltas add up to a model whose objective is the one that was told.
            let sum = model(train, &options, now);
            let (found, truth) = (now.objective(), objective(train, &options, &sum));
            prop_assert!((found - truth).abs() <= 2e-5 * truth.max(1e-3), "{time}: {found} {truth}");
            if time % 20 == 19 {
                // Little is left for a sweep, and another start finds nothing much better.
                let problem =
                    Problem { train: Arc::new(train.clone()), warm: Some(Arc::new(sum)), test: None };
                let once = Options { iterations: Some(1), tolerance: None, ..options.clone() };
                let after = run_problem(problem, &once, 1, shards).objective();
                prop_assert!(found - after <= 1e-2 * found, "{time}: {found}, a sweep on {after}");
                let batch = run_on(train, &options, 1, shards).objective();
                prop_assert!(found <= 1.1 * batch, "{time}: {found}, batch {batch}");
            }
        }
    }
}
