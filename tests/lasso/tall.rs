//! Tall data in row form: against the oracle, the column form and references, on every layout.

use std::sync::{Arc, Mutex};

use strads::cluster::Flags;
use strads::models::lasso::{Folds, Lambda, Options, Plan, Problem, fit};
use strads::operators::{self, Scheduling};
use strads::shard::{BLOCK, ColumnShard, RowShard};

use super::draw::{DESIGNS, Design, Draw, dressed, planted};
use super::oracle::Task;
use super::run::{self, Outcome, Run, Storage};

/// The task's rows, dealt to shards.
fn problem(task: &Task, run: &Run) -> Problem<RowShard> {
    let whole = run::shards_of(&task.columns, task.rows(), 1, run.storage);
    let whole = whole.into_iter().next().map_or(ColumnShard::default(), |(_, whole)| whole);
    let shards = run.engine.placement(run.threads).shards();
    Problem {
        columns: task.columns.len(),
        response: Arc::new(task.response.clone()),
        weights: task.weights.clone().map(Arc::new),
        factors: task.factors.clone().map(Arc::new),
        shards: RowShard::deal(&whole, shards, 0..shards),
        warm: run.warm.clone().map(Arc::new),
    }
}

fn plan(task: &Task, run: &Run, plan: Plan) -> Outcome {
    let points = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&points);
    let fit = fit(
        &Flags::threads(run.threads),
        b"",
        problem(task, run),
        run::options(task, run),
        run.engine,
        plan,
        move |point| to.lock().unwrap().push(*point),
    );
    let points = points.lock().unwrap().clone();
    Outcome { fit: fit.expect("a task that can be fitted"), points }
}

/// Fits, and checks everything that must hold of any fit that converged.
fn certified(task: &Task, run: &Run) -> Outcome {
    let outcome = plan(task, run, Plan::One(Lambda::Value(task.lambda)));
    let model = outcome.model(task.columns.len());
    run::check(task, &outcome.solution().point, &model);
    let measure = outcome.solution().point.measure;
    assert!(measure.relative_gap() <= run.options.tolerance, "relative gap {measure:?}");
    outcome
}

#[test]
fn random_tasks_are_solved_to_the_gap_of_their_data() {
    let mut draw = Draw(77);
    for seed in 0..120u32 {
        let design = DESIGNS[seed as usize % DESIGNS.len()];
        let (rows, count) = (20 + draw.below(300), 1 + draw.below(40));
        let share = [0.7, 0.1, 0.01, 0.001][draw.below(4)];
        let task = planted(design, rows, count, share, u64::from(seed));
        let task = dressed(task, seed / 5, share, &mut draw);
        let storage = [Storage::Dense, Storage::Sparse, Storage::Mixed][draw.below(3)];
        let run = Run { storage, ..Run::shards(1 + draw.below(3)) }.tolerance(1e-10);
        certified(&task, &run);
    }
}

#[test]
fn more_columns_than_rows_and_columns_twice_are_no_trouble() {
    for seed in 0..10 {
        let task = planted(Design::Zoo, 30, 90, 0.02, seed);
        certified(&task, &Run::shards(2).tolerance(1e-9));
    }
}

#[test]
fn means_that_are_large_against_the_spread_do_no_harm() {
    let mut task = planted(Design::Normal, 500, 6, 0.05, 3);
    for (column, offset) in task.columns.iter_mut().zip([1e6, -1e7, 0.0, 3e5, 1.0, 1e8]) {
        column.iter_mut().for_each(|value| *value += offset);
    }
    task.response.iter_mut().for_each(|y| *y += 1e6);
    let outcome =
        plan(&task, &Run::shards(2).tolerance(1e-9), Plan::One(Lambda::Value(task.lambda)));
    assert!(outcome.solution().point.measure.relative_gap() <= 1e-9);
}

#[test]
fn several_blocks_agree_with_the_column_form() {
    let rows = 3 * BLOCK + 100;
    for kind in [0, 16 + 32, 1 + 2 + 8] {
        let mut draw = Draw(5);
        let task = dressed(planted(Design::Correlated, rows, 12, 0.02, 9), kind, 0.02, &mut draw);
        let run = Run::shards(3).tolerance(1e-10);
        let outcome = certified(&task, &run);
        let (found, expected) = (outcome.model(12), run::certified(&task, &run));
        for (found, expected) in found.coefficients.iter().zip(&expected.coefficients) {
            assert!((found - expected).abs() <= 1e-4 * expected.abs().max(0.1));
        }
    }
}

