//! A live model is a batch fit of the rows that survive, epoch by epoch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::*;
use strads::cluster::Flags;
use strads::models::lasso::{Lambda, LiveLasso, Options, Parameter, Point, Row};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe};

use super::draw::Draw;
use super::oracle::{Model, Task, task};
use super::properties::config;
use super::run;

/// A change of a collection of rows: identity, contents, copies.
type Change = (u64, u64, isize);
pub type Epoch = Vec<Change>;

/// The rows that a number stands for: few columns at first, more for larger numbers.
pub fn row(contents: u64) -> (f64, Vec<(u32, f64)>) {
    let mut draw = Draw(contents);
    let width = 3 + (contents % 60) as usize;
    let mut entries: Vec<(u32, f64)> = Vec::new();
    for column in 0..width as u32 {
        if draw.chance(0.3) {
            let count = f64::from(draw.below(3) as u32);
            entries.push((column, if column % 2 == 0 { count } else { draw.normal() }));
        }
    }
    let sum: f64 = entries.iter().map(|(column, x)| x * f64::from(3 - (*column as i32 % 7))).sum();
    (sum + 0.3 * draw.normal() + 1.0, entries)
}

/// What came out of a live run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub changes: Vec<((Parameter, f64), u64, isize)>,
    points: Vec<(u64, Point)>,
}

/// Feeds epochs, `burst` of them before any is waited for; worker `id % workers` feeds a row.
pub fn live(
    epochs: &[Epoch],
    options: &Options,
    workers: usize,
    shards: usize,
    burst: usize,
) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (to, epochs, options) = (Arc::clone(&seen), epochs.to_vec(), options.clone());
    let done = strads::cluster::execute(&Flags::threads(workers), b"", move |worker| {
        let probe = ProbeHandle::new();
        let mut rows = worker.dataflow::<u64, _, _>(|scope| {
            let (input, rows) = scope.new_collection::<(u64, Row), isize>();
            let lasso = rows.lasso(options.clone(), shards).unwrap();
            let changes = Arc::clone(&to);
            lasso
                .model
                .inner
                .exchange(|_| 0)
                .inspect(move |((parameter, value), time, diff)| {
                    let change = ((*parameter, value.0), *time, *diff);
                    changes.lock().unwrap().changes.push(change);
                })
                .probe_with(&probe);
            let points = Arc::clone(&to);
            lasso
                .certificates
                .inspect_core(move |event| {
                    let Ok((stamp, batch)) = event else { return };
                    let epoch = *stamp.iter().next().expect("data have a time");
                    for certified in batch {
                        let (round, measure) = (certified.round, certified.certificate);
                        let point = Point { epoch, round, measure };
                        points.lock().unwrap().points.push((epoch, point));
                    }
                })
                .probe_with(&probe);
            input
        });
        for (time, epoch) in epochs.iter().enumerate() {
            for &(id, contents, diff) in epoch {
                if id as usize % worker.peers() == worker.index() {
                    let (response, entries) = row(contents);
                    rows.update((id, Row::new(response, entries).unwrap()), diff);
                }
            }
            rows.advance_to(time as u64 + 1);
            rows.flush();
            if time % burst == burst - 1 {
                worker.step_or_park_while(None, || probe.less_than(rows.time()));
            }
        }
    });
    done.unwrap();
    seen.lock().unwrap().clone()
}

/// The task of the rows that survive.
fn surviving(rows: &BTreeMap<(u64, u64), isize>, options: &Options, lambda: f64) -> Task {
    let kept = || rows.iter().filter(|(_, copies)| **copies > 0);
    let made: Vec<_> = kept().map(|((_, contents), _)| row(*contents)).collect();
    let mut columns = vec![vec![0.0; made.len()]; 64];
    for (at, (_, entries)) in made.iter().enumerate() {
        entries.iter().for_each(|&(column, value)| columns[column as usize][at] = value);
    }
    Task {
        weights: Some(kept().map(|(_, copies)| *copies as f64).collect()),
        l1_ratio: options.l1_ratio,
        intercept: options.intercept,
        standardize: options.standardize,
        positive: options.positive,
        ..task(columns, made.iter().map(|(response, _)| *response).collect(), lambda)
    }
}

