//! Whether a batch task makes sense, before anything is computed.

use std::collections::BTreeSet;
use std::ops::Range;

use super::fit::{Plan, Problem};
use super::options::{Lambda, Options};
use super::stored::Stored;
use crate::cluster::Flags;
use crate::operators;

/// Checks options, plan and this process's data.
///
/// # Errors
/// One line that says what was expected and what was found.
pub(super) fn all<S: Stored>(
    flags: &Flags,
    problem: &Problem<S>,
    options: &Options,
    engine: operators::Options,
    plan: &Plan,
) -> Result<(), String> {
    let rows = problem.response.len();
    self::plan(plan, rows)?;
    Options { lambda: lambda(plan), ..options.clone() }.check()?;
    S::check(options, problem.columns)?;
    numbers(problem)?;
    let placement = engine.placement(flags.workers());
    let first = flags.process.saturating_mul(flags.threads);
    let last = flags.threads.saturating_sub(1).saturating_add(first);
    let local = placement.local(first).start..placement.local(last).end;
    shards(problem, placement.shards(), local)
}

/// The λ that stands for all of a plan's.
fn lambda(plan: &Plan) -> Lambda {
    match plan {
        Plan::One(lambda) => *lambda,
        Plan::Path { min_ratio, .. } | Plan::CrossValidate { min_ratio, .. } => {
            Lambda::Ratio(*min_ratio)
        }
    }
}

fn plan(plan: &Plan, rows: usize) -> Result<(), String> {
    let (count, min_ratio, folds) = match plan {
        Plan::One(_) => return Ok(()),
        Plan::Path { count, min_ratio } => (*count, *min_ratio, None),
        Plan::CrossValidate { count, min_ratio, folds } => (*count, *min_ratio, Some(folds)),
    };
    if count == 0 {
        return Err("path: expected at least one lambda, found 0".to_owned());
    }
    if !(min_ratio > 0.0 && min_ratio <= 1.0) {
        return Err(format!(
            "lambda-min-ratio: expected more than 0, at most 1, found {min_ratio}"
        ));
    }
    let Some(folds) = folds else { return Ok(()) };
    if folds.rows() != rows {
        return Err(format!("folds: expected one for each of {rows} rows, found {}", folds.rows()));
    }
    if !(2..=rows).contains(&folds.count()) {
        return Err(format!("cv: expected 2 to {rows} folds, found {}", folds.count()));
    }
    Ok(())
}

fn numbers<S>(problem: &Problem<S>) -> Result<(), String> {
    let (rows, columns) = (problem.response.len(), problem.columns);
    if let Some(y) = problem.response.iter().find(|y| !y.is_finite()) {
        return Err(format!("response: expected finite numbers, found {y}"));
    }
    if let Some(weights) = &problem.weights {
        not_negative("weights", weights, rows)?;
        let total = weights.iter().sum::<f64>();
        if rows > 0 && !(total > 0.0 && total.is_finite()) {
            return Err(format!("weights: expected a positive, finite sum, found {total}"));
        }
    }
    if let Some(factors) = &problem.factors {
        not_negative("penalty factors", factors, columns)?;
    }
    let warm = problem.warm.iter().flat_map(|warm| warm.iter());
    match warm.into_iter().find(|(key, b)| *key as usize >= columns || !b.is_finite()) {
        Some((key, value)) => Err(format!(
            "warm start: expected finite coefficients of {columns} columns, found {value} of column {key}"
        )),
        None => Ok(()),
    }
}

fn not_negative(name: &str, values: &[f64], count: usize) -> Result<(), String> {
    if values.len() != count {
        return Err(format!("{name}: expected {count}, found {}", values.len()));
    }
    match values.iter().find(|x| !(x.is_finite() && **x >= 0.0)) {
        Some(x) => Err(format!("{name}: expected finite numbers, none negative, found {x}")),
        None => Ok(()),
    }
}

/// Every shard of this process is there, once, with its columns.
fn shards<S: Stored>(
    problem: &Problem<S>,
    count: usize,
    local: Range<usize>,
) -> Result<(), String> {
    let shape = |shard: usize| S::shape_of(shard, count, problem.response.len(), problem.columns);
    let is_some = |shard: &usize| shape(*shard).0 > 0 && shape(*shard).1 > 0;
    let mut missing: BTreeSet<usize> = local.clone().filter(is_some).collect();
    let mut seen = BTreeSet::new();
    for (shard, part) in &problem.shards {
        if !local.contains(shard) || !seen.insert(*shard) {
            let (start, end) = (local.start, local.end);
            return Err(format!("shards: expected {start}..{end}, each once, found {shard}"));
        }
        missing.remove(shard);
        let (expected, found) = (shape(*shard), part.shape());
        if found != expected {
            return Err(format!(
                "shard {shard}: expected (rows, columns) {expected:?}, found {found:?}"
            ));
        }
    }
    match missing.first() {
        Some(shard) => Err(format!("shards: expected shard {shard}, found none")),
        None => Ok(()),
    }
}
