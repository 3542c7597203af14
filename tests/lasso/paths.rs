//! Paths, cross-validation, and models that are stored.

use std::sync::Arc;

use strads::models::lasso::{Change, Data, Folds, Lasso, Plan};
use strads::program::Program;

use super::draw::{Design, Draw, dressed, planted};
use super::oracle::Task;
use super::problems::FORMS;
use super::properties::apart;
use super::run::{self, Run, model};

#[test]
fn every_step_of_a_path_is_a_cold_fit() {
    let dressings =
        [(Design::Normal, 0), (Design::Correlated, 8), (Design::Zoo, 2 | 16), (Design::Sparse, 36)];
    for (form, (design, kind)) in FORMS.iter().flat_map(|form| dressings.map(|each| (form, each))) {
        let task = form.brought(planted(design, 35, 50, 0.1, 41));
        let task = dressed(task, kind, 0.1, &mut Draw(7));
        let plan = Plan::Path { count: 6, min_ratio: 0.02 };
        let path = run::plan(&task, &Run { storage: form.storage(), ..Run::shards(2) }, plan);
        assert_eq!(path.fit.solutions.len(), 6);
        for (at, solution) in path.fit.solutions.iter().enumerate() {
            let lambda = task.lambda_max() * 0.02f64.powf(at as f64 / 5.0);
            let measure = solution.point.measure;
            assert!((measure.lambda - lambda).abs() <= 1e-11 * lambda);
            assert_eq!(solution.point.epoch, at as u64);
            let task = Task { lambda: measure.lambda, ..task.clone() };
            let warm = model(solution, task.columns.len());
            run::check(&task, &solution.point, &warm);
            assert!(measure.relative_gap() <= 1e-11);
            let cold = run::certified(&task, &Run { storage: form.storage(), ..Run::default() });
            assert!((task.objective(&warm) - task.objective(&cold)).abs() <= 2e-11 * task.null());
            assert!(apart(&task, &warm, &cold) <= 1e-5);
        }
    }
}

/// The mean squared error of a refit on the rows outside of each fold, by λ.
fn refits(task: &Task, folds: &Folds, lambda: &[f64]) -> Vec<Vec<f64>> {
    let fold = |fold: usize| {
        let weights = folds.weights(fold, task.weights.as_deref());
        let kept = |row: &usize| weights[*row] > 0.0;
        let held = |row: &usize| weights[*row] == 0.0 && task.weight(*row) > 0.0;
        let pick = |v: &[f64]| (0..task.rows()).filter(kept).map(|row| v[row]).collect();
        let train = Task {
            columns: task.columns.iter().map(|x| pick(x)).collect(),
            response: pick(&task.response),
            weights: task.weights.as_ref().map(|w| pick(w)),
            ..task.clone()
        };
        let loss = |&lambda: &f64| {
            let fitted = Task { lambda, ..train.clone() }.solve();
            let residual = task.residual(&fitted);
            let rows: Vec<usize> = (0..task.rows()).filter(held).collect();
            let loss = |&row: &usize| task.weight(row) * residual[row].powi(2);
            let total: f64 = rows.iter().map(|&row| task.weight(row)).sum();
            rows.iter().map(loss).sum::<f64>() / total
        };
        lambda.iter().map(loss).collect()
    };
    (0..folds.count()).map(fold).collect()
}

