//! The options of `strads lasso`.

use std::path::PathBuf;

use clap::ValueEnum;
use strads::cluster::Flags;
use strads::formats::{Format, Storage};
use strads::scheduler::Width;

use crate::checkpoint::Checkpoints;
use crate::follow::Follow;
use crate::input::Input;
use crate::output::Output;

/// Fits a Lasso or an elastic net: least squares with an l1 penalty
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "DATA", required = false, required_unless_present_any = ["listen", "kafka"])]
    #[arg(default_value_ifs([
        ("listen", clap::builder::ArgPredicate::IsPresent, "-"),
        ("kafka", clap::builder::ArgPredicate::IsPresent, "-"),
    ]))]
    pub data: PathBuf,
    /// Format of the data [default: by the name, else by the content]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub input_format: Option<Format>,
    #[command(flatten)]
    pub input: Input,
    /// How values are stored: exactly as they are read, or rounded to f32; the gap then holds for
    /// the rounded data
    #[arg(long, value_enum, value_name = "HOW", default_value_t, help_heading = "Input")]
    pub storage: Storage,
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub training: Training,
    #[command(flatten)]
    pub checkpoints: Checkpoints,
    #[command(flatten)]
    pub live: Follow,
    /// Write the model (.safetensors)
    #[arg(long = "model", value_name = "FILE", help_heading = "Output")]
    pub model_file: Option<PathBuf>,
    /// Write one JSON object for every measured point
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
    /// Write a page about the run (.html)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub cluster: Flags,
}

/// What is minimised.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Model")]
pub struct Model {
    /// Strength of the penalty
    #[arg(long, value_name = "X", group = "strength", allow_negative_numbers = true)]
    pub lambda: Option<f64>,
    /// Strength as a fraction of lambda_max, at which all coefficients are 0 [default: 0.1]
    #[arg(long, value_name = "R", group = "strength", allow_negative_numbers = true)]
    pub lambda_ratio: Option<f64>,
    /// A path of N falling lambda from lambda_max
    #[arg(long, value_name = "N", group = "strength")]
    pub path: Option<usize>,
    /// The path's last lambda, as a fraction of lambda_max [default: 0.01]
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub lambda_min_ratio: Option<f64>,
    /// Cross-validate a path (of 100 unless --path says) on K folds; the model is that of the
    /// lambda with the smallest mean squared error
    #[arg(long, value_name = "K", conflicts_with_all = ["lambda", "lambda_ratio"])]
    pub cv: Option<usize>,
    /// Share A of the l1 penalty: 1 is the Lasso, 0 ridge regression
    #[arg(long, value_name = "A", default_value_t = 1.0, allow_negative_numbers = true)]
    pub l1_ratio: f64,
    /// Fit no intercept
    #[arg(long)]
    pub no_intercept: bool,
    /// Penalise the coefficients of columns scaled to unit variance
    #[arg(long)]
    pub standardize: bool,
    /// No negative coefficients
    #[arg(long)]
    pub positive: bool,
    /// File of one number a line: what lambda is multiplied with, by column
    #[arg(long, value_name = "FILE")]
    pub penalty_factor: Option<PathBuf>,
    /// Row weights: a file of one number a line or, if there is no such file, a column of a csv
    /// or tsv, which is then no feature
    #[arg(long, value_name = "COLUMN|FILE")]
    pub weights: Option<PathBuf>,
}

