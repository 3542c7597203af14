//! A fit that goes on from a checkpoint gives the bits of one that was never stopped.

use std::sync::{Arc, Mutex};

use strads::checkpoint::Keeper;
use strads::cluster::Flags;
use strads::models::mf::sgd::Reports;
use strads::models::mf::{Options, Point, Problem, Ratings, Solver, fit_kept};
use strads::operators;
use strads::scheduler::Policy;

use super::run::{Outcome, planted, sweeps};
use super::workers::bits;
use crate::support::kept::at_every_checkpoint;

type Came = (Vec<u32>, Vec<Point>, Option<Point>, u64, bool);

fn fit(train: &Ratings, options: &Options, keeper: Option<Arc<Keeper>>, threads: usize) -> Came {
    let points = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&points);
    let problem = Problem { train: Arc::new(train.clone()), test: None, warm: None };
    let engine = operators::Options { shards: 3, ..operators::Options::default() };
    let fitted = (problem, options.clone());
    let watch = move |point: &Point| to.lock().expect("no panic").push(*point);
    let (flags, every) = (Flags::threads(threads), Reports::Every);
    let fit = fit_kept(&flags, b"", fitted, engine, every, keeper, watch).expect("a fit");
    let points = points.lock().expect("no panic").clone();
    let (point, rounds, converged) = (fit.point, fit.rounds, fit.converged);
    let bits = bits(&Outcome { fit, points: points.clone() });
    (bits, points, point, rounds, converged)
}

fn goes_on(train: &Ratings, options: &Options, every: u64) {
    let (whole, again) = at_every_checkpoint((3, every), |keeper, at| {
        fit(train, options, Some(Arc::clone(&keeper)), 1 + at % 3)
    });
    assert!(whole == fit(train, options, None, 2), "keeping changes nothing: {options:?}");
    assert!(again.len() > 1, "{options:?}");
    for (number, came) in again {
        assert!(came == whole, "from {number}: {options:?}");
    }
}

#[test]
fn coordinate_descent() {
    let train = planted(60, 50, 4, 0.3, 0.5);
    goes_on(&train, &Options { biases: true, ..sweeps(19, 5) }, 2);
    // Until a sweep gains little, under a schedule that remembers.
    let dynamic = Options { scheduler: Policy::Dynamic, iterations: None, ..sweeps(17, 0) };
    goes_on(&train, &Options { tolerance: Some(1e-3), ..dynamic }, 1);
    goes_on(&train, &Options { nonnegative: true, ..sweeps(9, 4) }, 1);
    let positive: Vec<bool> = train.iter().map(|entry| entry.value >= 0.0).collect();
    let train = train.select(|at| positive[at]);
    goes_on(&train, &Options { implicit: Some(2.0), ..sweeps(9, 4) }, 1);
}

#[test]
fn gradient_descent() {
    let train = planted(150, 120, 4, 0.6, 0.5);
    let options = Options { solver: Solver::Sgd, biases: true, ..sweeps(9, 5) };
    goes_on(&train, &options, 1);
    // Until the ratings held out are no better predicted.
    goes_on(&train, &Options { iterations: None, ..options }, 3);
}
