//! Measures what the engine costs beside the arithmetic: coordinate updates of a dense Lasso in
//! rounds of so many, and the same updates in a plain loop.
//!
//! Prints one line: the block width, the number of workers, and the microseconds a round takes in
//! the engine (everything but the first and last certificate) and in the loop. The loop updates
//! one coefficient after the other on one thread; the engine's blocks decide a shard's coefficients
//! in turn, the shards side by side, and go through the line search.
//!
//! `cargo run --release -F measure --example measure_updates -- --block 1024 -w 2`, or in two processes with
//! `-n 2 -p 0` and `-n 2 -p 1`.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Parser;
use strads::cluster::Flags;
use strads::models::lasso::{Lambda, Options, Plan, Problem, Scheduler, fit};
use strads::operators;
use strads::scheduler::{Policy, PolicyOptions, Width};
use strads::shard::{ColumnShard, Layout};

/// The share of λ_max that both solve for.
const SHARE: f64 = 0.1;

/// What is updated, and how.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    /// Rows of the design.
    #[arg(long, default_value_t = 500)]
    rows: usize,
    /// Columns of the design.
    #[arg(long, default_value_t = 8192)]
    columns: usize,
    /// Coefficients updated in a round.
    #[arg(long, default_value_t = 1024)]
    block: usize,
    /// Coefficients updated in all.
    #[arg(long, default_value_t = 200_000)]
    updates: usize,
    #[command(flatten)]
    cluster: Flags,
}

/// Columns that are exactly `f32`, of mean zero and about unit variance, and a response of ten.
struct Design {
    columns: Vec<Vec<f64>>,
    response: Vec<f64>,
}

impl Design {
    fn new(rows: usize, columns: usize) -> Design {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        let mut column = || {
            let mut values: Vec<f64> = (0..rows).map(|_| 3.5 * next()).collect();
            let mean = values.iter().sum::<f64>() / rows as f64;
            values.iter_mut().for_each(|value| *value = f64::from((*value - mean) as f32));
            values
        };
        let columns: Vec<Vec<f64>> = (0..columns).map(|_| column()).collect();
        let mut response = column();
        for (at, planted) in columns.iter().step_by(columns.len().div_ceil(10)).enumerate() {
            let beta = 1.0 + at as f64 / 4.0;
            response.iter_mut().zip(planted).for_each(|(y, x)| *y += beta * x);
        }
        Design { columns, response }
    }

    /// The columns of some of the shards.
    fn shards(&self, count: usize, kept: std::ops::Range<usize>) -> Vec<(usize, ColumnShard)> {
        let layout = Layout::new(count);
        let empty = || ColumnShard::new(self.response.len());
        let mut shards: Vec<(usize, ColumnShard)> = kept.map(|shard| (shard, empty())).collect();
        let first = shards.first().map_or(0, |(shard, _)| *shard);
        for (column, values) in self.columns.iter().enumerate() {
            let own = layout.shard_of(column).checked_sub(first);
            if let Some((_, shard)) = own.and_then(|own| shards.get_mut(own)) {
                shard.push_dense(values);
            }
        }
        shards
    }
}

/// Microseconds a round in a plain loop: one pass to warm up, then all updates.
fn plain(design: &Design, block: usize, updates: usize) -> f64 {
    let columns = &design.shards(1, 0..1)[0].1;
    let rows = design.response.len() as f64;
    let mean = design.response.iter().sum::<f64>() / rows;
    let mut residual: Vec<f64> = design.response.iter().map(|y| y - mean).collect();
    let norms: Vec<f64> =
        design.columns.iter().map(|x| x.iter().map(|x| x * x).sum::<f64>() / rows).collect();
    let pulls = (0..columns.len()).map(|at| columns.dot(at, &residual).abs() / rows);
    let lambda = SHARE * pulls.fold(0.0, f64::max);
    let mut beta = vec![0.0; columns.len()];
    let mut update = |at: usize| {
        let pull = columns.dot(at, &residual) / rows + norms[at] * beta[at];
        let new = pull.signum() * (pull.abs() - lambda).max(0.0) / norms[at];
        if new != beta[at] {
            columns.axpy(at, beta[at] - new, 0.0, &mut residual);
            beta[at] = new;
        }
    };
    let start = Instant::now();
    (0..updates).for_each(|step| update(step % norms.len()));
    start.elapsed().as_secs_f64() * 1e6 * block as f64 / updates as f64
}

/// Microseconds a round in the engine, where the certificates are seen.
fn engine(design: &Design, arguments: &Arguments) -> Option<f64> {
    let Arguments { block, updates, cluster, .. } = arguments;
    let shards = cluster.threads * cluster.processes;
    let first = cluster.process * cluster.threads;
    let problem = Problem {
        columns: design.columns.len(),
        response: Arc::new(design.response.clone()),
        shards: design.shards(shards, first..first + cluster.threads),
        ..Problem::default()
    };
    let policy = PolicyOptions { width: Width::Fixed(*block), ..PolicyOptions::default() };
    let options = Options {
        lambda: Lambda::Ratio(SHARE),
        tolerance: 0.0,
        scheduler: Scheduler::Coordinates(Policy::RoundRobin, policy),
        certify_every: *updates as u64,
        max_rounds: (updates / block).max(2) as u64,
        ..Options::default()
    };
    let own = operators::Options { shards, ..operators::Options::default() };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&seen);
    let watch = move |point: &strads::models::lasso::Point| {
        if let Ok(mut seen) = to.lock() {
            seen.push((Instant::now(), point.round));
        }
    };
    let plan = Plan::One(options.lambda);
    if let Err(cause) = fit(cluster, b"measure_updates", problem, options, own, plan, watch) {
        eprintln!("measure_updates: {cause}");
        std::process::exit(2);
    }
    let seen = seen.lock().ok()?;
    let (first, last) = (seen.first()?, seen.last()?);
    Some((last.0 - first.0).as_secs_f64() * 1e6 / (last.1 - first.1) as f64)
}

fn main() {
    let arguments = Arguments::parse();
    let design = Design::new(arguments.rows, arguments.columns);
    if let Some(engine) = engine(&design, &arguments) {
        let workers = arguments.cluster.workers();
        let plain = plain(&design, arguments.block, arguments.updates);
        println!(
            "block {} workers {workers}: {engine:.2} µs a round, plain loop {plain:.2}",
            arguments.block
        );
    }
}