/// Everything that must hold of a live run, epoch by epoch.
fn verify(epochs: &[Epoch], options: &Options, seen: &Seen) {
    let mut rows: BTreeMap<(u64, u64), isize> = BTreeMap::new();
    let mut model: BTreeMap<Parameter, f64> = BTreeMap::new();
    for (time, epoch) in epochs.iter().enumerate() {
        let time = time as u64;
        let before = rows.clone();
        for &(id, contents, diff) in epoch {
            *rows.entry((id, contents)).or_default() += diff;
        }
        rows.retain(|_, copies| *copies != 0);
        let points: Vec<&Point> =
            seen.points.iter().filter(|(at, _)| *at == time).map(|(_, point)| point).collect();
        apply(&mut model, seen, time);
        if rows == before {
            assert!(points.is_empty(), "epoch {time} changed nothing but was computed");
            assert!(seen.changes.iter().all(|(_, at, _)| *at != time));
            continue;
        }
        let point = *points.last().expect("an epoch that changes rows is measured");
        let task = surviving(&rows, options, point.measure.lambda);
        match options.lambda {
            Lambda::Value(lambda) => assert_eq!(point.measure.lambda, lambda),
            Lambda::Ratio(ratio) => {
                let lambda_max = if task.rows() > 0 { task.lambda_max() } else { 0.0 };
                if lambda_max > 1e-9 {
                    let off = (point.measure.lambda - ratio * lambda_max).abs();
                    assert!(off <= 1e-9 * lambda_max, "epoch {time}: λ off by {off:e}");
                }
            }
        }
        let mut fitted = Model { intercept: 0.0, coefficients: vec![0.0; 64] };
        for (parameter, value) in &model {
            match parameter {
                Parameter::Intercept => fitted.intercept = *value,
                Parameter::Column(column) => fitted.coefficients[*column as usize] = *value,
            }
        }
        run::check(&task, point, &fitted);
        let gap = if task.rows() > 0 { task.gap(&fitted) } else { 0.0 };
        assert!(gap <= 1.1 * options.tolerance * task.null() + 1e-15, "epoch {time}: gap {gap:e}");
        if rows.values().all(|copies| *copies < 0) {
            assert!(model.is_empty(), "epoch {time}: {model:?}");
        }
    }
}

/// Takes an epoch's changes into the model: a parameter never has two values.
fn apply(model: &mut BTreeMap<Parameter, f64>, seen: &Seen, time: u64) {
    let mut changes: BTreeMap<Parameter, BTreeMap<u64, isize>> = BTreeMap::new();
    for ((parameter, value), _, diff) in seen.changes.iter().filter(|(_, at, _)| *at == time) {
        assert!(value.is_finite() && *value != 0.0);
        *changes.entry(*parameter).or_default().entry(value.to_bits()).or_default() += diff;
    }
    for (parameter, mut values) in changes {
        if let Some(old) = model.remove(&parameter) {
            *values.entry(old.to_bits()).or_default() += 1;
        }
        values.retain(|_, diff| *diff != 0);
        assert!(values.len() <= 1 && values.values().all(|diff| *diff == 1), "{parameter:?}");
        if let Some((value, _)) = values.pop_first() {
            model.insert(parameter, f64::from_bits(value));
        }
    }
}

/// Random histories of so many epochs, from a stock of so many rows: inserts, replacements,
/// retractions (some before the insertion), copies, epochs that cancel, and some that take
/// everything away.
fn histories(stock: u64, epochs: Range<usize>) -> impl Strategy<Value = Vec<Epoch>> {
    let change = (0..12u64, 0..90u64, prop_oneof![4 => Just(1isize), 1 => Just(2), 1 => Just(-1)]);
    let epoch = prop_oneof![
        120 => proptest::collection::vec(change, 0..6).prop_map(Step::Put),
        60 => any::<prop::sample::Index>().prop_map(Step::Replace),
        80 => any::<prop::sample::Index>().prop_map(Step::Remove),
        20 => (0..12u64, 0..90u64).prop_map(|(id, contents)| Step::Cancel(id, contents)),
        // Where there are many rows most epochs are to touch few of them.
        if stock < 50 { 20 } else { 1 } => Just(Step::Clear),
    ];
    let steps = proptest::collection::vec(epoch, epochs);
    steps.prop_map(move |steps| history(stock, steps))
}

