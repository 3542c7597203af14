//! Data at the edges.

use strads::models::lasso::{Lambda, Plan};

use super::draw::{Design, Draw, at_share, planted};
use super::oracle::{Model, Task, task};
use super::run::{self, Run, Storage, plan};

const STORAGES: [Storage; 3] = [Storage::Dense, Storage::Sparse, Storage::Mixed];

#[test]
fn columns_that_do_not_vary_get_nothing() {
    let mut task = planted(Design::Normal, 20, 6, 0.01, 1);
    task.columns[1] = vec![0.0; 20];
    task.columns[2] = vec![0.1; 20];
    task.columns[4] = vec![-1e9; 20];
    for standardize in [false, true] {
        for storage in STORAGES {
            let task = Task { standardize, ..task.clone() };
            let model = run::certified(&task, &Run { storage, ..Run::shards(2) });
            assert_eq!([1, 2, 4].map(|j| model.coefficients[j]), [0.0; 3]);
            assert!(model.coefficients[0] != 0.0);
        }
    }
    // Without an intercept a constant column is as good as any.
    let task = Task { intercept: false, ..task };
    let model = run::certified(&task, &Run::default());
    assert!(model.coefficients[4] != 0.0 || model.coefficients[2] != 0.0);
}

#[test]
fn constant_on_the_rows_that_count() {
    let mut task = planted(Design::Normal, 20, 4, 0.01, 1);
    let mut weights = vec![1.0; 20];
    weights[7] = 0.0;
    task.columns[2] = vec![0.3; 20];
    task.columns[2][7] = 5.0;
    task.weights = Some(weights);
    for storage in STORAGES {
        let model = run::certified(&task, &Run { storage, ..Run::default() });
        assert_eq!(model.coefficients[2], 0.0);
    }
}

#[test]
fn constant_under_uneven_weights() {
    for seed in 0..20 {
        let mut draw = Draw(seed);
        let mut task = planted(Design::Normal, 31, 4, 0.1, seed);
        task.columns[2] = vec![0.85 + draw.unit(); 31];
        task.weights = Some((0..31).map(|_| 0.2 + 2.0 * draw.unit()).collect());
        task.factors = Some(vec![1.0, 0.0, 0.0, 1.0]);
        let task = at_share(task, 0.1);
        for storage in STORAGES {
            let model = run::certified(&task, &Run { storage, ..Run::shards(2) });
            assert_eq!(model.coefficients[2], 0.0, "{storage:?}");
        }
    }
}

#[test]
fn one_row() {
    for intercept in [true, false] {
        let task = Task { intercept, ..task(vec![vec![2.0], vec![-1.0]], vec![3.0], 0.1) };
        let model = run::certified(&task, &Run::shards(2));
        if intercept {
            assert_eq!(model, Model { intercept: 3.0, coefficients: vec![0.0; 2] });
        } else {
            assert!((model.coefficients[0] - (6.0 - 0.1) / 4.0).abs() < 1e-9);
        }
    }
}

#[test]
fn one_column() {
    let task = task(vec![vec![1.0, 2.0, 3.0, 4.0]], vec![2.0, 4.0, 6.0, 8.0], 0.25);
    let model = run::certified(&task, &Run::default());
    // Variance 1.25, covariance 2.5.
    assert!((model.coefficients[0] - (2.5 - 0.25) / 1.25).abs() < 1e-9);
}

#[test]
fn no_columns_and_no_rows() {
    for shards in [1, 3] {
        let model = run::certified(&task(vec![], vec![1.0, 2.0, 6.0], 0.5), &Run::shards(shards));
        assert_eq!(model, Model { intercept: 3.0, coefficients: vec![] });
        let model = run::certified(&task(vec![vec![]; 3], vec![], 0.5), &Run::shards(shards));
        assert_eq!(model, Model { intercept: 0.0, coefficients: vec![0.0; 3] });
    }
    let by_ratio = Plan::One(Lambda::Ratio(0.1));
    let outcome = plan(&task(vec![], vec![1.0, 2.0], 0.5), &Run::default(), by_ratio);
    assert_eq!(outcome.solution().intercept, 1.5);
}

#[test]
fn more_columns_than_rows() {
    for design in [Design::Normal, Design::Correlated, Design::Sparse] {
        let task = planted(design, 12, 150, 0.01, 3);
        let best = task.objective(&task.solve());
        let model = run::certified(&task, &Run::shards(3));
        assert!(task.objective(&model) - best <= 2e-11 * task.null());
    }
}

#[test]
fn repeated_columns_share() {
    let mut task = planted(Design::Normal, 25, 5, 0.05, 9);
    let once = run::certified(&task, &Run::default());
    let alone = task.objective(&once);
    for j in 0..5 {
        task.columns.push(task.columns[j].clone());
    }
    for shards in [1, 2] {
        let model = run::certified(&task, &Run::shards(shards));
        assert!((task.objective(&model) - alone).abs() <= 2e-11 * task.null());
        for j in 0..5 {
            let sum = model.coefficients[j] + model.coefficients[j + 5];
            assert!((sum - once.coefficients[j]).abs() < 1e-5);
        }
    }
}