/// How it is minimised.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Training")]
pub struct Training {
    /// Stop at a duality gap of this fraction of the objective without columns
    #[arg(long, value_name = "T", default_value_t = 1e-6, allow_negative_numbers = true)]
    pub tol: f64,
    /// Who is updated next
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    pub scheduler: Schedule,
    /// Coefficients updated in a round, or `auto` [default: auto]
    #[arg(long, value_name = "U", value_parser = block)]
    pub block: Option<Width>,
    /// dynamic: coefficients drawn, from which a block is chosen [default: twice the block]
    #[arg(long, value_name = "U'")]
    pub candidates: Option<usize>,
    /// dynamic: correlation from which two columns are kept out of one block [default: 0.1]
    #[arg(long, value_name = "RHO", allow_negative_numbers = true)]
    pub rho: Option<f32>,
    /// dynamic, priority: what makes a coefficient urgent [default: violation]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub priority: Option<Priority>,
    /// Rounds decided before an earlier one is applied [default: 0]
    #[arg(long, value_name = "S")]
    pub staleness: Option<u64>,
    /// Coefficient updates between two measurements of the gap [default: 1000]
    #[arg(long, value_name = "N")]
    pub certify_every: Option<u64>,
    /// What is kept together: whole columns, or blocks of rows (working-set only). By itself rows
    /// where a dense table (csv, tsv, npy) has at least 16384 rows, and 64 a column of at most 1024
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub form: Form,
    /// working-set: keep looking at columns that provably stay out
    #[arg(long)]
    pub no_screening: bool,
    /// Where the schedule is decided; decisions are the same
    #[arg(long, value_enum, value_name = "WHERE", default_value_t)]
    pub placement: Place,
    /// Give up after so many rounds (of each lambda)
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub max_rounds: u64,
    /// Give up after so many seconds (of each lambda); results then depend on the machine
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub max_seconds: Option<f64>,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Parts the columns (or rows) are dealt to: the result depends on it, and not on -w and -n
    /// [default: one a worker]
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Start from a model (of a path: from its last)
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["path", "cv"])]
    pub warm_start: Option<PathBuf>,
}

/// The schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// Sets of columns that violate optimality most, solved jointly
    #[default]
    WorkingSet,
    /// Blocks by priority, without columns that are correlated
    Dynamic,
    /// Blocks by priority
    Priority,
    /// Blocks at random
    Random,
    /// Every coefficient in turn
    RoundRobin,
}

/// What is kept together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Rows if the table is tall, else columns
    #[default]
    Auto,
    /// Whole columns
    Columns,
    /// Blocks of rows
    Rows,
}

/// What makes a coefficient urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Priority {
    /// How much it moved when it was last updated, as in the STRADS paper
    Moved,
    /// The same, and how much it violates optimality when that is measured
    #[default]
    Violation,
}

/// Where the schedule is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// On every worker alike
    #[default]
    Replicated,
    /// On one worker: one more message a round, one copy of the scheduler's memory
    Central,
}

const HELP: &str = "\
Minimises, over the intercept b and the coefficients beta,
  (1/2n) |y - b - X beta|^2 + lambda (A |beta|_1 + (1-A)/2 |beta|^2)
with n the number of rows, or the sum of the weights. Every result comes with its duality
gap: the objective is at most that far from the best.

Formats: svmlight, mtx (MatrixMarket), csv, tsv, npy, and plink (a .bed with its .bim and .fam
beside it; rows whose response is missing are left out, missing genotypes take their column's
mean).

--block, --certify-every and --staleness are for the schedules other than working-set. Columns
with a penalty factor of 0 need working-set.

Live data: JSON lines, {\"op\":\"put\",\"id\":\"r17\",\"y\":1.5,\"x\":{\"age\":61,\"3\":0.2}} (in place of
the row of that id), {\"op\":\"del\",\"id\":\"r17\"}, and {\"op\":\"commit\"}, which ends an epoch. For
every epoch one JSON line is printed, and the model is as certified as one fitted to the rows there
are. --follow goes on for ever; a file named .jsonl, or - (standard input), ends with its last line.

Examples:
  strads lasso changes.jsonl --follow --lambda 0.1 --deltas --model m.safetensors
  strads lasso data.svmlight --lambda-ratio 0.05 -w 4 --model m.safetensors
  strads lasso patients.csv --target progression --cv 10 --standardize
  strads lasso mice.bed.gz --path 100 --format json --log run.jsonl --report run.html
  strads lasso data.svmlight --scheduler dynamic --block 64 --rho 0.1
  strads lasso data.svmlight --path 100 --checkpoint DIR --resume
  strads lasso data.svmlight -n 2 -p 0 & strads lasso data.svmlight -n 2 -p 1

Exit codes: 0 done, 1 failed, 2 usage, 3 bad input data, 4 a process was lost, 5 not converged
within the limits (the result is written), 6 a model or checkpoint cannot be used.";

fn block(text: &str) -> Result<Width, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Width::Auto),
        (_, Ok(keys)) if keys > 0 => Ok(Width::Fixed(keys)),
        _ => Err("expected `auto` or a number of coefficients".into()),
    }
}
