//! Ratings that come and go, against batch fits of those that survive.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use differential_dataflow::input::Input;
use strads::cluster::{self, Flags};
use strads::models::mf::ccd::{Factors, LiveFactorisation, Rating};
use strads::models::mf::{Factorisation, Options, Ratings, Unordered};
use strads::random::{Draws, purpose};
use timely::dataflow::operators::{Exchange, Inspect, Probe};

use super::run::{objective, planted, ratings, run_on, sweeps};

/// What an epoch does: ratings that come and that go.
#[derive(Clone, Default)]
pub struct Epoch {
    pub puts: Vec<Rating>,
    pub deletes: Vec<Rating>,
}

/// What became of an epoch: each measured round with its objective, and the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    measured: Vec<(u64, f64)>,
    model: BTreeSet<Factors>,
    /// Whether no sweep was needed.
    pub repaired: bool,
    /// How many rows came and went.
    pub changes: usize,
}

impl Seen {
    /// Whether there was anything to measure.
    pub fn is_measured(&self) -> bool {
        !self.measured.is_empty()
    }

    pub fn objective(&self) -> f64 {
        self.measured.last().expect("a measure").1
    }

    /// The first round at which the objective was no more than this.
    fn reached(&self, objective: f64) -> u64 {
        let first = self.measured.iter().find(|(_, measured)| *measured <= objective);
        first.expect("that objective").0
    }
}

pub fn live(epochs: &[Epoch], options: &Options, threads: usize, shards: usize) -> Vec<Seen> {
    let (epochs, options) = (epochs.to_vec(), options.clone());
    let seen = cluster::execute(&Flags::threads(threads), b"", move |worker| {
        let seen: Rc<RefCell<BTreeMap<u64, Seen>>> = Rc::default();
        let counts: Rc<RefCell<BTreeMap<Factors, isize>>> = Rc::default();
        let (to, model, changed) = (Rc::clone(&seen), Rc::clone(&counts), Rc::clone(&seen));
        let (mut input, probe) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, ratings) = scope.new_collection::<Rating, isize>();
            let live = ratings.factorise(options.clone(), shards).expect("options in range");
            live.certificates.inspect_core(move |event| {
                let Ok((stamp, batch)) = event else { return };
                let time = *stamp.iter().next().expect("data have a time");
                for certified in batch {
                    let mut seen = to.borrow_mut();
                    let epoch = seen.entry(time).or_default();
                    epoch.repaired = certified.certificate.repaired > 0.0;
                    epoch.measured.push((certified.round, certified.certificate.objective()));
                }
            });
            let changes = live.model.inner.exchange(|_| 0).inspect(move |(record, time, diff)| {
                *model.borrow_mut().entry(record.clone()).or_default() += diff;
                changed.borrow_mut().entry(*time).or_default().changes += 1;
            });
            (input, changes.probe().0)
        });
        for (time, epoch) in epochs.iter().enumerate() {
            if worker.index() == 0 {
                epoch.puts.iter().for_each(|rating| input.insert(*rating));
                epoch.deletes.iter().for_each(|rating| input.remove(*rating));
            }
            input.advance_to(time as u64 + 1);
            input.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            counts.borrow_mut().retain(|_, count| *count != 0);
            assert!(counts.borrow().values().all(|count| *count == 1));
            seen.borrow_mut().entry(time as u64).or_default().model =
                counts.borrow().keys().cloned().collect();
        }
        Rc::clone(&seen).take()
    })
    .expect("a live run");
    let first = seen.into_iter().next().expect("worker 0");
    first.into_values().collect()
}

/// The surviving ratings after each epoch.
pub fn survivors(epochs: &[Epoch], users: usize, items: usize) -> Vec<Ratings> {
    let mut alive: BTreeMap<(u32, u32), f32> = BTreeMap::new();
    let after = |epoch: &Epoch| {
        for rating in &epoch.deletes {
            alive.remove(&(rating.user(), rating.item()));
        }
        for rating in &epoch.puts {
            alive.insert((rating.user(), rating.item()), rating.value());
        }
        let unordered = Unordered {
            user: alive.keys().map(|key| key.0).collect(),
            item: alive.keys().map(|key| key.1).collect(),
            value: alive.values().copied().collect(),
            ..Unordered::default()
        };
        ratings(users, items, unordered)
    };
    epochs.iter().map(after).collect()
}

/// The published rows as a model of the ratings.
pub fn model(train: &Ratings, options: &Options, seen: &Seen) -> Factorisation {
    let (users, items, rank) = (train.users.len(), train.items.len(), options.rank);
    let mut model = Factorisation {
        rank,
        user_factors: vec![0.0; users * rank],
        item_factors: vec![0.0; items * rank],
        user_bias: vec![0.0; users],
        item_bias: vec![0.0; items],
        mean: if options.centres() { train.mean() } else { 0.0 },
        ..Factorisation::default()
    };
    for row in &seen.model {
        let (factors, biases) = match row.item {
            false => (&mut model.user_factors, &mut model.user_bias),
            true => (&mut model.item_factors, &mut model.item_bias),
        };
        let at = row.id as usize;
        biases[at] = row.bias.0;
        for (to, from) in factors[at * rank..].iter_mut().zip(&row.factors) {
            *to = from.0;
        }
    }
    model
}

