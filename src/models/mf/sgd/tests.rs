//! Fits against a plain loop, on every path and any number of threads.

use std::sync::Arc;

use super::fit::{Job, Reports};
use super::oracle;
use crate::cluster::Flags;
use crate::models::mf::{Factorisation, Fit, Names, Options, Problem, Ratings, Unordered};
use crate::operators::RotateOptions;
use crate::random::{Draws, purpose};
use crate::shard::Path;

/// Ratings of a planted model with noise; every tenth is for the test. Weights are 0.5 to 1.5.
fn planted(users: u32, items: u32, count: usize, noise: f64, weighted: bool) -> Problem {
    let mut draws = Draws::new(5, purpose("test"), 0, 0);
    let mut normal = move || (0..12).map(|_| draws.next_f64()).sum::<f64>() - 6.0;
    let mut side = |count: u32| -> Vec<[f64; 3]> {
        (0..count).map(|_| [normal(), normal(), normal()]).collect()
    };
    let (w, h) = (side(users), side(items));
    let mut draws = Draws::new(6, purpose("test"), 0, 0);
    let mut all = Unordered { weight: weighted.then(Vec::new), ..Unordered::default() };
    for _ in 0..count {
        // Some users and items are much more frequent than others.
        let skewed = |draws: &mut Draws, n: u32| (draws.next_f64().powi(2) * f64::from(n)) as u32;
        let (user, item) = (skewed(&mut draws, users), skewed(&mut draws, items));
        let (a, b) = (w[user as usize], h[item as usize]);
        let score = 3.5 + 0.5 * (a[2] + b[2] + a[0] * b[0] + a[1] * b[1]);
        all.user.push(user);
        all.item.push(item);
        all.value.push((score + noise * (draws.next_f64() - 0.5)) as f32);
        all.weight.iter_mut().for_each(|weight| weight.push(0.5 + draws.next_f64() as f32));
    }
    let names = |count: u32| Arc::new(Names::sorted((0..count).map(|at| at.to_string())));
    let all = Ratings::new(names(users), names(items), all, 1).unwrap();
    let test = Arc::new(all.select(|at| at % 10 == 3));
    Problem { train: Arc::new(all.select(|at| at % 10 != 3)), test: Some(test), warm: None }
}

fn run(problem: &Problem, options: &Options, engine: RotateOptions, path: Path, w: usize) -> Fit {
    let (problem, options) = (problem.clone(), options.clone());
    let job = Job::new(problem, options, engine, Reports::Last, path);
    let fits = crate::cluster::execute(&Flags::threads(w), b"", move |worker| {
        job.run(worker, Arc::new(|_: &_| {}))
    });
    fits.unwrap().into_iter().find(|fit| fit.point.is_some()).unwrap()
}

fn engine(shards: usize, slices: usize) -> RotateOptions {
    RotateOptions { shards, slices, ..RotateOptions::default() }
}

fn bits(model: &Factorisation) -> Vec<u32> {
    let parts = [&model.user_factors, &model.item_factors, &model.user_bias, &model.item_bias];
    parts.into_iter().flatten().map(|value| value.to_bits()).collect()
}

fn options(rank: usize, biases: bool) -> Options {
    Options { rank, biases, iterations: Some(3), ..Options::default() }
}

#[test]
fn a_plain_loop_gives_the_same_bits() {
    for (rank, biases, weighted, shards, slices) in [
        (1, true, false, 1, 1),
        (12, true, true, 2, 6),
        (13, false, false, 3, 3),
        (150, true, false, 1, 2),
    ] {
        let problem = planted(60, 40, 1200, 0.5, weighted);
        let options = options(rank, biases);
        let wanted = oracle::fit(&problem, &options, &engine(shards, slices).ring(1));
        let fit = run(&problem, &options, engine(shards, slices), Path::best(), 1);
        assert!(bits(&fit.model.unwrap()) == bits(&wanted), "rank {rank}, {shards} shards");
    }
}

#[test]
fn every_path_and_any_number_of_threads_give_the_same_bits() {
    for (rank, weighted) in [(5, false), (40, true), (120, false), (140, false)] {
        let problem = planted(80, 50, 1500, 0.5, weighted);
        let options = options(rank, true);
        let one = run(&problem, &options, engine(4, 8), Path::Portable, 1);
        for path in Path::all() {
            let fit = run(&problem, &options, engine(4, 8), path, 1);
            assert_eq!(fit.point, one.point, "{path:?}");
            assert!(bits(fit.model.as_ref().unwrap()) == bits(one.model.as_ref().unwrap()));
        }
        for threads in [2, 3, 4] {
            let fit = run(&problem, &options, engine(4, 8), Path::best(), threads);
            assert_eq!(fit.point, one.point, "{threads} threads");
            assert!(bits(fit.model.as_ref().unwrap()) == bits(one.model.as_ref().unwrap()));
        }
    }
}

