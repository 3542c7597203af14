//! What must hold of every fit, on random tasks of every kind.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::draw::{DESIGNS, Design, Draw, dressed, planted};
use super::oracle::{Model, Task};
use super::problems::FORMS;
use super::run::{self, Run, Storage};

/// The same cases on every run.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_261_122),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn tasks() -> impl Strategy<Value = Task> {
    let share = prop_oneof![Just(1.5), Just(0.5), Just(0.1), Just(0.02)];
    let shape = (0..DESIGNS.len(), 1..40usize, 1..40usize, 0..FORMS.len());
    (shape, share, 0..64u32, any::<u64>()).prop_map(|(shape, share, kind, seed)| {
        let (design, rows, count, form) = shape;
        let task = FORMS[form].brought(planted(DESIGNS[design], rows, count, share, seed));
        dressed(task, kind, share, &mut Draw(seed ^ 1))
    })
}

fn storages() -> impl Strategy<Value = Storage> {
    prop_oneof![Just(Storage::Dense), Just(Storage::Sparse), Just(Storage::Mixed)]
}

/// The largest difference of the fitted values, over the spread of the response.
pub fn apart(task: &Task, a: &Model, b: &Model) -> f64 {
    let pairs = task.residual(a).into_iter().zip(task.residual(b)).enumerate();
    let square: f64 = pairs.map(|(row, (a, b))| task.weight(row) * (a - b).powi(2)).sum::<f64>();
    let total: f64 = (0..task.rows()).map(|row| task.weight(row)).sum();
    (square / total / task.null().max(f64::MIN_POSITIVE)).sqrt()
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn a_fit_is_the_oracles(
        task in tasks(),
        storage in storages(),
        shards in 1..4usize,
        screening: bool,
    ) {
        let mut run = Run { storage, ..Run::shards(shards) };
        run.options.screening = screening;
        let best = task.objective(&task.solve());
        let found = run::certified(&task, &run);
        let excess = task.objective(&found) - best;
        prop_assert!(excess <= 2e-11 * task.null(), "excess {excess:e} of {:e}", task.null());
    }

    #[test]
    fn the_gap_bounds_what_is_missing_all_along(
        task in tasks(),
        shards in 1..4usize,
        screening: bool,
        tolerance in prop_oneof![Just(1e-2), Just(1e-5)],
    ) {
        let mut run = Run::shards(shards).tolerance(tolerance);
        run.options.screening = screening;
        let outcome = run::solve(&task, &run);
        let model = outcome.model(task.columns.len());
        let point = outcome.solution().point;
        run::check(&task, &point, &model);
        let best = task.objective(&task.solve());
        let missing = task.objective(&model) - best;
        let gap = point.measure.gap();
        prop_assert!(gap >= missing - 1e-12 * task.null(), "gap {gap:e}, missing {missing:e}");
        prop_assert!(point.measure.relative_gap() <= tolerance);
        for point in outcome.points.iter().filter(|point| point.measure.is_last_stage()) {
            let measure = point.measure;
            prop_assert!(measure.objective() >= best - 1e-11 * task.null());
            prop_assert!(measure.dual_objective() <= best + 1e-11 * task.null());
        }
    }

    #[test]
    fn without_slack_the_gap_is_the_definitions(
        task in tasks(),
        tolerance in prop_oneof![Just(1e-2), Just(1e-4), Just(1e-8)],
    ) {
        // Of unpenalised columns the library bounds what they may gain another way.
        let penalised = |factors: Vec<f64>| factors.into_iter().map(|f| f.max(0.2)).collect();
        let task = Task { factors: task.factors.clone().map(penalised), ..task };
        let mut run = Run::default().tolerance(tolerance);
        run.options.screening = false;
        let outcome = run::solve(&task, &run);
        let measure = outcome.solution().point.measure;
        let model = outcome.model(task.columns.len());
        // Pulls that are known to be below .999 of their bound count as .999.
        let gaps = [0.0, 0.999].map(|least| task.objective(&model) - task.dual_from(&model, least));
        let off = gaps.map(|gap| (measure.gap() - gap).abs());
        prop_assert!(off[0].min(off[1]) <= 1e-9 * task.null(),
            "reported {:e}, true {gaps:?}, null {:e}", measure.gap(), task.null());
    }

    #[test]
    fn storage_and_screening_do_not_matter(task in tasks(), shards in 1..4usize) {
        let run = |storage, screening| {
            let mut run = Run { storage, ..Run::shards(shards).tolerance(1e-13) };
            run.options.screening = screening;
            run::solve(&task, &run).model(task.columns.len())
        };
        let plain = run(Storage::Dense, false);
        for (storage, screening) in
            [(Storage::Dense, true), (Storage::Sparse, false), (Storage::Mixed, true)]
        {
            let other = run(storage, screening);
            let off = (task.objective(&plain) - task.objective(&other)).abs();
            prop_assert!(off <= 1e-12 * task.null(), "{storage:?} {screening} off by {off:e}");
            let apart = apart(&task, &plain, &other);
            prop_assert!(apart <= 1e-6, "{storage:?} {screening} apart by {apart:e}");
        }
    }

    #[test]
    fn order_of_columns_does_not_matter(task in tasks(), seed: u64) {
        let count = task.columns.len();
        let mut order: Vec<usize> = (0..count).collect();
        let mut draw = Draw(seed);
        (1..count).for_each(|at| order.swap(at, draw.below(at + 1)));
        let other = Task {
            columns: order.iter().map(|&j| task.columns[j].clone()).collect(),
            factors: task.factors.as_ref().map(|f| order.iter().map(|&j| f[j]).collect()),
            ..task.clone()
        };
        let run = Run::default().tolerance(1e-13);
        let plain = run::solve(&task, &run).model(count);
        let moved = run::solve(&other, &run).model(count);
        let mut back = Model { intercept: moved.intercept, coefficients: vec![0.0; count] };
        order.iter().zip(moved.coefficients).for_each(|(&j, beta)| back.coefficients[j] = beta);
        let off = (task.objective(&plain) - task.objective(&back)).abs();
        prop_assert!(off <= 1e-12 * task.null(), "off by {off:e}");
        prop_assert!(apart(&task, &plain, &back) <= 1e-6);
    }

    #[test]
    fn a_standardised_fit_does_not_know_units(task in tasks(), seed: u64) {
        let task = Task { standardize: true, ..task };
        let mut draw = Draw(seed);
        let scales: Vec<f64> =
            task.columns.iter().map(|_| 10f64.powi(draw.below(7) as i32 - 3)).collect();
        let other = Task {
            columns: task.columns.iter().zip(&scales)
                .map(|(x, s)| x.iter().map(|x| x * s).collect()).collect(),
            ..task.clone()
        };
        let count = task.columns.len();
        let run = Run::default().tolerance(1e-13);
        let plain = run::solve(&task, &run).model(count);
        let scaled = run::solve(&other, &run).model(count);
        let off = (task.objective(&plain) - other.objective(&scaled)).abs();
        prop_assert!(off <= 1e-11 * task.null(), "off by {off:e}");
        let back = Model {
            intercept: scaled.intercept,
            coefficients: scaled.coefficients.iter().zip(&scales).map(|(b, s)| b * s).collect(),
        };
        prop_assert!(apart(&task, &plain, &back) <= 1e-6);
    }

    #[test]
    fn shards_meet_at_the_same_optimum(task in tasks()) {
        let best = task.objective(&task.solve());
        for shards in [1, 2, 3, 4, 7] {
            let found = run::certified(&task, &Run::shards(shards).tolerance(1e-10));
            let excess = task.objective(&found) - best;
            prop_assert!(excess <= 2e-10 * task.null(), "{shards} shards: excess {excess:e}");
        }
    }

    #[test]
    fn weights_are_copies(seed: u64, rows in 2..25usize, count in 1..25usize, kind in 0..16u32) {
        let share = 0.1;
        let task = planted(Design::Normal, rows, count, share, seed);
        let mut draw = Draw(seed ^ 2);
        let mut copies: Vec<usize> = (0..rows).map(|_| draw.below(4)).collect();
        copies[0] = 2;
        let repeat = |v: &[f64]| -> Vec<f64> {
            v.iter().zip(&copies).flat_map(|(x, &n)| std::iter::repeat_n(*x, n)).collect()
        };
        let many = Task {
            columns: task.columns.iter().map(|x| repeat(x)).collect(),
            response: repeat(&task.response),
            ..task.clone()
        };
        let many = dressed(many, kind, share, &mut Draw(seed));
        let weighted = Task {
            columns: task.columns.clone(),
            response: task.response.clone(),
            weights: Some(copies.iter().map(|&n| n as f64).collect()),
            ..many.clone()
        };
        let run = Run::default().tolerance(1e-13);
        let a = run::solve(&many, &run).model(count);
        let b = run::solve(&weighted, &run).model(count);
        let off = (many.objective(&a) - weighted.objective(&b)).abs();
        prop_assert!(off <= 1e-11 * many.null(), "off by {off:e}");
        prop_assert!(apart(&many, &a, &b) <= 1e-6);
    }

    #[test]
    fn a_warm_start_changes_nothing(task in tasks(), seed: u64) {
        let best = task.objective(&task.solve());
        let mut draw = Draw(seed);
        let warm = (0..task.columns.len() as u32)
            .map(|j| (j, if draw.chance(0.5) { draw.normal().abs() } else { 0.0 }))
            .collect();
        let found = run::certified(&task, &Run { warm: Some(warm), ..Run::shards(2) });
        let excess = task.objective(&found) - best;
        prop_assert!(excess <= 2e-11 * task.null(), "excess {excess:e}");
        // From the optimum itself nothing is left to do.
        let warm = found.coefficients.iter().enumerate().map(|(j, b)| (j as u32, *b)).collect();
        let again = run::solve(&task, &Run { warm: Some(warm), ..Run::default().tolerance(1e-10) });
        prop_assert_eq!(again.solution().point.measure.updates, 0);
    }
}

