//! `strads lda`: files to a corpus, a corpus to topics, topics to files.
//!
//! ```text
//! DATA ─▶ documents ─▶ fit (documents stay, words rotate, on all workers) ─▶ result
//!    └──▶ held out ─────────────────────────────▶ perplexity ──────────────┘  model file
//! ```

mod arguments;
mod data;
mod live;
mod priors;
mod result;
mod room;
mod seen;

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use strads::models::lda::{Fit, Point, fit_kept};
use strads::report::Exit;

pub use arguments::Arguments;
use data::Data;
use result::Run;

use crate::Outcome;
use crate::failure::Failure;
use crate::output::{Format, check, counted};
use crate::run::Journal;

/// Sweeps from one checkpoint to the next.
const SWEEPS: u64 = 10;

/// Reads, fits, and gives the result.
pub fn run(mut arguments: Arguments) -> Outcome {
    arguments.training.shards = arguments.checkpoints.shards(arguments.training.shards)?;
    arguments.check()?;
    let arguments = &arguments;
    let speaks = arguments.cluster.process == 0;
    if speaks {
        check("--model", arguments.model_file.as_deref())?;
        check("--mallet-state", arguments.mallet_state.as_deref())?;
    }
    if arguments.is_live() {
        return live::run(arguments, speaks);
    }
    let (log, quiet) = (arguments.log.as_deref(), arguments.output.quiet);
    let journal = Arc::new(Journal::new(log, quiet, speaks)?);
    let started = Instant::now();
    let mut data = Data::load(arguments)?;
    let load = started.elapsed().as_secs_f64();
    if speaks {
        arguments.output.note(&format!(
            "read {}, {} and {} in {load:.2} s",
            counted(data.documents, "document"),
            counted(data.tokens as usize, "token"),
            counted(data.words, "word")
        ));
    }

    let started = Instant::now();
    journal.start();
    let mut fitted = train(arguments, &mut data, &journal)?;
    let train = started.elapsed().as_secs_f64();
    journal.finish();
    if !speaks {
        return Ok(Exit::Done);
    }

    let started = Instant::now();
    let tokens = fitted.assignments.take();
    let mut run = Run::new(arguments, &data, fitted)?;
    if let Some(path) = &arguments.model_file {
        run.model(arguments, &data).save(path)?;
    }
    if let (Some(path), Some(tokens)) = (&arguments.mallet_state, tokens) {
        run.write_state(path, &data, &tokens)?;
    }
    run.seconds([load, train, started.elapsed().as_secs_f64()]);
    if arguments.output.format == Format::Json {
        run.show_topics();
    }
    arguments.output.print(&run.value, || run.text())?;
    journal.end(None)
}

/// Fits on the workers of this process together with those of the others.
fn train(arguments: &Arguments, data: &mut Data, journal: &Arc<Journal>) -> Result<Fit, Failure> {
    let digest = data.digest(arguments);
    let mut options = arguments.options();
    options.priors = Arc::clone(&data.priors);
    options.warm_start = data.warm.take();
    options.check(data.words).map_err(|why| Failure::usage(format!("--{why}")))?;
    let journal = Arc::clone(journal);
    let corpus = std::mem::take(&mut data.corpus);
    let (cluster, run) = (&arguments.cluster, ("lda", options.shards, options.seed));
    let keeper = arguments.checkpoints.keeper(run, &digest, SWEEPS, cluster, &arguments.output)?;
    let see = move |point: &Point| see(&journal, point);
    Ok(fit_kept(cluster, &digest, corpus, options, keeper, see)?)
}

fn see(journal: &Journal, point: &Point) {
    let likelihood = point.log_likelihood.map(|found| format!(", likelihood {found:.5} a token"));
    let likelihood = likelihood.unwrap_or_default();
    let (iteration, error) = (point.iteration, point.s_error);
    let message = format!("iteration {iteration}{likelihood}, s-error {error:.5}");
    let record = json!({
        "epoch": 0,
        "round": iteration,
        "iteration": iteration,
        "seconds": journal.seconds(),
        "log_likelihood_per_token": point.log_likelihood,
        "s_error": error,
        "alpha_sum": point.alpha_sum,
        "beta": point.beta,
    });
    journal.point(&message, &record);
}
