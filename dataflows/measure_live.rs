//! Measures what an epoch of a live Lasso costs against a batch fit of the same rows.
//!
//! Rows come in at the front of a window over the file and leave at its back. Prints one line of
//! JSON: processor seconds of the batch fit and, for epochs that touch a share of the rows, their
//! median processor seconds, the ratio of the two, wall milliseconds (median and 99th percentile)
//! and rows a second. `--to` has the last epoch's coefficients written, a column and its value a line:
//! with λ and the first row of the window (`first`, of `present` rows, in turns of the file) anyone
//! can judge them.
//!
//! `cargo run --release -F measure --example measure_live -- DATA --touched 0.001 --epochs 100 -w 2`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Parser;
use differential_dataflow::input::Input;
use ordered_float::OrderedFloat;
use serde_json::json;
use strads::cluster::fail::stop;
use strads::cluster::{Flags, execute};
use strads::formats::{ReadOptions, Table, read};
use strads::models::lasso::{
    Lambda, LiveLasso, Options, Parameter, Plan, Point, Problem, Row, fit,
};
use strads::operators;
use strads::shard::Layout;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

#[derive(Clone, Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    /// The data, with its response.
    data: PathBuf,
    #[arg(long)]
    response: Option<PathBuf>,
    /// λ over the smallest at which all coefficients are zero.
    #[arg(long, default_value_t = 0.1)]
    lambda_ratio: f64,
    /// The relative duality gap of the batch fit and of every epoch.
    #[arg(long, default_value_t = 1e-6)]
    tol: f64,
    /// The share of the rows that an epoch touches: half of them come, half of them go.
    #[arg(long, default_value_t = 0.001)]
    touched: f64,
    #[arg(long, default_value_t = 40)]
    epochs: usize,
    /// Where the last coefficients go.
    #[arg(long)]
    to: Option<PathBuf>,
    #[arg(short)]
    workers: Option<usize>,
}

/// The model's collection, summed up.
type Sums = BTreeMap<(Parameter, OrderedFloat<f64>), isize>;

/// Columns and values of a model, a line each.
fn lines(model: &Sums) -> String {
    let line = |((parameter, value), _): (&(Parameter, OrderedFloat<f64>), &isize)| match parameter
    {
        Parameter::Column(column) => format!("{column} {}\n", value.0),
        Parameter::Intercept => String::new(),
    };
    model.iter().filter(|(_, diff)| **diff != 0).map(line).collect()
}

/// Processor seconds of this process's threads.
fn processor() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

fn rows(table: &Table, shards: usize) -> Vec<Row> {
    let layout = Layout::new(shards);
    let mut entries: Vec<Vec<(u32, f64)>> = vec![Vec::new(); table.rows];
    for (shard, columns) in &table.shards {
        for at in 0..columns.len() {
            let column = layout.column(*shard, at) as u32;
            columns.for_each(at, |row, value| entries[row].push((column, value)));
        }
    }
    let rows = table.response.iter().zip(entries);
    rows.map(|(&response, entries)| Row::new(response, entries).expect("finite")).collect()
}

fn main() {
    let arguments = Arguments::parse();
    let workers = arguments.workers.unwrap_or(1);
    let (flags, shards) = (Flags::threads(workers), workers);
    let parts = ReadOptions { response: arguments.response.clone(), ..ReadOptions::default() };
    let options = ReadOptions { shards, keep: 0..shards, ..parts };
    let table = read(&arguments.data, &options, &()).unwrap_or_else(|error| stop(3, error));
    let rows = Arc::new(rows(&table, shards));
    let problem = Problem {
        columns: table.columns,
        response: Arc::new(table.response),
        shards: table.shards,
        ..Problem::default()
    };
    let engine = operators::Options { shards, ..Default::default() };
    let options = Options { tolerance: arguments.tol, ..Options::default() };
    let ratio = Lambda::Ratio(arguments.lambda_ratio);
    let start = processor();
    // Threads take their figures with them: what they had spent at the last certificate.
    let spent = Arc::new(Mutex::new(0.0));
    let to = Arc::clone(&spent);
    let watch = move |_: &Point| *to.lock().expect("no panic") = processor() - start;
    let batch = fit(&flags, b"", problem, options.clone(), engine, Plan::One(ratio), watch)
        .unwrap_or_else(|error| stop(error.code(), error));
    let batch_seconds = *spent.lock().expect("no panic");
    let point = batch.solutions[0].point.measure;
    let live = Options { lambda: Lambda::Value(point.lambda), ..options };
    let count = rows.len();
    let step = ((count as f64 * arguments.touched / 2.0).round() as usize).clamp(1, count.max(1));
    let (epochs, spare) = (arguments.epochs, (count / 16).max(step));
    let model = Arc::new(Mutex::new(Sums::new()));
    let told = Arc::clone(&model);
    let measured = execute(&flags, b"", move |worker| {
        let told = Arc::clone(&told);
        let probe = ProbeHandle::new();
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, changes) = scope.new_collection::<(u64, Row), isize>();
            let lasso = changes.lasso(live.clone(), shards).expect("options in range");
            lasso.certificates.probe_with(&probe);
            let told = move |(record, _, diff): &((Parameter, OrderedFloat<f64>), u64, isize)| {
                *told.lock().expect("no panic").entry(*record).or_default() += diff;
            };
            lasso.model.inner.inspect(told).probe_with(&probe);
            input
        });
        let first = worker.index() == 0;
        for at in (0..count - spare).filter(|_| first) {
            input.insert((at as u64, rows[at].clone()));
        }
        let mut seconds = Vec::new();
        for epoch in 0..=epochs {
            let (clock, spent) = (Instant::now(), processor());
            for at in (0..step).filter(|_| first && epoch > 0) {
                let gone = (epoch - 1) * step + at;
                let came = count - spare + gone;
                input.remove((gone as u64, rows[gone % count].clone()));
                input.insert((came as u64, rows[came % count].clone()));
            }
            input.advance_to(epoch as u64 + 1);
            input.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            seconds.push((clock.elapsed().as_secs_f64(), processor() - spent));
        }
        seconds
    });
    let measured = measured.unwrap_or_else(|error| stop(error.code(), error));
    if let Some(to) = &arguments.to {
        let text = lines(&model.lock().expect("no panic"));
        std::fs::write(to, text).unwrap_or_else(|error| stop(2, error));
    }
    let epochs = &measured[0][1..];
    let sorted = |of: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = epochs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (wall, spent) = (sorted(|epoch| epoch.0), sorted(|epoch| epoch.1));
    let at = |all: &[f64], share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
    let result = json!({
        "rows": count, "workers": workers, "touched": 2 * step, "epochs": epochs.len(),
        "nonzeros": point.nonzeros, "lambda": point.lambda,
        "first": epochs.len() * step, "present": count - spare,
        "batch_cpu_seconds": batch_seconds,
        "first_epoch_cpu_seconds": measured[0][0].1,
        "epoch_cpu_seconds": at(&spent, 0.5),
        "epoch_cpu_seconds_mean": spent.iter().sum::<f64>() / spent.len() as f64,
        "ratio": at(&spent, 0.5) / batch_seconds,
        "p50_ms": 1e3 * at(&wall, 0.5),
        "p99_ms": 1e3 * at(&wall, 0.99),
        "rows_per_second": (2 * step) as f64 * wall.len() as f64 / wall.iter().sum::<f64>(),
    });
    println!("{result}");
}