/// Epochs in which a part of planted ratings comes, goes, and changes.
fn epochs(users: usize, items: usize, count: usize) -> Vec<Epoch> {
    let all: Vec<Rating> = planted(users, items, 3, 0.3, 0.5)
        .iter()
        .map(|entry| Rating::new(entry.user, entry.item, entry.value).expect("finite"))
        .collect();
    let mut draws = Draws::new(1, purpose("live test"), 0, 0);
    let mut alive: BTreeMap<(u32, u32), Rating> = BTreeMap::new();
    (0..count)
        .map(|time| {
            let mut epoch = Epoch::default();
            for rating in &all {
                let key = (rating.user(), rating.item());
                let chance = if time == 0 { 0.8 } else { 0.02 };
                match alive.get(&key).copied() {
                    None if draws.next_f64() < chance => epoch.puts.push(*rating),
                    Some(old) if time > 0 && draws.next_f64() < 0.01 => {
                        epoch.deletes.push(old);
                        if draws.next_f64() < 0.5 {
                            let value = rating.value() + 0.25 * time as f32;
                            epoch.puts.push(Rating::new(key.0, key.1, value).expect("finite"));
                        }
                    }
                    _ => {}
                }
            }
            // A user leaves for good.
            let leaves = |user: u32| time == 2 && user == 5;
            epoch.puts.retain(|rating| !leaves(rating.user()));
            let known: BTreeSet<Rating> = epoch.deletes.iter().copied().collect();
            let left = alive.values().filter(|old| leaves(old.user()) && !known.contains(old));
            epoch.deletes.extend(left.copied().collect::<Vec<_>>());
            for rating in &epoch.deletes {
                alive.remove(&(rating.user(), rating.item()));
            }
            for rating in &epoch.puts {
                alive.insert((rating.user(), rating.item()), *rating);
            }
            epoch
        })
        .collect()
}

#[test]
fn every_epoch_is_as_good_as_a_batch_fit_for_less_work() {
    let epochs = epochs(70, 50, 5);
    for biases in [false, true] {
        let tolerance = Some(1e-5);
        let options = Options { tolerance, iterations: None, biases, ..sweeps(10, 1) };
        let seen = live(&epochs, &options, 1, 2);
        assert_eq!(seen.len(), epochs.len());
        let mut rounds = [0, 0];
        for (time, train) in survivors(&epochs, 70, 50).iter().enumerate() {
            let batch = run_on(train, &options, 1, 2);
            let (found, least) = (seen[time].objective(), batch.objective());
            assert!(found <= 1.01 * least, "epoch {time}: {found}, batch {least}");
            let truth = objective(train, &options, &model(train, &options, &seen[time]));
            assert!((found - truth).abs() <= 1e-5 * truth, "epoch {time}: {found}, truth {truth}");
            let rated = (0..70).filter(|&user| !train.row(user).is_empty()).count()
                + train.item_counts().iter().filter(|&&count| count > 0).count();
            assert_eq!(seen[time].model.len(), rated);
            if time > 0 {
                rounds[0] += seen[time].reached(1.01 * least);
                rounds[1] += batch.fit.rounds;
            }
        }
        assert!(4 * rounds[0] < rounds[1], "{rounds:?}");
    }
}

#[test]
fn the_same_bits_on_any_number_of_workers() {
    let epochs = epochs(40, 30, 4);
    let options = Options { biases: true, ..sweeps(9, 2) };
    let one = live(&epochs, &options, 1, 4);
    for threads in [2, 3, 5] {
        let models = |seen: &[Seen]| seen.iter().map(|seen| seen.model.clone()).collect::<Vec<_>>();
        assert!(models(&one) == models(&live(&epochs, &options, threads, 4)), "{threads} workers");
    }
}

#[test]
fn copies_weigh_and_retractions_may_come_first() {
    let rating = |user, item, value| Rating::new(user, item, value).expect("finite");
    let all: Vec<Rating> = (0..30).map(|at| rating(at % 6, at / 6, (at % 4) as f32)).collect();
    // One is there twice, one is retracted before it comes, one comes and goes at once.
    let mut puts = all.clone();
    puts.push(all[3]);
    puts.push(rating(5, 9, 1.0));
    let deletes = vec![rating(9, 9, 2.0), rating(5, 9, 1.0)];
    let epochs =
        [Epoch { puts, deletes }, Epoch { puts: vec![rating(9, 9, 2.0)], deletes: vec![all[3]] }];
    let options = Options { tolerance: Some(1e-9), iterations: None, ..sweeps(3, 1) };
    let seen = live(&epochs, &options, 1, 2);
    assert_eq!(seen[0].model.len(), 6 + 5);
    assert_eq!(seen[1].model.len(), 6 + 5);
    let once = live(&[Epoch { puts: all, deletes: vec![] }], &options, 1, 2);
    let (found, expected) = (seen[1].objective(), once[0].objective());
    assert!((found - expected).abs() < 1e-3 * expected, "{found} {expected}");
    assert!(seen[0].objective() != once[0].objective());
}
