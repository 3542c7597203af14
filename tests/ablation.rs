//! What scheduling is for (Lee et al., NIPS 2014): on the paper's correlated columns a dynamic
//! schedule needs no more updates to a given objective than priorities alone, and those far fewer
//! than random blocks. Updates are counted, nothing is timed.
//!
//! Because shards decide their own keys in turn, neighbours rarely interfere, and the guard keeps
//! steps that do from doing harm: what the dependency check saves shows close to the optimum.

use std::sync::{Arc, Mutex};

use strads::cluster::Flags;
use strads::generate::{Design, LassoDesign};
use strads::models::lasso::{Lambda, Options, Plan, Problem, Scheduler, fit};
use strads::scheduler::{Policy, PolicyOptions, Width};

const SHARDS: usize = 16;

/// Updates until all but a ten-thousandth of the way to the best objective is done.
fn updates_to(design: &LassoDesign, policy: Policy, best: f64) -> u64 {
    let options = PolicyOptions { width: Width::Fixed(64), rho: 0.3, ..PolicyOptions::default() };
    let objectives = run(design, Scheduler::Coordinates(policy, options), 1e-6);
    let (_, start) = objectives[0];
    let goal = best + 1e-4 * (start - best);
    let reached = objectives.iter().find(|(_, objective)| *objective <= goal);
    reached.map_or(u64::MAX, |(updates, _)| *updates)
}

/// Updates and objective of every measured point.
fn run(design: &LassoDesign, scheduler: Scheduler, tolerance: f64) -> Vec<(u64, f64)> {
    let made = design.table(SHARDS, &|_| true);
    let problem = Problem {
        columns: design.columns,
        response: Arc::new(made.response),
        shards: made.shards,
        ..Problem::default()
    };
    let options = Options {
        tolerance,
        scheduler,
        certify_every: 250,
        max_rounds: 1500,
        ..Options::default()
    };
    let engine = strads::operators::Options { shards: SHARDS, ..Default::default() };
    let points = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&points);
    let plan = Plan::One(Lambda::Ratio(0.1));
    fit(&Flags::threads(2), b"", problem, options, engine, plan, move |point| {
        let point = (point.measure.updates, point.measure.objective());
        seen.lock().expect("no one panicked").push(point);
    })
    .expect("threads start");
    let points = points.lock().expect("no one panicked");
    points.clone()
}

#[test]
fn dynamic_needs_no_more_updates_than_priority_than_random() {
    let design = LassoDesign::paper(1000, 4000, 1);
    let best = run(&design, Scheduler::WorkingSet, 1e-10);
    let best = best.last().expect("a fit is measured").1;
    let [dynamic, priority, random] = [Policy::Dynamic, Policy::Priority, Policy::Random]
        .map(|policy| updates_to(&design, policy, best));
    println!("updates: dynamic {dynamic}, priority {priority}, random {random}");
    assert!(dynamic <= priority, "dynamic {dynamic}, priority {priority}");
    assert!(priority < random, "priority {priority}, random {random}");
}
