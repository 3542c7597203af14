//! The papers' arms: every policy, width, staleness and place of the scheduler.

use strads::models::lasso::{Options, Scheduler, scheduler};
use strads::operators::{self, Scheduling};
use strads::scheduler::{Policy, PolicyOptions, Width};

use super::draw::{Design, at_share, planted};
use super::oracle::Task;
use super::problems::{FORMS, Form};
use super::run::{self, Outcome, Run};

fn arm(policy: Policy, width: usize, options: Options) -> Options {
    let width = Width::Fixed(width);
    let policy_options = PolicyOptions { width, seed: 3, ..Default::default() };
    Options { scheduler: Scheduler::Coordinates(policy, policy_options), ..options }
}

/// At fixed λ no certificate is worse than the one before, and each is true.
fn falls(task: &Task, outcome: &Outcome) {
    let measures: Vec<_> = outcome.points.iter().map(|point| point.measure).collect();
    for pair in measures.windows(2).filter(|pair| pair[0].lambda == pair[1].lambda) {
        let rise = pair[1].objective() - pair[0].objective();
        assert!(rise <= 1e-13 * task.null(), "the objective rose by {rise:e}");
    }
    let last = outcome.solution();
    run::check(task, &last.point, &run::model(last, task.columns.len()));
}

fn run(shards: usize, staleness: u64, scheduling: Scheduling) -> Run {
    let engine = operators::Options { shards, staleness, scheduling, ..Default::default() };
    Run { engine, ..Run::default() }
}

#[test]
fn every_arm_falls_to_the_optimum() {
    for form in FORMS {
        arms_fall(form);
    }
}

fn arms_fall(form: Form) {
    let task = at_share(form.brought(planted(Design::Normal, 40, 70, 0.3, 21)), 0.3);
    let best = task.objective(&task.solve());
    for policy in Policy::ALL {
        for (staleness, scheduling) in
            [(0, Scheduling::Replicated), (1, Scheduling::Central), (3, Scheduling::Replicated)]
        {
            for width in [1, 8, 70] {
                let mut run = run(3, staleness, scheduling).tolerance(1e-6);
                run.storage = form.storage();
                run.options = arm(policy, width, run.options);
                run.options.certify_every = 200;
                let outcome = run::solve(&task, &run);
                falls(&task, &outcome);
                let excess = outcome.solution().point.measure.objective() - best;
                let gap = outcome.solution().point.measure.relative_gap();
                assert!(gap <= 1e-6, "{policy} width {width} staleness {staleness}: gap {gap:e}");
                assert!(excess <= 1.01e-6 * task.null());
            }
        }
    }
}

/// Columns so correlated that steps taken together would overshoot many times over.
#[test]
fn correlated_columns_never_diverge() {
    let plain = planted(Design::Correlated, 40, 96, 0.1, 22);
    let positive = at_share(Task { positive: true, ..plain.clone() }, 0.1);
    let ridge = at_share(Task { l1_ratio: 0.5, standardize: true, ..plain.clone() }, 0.1);
    for task in [plain, positive, ridge] {
        for policy in Policy::ALL {
            for (staleness, width) in [(0, 96), (1, 64), (3, 8), (3, 96)] {
                let mut run = run(4, staleness, Scheduling::Replicated);
                run.options = arm(policy, width, run.options);
                run.options.certify_every = 100;
                run.options.max_rounds = 60;
                falls(&task, &run::solve(&task, &run));
            }
        }
    }
}

#[test]
fn the_working_set_falls_too() {
    for design in [Design::Correlated, Design::Zoo, Design::Sparse] {
        for scheduling in [Scheduling::Replicated, Scheduling::Central] {
            for staleness in [0, 1, 3] {
                let task = planted(design, 30, 60, 0.05, 23);
                let outcome = run::solve(&task, &run(3, staleness, scheduling));
                falls(&task, &outcome);
                assert!(outcome.solution().point.measure.relative_gap() <= 1e-11);
            }
        }
    }
}

/// Equal columns whose equal coefficients reach zero together.
#[test]
fn equal_steps_to_zero_stay_positive() {
    for seed in 0..6 {
        let mut task = planted(Design::Normal, 20, 3, 0.3, seed);
        task.columns = (0..48).map(|j| task.columns[j % 3].clone()).collect();
        let task = at_share(Task { positive: true, ..task }, 0.5);
        let warm = (0..48).map(|j| (j, 0.1 + f64::from(j % 3) / 3.0)).collect();
        let mut run = run(3, 0, Scheduling::Replicated);
        run.warm = Some(warm);
        run.options = arm(Policy::RoundRobin, 48, run.options);
        run.options.max_rounds = 30;
        falls(&task, &run::solve(&task, &run));
    }
}

#[test]
fn a_warm_start_without_a_response_to_explain() {
    let mut task = planted(Design::Normal, 20, 10, 0.1, 2);
    task.response = vec![0.3; 20];
    let mut run = run(2, 0, Scheduling::Replicated).tolerance(1e-9);
    run.warm = Some((0..10).map(|j| (j, 1.0 + f64::from(j))).collect());
    run.options.certify_every = 10;
    let joint = run::solve(&task, &run);
    assert!(joint.solution().coefficients.is_empty(), "{:?}", joint.solution());
    run.options = arm(Policy::RoundRobin, 4, run.options);
    let arms = run::solve(&task, &run);
    assert!(arms.solution().point.measure.relative_gap() <= 1e-9);
}

#[test]
fn rounds_run_out() {
    let task = planted(Design::Correlated, 40, 96, 0.01, 22);
    for limit in [1, 2, 3, 5, 8] {
        for joint in [true, false] {
            let mut run = Run::shards(2);
            if !joint {
                run.options = arm(Policy::Random, 8, run.options);
            }
            run.options.max_rounds = limit;
            let outcome = run::solve(&task, &run);
            falls(&task, &outcome);
            let measure = outcome.solution().point.measure;
            assert!(measure.relative_gap() > 1e-11 || !measure.is_last_stage());
            assert!(outcome.fit.rounds <= limit + 3, "{limit}: {}", outcome.fit.rounds);
        }
    }
}

#[test]
fn schedulers_are_made_from_any_options() {
    let options = arm(Policy::Dynamic, 0, Options::default());
    let _ = scheduler(&options);
}
