//! Few changes at a time: rows are solved alone, lists follow.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use differential_dataflow::input::Input;
use strads::cluster::{self, Flags};
use strads::models::mf::ccd::{LiveFactorisation, Rating};
use strads::models::mf::{Options, Problem, top};
use strads::random::{Draws, purpose};
use timely::dataflow::operators::{Exchange, Inspect, Probe};

use super::live::{Epoch, live, model, survivors};
use super::run::{objective, planted, run_on, run_problem};

const USERS: usize = 260;
const ITEMS: usize = 90;

/// Many ratings, then epochs of a few puts, replacements and deletes; sometimes all of a user's or of
/// an item's ratings go.
fn trickle(count: usize, seed: u64) -> Vec<Epoch> {
    let all: Vec<Rating> = planted(USERS, ITEMS, 3, 0.3, 0.5)
        .iter()
        .map(|entry| Rating::new(entry.user, entry.item, entry.value).expect("finite"))
        .collect();
    let mut draws = Draws::new(seed, purpose("trickle"), 0, 0);
    let mut alive: BTreeMap<(u32, u32), Rating> = BTreeMap::new();
    (0..count)
        .map(|time| {
            let mut epoch = Epoch::default();
            let chance = if time == 0 { 0.9 } else { 1.2 / all.len() as f64 };
            let mut puts: Vec<Rating> =
                all.iter().filter(|_| draws.next_f64() < chance).copied().collect();
            let mut gone: BTreeSet<(u32, u32)> = BTreeSet::new();
            if time > 0 {
                let left = alive.keys().filter(|_| draws.next_f64() < chance).copied();
                gone.extend(left.collect::<Vec<_>>());
            }
            if time % 7 == 3 {
                gone.extend(alive.keys().filter(|key| key.0 == time as u32).copied());
                gone.extend(alive.keys().filter(|key| key.1 == time as u32 % 30).copied());
            }
            if time % 5 == 2 {
                // A user and an item that nobody has heard of, of each other alone.
                let id = (USERS.min(ITEMS) - time) as u32;
                gone.extend(alive.keys().filter(|key| key.0 == id || key.1 == id).copied());
                puts.retain(|rating| rating.user() != id && rating.item() != id);
                puts.push(Rating::new(id, id, 2.5).expect("finite"));
            }
            if puts.is_empty() && gone.is_empty() {
                puts.push(all[time]);
            }
            for put in &mut puts {
                let key = (put.user(), put.item());
                if alive.contains_key(&key) {
                    gone.insert(key);
                    *put = Rating::new(key.0, key.1, put.value() + 0.5).expect("finite");
                }
            }
            epoch.deletes = gone.iter().filter_map(|key| alive.remove(key)).collect();
            alive.extend(puts.iter().map(|put| ((put.user(), put.item()), *put)));
            epoch.puts = puts;
            epoch
        })
        .collect()
}

fn options(biases: bool) -> Options {
    let lambda = Some(0.05);
    let base = Options { rank: 10, lambda, weighted_lambda: true, biases, ..Options::default() };
    Options { tolerance: Some(1e-3), ..base }
}

#[test]
fn repairs_keep_the_objective_of_a_batch_fit() {
    for (biases, nonnegative) in [(false, false), (true, false), (false, true)] {
        let options = Options { nonnegative, ..options(biases) };
        let epochs = trickle(40, 1);
        let seen = live(&epochs, &options, 1, 2);
        let (mut repaired, mut swept) = (0, 0);
        for (time, train) in survivors(&epochs, USERS, ITEMS).iter().enumerate() {
            let (seen, batch) = (&seen[time], run_on(train, &options, 1, 2));
            let model = model(train, &options, seen);
            let (found, truth) = (seen.objective(), objective(train, &options, &model));
            assert!((found - truth).abs() <= 1e-5 * truth, "epoch {time}: {found}, truth {truth}");
            assert!(
                found <= 1.02 * batch.objective(),
                "epoch {time}: {found} {}",
                batch.objective()
            );
            if nonnegative {
                assert!(model.user_factors.iter().chain(&model.item_factors).all(|x| *x >= 0.0));
            }
            // A sweep would lower it by about the tolerance at most.
            let warm = Some(Arc::new(model));
            let problem = Problem { train: Arc::new(train.clone()), warm, test: None };
            let once = Options { iterations: Some(1), tolerance: None, ..options.clone() };
            let after = run_problem(problem, &once, 1, 2).objective();
            assert!(found - after <= 2e-3 * found, "epoch {time}: {found}, a sweep later {after}");
            repaired += usize::from(seen.repaired);
            swept += usize::from(!seen.repaired);
        }
        assert!(repaired > 20 && swept > 1, "{repaired} {swept}");
    }
}

