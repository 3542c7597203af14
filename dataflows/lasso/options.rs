//! The checks that clap cannot make, and what the options mean to the library.

use serde_json::{Value, json};
use strads::formats::{Format, Parts};
use strads::models::lasso::{Lambda, Options, Scheduler, is_tall};
use strads::operators::{self, Placement, Scheduling};
use strads::scheduler::{Policy, PolicyOptions, Source, Width};

use super::arguments::{Arguments, Form, Model, Place, Priority, Schedule, Training};
use crate::failure::Failure;
use crate::run::{self, Named, check_shards, expect};

impl Arguments {
    /// Checks what clap cannot.
    pub fn check(&self) -> Result<(), Failure> {
        self.model.check()?;
        self.training.check()?;
        self.live.check(self.is_live())?;
        self.checkpoints.check()?;
        if self.checkpoints.checkpoint.is_some() && self.training.max_seconds.is_some() {
            let why = "--max-seconds: not with --checkpoint, which counts rounds: use --max-rounds";
            return Err(Failure::usage(why));
        }
        self.options().check().map_err(|why| Failure::usage(format!("--{why}")))?;
        self.cluster.addresses()?;
        strads::shard::vectors().map_err(Failure::usage)?;
        Ok(())
    }

    /// Whether the data is a feed of changes.
    pub fn is_live(&self) -> bool {
        let format = self.input_format.or_else(|| Format::of_name(&self.data));
        self.live.is_live(format)
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

    /// Rounds between two checkpoints, unless that is told: setting out anew looks at all data, as
    /// some rounds do; in row form it takes the products of all columns anew.
    pub fn checkpoint_every(&self, in_rows: bool) -> u64 {
        match (in_rows, self.training.scheduler) {
            (true, _) => 1000,
            (false, Schedule::WorkingSet) => 100,
            (false, _) => 10_000,
        }
    }

    /// Where the shards live.
    pub fn placement(&self) -> Placement {
        run::placement(&self.cluster, self.training.shards)
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
            "storage": name(&self.storage),
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
            "form": name(&training.form),
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
    /// In which form the table is to be kept.
    pub fn parts(&self) -> Parts {
        match (self.form, self.scheduler) {
            (Form::Rows, _) => Parts::Rows,
            (Form::Auto, Schedule::WorkingSet) => Parts::ByShape(is_tall),
            (Form::Auto | Form::Columns, _) => Parts::Columns,
        }
    }

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
            ("--form rows", self.form == Form::Rows, joint, "working-set"),
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
        check_shards(self.shards)
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