/// Everything of an outcome, bit by bit.
fn bits(outcome: &Outcome) -> Vec<u64> {
    let mut bits = vec![outcome.fit.rounds, outcome.points.len() as u64];
    for solution in &outcome.fit.solutions {
        let measure = solution.point.measure;
        let numbers = [solution.intercept, measure.objective(), measure.dual_objective()];
        bits.extend(numbers.map(f64::to_bits));
        for (column, value) in &solution.coefficients {
            bits.extend([u64::from(*column), value.to_bits()]);
        }
    }
    bits
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    let task = planted(Design::Zoo, 5 * BLOCK + 7, 20, 0.02, 21);
    let solve = |threads, scheduling| {
        let engine = operators::Options { shards: 4, scheduling, ..Default::default() };
        let run = Run { threads, engine, ..Run::default() }.tolerance(1e-8);
        bits(&plan(&task, &run, Plan::Path { count: 4, min_ratio: 0.01 }))
    };
    let one = solve(1, Scheduling::Replicated);
    assert_eq!(one, solve(2, Scheduling::Replicated));
    assert_eq!(one, solve(5, Scheduling::Central));
}

#[test]
fn paths_and_folds_are_those_of_the_column_form() {
    for kind in [0, 2, 1, 32] {
        let mut draw = Draw(11);
        let task = dressed(planted(Design::Correlated, 400, 9, 0.1, 4), kind, 0.1, &mut draw);
        let run = Run::shards(2).tolerance(1e-9);
        for folds in [None, Some(Folds::new(400, 5, 1))] {
            let (count, min_ratio) = (8, 0.01);
            let asked = || match &folds {
                None => Plan::Path { count, min_ratio },
                Some(folds) => Plan::CrossValidate { count, min_ratio, folds: folds.clone() },
            };
            let (rows, columns) = (plan(&task, &run, asked()), run::plan(&task, &run, asked()));
            assert_eq!(rows.fit.solutions.len(), columns.fit.solutions.len());
            for (rows, columns) in rows.fit.solutions.iter().zip(&columns.fit.solutions) {
                run::check(&task, &rows.point, &run::model(rows, 9));
                let (left, right) = (rows.point.measure, columns.point.measure);
                assert!((left.lambda - right.lambda).abs() <= 1e-9 * right.lambda);
                assert!((left.objective() - right.objective()).abs() <= 2e-9 * task.null());
            }
            let (rows, columns) = (rows.fit.validation, columns.fit.validation);
            assert_eq!(rows.is_some(), folds.is_some());
            for (left, right) in rows.iter().zip(&columns) {
                assert!((left.lambda_min - right.lambda_min).abs() <= 1e-9 * right.lambda_min);
                for (left, right) in left.mean.iter().zip(&right.mean) {
                    assert!((left - right).abs() <= 1e-4 * right, "{left} {right}");
                }
            }
        }
    }
}

#[test]
fn a_warm_start_at_the_solution_stays() {
    let task = planted(Design::Normal, 300, 10, 0.05, 8);
    let run = Run::shards(2).tolerance(1e-9);
    let first = certified(&task, &run);
    let warm = Some(first.solution().coefficients.clone());
    let second = certified(&task, &Run { warm, ..run });
    assert_eq!(second.solution().coefficients, first.solution().coefficients);
    assert_eq!(second.solution().point.measure.updates, 0);
}

#[test]
fn what_row_shards_cannot_do_is_refused() {
    let task = planted(Design::Normal, 50, 4, 0.1, 1);
    let policy = strads::scheduler::Policy::Random;
    let scheduler = strads::models::lasso::Scheduler::Coordinates(policy, Default::default());
    let options = Options { scheduler, ..Options::default() };
    let run = Run { options, ..Run::default() };
    let refused = fit(
        &Flags::thread(),
        b"",
        problem(&task, &run),
        run.options.clone(),
        run.engine,
        Plan::One(Lambda::Value(1.0)),
        |_| (),
    );
    assert!(refused.unwrap_err().to_string().contains("working-set"));
}