#[test]
fn cross_validation_is_refitting() {
    for (kind, form) in [0, 2, 1 | 8, 16, 16 | 32 | 2].into_iter().zip(FORMS) {
        let task = form.brought(planted(Design::Normal, 40, 12, 0.1, 43));
        let task = dressed(task, kind, 0.1, &mut Draw(9));
        let folds = Folds::new(40, 4, 5);
        let plan = Plan::CrossValidate { count: 5, min_ratio: 0.01, folds: folds.clone() };
        for threads in [1, 2] {
            let run = Run { threads, storage: form.storage(), ..Run::shards(2) };
            let outcome = run::plan(&task, &run, plan.clone());
            let found = outcome.fit.validation.clone().expect("cross-validation was asked for");
            let losses = refits(&task, &folds, &found.lambda);
            for (at, mean) in found.mean.iter().enumerate() {
                let each: Vec<f64> = losses.iter().map(|fold| fold[at]).collect();
                let expected = each.iter().sum::<f64>() / 4.0;
                let off = (mean - expected).abs();
                assert!(off <= 1e-5 * expected, "kind {kind} λ {at}: {mean} {expected}");
                let square: f64 = each.iter().map(|loss| (loss - expected).powi(2)).sum();
                let error = (square / 3.0 / 4.0).sqrt();
                assert!((found.error[at] - error).abs() <= 1e-4 * error);
            }
            let best = (0..5).min_by(|&a, &b| found.mean[a].total_cmp(&found.mean[b])).unwrap();
            assert_eq!(found.lambda_min, found.lambda[best]);
            assert_eq!(outcome.fit.solutions.len(), 6);
            let last = outcome.solution();
            assert_eq!(last.point.measure.lambda, found.lambda_min);
            let task = Task { lambda: found.lambda_min, ..task.clone() };
            run::check(&task, &last.point, &model(last, 12));
            assert!(last.point.measure.relative_gap() <= 1e-11);
        }
    }
}

/// A program with a task's data, on two shards.
fn program(task: &Task) -> Lasso<u64> {
    let run = Run::shards(2);
    let mut program = Lasso::new(run::options(task, &run), 2, 0..2);
    let problem = run::problem(task, &run);
    let data = Data {
        columns: problem.columns,
        response: problem.response,
        weights: problem.weights,
        factors: problem.factors,
        shards: problem.shards,
    };
    program.ingest(&mut vec![Change::Data(Box::new(data))]);
    program
}

fn published(program: &mut Lasso<u64>) -> Vec<(u32, u64)> {
    let mut changes = Vec::new();
    (0..2).for_each(|shard| program.publish(shard, &mut changes));
    let column = |change: &strads::models::lasso::Coefficient| match change.parameter {
        strads::models::lasso::Parameter::Column(column) => Some((column, change.new.to_bits())),
        strads::models::lasso::Parameter::Intercept => None,
    };
    changes.iter().filter_map(column).collect()
}

#[test]
fn stored_models_come_back_and_damaged_ones_do_not() {
    for standardize in [false, true] {
        let task = Task { standardize, ..planted(Design::Normal, 20, 40, 0.1, 44) };
        let mut draw = Draw(3);
        let warm: Vec<(u32, f64)> = (0..40).step_by(3).map(|j| (j, draw.normal())).collect();
        let mut first = program(&task);
        first.start_from(&Arc::new(warm));
        let data = run::problem(&task, &Run::shards(2));
        first.ingest(&mut vec![Change::Data(Box::new(Data {
            columns: 40,
            response: data.response,
            shards: data.shards,
            ..Data::default()
        }))]);
        let stored: Vec<Vec<u8>> = (0..2)
            .map(|shard| {
                let mut bytes = Vec::new();
                first.snapshot(shard, &mut bytes).unwrap();
                bytes
            })
            .collect();
        let mut second = program(&task);
        for (shard, bytes) in stored.iter().enumerate() {
            second.restore(shard, &mut bytes.as_slice()).unwrap();
        }
        let (before, after) = (published(&mut first), published(&mut second));
        assert_eq!(before.len(), 14);
        assert_eq!(before, after);
        let again: Vec<u8> = {
            let mut bytes = Vec::new();
            second.snapshot(0, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(again, stored[0]);
        for end in 0..stored[0].len() {
            assert!(program(&task).restore(0, &mut &stored[0][..end]).is_err(), "{end}");
        }
        let mut draw = Draw(5);
        for _ in 0..300 {
            let mut bytes = stored[0].clone();
            for _ in 0..1 + draw.below(4) {
                let at = draw.below(bytes.len());
                bytes[at] = draw.bits() as u8;
            }
            let mut other = program(&task);
            if other.restore(0, &mut bytes.as_slice()).is_ok() {
                for (_, value) in published(&mut other) {
                    assert!(f64::from_bits(value).is_finite());
                }
            }
        }
    }
}