#[test]
fn a_planted_model_is_recovered() {
    let problem = planted(300, 200, 25_000, 0.2, false);
    let usual = Options { rank: 8, biases: true, iterations: Some(30), ..Options::default() };
    for (shards, slices) in [(1, 1), (2, 4)] {
        let fit = run(&problem, &usual, engine(shards, slices), Path::best(), shards);
        let point = fit.point.unwrap();
        // Noise of standard deviation .058 on ratings of standard deviation 1.
        assert!(point.rmse_test.unwrap() < 0.15, "{point:?}");
    }
}

/// The objective and the two errors of a model, by their definitions.
fn measured(problem: &Problem, model: &Factorisation, options: &Options) -> [f64; 3] {
    let residual = |entry: &crate::models::mf::Entry| {
        let (user, item) = (entry.user as usize, entry.item as usize);
        let pairs = model.user(user).iter().zip(model.item(item));
        let product: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let biases = f64::from(model.user_bias[user]) + f64::from(model.item_bias[item]);
        f64::from(entry.value) - model.mean - biases - product
    };
    let sums = |ratings: &Ratings| {
        ratings.iter().fold([0.0; 2], |[squares, total], entry| {
            let weight = f64::from(entry.weight);
            [squares + weight * residual(&entry).powi(2), total + weight]
        })
    };
    let square = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let times = |count: usize| if options.weighted_lambda { count as f64 } else { 1.0 };
    let train = &problem.train;
    let mut penalty = 0.0;
    for user in 0..train.users.len() {
        let own = square(model.user(user)) + f64::from(model.user_bias[user]).powi(2);
        penalty += times(train.row(user).len()) * own;
    }
    for (item, &count) in train.item_counts().iter().enumerate() {
        let own = square(model.item(item)) + f64::from(model.item_bias[item]).powi(2);
        penalty += times(count as usize) * own;
    }
    let [squares, total] = sums(train);
    let [test, tested] = sums(problem.test.as_ref().unwrap());
    let lambda = options.lambda.unwrap();
    [squares + lambda * penalty, (squares / total).sqrt(), (test / tested).sqrt()]
}

#[test]
fn what_is_reported_is_so_of_the_model() {
    for (weighted, weighted_lambda, biases) in
        [(false, true, true), (true, true, true), (false, false, true), (true, false, false)]
    {
        let problem = planted(60, 40, 1500, 0.5, weighted);
        let lambda = Some(if weighted_lambda { 0.05 } else { 1.0 });
        let options = Options { lambda, weighted_lambda, ..options(6, biases) };
        let fit = run(&problem, &options, engine(2, 4), Path::best(), 2);
        let (model, point) = (fit.model.unwrap(), fit.point.unwrap());
        let reported = [point.objective, point.rmse_train, point.rmse_test.unwrap()];
        for (reported, wanted) in reported.iter().zip(measured(&problem, &model, &options)) {
            assert!((reported - wanted).abs() < 1e-5 * wanted, "{reported}, not {wanted}");
        }
    }
}

#[test]
fn more_epochs_lower_the_objective_and_a_model_is_gone_on_from() {
    let mut problem = planted(100, 60, 4000, 0.5, false);
    let base = Options { lambda: Some(0.05), weighted_lambda: true, ..options(4, true) };
    let after = |problem: &Problem, epochs| {
        let options = Options { iterations: Some(epochs), ..base.clone() };
        run(problem, &options, engine(2, 2), Path::best(), 1)
    };
    let (short, long) = (after(&problem, 4), after(&problem, 40));
    assert!(long.point.unwrap().objective < short.point.unwrap().objective);
    problem.warm = long.model.map(Arc::new);
    let objective = |fit: &Fit| fit.point.unwrap().objective;
    assert!(objective(&after(&problem, 4)) < objective(&short));
}

#[test]
fn odd_data_are_fitted() {
    let fit = |entries: &[(&str, &str, f32)]| {
        let train = Arc::new(Ratings::from_entries(entries.iter().copied()).unwrap());
        let problem = Problem { train, ..Problem::default() };
        let fit = run(&problem, &options(4, true), engine(3, 6), Path::best(), 2);
        let point = fit.point.unwrap();
        assert!(point.objective.is_finite() && point.rmse_test.is_none());
        fit.model.unwrap()
    };
    let one = fit(&[("u", "i", 3.0)]);
    assert!((one.mean - 3.0).abs() < 1e-6);
    let equal = fit(&[("u", "i", 4.0), ("u", "j", 4.0), ("v", "i", 4.0)]);
    assert!(equal.user_bias.iter().all(|bias| bias.abs() < 0.1));
    fit(&[("u", "i", -1e30), ("v", "j", 1e30), ("w", "j", 1e30)]);
}
