//! What a fit must do whatever the data.

use std::sync::Arc;

use strads::models::mf::{Options, Problem, Ratings, Unordered};
use strads::scheduler::Policy;

use super::run::{objective, planted, ratings, run, run_problem, sweeps};

#[test]
fn planted_factors_are_found() {
    let train = planted(120, 90, 5, 0.35, 0.0);
    let options = Options { lambda: Some(1e-5), centre: false, ..sweeps(8, 60) };
    let outcome = run(&train, &options);
    let point = outcome.fit.point.expect("a point");
    assert!(point.rmse_train < 3e-3, "{point:?}");
}

#[test]
fn every_policy_descends_and_ends_at_the_tolerance() {
    let train = planted(80, 60, 4, 0.3, 0.5);
    let mut ends = Vec::new();
    for scheduler in Policy::ALL {
        let options =
            Options { scheduler, iterations: None, tolerance: Some(1e-5), ..sweeps(24, 1) };
        let outcome = run(&train, &options);
        let reported: Vec<f64> = outcome.points.iter().map(|point| point.objective).collect();
        assert!(reported.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 2e-6)), "{reported:?}");
        assert!(outcome.fit.converged);
        ends.push(outcome.objective());
    }
    let least = ends.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(ends.iter().all(|end| *end < least * 1.02), "{ends:?}");
}

#[test]
fn a_fit_goes_on_from_a_model() {
    let train = planted(80, 60, 4, 0.3, 0.5);
    let options = Options { biases: true, ..sweeps(16, 3) };
    let first = run(&train, &options);
    let problem = Problem {
        train: Arc::new(train.clone()),
        test: None,
        warm: Some(Arc::new(first.model().clone())),
    };
    let then = run_problem(problem, &options, 1, 2);
    let start = then.points[0].objective;
    assert!((start - first.objective()).abs() < 1e-5 * start, "{start} {}", first.objective());
    assert!(then.objective() < first.objective());
    assert!((then.objective() - objective(&train, &options, then.model())).abs() < 1e-5 * start);
}

/// Ratings of so many users and items from a list.
fn listed(users: usize, items: usize, entries: &[(u32, u32, f32)]) -> Ratings {
    let unordered = Unordered {
        user: entries.iter().map(|entry| entry.0).collect(),
        item: entries.iter().map(|entry| entry.1).collect(),
        value: entries.iter().map(|entry| entry.2).collect(),
        ..Unordered::default()
    };
    ratings(users, items, unordered)
}

#[test]
fn few_ratings_or_all_the_same() {
    let options = sweeps(11, 5);
    let same: Vec<(u32, u32, f32)> = (0..40).map(|at| (at % 8, at / 8, 3.0)).collect();
    let single: Vec<(u32, u32, f32)> = (0..9).map(|at| (at, at, at as f32)).collect();
    for (train, biases) in [
        (listed(8, 5, &same), false),
        (listed(9, 9, &single), false),
        (listed(9, 9, &single), true),
        (listed(1, 1, &[(0, 0, 4.0)]), false),
        (listed(20, 30, &[(7, 11, 4.0), (7, 3, 2.0)]), true),
        (listed(3, 3, &[]), false),
    ] {
        let options = Options { biases, ..options.clone() };
        let outcome = run(&train, &options);
        let model = outcome.model();
        assert!(model.user_factors.iter().chain(&model.item_factors).all(|x| x.is_finite()));
        let (found, expected) = (outcome.objective(), objective(&train, &options, model));
        assert!((found - expected).abs() <= 1e-5 * expected + 1e-9, "{found} {expected}");
        // Who has no ratings has no factors.
        for user in (0..train.users.len()).filter(|&user| train.row(user).is_empty()) {
            assert!(model.user(user).iter().all(|&x| x == 0.0) && model.user_bias[user] == 0.0);
        }
    }
}
