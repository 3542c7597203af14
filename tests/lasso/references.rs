//! Against optima that other programs found and that were verified by optimality conditions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use strads::cluster::Flags;
use strads::formats::{ReadOptions, read};
use strads::models::lasso::{Lambda, Options, Plan, Problem, Solution, Stored, fit};
use strads::operators;
use strads::shard::{ColumnShard, RowShard};

use super::oracle::{Task, task};
use super::run::{self, Run, Storage};

#[derive(Deserialize)]
struct Reference {
    data: PathBuf,
    rows: usize,
    columns: usize,
    #[serde(default)]
    weights: Vec<f64>,
    #[serde(default)]
    penalty_factors: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    l1_ratio: f64,
    intercept_fitted: bool,
    standardize: bool,
    positive: bool,
    weighted: bool,
    factors: bool,
    lambda_max: f64,
    lambda_ratio: f64,
    lambda: f64,
    null_objective: f64,
    objective: f64,
    intercept: f64,
    support: Vec<u32>,
    coefficients: Vec<f64>,
    unique: bool,
    ties: Vec<u32>,
}

fn file(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn reference(name: &str) -> Reference {
    let text = std::fs::read_to_string(file("tests/reference").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn data(reference: &Reference, target: Option<&str>, shards: usize) -> Problem {
    let options = ReadOptions {
        target: target.map(String::from),
        shards,
        keep: 0..shards,
        ..ReadOptions::default()
    };
    let table = read(&file(&reference.data), &options, &()).unwrap();
    assert_eq!((table.rows, table.columns), (reference.rows, reference.columns));
    Problem {
        columns: table.columns,
        response: Arc::new(table.response),
        shards: table.shards,
        ..Problem::default()
    }
}

/// The problem by rows.
fn by_rows(problem: Problem, shards: usize) -> Problem<RowShard> {
    let rows = RowShard::deal(&problem.shards[0].1, shards, 0..shards);
    problem.with_shards(rows)
}

/// The problem with every column stored sparsely, or densely in the form that suits it.
fn stored(mut problem: Problem, sparsely: bool) -> Problem {
    for (_, shard) in &mut problem.shards {
        let mut other = ColumnShard::new(shard.rows());
        for column in 0..shard.len() {
            let values: Vec<f64> = (0..shard.rows()).map(|row| shard.value(column, row)).collect();
            let entries = values.iter().enumerate().filter(|(_, value)| **value != 0.0);
            let (rows, some): (Vec<u32>, Vec<f64>) =
                entries.map(|(row, value)| (row as u32, *value)).unzip();
            match sparsely {
                true => other.push_sparse(&rows, &some),
                false => other.push_dense(&values),
            }
        }
        *shard = other;
    }
    problem
}

/// A solution is the case's.
fn compare(case: &Case, solution: &Solution) {
    let (name, measure) = (&case.name, &solution.point.measure);
    let close = |what: &str, found: f64, expected: f64, scale: f64| {
        let off = (found - expected).abs();
        assert!(off <= scale, "{name}: {what} {found:e}, expected {expected:e}, off by {off:e}");
    };
    close("objective", measure.objective(), case.objective, 1e-9 * case.objective);
    assert!(measure.relative_gap() <= 2e-11, "{name}: gap {:e}", measure.relative_gap());
    close("intercept", solution.intercept, case.intercept, 1e-5 * case.intercept.abs().max(1.0));
    let found: Vec<u32> = solution.coefficients.iter().map(|(column, _)| *column).collect();
    if case.unique {
        let decided = |support: &[u32]| -> Vec<u32> {
            support.iter().copied().filter(|column| !case.ties.contains(column)).collect()
        };
        assert_eq!(decided(&found), decided(&case.support), "{name}: support");
        let largest = case.coefficients.iter().fold(0.0f64, |all, value| all.max(value.abs()));
        for (&column, &expected) in case.support.iter().zip(&case.coefficients) {
            let found = solution.coefficients.iter().find(|(key, _)| *key == column);
            let found = found.map_or(0.0, |(_, value)| *value);
            close(&format!("coefficient {column}"), found, expected, 1e-5 * largest);
        }
    } else {
        let known = |column: &u32| case.support.contains(column) || case.ties.contains(column);
        assert!(found.iter().all(known), "{name}: support");
    }
}

fn fit_case<S: Stored>(
    case: &Case,
    mut problem: Problem<S>,
    reference: &Reference,
    shards: usize,
) -> Solution {
    if case.weighted {
        problem.weights = Some(Arc::new(reference.weights.clone()));
    }
    if case.factors {
        problem.factors = Some(Arc::new(reference.penalty_factors.clone()));
    }
    let options = Options {
        l1_ratio: case.l1_ratio,
        intercept: case.intercept_fitted,
        standardize: case.standardize,
        positive: case.positive,
        tolerance: 1e-11,
        ..Options::default()
    };
    let engine = operators::Options { shards, ..Default::default() };
    let plan = Plan::One(Lambda::Ratio(case.lambda_ratio));
    let fit = fit(&Flags::threads(shards.min(2)), b"", problem, options, engine, plan, |_| ());
    let solution = fit.unwrap().solutions.remove(0);
    let measure = solution.point.measure;
    let off = (measure.lambda_max - case.lambda_max).abs();
    assert!(off <= 1e-12 * case.lambda_max, "{}: λ_max off by {off:e}", case.name);
    assert!((measure.lambda - case.lambda).abs() <= 1e-12 * case.lambda);
    assert_eq!(measure.lambda, measure.target);
    solution
}

/// The task of a case on the diabetes data, for the oracle.
fn diabetes(reference: &Reference, case: &Case) -> Task {
    let problem = data(reference, Some("progression"), 1);
    let shard = &problem.shards[0].1;
    let column = |j: usize| (0..reference.rows).map(|row| shard.value(j, row)).collect();
    Task {
        weights: case.weighted.then(|| reference.weights.clone()),
        factors: case.factors.then(|| reference.penalty_factors.clone()),
        l1_ratio: case.l1_ratio,
        intercept: case.intercept_fitted,
        standardize: case.standardize,
        positive: case.positive,
        ..task((0..10).map(column).collect(), problem.response.to_vec(), case.lambda)
    }
}

#[test]
fn the_oracle_agrees_with_the_references() {
    let reference = reference("lasso_diabetes.json");
    for case in &reference.cases {
        let task = diabetes(&reference, case);
        let close = |found: f64, expected: f64, what: &str| {
            let off = (found - expected).abs();
            assert!(off <= 1e-11 * expected, "{}: {what} {found:e} {expected:e}", case.name);
        };
        close(task.lambda_max(), case.lambda_max, "λ_max");
        close(task.null(), case.null_objective, "null objective");
        let mut model =
            super::oracle::Model { intercept: case.intercept, coefficients: vec![0.0; 10] };
        for (&column, &value) in case.support.iter().zip(&case.coefficients) {
            model.coefficients[column as usize] = value;
        }
        close(task.objective(&model), case.objective, "objective");
        assert!(task.gap(&model).abs() <= 1e-12 * case.null_objective, "{}", case.name);
    }
}

#[test]
fn diabetes_in_every_manner() {
    let reference = reference("lasso_diabetes.json");
    for case in &reference.cases {
        for shards in [1, 2] {
            let problem = data(&reference, Some("progression"), shards);
            compare(case, &fit_case(case, problem, &reference, shards));
            let whole = data(&reference, Some("progression"), 1);
            compare(case, &fit_case(case, by_rows(whole, shards), &reference, shards));
        }
        let task = diabetes(&reference, case);
        run::certified(&task, &Run { storage: Storage::Sparse, ..Run::default() });
    }
}

#[test]
fn diabetes_along_a_path() {
    let reference = reference("lasso_diabetes_path.json");
    let problem = data(&reference, Some("progression"), 1);
    let options = Options { tolerance: 1e-11, ..Options::default() };
    let engine = operators::Options { shards: 1, ..Default::default() };
    let plan = Plan::Path { count: reference.cases.len(), min_ratio: 0.01 };
    let fit = fit(&Flags::thread(), b"", problem, options, engine, plan, |_| ()).unwrap();
    assert_eq!(fit.solutions.len(), reference.cases.len());
    for (case, solution) in reference.cases.iter().zip(&fit.solutions) {
        compare(case, solution);
        let cold = fit_case(case, data(&reference, Some("progression"), 1), &reference, 1);
        compare(case, &cold);
    }
}

#[test]
fn diabetes_along_a_path_by_rows() {
    let reference = reference("lasso_diabetes_path.json");
    let problem = by_rows(data(&reference, Some("progression"), 1), 2);
    let options = Options { tolerance: 1e-11, ..Options::default() };
    let engine = operators::Options { shards: 2, ..Default::default() };
    let plan = Plan::Path { count: reference.cases.len(), min_ratio: 0.01 };
    let fit = fit(&Flags::threads(2), b"", problem, options, engine, plan, |_| ()).unwrap();
    for (case, solution) in reference.cases.iter().zip(&fit.solutions) {
        compare(case, solution);
    }
}

#[test]
fn texts() {
    let reference = reference("lasso_texts.json");
    for (at, case) in reference.cases.iter().enumerate() {
        let shards = 1 + at % 3;
        let problem = data(&reference, None, shards);
        compare(case, &fit_case(case, stored(problem.clone(), false), &reference, shards));
        compare(case, &fit_case(case, problem, &reference, shards));
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn mice() {
    let reference = reference("lasso_mouse.json");
    for case in &reference.cases {
        let problem = data(&reference, None, 2);
        compare(case, &fit_case(case, stored(problem.clone(), true), &reference, 2));
        compare(case, &fit_case(case, problem, &reference, 2));
    }
}