#[test]
fn scaling_a_column_scales_its_coefficient() {
    // Without a penalty on it, a column's unit does not matter.
    let task = planted(Design::Normal, 30, 8, 0.1, 5);
    let mut factors = vec![1.0; 8];
    factors[3] = 1e-3;
    let task = Task { factors: Some(factors.clone()), ..task };
    let mut other = task.clone();
    other.columns[3].iter_mut().for_each(|x| *x *= 1000.0);
    factors[3] = 1.0;
    other.factors = Some(factors);
    let a = run::certified(&task, &Run::default());
    let b = run::certified(&other, &Run::default());
    for j in 0..8 {
        let scale = if j == 3 { 1000.0 } else { 1.0 };
        assert!((a.coefficients[j] - scale * b.coefficients[j]).abs() < 1e-6);
    }
}

#[test]
fn a_lambda_max_that_was_not_needed_is_not_told() {
    // Coefficients on some shards only: the others know their own part of λ_max.
    let task = planted(Design::Normal, 30, 64, 0.1, 6);
    for column in [0, 20, 63] {
        let run = Run { warm: Some(vec![(column, 1.0)]), ..Run::shards(4) };
        let measure = run::solve(&task, &run).solution().point.measure;
        let known = measure.lambda_max;
        assert!(known.is_nan() || (known - task.lambda_max()).abs() <= 1e-12 * known, "{known}");
    }
}
