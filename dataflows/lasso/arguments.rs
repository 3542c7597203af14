//! The options of `strads lasso`, and what they mean to the library.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};
use strads::cluster::Flags;
use strads::models::lasso::{Lambda, Options, Scheduler};
use strads::operators::{self, Placement, Scheduling};
use strads::scheduler::{Policy, PolicyOptions, Source, Width};

use crate::failure::Failure;
use crate::input::Input;
use crate::output::Output;

/// Fits a Lasso or an elastic net: least squares with an l1 penalty
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub training: Training,
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
    /// Parts the columns are dealt to: the result depends on it, and not on -w and -n
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
with n the number of rows, or the sum of the weights. Every result comes with its duality gap: the
objective is at most that far from the best.

Formats: svmlight, mtx (MatrixMarket), csv, tsv, npy, and plink (a .bed with its .bim and .fam beside
it; rows whose response is missing are left out, missing genotypes take their column's mean).

--block, --certify-every and --staleness are for the schedules other than working-set. Columns with
a penalty factor of 0 need working-set.

Examples:
  strads lasso data.svmlight --lambda-ratio 0.05 -w 4 --model m.safetensors
  strads lasso patients.csv --target progression --cv 10 --standardize
  strads lasso mice.bed.gz --path 100 --format json --log run.jsonl --report run.html
  strads lasso data.svmlight --scheduler dynamic --block 64 --rho 0.1
  strads lasso data.svmlight -n 2 -p 0 & strads lasso data.svmlight -n 2 -p 1

Exit codes: 0 done, 1 failed, 2 usage, 3 bad input data, 4 a process was lost, 5 not converged within
the limits (the result is written), 6 a model cannot be used.";

fn block(text: &str) -> Result<Width, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Width::Auto),
        (_, Ok(keys)) if keys > 0 => Ok(Width::Fixed(keys)),
        _ => Err("expected `auto` or a number of coefficients".into()),
    }
}

/// The most shards: far above any sensible use.
const MOST_SHARDS: usize = 1 << 16;

fn expect(holds: bool, option: &str, range: &str, found: impl ToString) -> Result<(), Failure> {
    match holds {
        true => Ok(()),
        false => {
            let found = found.to_string();
            Err(Failure::usage(format!("{option}: expected {range}, found {found}")))
        }
    }
}

impl Arguments {
    /// Checks what clap cannot.
    pub fn check(&self) -> Result<(), Failure> {
        self.model.check()?;
        self.training.check()?;
        self.options().check().map_err(|why| Failure::usage(format!("--{why}")))?;
        self.cluster.addresses()?;
        Ok(())
    }

    /// The library's options.
    pub fn options(&self) -> Options {
        let (model, training) = (&self.model, &self.training);
        Options {
            lambda: self.model.strength(),
            l1_ratio: model.l1_ratio,
            intercept: !model.no_intercept,
            standardize: model.standardize,
            positive: model.positive,
            tolerance: training.tol,
            screening: !training.no_screening,
            scheduler: training.scheduler(),
            certify_every: training.certify_every.unwrap_or(1000),
            max_rounds: training.max_rounds,
            max_seconds: training.max_seconds,
        }
    }

    /// How the engine runs.
    pub fn engine(&self) -> operators::Options {
        let scheduling = match self.training.placement {
            Place::Replicated => Scheduling::Replicated,
            Place::Central => Scheduling::Central,
        };
        operators::Options {
            shards: self.placement().shards(),
            scheduling,
            staleness: self.training.staleness.unwrap_or(0),
            ..operators::Options::default()
        }
    }

    /// Where the shards live.
    pub fn placement(&self) -> Placement {
        let workers = self.cluster.workers();
        Placement::new(self.training.shards.unwrap_or(workers), workers)
    }

    /// Everything that must agree between processes and that a model remembers, but for the data
    /// and what is read from files.
    pub fn remembered(&self) -> Value {
        let (model, training) = (&self.model, &self.training);
        let name = |value: &dyn Named| value.name();
        json!({
            "lambda": model.lambda,
            "lambda_ratio": model.ratio(),
            "path": model.steps(),
            "lambda_min_ratio": model.steps().map(|_| model.min_ratio()),
            "cv": model.cv,
            "l1_ratio": model.l1_ratio,
            "intercept": !model.no_intercept,
            "standardize": model.standardize,
            "positive": model.positive,
            "penalty_factors": model.penalty_factor.is_some(),
            "weights": model.weights.is_some(),
            "target": self.input.target,
            "tol": training.tol,
            "scheduler": name(&training.scheduler),
            "block": training.block.map(|block| match block {
                Width::Auto => json!("auto"),
                Width::Fixed(keys) => json!(keys),
            }),
            "candidates": training.candidates,
            "rho": training.rho,
            "priority": training.priority.map(|priority| name(&priority)),
            "staleness": training.staleness,
            "certify_every": training.certify_every,
            "screening": !training.no_screening,
            "placement": name(&training.placement),
            "max_rounds": training.max_rounds,
            "max_seconds": training.max_seconds,
            "seed": training.seed,
            "shards": self.placement().shards(),
            "warm_start": training.warm_start.is_some(),
        })
    }
}