#[test]
fn strong_penalties_leave_exactly_nothing() {
    for (design, standardize) in [(Design::Normal, false), (Design::Zoo, true)] {
        for l1_ratio in [1.0, 0.3] {
            let task = planted(design, 30, 20, 1.0, 4);
            let task = at_share(Task { standardize, l1_ratio, ..task }, 1.0);
            for share in [1.0, 1.0 + 1e-12, 2.0, 1e6] {
                let plan = Plan::One(Lambda::Ratio(share));
                let outcome = run::plan(&task, &Run::shards(2), plan);
                let point = outcome.solution().point;
                assert!(outcome.solution().coefficients.is_empty(), "{share}");
                assert!(
                    (point.measure.lambda - share * task.lambda).abs()
                        <= 1e-12 * share * task.lambda
                );
            }
        }
    }
}

#[test]
fn a_constant_response() {
    for y in [0.0, 0.1, 7.3, -1e9] {
        let columns = planted(Design::Normal, 30, 10, 0.1, 6).columns;
        let flat = task(columns, vec![y; 30], 0.5);
        for (standardize, positive) in [(false, false), (true, true)] {
            let flat = Task { standardize, positive, ..flat.clone() };
            for lambda in [Lambda::Ratio(0.1), Lambda::Value(1e-3)] {
                let outcome = plan(&flat, &Run::shards(2), Plan::One(lambda));
                let solution = outcome.solution();
                assert!(solution.coefficients.is_empty(), "{y} {lambda:?} {solution:?}");
                assert_eq!(solution.intercept, y);
                assert_eq!(solution.point.measure.gap(), 0.0);
            }
        }
    }
}

#[test]
fn huge_and_tiny_scales() {
    for (x, y) in
        [(1e12, 1.0), (1e-12, 1.0), (1.0, 1e12), (1.0, 1e-12), (1e12, 1e12), (1e-12, 1e-12)]
    {
        for standardize in [false, true] {
            let mut task = planted(Design::Correlated, 25, 12, 0.05, 8);
            task.columns.iter_mut().flatten().for_each(|value| *value *= x);
            task.response.iter_mut().for_each(|value| *value *= y);
            let task = at_share(Task { standardize, ..task }, 0.05);
            let best = task.objective(&task.solve());
            let model = run::certified(&task, &Run::shards(2).tolerance(1e-10));
            assert!(task.objective(&model) - best <= 2e-10 * task.null());
        }
    }
}

#[test]
fn columns_of_very_different_scales() {
    let mut task = planted(Design::Normal, 30, 12, 0.05, 8);
    for (j, column) in task.columns.iter_mut().enumerate() {
        column.iter_mut().for_each(|value| *value *= 10f64.powi(2 * (j as i32 - 6)));
    }
    for standardize in [false, true] {
        let task = at_share(Task { standardize, ..task.clone() }, 0.05);
        let best = task.objective(&task.solve());
        let model = run::certified(&task, &Run::shards(2).tolerance(1e-10));
        assert!(task.objective(&model) - best <= 2e-10 * task.null());
    }
}

#[test]
fn an_offset_only_moves_the_intercept() {
    let task = planted(Design::Normal, 40, 10, 0.1, 12);
    let plain = run::certified(&task, &Run::default());
    let mut moved = task.clone();
    moved.columns[2].iter_mut().for_each(|x| *x += 1e6);
    moved.response.iter_mut().for_each(|y| *y += 1e4);
    for storage in STORAGES {
        let outcome = run::solve(&moved, &Run { storage, ..Run::default() });
        let model = outcome.model(10);
        for j in 0..10 {
            let off = (model.coefficients[j] - plain.coefficients[j]).abs();
            assert!(off < 1e-6, "{storage:?} coefficient {j} off by {off:e}");
        }
        let gap = outcome.solution().point.measure.relative_gap();
        assert!(gap <= 1e-10, "{storage:?} gap {gap:e}");
    }
}

/// Their sum is decided by the response, their difference by nothing.
#[test]
fn repeated_columns_without_a_penalty() {
    for seed in 0..20 {
        let mut task = planted(Design::Normal, 24, 8, 0.1, seed);
        task.columns[5] = task.columns[1].clone();
        task.columns[6] = task.columns[1].iter().map(|x| 3.0 * x).collect();
        task.factors = Some(vec![1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        for storage in STORAGES {
            for share in [0.1, 1.5] {
                let task = at_share(task.clone(), share);
                let model = run::certified(&task, &Run { storage, ..Run::shards(2) });
                let largest = model.coefficients.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                assert!(largest < 1e3, "{model:?}");
            }
        }
    }
}

/// A penalised copy of an unpenalised column pulls with what rounding leaves, and nothing else does.
#[test]
fn nothing_is_left_to_pull() {
    for seed in 0..10 {
        let mut task = planted(Design::Normal, 25, 3, 0.1, seed);
        task.columns[2] = task.columns[0].iter().map(|x| 3.0 * x).collect();
        task.columns[1] = task.columns[0].clone();
        task.factors = Some(vec![0.0, 1.0, 0.7]);
        let outcome = plan(&task, &Run::shards(2), Plan::One(Lambda::Ratio(0.1)));
        let solution = outcome.solution();
        assert!(outcome.fit.converged, "{:?}", solution.point);
        assert_eq!(solution.coefficients.len(), 1);
        assert_eq!(solution.point.measure.lambda_max, 0.0);
    }
}
