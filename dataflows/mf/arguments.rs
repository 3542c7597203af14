//! The options of `strads mf`.

use std::path::PathBuf;

use clap::ValueEnum;
use strads::cluster::Flags;
use strads::models::mf::HoldOut;

use crate::checkpoint::Checkpoints;
use crate::follow::Follow;
use crate::output::Output;
use crate::ratings::{Columns, Format};

/// Factorises ratings: users and items as short vectors whose products are the ratings
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file of ratings, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "DATA", required = false, required_unless_present_any = ["listen", "kafka"])]
    #[arg(default_value_ifs([
        ("listen", clap::builder::ArgPredicate::IsPresent, "-"),
        ("kafka", clap::builder::ArgPredicate::IsPresent, "-"),
    ]))]
    pub data: PathBuf,
    /// Format of the data: `ratings` guesses the separator, csv and tsv name it; changes are JSON
    /// lines (see Live data), which files named *.jsonl are taken for
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Input")]
    pub input_format: Format,
    #[command(flatten)]
    pub columns: Columns,
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub test: Test,
    #[command(flatten)]
    pub training: Training,
    #[command(flatten)]
    pub live: Follow,
    /// Write the model (.safetensors)
    #[arg(long = "model", value_name = "FILE", help_heading = "Output")]
    pub model_file: Option<PathBuf>,
    /// Do not keep in the model which items each user rated: `recommend` cannot leave them out
    #[arg(long, requires = "model_file", help_heading = "Output")]
    pub no_seen: bool,
    /// Write one JSON object for every measured point
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
    #[command(flatten)]
    pub checkpoints: Checkpoints,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub cluster: Flags,
}

/// What is minimised.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Model")]
pub struct Model {
    /// Length of the factors
    #[arg(long, value_name = "K", default_value_t = 40)]
    pub rank: usize,
    /// Strength of the penalty [default: of sgd its own; of ccd 0.1 with --weighted-lambda, else 0.2
    /// times the mean number of ratings of a user or item]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub lambda: Option<f64>,
    /// Penalise each user and item by lambda times its number of ratings
    #[arg(long)]
    pub weighted_lambda: bool,
    /// A bias for each user and item, penalised like the factors
    #[arg(long)]
    pub biases: bool,
    /// Do not take off the mean rating
    #[arg(long)]
    pub no_mean: bool,
    /// No negative factors (and the mean is not taken off)
    #[arg(long)]
    pub nonnegative: bool,
    /// Ratings are how sure a preference is; pairs without rating count as no preference (and the
    /// mean is not taken off)
    #[arg(long)]
    pub implicit: bool,
    /// implicit: a rating r has weight 1 + A r [default: 1]
    #[arg(long, value_name = "A", requires = "implicit", allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// Column of the ratings' weights
    #[arg(long, value_name = "COLUMN")]
    pub weights: Option<String>,
}

/// What it is tested on.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Test")]
pub struct Test {
    /// Ratings to test the model on, in a file of the same form
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,
    /// Hold out a share of the ratings (below 1) or a number of them, and test the model on these
    #[arg(long, value_name = "F", conflicts_with = "test", allow_negative_numbers = true)]
    pub holdout: Option<f64>,
    /// Which ratings are held out
    #[arg(long, value_enum, value_name = "WHICH", requires = "holdout", default_value_t)]
    pub holdout_by: Which,
    /// How far down a ranking counts: the N of precision, recall, NDCG and MAP
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// The lowest test rating that is relevant [default: the mean training rating; implicit: any]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub relevant: Option<f32>,
    /// The most users whose rankings are measured, drawn at random; 0 for all
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub ranked_users: usize,
}

/// Which ratings are held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Each with the same probability
    #[default]
    Random,
    /// The last ones of every user (of users with more than that many)
    User,
    /// The last ones of all
    Time,
}

impl From<Which> for HoldOut {
    fn from(which: Which) -> Self {
        match which {
            Which::Random => HoldOut::Random,
            Which::User => HoldOut::User,
            Which::Time => HoldOut::Time,
        }
    }
}

/// How it is minimised.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Training")]
pub struct Training {
    /// How the factors are found
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    pub solver: Solver,
    /// ccd: which block of eight factors is next
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    pub scheduler: Schedule,
    /// Sweeps (ccd) or epochs (sgd), exactly so many unless --tol is given
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// Stop when a sweep lowers the objective by less than this fraction [default: of ccd
    /// 1e-4]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub tol: Option<f64>,
    /// Give up after so many rounds
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    pub max_rounds: u64,
    /// Give up after so many seconds; results then depend on the machine
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub max_seconds: Option<f64>,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Parts users and items are dealt to: the result depends on it, and not on -w and -n
    /// [default: one a worker]
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Start from a model of the same rank; users and items are matched by name
    #[arg(long, value_name = "MODEL")]
    pub warm_start: Option<PathBuf>,
}

/// The solvers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Solver {
    /// sgd to predict what is not rated (--test, --holdout, or a --model to recommend from), but
    /// ccd with --lambda, --weighted-lambda, --tol, --nonnegative, --implicit, --scheduler dynamic
    /// or --warm-start
    #[default]
    Auto,
    /// Coordinate descent over blocks of factors: the lowest objective soonest
    Ccd,
    /// Stochastic gradient descent on rotating strata: the lowest error on other ratings soonest
    Sgd,
}

/// The schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// Every block in turn
    #[default]
    RoundRobin,
    /// Blocks that moved most when they were last updated more often
    Dynamic,
}

const HELP: &str = r#"Minimises, over the factors W of users and H of items and the biases a and b (0 without --biases),
  sum of c (r - m - a - b - w.h)^2 over the ratings r + lambda (|W|^2 + |H|^2 + |a|^2 + |b|^2)
with c a rating's weight and m the mean rating. With --implicit it is
  sum of c (p - w.h)^2 over all pairs of user and item + lambda (|W|^2 + |H|^2)
with p = 1 and c = 1 + A r for rated pairs, and p = 0 and c = 1 for all others.

DATA has a user, an item, a rating and perhaps a time on each line; see `strads predict --help` for
what models do with them. A pair that comes again counts once, with its last rating.

With --test or --holdout the result has, on the test ratings, the RMSE and MAE of scores, and of
rankings of all items a user has not rated in training: precision, recall, NDCG and MAP of the first
N items, and AUC; relevant are the items rated at least R. The means are over users who have such an
item.

Live, the model is kept true while ratings come, change and go; lambda must be given, or
--weighted-lambda. A feed has lines
  {"op":"put","user":"u1","item":"i9","rating":4}    a rating, or another one of the same pair
  {"op":"del","user":"u1","item":"i9"}
  {"op":"commit"}                                    ends an epoch
and each epoch prints a line with its objective and RMSE; with --deltas one more for each user or
item whose factors changed.

Examples:
  strads mf ratings.csv --rank 40 --biases --holdout 0.1 --model m.safetensors
  strads mf u.data --lambda 0.05 --weighted-lambda --test u.test -w 4
  strads mf ratings.jsonl --follow --weighted-lambda --model live.safetensors --model-every 10
  strads mf clicks.tsv.zst --implicit --alpha 10 --holdout 1 --holdout-by user --format json"#;