/// The name of a value on the command line.
trait Named {
    fn name(&self) -> String;
}

impl<V: ValueEnum> Named for V {
    fn name(&self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Model {
    /// The number of lambda of the path, if there is one.
    pub fn steps(&self) -> Option<usize> {
        self.path.or(self.cv.map(|_| 100))
    }

    /// The path's last lambda over lambda_max.
    pub fn min_ratio(&self) -> f64 {
        self.lambda_min_ratio.unwrap_or(0.01)
    }

    /// The single lambda over lambda_max, if that is what is asked for.
    fn ratio(&self) -> Option<f64> {
        let single = self.lambda.is_none() && self.steps().is_none();
        single.then(|| self.lambda_ratio.unwrap_or(0.1))
    }

    /// The strength asked for; of a path, that of its first lambda.
    pub fn strength(&self) -> Lambda {
        match (self.lambda, self.ratio()) {
            (Some(lambda), _) => Lambda::Value(lambda),
            (None, ratio) => Lambda::Ratio(ratio.unwrap_or(1.0)),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if let Some(steps) = self.steps() {
            expect((1..=100_000).contains(&steps), "--path", "1 to 100000", steps)?;
            let ratio = self.min_ratio();
            let range = "a number above 0 and below 1";
            expect(ratio > 0.0 && ratio < 1.0, "--lambda-min-ratio", range, ratio)?;
        } else if self.lambda_min_ratio.is_some() {
            return Err(Failure::usage("--lambda-min-ratio: only with --path or --cv"));
        }
        if let Some(folds) = self.cv {
            expect(folds >= 2, "--cv", "at least 2 folds", folds)?;
        }
        if self.l1_ratio == 0.0 && self.lambda.is_none() {
            return Err(Failure::usage(
                "--l1-ratio 0: ridge regression has no lambda_max; give --lambda",
            ));
        }
        Ok(())
    }
}

impl Training {
    fn check(&self) -> Result<(), Failure> {
        let joint = self.scheduler == Schedule::WorkingSet;
        let dynamic = self.scheduler == Schedule::Dynamic;
        let drawn = dynamic || self.scheduler == Schedule::Priority;
        let uses = [
            ("--block", self.block.is_some(), !joint, "a scheduler other than working-set"),
            ("--certify-every", self.certify_every.is_some(), !joint, "one other than working-set"),
            ("--staleness", self.staleness.is_some(), !joint, "one other than working-set"),
            ("--candidates", self.candidates.is_some(), dynamic, "dynamic"),
            ("--rho", self.rho.is_some(), dynamic, "dynamic"),
            ("--priority", self.priority.is_some(), drawn, "dynamic or priority"),
            ("--no-screening", self.no_screening, joint, "working-set"),
        ];
        if let Some((option, _, _, which)) = uses.iter().find(|(_, given, used, _)| *given && !used)
        {
            let name = self.scheduler.name();
            let message = format!("{option}: of no use with --scheduler {name}, only with {which}");
            return Err(Failure::usage(message));
        }
        if let Some(rho) = self.rho {
            expect(rho > 0.0 && rho <= 1.0, "--rho", "a number above 0 and at most 1", rho)?;
        }
        if let Some(candidates) = self.candidates {
            let least = match self.block {
                Some(Width::Fixed(keys)) => keys,
                _ => 1,
            };
            expect(candidates >= least, "--candidates", "at least as many as --block", candidates)?;
        }
        if let Some(staleness) = self.staleness {
            expect(staleness <= 1024, "--staleness", "at most 1024", staleness)?;
        }
        if let Some(every) = self.certify_every {
            expect(every > 0, "--certify-every", "at least 1", every)?;
        }
        if let Some(seconds) = self.max_seconds {
            expect(seconds >= 0.0, "--max-seconds", "a number >= 0", seconds)?;
        }
        if let Some(shards) = self.shards {
            let range = format!("1 to {MOST_SHARDS}");
            expect((1..=MOST_SHARDS).contains(&shards), "--shards", &range, shards)?;
        }
        Ok(())
    }

    fn scheduler(&self) -> Scheduler {
        let policy = match self.scheduler {
            Schedule::WorkingSet => return Scheduler::WorkingSet,
            Schedule::Dynamic => Policy::Dynamic,
            Schedule::Priority => Policy::Priority,
            Schedule::Random => Policy::Random,
            Schedule::RoundRobin => Policy::RoundRobin,
        };
        let defaults = PolicyOptions::default();
        let options = PolicyOptions {
            width: self.block.unwrap_or_default(),
            candidates: self.candidates,
            rho: self.rho.unwrap_or(defaults.rho),
            seed: self.seed,
            source: match self.priority.unwrap_or_default() {
                Priority::Moved => Source::Moved,
                Priority::Violation => Source::Violation,
            },
            ..defaults
        };
        Scheduler::Coordinates(policy, options)
    }
}
