//! The checks that clap cannot make, and what the options mean to the library.

use serde_json::{Value, json};
use strads::formats;
use strads::models::mf::{self, Options};
use strads::operators;
use strads::scheduler::Policy;

use super::arguments::{Arguments, Schedule, Solver, Which};
use crate::failure::Failure;
use crate::ratings::Format;
use crate::run::{Named, check_shards, expect, placement};

impl Arguments {
    /// Checks what clap cannot.
    pub fn check(&self) -> Result<(), Failure> {
        self.options().check().map_err(|why| Failure::usage(format!("--{why}")))?;
        let test = &self.test;
        if let Some(share) = test.holdout {
            expect(share > 0.0 && share.is_finite(), "--holdout", "a number above 0", share)?;
            let random = test.holdout_by == Which::Random;
            let range = "a number below 1 with --holdout-by random";
            expect(share < 1.0 || !random, "--holdout", range, share)?;
            expect(share < 1.0 || share.fract() == 0.0, "--holdout", "a whole number", share)?;
        }
        expect(test.top > 0, "--top", "at least 1", test.top)?;
        if let Some(relevant) = test.relevant {
            expect(relevant.is_finite(), "--relevant", "a finite number", relevant)?;
        }
        check_shards(self.training.shards)?;
        self.checkpoints.check()?;
        self.live.check(self.is_live())?;
        self.cluster.addresses()?;
        Ok(())
    }

    /// Whether the data is a feed of changes.
    pub fn is_live(&self) -> bool {
        let told = (self.input_format == Format::Changes).then_some(formats::Format::Changes);
        self.live.is_live(told.or_else(|| formats::Format::of_name(&self.data)))
    }

    /// The library's options.
    pub fn options(&self) -> Options {
        let (model, training) = (&self.model, &self.training);
        Options {
            rank: model.rank,
            lambda: model.lambda,
            weighted_lambda: model.weighted_lambda,
            biases: model.biases,
            centre: !model.no_mean,
            nonnegative: model.nonnegative,
            implicit: model.implicit.then(|| model.alpha.unwrap_or(1.0)),
            solver: match training.solver {
                Solver::Auto => mf::Solver::Auto,
                Solver::Ccd => mf::Solver::Ccd,
                Solver::Sgd => mf::Solver::Sgd,
            },
            recommends: self.recommends(),
            iterations: training.iterations,
            tolerance: training.tol,
            max_rounds: training.max_rounds,
            max_seconds: training.max_seconds,
            scheduler: match training.scheduler {
                Schedule::RoundRobin => Policy::RoundRobin,
                Schedule::Dynamic => Policy::Dynamic,
            },
            seed: training.seed,
        }
    }

    /// Whether a solver is to be chosen that is good to recommend from. Of a run that has no choice, a
    /// model file must not make another run: its checkpoints are good with and without.
    fn recommends(&self) -> bool {
        let chooses = self.training.solver == Solver::Auto && !self.is_live();
        chooses && self.model_file.is_some()
    }

    /// How the engine runs.
    pub fn engine(&self) -> operators::Options {
        let shards = placement(&self.cluster, self.training.shards).shards();
        operators::Options { shards, ..operators::Options::default() }
    }

    /// Everything that must agree between processes and that a model remembers, but for the data
    /// and what is read from files.
    pub fn remembered(&self) -> Value {
        let (model, test, training) = (&self.model, &self.test, &self.training);
        json!({
            "rank": model.rank,
            "lambda": model.lambda,
            "weighted_lambda": model.weighted_lambda,
            "biases": model.biases,
            "mean": self.options().centres(),
            "nonnegative": model.nonnegative,
            "implicit": model.implicit,
            "alpha": self.options().implicit,
            "weights": model.weights,
            "test": test.test.is_some(),
            "holdout": test.holdout,
            "holdout_by": test.holdout.map(|_| test.holdout_by.name()),
            "solver": training.solver.name(),
            "recommends": self.recommends(),
            "scheduler": training.scheduler.name(),
            "iterations": training.iterations,
            "tol": training.tol,
            "max_rounds": training.max_rounds,
            "max_seconds": training.max_seconds,
            "seed": training.seed,
            "shards": placement(&self.cluster, training.shards).shards(),
            "warm_start": training.warm_start.is_some(),
        })
    }
}
