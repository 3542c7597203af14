//! What is no task is refused in one line, before anything is computed.

use std::sync::Arc;

use strads::cluster::Flags;
use strads::models::lasso::{Folds, Lambda, Options, Plan, Problem, Row, RowError, fit};
use strads::shard::ColumnShard;

use super::draw::{Design, planted};
use super::run::{self, Run};

const PLAN: Plan = Plan::One(Lambda::Value(0.1));

/// The line that refuses.
fn refused(change: impl Fn(&mut Problem, &mut Options, &mut Plan)) -> String {
    let task = planted(Design::Normal, 10, 20, 0.1, 1);
    let run = Run::shards(2);
    let (mut problem, mut options) = (run::problem(&task, &run), run::options(&task, &run));
    let mut plan = PLAN;
    change(&mut problem, &mut options, &mut plan);
    let fit = fit(&Flags::thread(), b"", problem, options, run.engine, plan, |_| ());
    let why = fit.expect_err("this is no task").to_string();
    assert!(!why.contains('\n'));
    why
}

#[test]
fn options_out_of_range() {
    for x in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(|_, _, plan| *plan = Plan::One(Lambda::Value(x)));
        let why = refused(|_, _, plan| *plan = Plan::One(Lambda::Ratio(x)));
        assert!(why.starts_with("lambda-ratio: expected "), "{why}");
    }
    for x in [-0.1, 1.1, f64::NAN] {
        let why = refused(|_, options, _| options.l1_ratio = x);
        assert_eq!(why, format!("l1-ratio: expected 0 to 1, found {x}"));
    }
    for x in [-1.0, f64::NAN] {
        refused(|_, options, _| options.tolerance = x);
        refused(|_, options, _| options.max_seconds = Some(x));
    }
    refused(|_, options, _| options.max_rounds = 0);
    refused(|_, options, _| options.certify_every = 0);
    // λ_max is infinite without an l1 part.
    refused(|_, options, plan| {
        options.l1_ratio = 0.0;
        *plan = Plan::One(Lambda::Ratio(0.1));
    });
    refused(|_, options, plan| {
        options.l1_ratio = 0.0;
        *plan = Plan::Path { count: 3, min_ratio: 0.1 };
    });
}

#[test]
fn plans_out_of_range() {
    for min_ratio in [0.0, -1.0, 1.5, f64::NAN] {
        refused(|_, _, plan| *plan = Plan::Path { count: 5, min_ratio });
    }
    refused(|_, _, plan| *plan = Plan::Path { count: 0, min_ratio: 0.1 });
    let folds = |rows, count| {
        let folds = Folds::new(rows, count, 0);
        Plan::CrossValidate { count: 3, min_ratio: 0.1, folds }
    };
    refused(|_, _, plan| *plan = folds(10, 1));
    refused(|_, _, plan| *plan = folds(10, 11));
    refused(|_, _, plan| *plan = folds(9, 3));
}

#[test]
fn data_that_do_not_fit_together() {
    for weights in [vec![1.0; 9], vec![0.0; 10], vec![-1.0; 10], vec![f64::NAN; 10]] {
        refused(|problem, _, _| problem.weights = Some(Arc::new(weights.clone())));
    }
    for factors in [vec![1.0; 19], vec![-1.0; 20], vec![f64::INFINITY; 20]] {
        refused(|problem, _, _| problem.factors = Some(Arc::new(factors.clone())));
    }
    refused(|problem, _, _| problem.response = Arc::new(vec![1.0; 11]));
    refused(|problem, _, _| problem.response = Arc::new(vec![f64::NAN; 10]));
    refused(|problem, _, _| problem.columns = 21);
    refused(|problem, _, _| problem.shards[1].1 = ColumnShard::new(10));
    refused(|problem, _, _| problem.shards[1].0 = 2);
    refused(|problem, _, _| problem.shards[1].0 = 0);
    refused(|problem, _, _| problem.warm = Some(Arc::new(vec![(3, f64::NAN)])));
    refused(|problem, _, _| problem.warm = Some(Arc::new(vec![(20, 1.0)])));
}

#[test]
fn rows_of_numbers_only() {
    assert!(matches!(Row::new(f64::NAN, vec![]), Err(RowError::Response(_))));
    assert!(matches!(Row::new(f64::INFINITY, vec![]), Err(RowError::Response(_))));
    assert!(matches!(Row::new(0.0, vec![(4, f64::NAN)]), Err(RowError::Value(4, _))));
    assert!(matches!(Row::new(0.0, vec![(4, f64::NEG_INFINITY)]), Err(RowError::Value(4, _))));
    assert_eq!(Row::new(0.0, vec![(4, 1.0), (2, 1.0), (4, 1.0)]), Err(RowError::Twice(4)));
    let most = Row::MOST_COLUMNS;
    assert_eq!(Row::new(0.0, vec![(most, 1.0), (2, 1.0)]), Err(RowError::Beyond(most)));
    assert!(Row::new(0.0, vec![(most - 1, 1.0)]).is_ok());
    let row = Row::new(-0.0, vec![(9, 1.5), (2, -0.0), (3, 2.0)]).unwrap();
    assert_eq!(row.entries().collect::<Vec<_>>(), [(3, 2.0), (9, 1.5)]);
    assert_eq!(row, Row::new(0.0, vec![(3, 2.0), (9, 1.5)]).unwrap());
}
