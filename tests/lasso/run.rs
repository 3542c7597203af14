//! Runs of the library on an oracle's task.

use std::sync::{Arc, Mutex};

use strads::cluster::{ClusterError, Flags};
use strads::models::lasso::{Fit, Lambda, Options, Plan, Point, Problem, Solution, fit};
use strads::operators;
use strads::shard::{ColumnShard, Layout};

use super::oracle::{Model, Task};

/// How columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Dense: f64, f32 or two-bit by their values.
    Dense,
    /// Only entries that are not zero.
    Sparse,
    /// In turn dense and sparse.
    Mixed,
    /// Two-bit codes, of columns with at most four values.
    Codes,
}

/// How a task is run.
#[derive(Clone, Debug)]
pub struct Run {
    pub threads: usize,
    pub engine: operators::Options,
    /// Fields that the task says itself are overwritten.
    pub options: Options,
    pub storage: Storage,
    pub warm: Option<Vec<(u32, f64)>>,
}

impl Default for Run {
    fn default() -> Self {
        Run {
            threads: 1,
            engine: operators::Options { shards: 1, ..Default::default() },
            options: Options { tolerance: 1e-11, ..Options::default() },
            storage: Storage::Dense,
            warm: None,
        }
    }
}

impl Run {
    pub fn shards(shards: usize) -> Run {
        Run { engine: operators::Options { shards, ..Default::default() }, ..Run::default() }
    }

    pub fn tolerance(mut self, tolerance: f64) -> Run {
        self.options.tolerance = tolerance;
        self
    }
}

/// What a run gave, and every point on the way.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub fit: Fit,
    pub points: Vec<Point>,
}

impl Outcome {
    pub fn solution(&self) -> &Solution {
        self.fit.solutions.last().expect("a fit has a solution")
    }

    pub fn model(&self, columns: usize) -> Model {
        model(self.solution(), columns)
    }
}

/// A solution as dense coefficients.
pub fn model(solution: &Solution, columns: usize) -> Model {
    let mut coefficients = vec![0.0; columns];
    for &(column, value) in &solution.coefficients {
        assert!(value != 0.0 && value.is_finite(), "coefficient {column} is {value}");
        coefficients[column as usize] = value;
    }
    assert!(solution.coefficients.is_sorted_by(|a, b| a.0 < b.0));
    Model { intercept: solution.intercept, coefficients }
}

/// The task's columns, dealt to shards.
pub fn shards_of(columns: &[Vec<f64>], rows: usize, shards: usize, storage: Storage) -> Shards {
    let layout = Layout::new(shards);
    let mut made: Shards = (0..shards).map(|shard| (shard, ColumnShard::new(rows))).collect();
    for (j, column) in columns.iter().enumerate() {
        let shard = &mut made[layout.shard_of(j)].1;
        let sparse = match storage {
            Storage::Dense | Storage::Codes => false,
            Storage::Sparse => true,
            Storage::Mixed => j % 2 == 1,
        };
        if sparse {
            let entries = column.iter().enumerate().filter(|(_, value)| **value != 0.0);
            let (rows, values): (Vec<u32>, Vec<f64>) =
                entries.map(|(row, value)| (row as u32, *value)).unzip();
            shard.push_sparse(&rows, &values);
        } else if storage == Storage::Codes {
            let mut table = column.clone();
            table.sort_by(f64::total_cmp);
            table.dedup();
            table.resize(4, 0.0);
            let code =
                |value: &f64| table.iter().position(|entry| entry == value).map(|at| at as u8);
            let codes: Option<Vec<u8>> = column.iter().map(code).collect();
            let table = [table[0], table[1], table[2], table[3]];
            shard.push_codes(&codes.expect("at most four values"), table);
        } else {
            shard.push_dense(column);
        }
    }
    made
}

/// The bytes that a shard's columns take, by which their form is told.
pub fn bytes_of(shard: &ColumnShard) -> usize {
    let (mut shard, mut empty) = (shard.clone(), ColumnShard::new(shard.rows()));
    shard.shrink();
    empty.shrink();
    shard.bytes() - empty.bytes()
}

pub type Shards = Vec<(usize, ColumnShard)>;

/// The task as the library takes it.
pub fn problem(task: &Task, run: &Run) -> Problem {
    let shards = run.engine.placement(run.threads).shards();
    Problem {
        columns: task.columns.len(),
        response: Arc::new(task.response.clone()),
        weights: task.weights.clone().map(Arc::new),
        factors: task.factors.clone().map(Arc::new),
        shards: shards_of(&task.columns, task.rows(), shards, run.storage),
        warm: run.warm.clone().map(Arc::new),
    }
}

/// The run's options with what the task says.
pub fn options(task: &Task, run: &Run) -> Options {
    Options {
        lambda: Lambda::Value(task.lambda),
        l1_ratio: task.l1_ratio,
        intercept: task.intercept,
        standardize: task.standardize,
        positive: task.positive,
        ..run.options.clone()
    }
}

/// Follows a plan; the task's own λ does not matter.
pub fn try_plan(task: &Task, run: &Run, plan: Plan) -> Result<Outcome, ClusterError> {
    let points = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&points);
    let fit = fit(
        &Flags::threads(run.threads),
        b"",
        problem(task, run),
        options(task, run),
        run.engine,
        plan,
        move |point| to.lock().unwrap().push(*point),
    )?;
    let points = points.lock().unwrap().clone();
    Ok(Outcome { fit, points })
}

pub fn plan(task: &Task, run: &Run, plan: Plan) -> Outcome {
    try_plan(task, run, plan).expect("a task that can be fitted")
}

/// Fits at the task's own λ.
pub fn solve(task: &Task, run: &Run) -> Outcome {
    plan(task, run, Plan::One(Lambda::Value(task.lambda)))
}

/// Fits, and checks everything that must hold of any fit that converged.
pub fn certified(task: &Task, run: &Run) -> Model {
    let outcome = solve(task, run);
    let model = outcome.model(task.columns.len());
    check(task, &outcome.solution().point, &model);
    let measure = outcome.solution().point.measure;
    assert!(measure.relative_gap() <= run.options.tolerance, "relative gap {measure:?}");
    model
}

/// What is reported of a model is true of it.
pub fn check(task: &Task, point: &Point, model: &Model) {
    let measure = &point.measure;
    let task = Task { lambda: measure.lambda, ..task.clone() };
    let scale = task.null().max(f64::MIN_POSITIVE);
    let (objective, gap) = (task.objective(model), task.gap(model));
    assert!(
        (measure.objective() - objective).abs() <= 1e-9 * scale,
        "reported objective {:e}, true {objective:e}, null {scale:e}",
        measure.objective(),
    );
    assert!(gap >= -1e-12 * scale, "gap {gap:e}, null {scale:e}");
    assert!(
        measure.gap() >= gap - 1e-9 * scale,
        "reported gap {:e}, true {gap:e}, null {scale:e}",
        measure.gap()
    );
    assert_eq!(
        measure.nonzeros as usize,
        model.coefficients.iter().filter(|value| **value != 0.0).count()
    );
    assert!(!task.positive || model.coefficients.iter().all(|value| *value >= 0.0));
}