#[test]
fn repairs_give_the_same_bits_on_any_number_of_workers() {
    let epochs = trickle(12, 2);
    let one = live(&epochs, &options(true), 1, 4);
    assert!(one.iter().any(|seen| seen.repaired));
    for threads in [2, 3, 5] {
        assert!(one == live(&epochs, &options(true), threads, 4), "{threads} workers");
    }
}

/// By user, after each epoch; and how many lists came and went in it.
type Lists = Vec<(BTreeMap<u32, Vec<u32>>, usize)>;

/// Lists that are there, and how often.
type Counted = BTreeMap<(u32, Vec<u32>), isize>;

fn lists(epochs: &[Epoch], options: &Options, threads: usize, count: usize) -> Lists {
    let (epochs, options) = (epochs.to_vec(), options.clone());
    let seen = cluster::execute(&Flags::threads(threads), b"", move |worker| {
        let known: Rc<RefCell<(Counted, usize)>> = Rc::default();
        let to = Rc::clone(&known);
        let (mut input, mut asking, probe) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, ratings) = scope.new_collection::<Rating, isize>();
            let (asking, queries) = scope.new_collection::<u32, isize>();
            let live = ratings.clone().factorise(options.clone(), 3).expect("options in range");
            let lists = live.recommendations(ratings, queries, count);
            let probe = lists
                .inner
                .exchange(|_| 0)
                .inspect(move |(record, _, diff)| {
                    let mut known = to.borrow_mut();
                    *known.0.entry(record.clone()).or_default() += diff;
                    known.1 += 1;
                })
                .probe()
                .0;
            (input, asking, probe)
        });
        let mut after = Lists::new();
        for (time, epoch) in epochs.iter().enumerate() {
            if worker.index() == 0 {
                epoch.puts.iter().for_each(|rating| input.insert(*rating));
                epoch.deletes.iter().for_each(|rating| input.remove(*rating));
                // One user more each epoch is asked about, and one less.
                asking.insert(time as u32);
                asking.insert(100 + time as u32);
                if time > 3 {
                    asking.remove(100 + time as u32 - 4);
                }
            }
            input.advance_to(time as u64 + 1);
            asking.advance_to(time as u64 + 1);
            input.flush();
            asking.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            let mut known = known.borrow_mut();
            known.0.retain(|_, count| *count != 0);
            assert!(known.0.values().all(|count| *count == 1));
            after.push((known.0.keys().cloned().collect(), std::mem::take(&mut known.1)));
        }
        after
    });
    seen.expect("a live run").into_iter().next().expect("worker 0")
}

#[test]
fn lists_are_those_of_the_model() {
    let (epochs, options) = (trickle(16, 3), options(true));
    let seen = live(&epochs, &options, 1, 3);
    let found = lists(&epochs, &options, 1, 5);
    let (mut changed, mut asked) = (0, 0);
    for (time, train) in survivors(&epochs, USERS, ITEMS).iter().enumerate() {
        let (model, (lists, changes)) = (model(train, &options, &seen[time]), &found[time]);
        let counts = train.item_counts();
        let rated: Vec<bool> = counts.iter().map(|&count| count > 0).collect();
        for (&user, list) in lists {
            let items: Vec<u32> = train.row(user as usize).map(|at| train.item(at)).collect();
            let row = model.user_row(Some(user));
            let best = top(&model, &row, &items, Some(&rated), 5);
            assert!(
                best.iter().map(|choice| choice.item).eq(list.iter().copied()),
                "{time} {user}"
            );
        }
        assert_eq!(lists.len(), time + 1 + (time + 1).min(4));
        (changed, asked) = (changed + changes, asked + lists.len());
    }
    // Most lists stay most of the time.
    assert!(changed < asked, "{changed} of {asked}");
    assert!(found == lists(&epochs, &options, 2, 5) && found == lists(&epochs, &options, 3, 5));
}