#[derive(Clone, Debug)]
enum Step {
    Put(Epoch),
    Replace(prop::sample::Index),
    Remove(prop::sample::Index),
    Cancel(u64, u64),
    Clear,
}

fn history(stock: u64, steps: Vec<Step>) -> Vec<Epoch> {
    let mut rows: BTreeMap<(u64, u64), isize> = BTreeMap::new();
    // A stock of rows, so that there is something to fit.
    let mut epochs = vec![(100..100 + stock).map(|id| (id, id * 7, 1)).collect::<Epoch>()];
    let take = |epoch: &Epoch, rows: &mut BTreeMap<(u64, u64), isize>| {
        for &(id, contents, diff) in epoch {
            *rows.entry((id, contents)).or_default() += diff;
        }
        rows.retain(|_, copies| *copies != 0);
    };
    take(&epochs[0], &mut rows);
    for step in steps {
        let pick = |index: prop::sample::Index| {
            let keys: Vec<_> = rows.iter().collect();
            (!keys.is_empty()).then(|| {
                let (&(id, contents), &copies) = keys[index.index(keys.len())];
                (id, contents, copies)
            })
        };
        let epoch = match step {
            Step::Put(epoch) => epoch,
            Step::Replace(index) => pick(index).map_or(Vec::new(), |(id, contents, copies)| {
                vec![(id, contents, -copies), (id, contents + 1, 1)]
            }),
            Step::Remove(index) => pick(index)
                .map_or(Vec::new(), |(id, contents, copies)| vec![(id, contents, -copies)]),
            Step::Cancel(id, contents) => vec![(id, contents, 1), (id, contents, -1)],
            Step::Clear => rows.iter().map(|(&(id, contents), &n)| (id, contents, -n)).collect(),
        };
        take(&epoch, &mut rows);
        epochs.push(epoch);
    }
    epochs
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..config(12) })]

    #[test]
    fn every_epoch_is_a_batch_fit(
        epochs in prop_oneof![2 => histories(15, 20..40), 1 => histories(90, 100..200)],
        (workers, shards, burst) in (1..4usize, 1..5usize, 1..9usize),
        lambda in prop_oneof![
            Just(Lambda::Value(0.2)), Just(Lambda::Ratio(0.1)), Just(Lambda::Ratio(1.5)),
        ],
        kind in 0..16u32,
    ) {
        let options = Options {
            lambda,
            tolerance: 1e-9,
            intercept: kind & 1 == 0,
            standardize: kind & 2 != 0,
            positive: kind & 4 != 0,
            l1_ratio: if kind & 8 != 0 { 0.6 } else { 1.0 },
            ..Options::default()
        };
        verify(&epochs, &options, &live(&epochs, &options, workers, shards, burst));
    }
}

/// Everything that changed, in one order.
pub fn sorted(seen: &Seen) -> Vec<(u64, Parameter, u64, isize)> {
    let change = |((parameter, value), time, diff): &((Parameter, f64), u64, isize)| {
        (*time, *parameter, value.to_bits(), *diff)
    };
    let mut changes: Vec<_> = seen.changes.iter().map(change).collect();
    changes.sort_unstable();
    changes
}

/// Sixty epochs, and the same bits whatever the workers and however many epochs are in flight.
#[test]
fn a_long_history_has_one_outcome() {
    let mut draw = Draw(77);
    let mut epochs: Vec<Epoch> = vec![(0..20).map(|id| (id, id + 50, 1)).collect()];
    let mut held: Vec<(u64, u64)> = (0..20).map(|id| (id, id + 50)).collect();
    for _ in 0..60 {
        let at = draw.below(held.len());
        let (id, contents) = held.swap_remove(at);
        held.push((id, contents + 1 + draw.below(30) as u64));
        let (_, new) = held[held.len() - 1];
        epochs.push(vec![(id, contents, -1), (id, new, 1)]);
    }
    let options = Options { lambda: Lambda::Ratio(0.05), tolerance: 1e-8, ..Options::default() };
    let one = live(&epochs, &options, 1, 4, 1);
    verify(&epochs, &options, &one);
    for (workers, burst) in [(2, 1), (3, 61), (4, 7)] {
        let other = live(&epochs, &options, workers, 4, burst);
        assert_eq!(sorted(&one), sorted(&other), "{workers} workers, {burst} epochs in flight");
    }
}

