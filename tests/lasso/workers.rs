//! A result is a function of the data, the options and the number of shards: not of who computes
//! it, nor of how long that takes.

use std::time::Duration;

use strads::cluster::Flags;
use strads::models::lasso::{Options, Plan, Scheduler, Solution, fit};
use strads::operators::{self, Scheduling};
use strads::scheduler::{Policy, PolicyOptions};

use super::draw::{Design, Draw, at_share, planted};
use super::oracle::Task;
use super::problems::{FORMS, Form};
use super::run::{self, Run, Storage};

/// Everything of a solution, bit by bit.
fn bits(solution: &Solution) -> (u64, Vec<(u32, u64)>, u64, u64) {
    let coefficients = solution.coefficients.iter().map(|(j, b)| (*j, b.to_bits())).collect();
    let measure = solution.point.measure;
    (
        solution.intercept.to_bits(),
        coefficients,
        measure.objective().to_bits(),
        measure.dual_objective().to_bits(),
    )
}

fn options() -> Vec<Options> {
    let base = Options { tolerance: 1e-5, certify_every: 300, ..Options::default() };
    let arms = Policy::ALL.map(|policy| Options {
        scheduler: Scheduler::Coordinates(policy, PolicyOptions::default()),
        max_rounds: 300,
        ..base.clone()
    });
    let mut options = vec![base.clone(), Options { screening: false, ..base }];
    options.extend(arms);
    options
}

/// Tasks, and how they are stored: two designs in every form.
fn tasks() -> Vec<(Task, Storage)> {
    let zoo = planted(Design::Zoo, 40, 130, 0.05, 31);
    let sparse = planted(Design::Sparse, 50, 100, 0.1, 32);
    let both = |form: Form| {
        [&zoo, &sparse].map(|task| (at_share(form.brought(task.clone()), 0.05), form.storage()))
    };
    FORMS.into_iter().flat_map(both).collect()
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for (task, storage) in tasks() {
        for options in options() {
            for staleness in [0, 2] {
                let solve = |threads, scheduling| {
                    let engine = operators::Options {
                        shards: 4,
                        staleness,
                        scheduling,
                        ..Default::default()
                    };
                    let options = options.clone();
                    let run = Run { threads, engine, options, storage, ..Run::default() };
                    let outcome = run::solve(&task, &run);
                    (bits(outcome.solution()), outcome.fit.rounds, outcome.points.len())
                };
                let one = solve(1, Scheduling::Replicated);
                assert_eq!(one, solve(2, Scheduling::Replicated));
                assert_eq!(one, solve(4, Scheduling::Central));
            }
        }
    }
}

/// Blocks so large that the shards share correlations and factor, which takes couple rounds.
#[test]
fn a_shared_solve_has_the_bits_of_one_that_no_other_worker_takes_part_in() {
    let task = planted(Design::Normal, 900, 1000, 0.002, 33);
    let solve = |threads, shards, scheduling| {
        let engine = operators::Options { shards, scheduling, ..Default::default() };
        let run = Run { threads, engine, ..Run::default() };
        let outcome = run::solve(&task, &run);
        assert!(outcome.solution().point.measure.relative_gap() <= 1e-11);
        let couples = outcome.solution().point.measure.couples;
        (bits(outcome.solution()), outcome.fit.rounds, couples)
    };
    assert_eq!(solve(2, 1, Scheduling::Replicated).2, 0, "there is nobody to share with");
    let shared = solve(1, 3, Scheduling::Replicated);
    assert!(shared.2 > 3, "{} couple rounds: the factor was not shared", shared.2);
    assert_eq!(shared, solve(2, 3, Scheduling::Replicated));
    assert_eq!(shared, solve(3, 3, Scheduling::Central));
}

#[test]
fn delays_change_nothing() {
    let task = planted(Design::Zoo, 40, 130, 0.05, 31);
    let run = Run { threads: 3, ..Run::shards(4).tolerance(1e-7) };
    let plain = run::solve(&task, &run);
    for seed in 0..3 {
        let delay = std::sync::Mutex::new(Draw(seed));
        let fit = fit(
            &Flags::threads(3),
            b"",
            run::problem(&task, &run),
            run::options(&task, &run),
            run.engine,
            Plan::One(strads::models::lasso::Lambda::Value(task.lambda)),
            move |_| {
                let pause = delay.lock().unwrap().below(3000);
                std::thread::sleep(Duration::from_micros(pause as u64));
            },
        )
        .unwrap();
        assert_eq!(bits(&fit.solutions[0]), bits(plain.solution()));
    }
}
