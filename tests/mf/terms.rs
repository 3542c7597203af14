//! Every term of the objective against the oracle: the way there, and what is reported of it.

use strads::models::mf::{Options, Ratings};

use super::oracle::Oracle;
use super::run::{objective, planted, run, sweeps, weighted};

/// The solver follows the oracle, never rises, and what it reports is true of its model.
fn check(train: &Ratings, options: &Options) {
    let reported = descends(train, options);
    let mut oracle = Oracle::new(train, options);
    assert_close(reported[0], oracle.objective(), 1e-6, "at the start");
    for (sweep, reported) in reported.iter().enumerate().skip(1) {
        oracle.sweep();
        assert_close(*reported, oracle.objective(), 1e-4, &format!("sweep {sweep}"));
    }
}

/// The objective before and after every sweep: it never rises, and the last is true of the model.
fn descends(train: &Ratings, options: &Options) -> Vec<f64> {
    let outcome = run(train, options);
    let mut reported: Vec<f64> = outcome.points.iter().map(|point| point.objective).collect();
    assert!(reported.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 2e-6)), "{reported:?}");
    // The last measure is taken of fresh residuals.
    let last = reported.pop().expect("a measure");
    assert_close(last, objective(train, options, outcome.model()), 1e-6, "the last");
    assert_close(last, reported[reported.len() - 1], 2e-6, "residuals that were kept");
    reported
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error <= tolerance, "{what}: {found:e}, expected {expected:e} ({error:e})");
}

#[test]
fn squares_with_penalty_a_rating() {
    check(&planted(60, 45, 4, 0.3, 0.5), &sweeps(20, 5));
}

#[test]
fn penalty_a_row() {
    let options = Options { weighted_lambda: false, lambda: Some(0.7), ..sweeps(9, 4) };
    check(&planted(50, 70, 3, 0.3, 0.5), &options);
}

#[test]
fn ratings_that_are_not_centred() {
    check(&planted(60, 45, 4, 0.3, 0.5), &Options { centre: false, ..sweeps(12, 5) });
}

#[test]
fn biases() {
    check(&planted(60, 45, 4, 0.3, 0.5), &Options { biases: true, ..sweeps(10, 4) });
}

#[test]
fn weights() {
    let train = weighted(&planted(60, 45, 4, 0.3, 0.5), |at| (at % 5) as f32 * 0.5);
    check(&train, &sweeps(12, 4));
    check(&train, &Options { biases: true, ..sweeps(8, 4) });
}

#[test]
fn no_factor_below_zero() {
    let train = planted(60, 45, 4, 0.3, 0.5);
    let options = Options { nonnegative: true, ..sweeps(12, 4) };
    check(&train, &options);
    let model = run(&train, &options).model().clone();
    assert!(model.user_factors.iter().chain(&model.item_factors).all(|&x| x >= 0.0));
    assert!(model.user_factors.contains(&0.0));
}

#[test]
fn implicit_feedback_over_all_pairs() {
    let train = planted(30, 40, 3, 0.15, 0.1);
    let entries: Vec<f32> = train.iter().map(|entry| entry.value.abs()).collect();
    let train = weighted(&train, |at| entries[at]);
    // Values may not be negative: what was rated below zero is left out.
    let kept: Vec<bool> = train.iter().map(|entry| entry.value >= 0.0).collect();
    let train = train.select(|at| kept[at]);
    let options = Options { implicit: Some(3.0), lambda: Some(0.1), ..sweeps(8, 5) };
    check(&train, &options);
    let options = Options { rank: 13, weighted_lambda: false, ..options };
    descends(&train, &options);
    // Bounded systems of nearly equal factors part ways by rounding, and so are not followed.
    descends(&train, &Options { nonnegative: true, ..options });
}

#[test]
fn no_penalty_at_all() {
    let train = planted(40, 30, 3, 0.6, 0.5);
    let options = Options { lambda: Some(0.0), ..sweeps(4, 6) };
    let outcome = run(&train, &options);
    let falls = |pair: &[f64]| pair[1] <= pair[0] * (1.0 + 1e-6) + 1e-6;
    let reported: Vec<f64> = outcome.points.iter().map(|point| point.objective).collect();
    assert!(reported.windows(2).all(falls), "{reported:?}");
    assert_close(outcome.objective(), objective(&train, &options, outcome.model()), 1e-5, "last");
}