/// Hundreds of epochs, each of which touches few of many rows: what is repaired epoch by epoch is
/// what a fit from scratch finds, also when places run out and columns are made anew.
fn few_of_many(seed: u64, options: &Options, workers: usize, shards: usize, burst: usize) -> Seen {
    let mut draw = Draw(seed);
    let mut held: Vec<(u64, u64)> = (0..80).map(|id| (id, draw.below(600) as u64)).collect();
    let mut epochs: Vec<Epoch> = vec![held.iter().map(|&(id, at)| (id, at, 1)).collect()];
    for time in 0..200 {
        let mut epoch = Epoch::new();
        for _ in 0..1 + draw.below(3) {
            let at = draw.below(held.len());
            let (id, contents) = held[at];
            let new = (draw.below(1000) as u64, draw.below(600) as u64);
            match draw.below(4) {
                // A row more, and a row less.
                0 if !held.contains(&new) => {
                    held.push(new);
                    epoch.push((new.0, new.1, 1));
                }
                1 => {
                    held.swap_remove(at);
                    epoch.push((id, contents, -1));
                }
                _ => {
                    held[at].1 = contents + 600;
                    epoch.extend([(id, contents, -1), (id, contents + 600, 1)]);
                }
            }
        }
        if time % 50 == 20 {
            // Twice the row, and once again.
            epoch.push((held[0].0, held[0].1, 1));
        } else if time % 50 == 21 && epoch.iter().all(|change| change.0 != held[0].0) {
            epoch.push((held[0].0, held[0].1, -1));
        }
        epochs.push(epoch);
    }
    let seen = live(&epochs, options, workers, shards, burst);
    verify(&epochs, options, &seen);
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 100, ..config(6) })]

    #[test]
    fn few_changes_of_many_rows_are_repaired(
        seed: u64,
        (workers, shards, burst) in (1..4usize, 1..5usize, 1..9usize),
        ratio: bool,
        kind in 0..16u32,
    ) {
        let options = Options {
            lambda: if ratio { Lambda::Ratio(0.1) } else { Lambda::Value(0.2) },
            tolerance: 1e-8,
            intercept: kind & 1 == 0,
            standardize: kind & 2 != 0,
            positive: kind & 4 != 0,
            l1_ratio: if kind & 8 != 0 { 0.6 } else { 1.0 },
            ..Options::default()
        };
        few_of_many(seed, &options, workers, shards, burst);
    }
}

#[test]
fn repairs_are_the_same_on_any_workers() {
    let options = Options { lambda: Lambda::Ratio(0.1), tolerance: 1e-8, ..Options::default() };
    let one = few_of_many(5, &options, 1, 4, 1);
    for (workers, burst) in [(2, 9), (4, 201)] {
        let other = few_of_many(5, &options, workers, 4, burst);
        assert_eq!(sorted(&one), sorted(&other), "{workers} workers, {burst} epochs in flight");
    }
}

#[test]
fn a_row_may_leave_before_it_comes() {
    let options = Options { lambda: Lambda::Value(0.1), tolerance: 1e-10, ..Options::default() };
    let stock: Epoch = (0..8).map(|id| (id, id * 11, 1)).collect();
    let epochs = vec![
        stock.clone(),
        vec![(50, 33, -1)],
        vec![(50, 33, 2)],
        vec![(50, 33, -1)],
        vec![],
        vec![(3, 500, 1), (3, 501, 1)],
        stock.iter().map(|&(id, contents, _)| (id, contents, -1)).collect(),
        vec![(3, 500, -1), (3, 501, -1)],
        vec![(1, 7, 1)],
    ];
    for workers in 1..4 {
        let seen = live(&epochs, &options, workers, 2, 3);
        verify(&epochs, &options, &seen);
    }
}

#[test]
fn options_are_checked() {
    timely::execute_directly(|worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let (_, rows) = scope.new_collection::<(u64, Row), isize>();
            let options = Options { lambda: Lambda::Value(f64::NAN), ..Options::default() };
            let why = rows.lasso(options, 1).err().expect("NaN is no λ");
            assert_eq!(why, "lambda: expected a number > 0, found NaN");
        });
    });
}
