//! `strads mf`: files of ratings to factors of users and items.
//!
//! ```text
//! DATA ─▶ ratings ─┬▶ train ─▶ fit (model-parallel, on all workers) ─▶ result, model file
//!                  └▶ test ──────────────────────────────────────────▶ errors and rankings
//! ```

mod arguments;
mod data;
mod live;
mod options;
mod result;
mod rows;

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use strads::models::mf::sgd::Reports;
use strads::models::mf::{Fit, Point, fit_kept};
use strads::report::Exit;

pub use arguments::Arguments;
use data::Data;
use result::Run;

use crate::failure::Failure;
use crate::output::{check, counted, figure};
use crate::run::Journal;
use crate::{Outcome, output};

/// Sweeps from one checkpoint to the next.
const SWEEPS: u64 = 5;

/// Reads, fits, and gives the result.
pub fn run(mut arguments: Arguments) -> Outcome {
    arguments.training.shards = arguments.checkpoints.shards(arguments.training.shards)?;
    arguments.check()?;
    let arguments = &arguments;
    let speaks = arguments.cluster.process == 0;
    if speaks {
        check("--model", arguments.model_file.as_deref())?;
    }
    if arguments.is_live() {
        return live::run(arguments, speaks);
    }
    let quiet = arguments.output.quiet;
    let journal = Arc::new(Journal::new(arguments.log.as_deref(), quiet, speaks)?);
    let started = Instant::now();
    let data = Data::load(arguments)?;
    let load = started.elapsed().as_secs_f64();
    if speaks {
        remark(arguments, &data, load);
    }

    let started = Instant::now();
    journal.start();
    let fitted = train(arguments, &data, &journal)?;
    let train = started.elapsed().as_secs_f64();
    journal.finish();
    if !speaks {
        return Ok(Exit::Done);
    }

    let started = Instant::now();
    let mut run = Run::new(arguments, &data, fitted)?;
    if let Some(path) = &arguments.model_file {
        run.file(arguments, &data).save(path)?;
    }
    run.seconds([load, train, started.elapsed().as_secs_f64()]);
    arguments.output.print(&run.value, || run.text())?;
    let unfinished = "not converged within the limits: the objective may still fall";
    journal.end((!run.converged).then_some(unfinished))
}

/// Fits on the workers of this process together with those of the others.
fn train(arguments: &Arguments, data: &Data, journal: &Arc<Journal>) -> Result<Fit, Failure> {
    let journal = Arc::clone(journal);
    let see = move |point: &Point| {
        let error = figure(point.rmse_train);
        let objective = figure(point.objective);
        let message = format!("iteration {}, objective {objective}, RMSE {error}", point.iteration);
        let record = json!({
            "epoch": 0,
            "iteration": point.iteration,
            "round": point.round,
            "seconds": journal.seconds(),
            "objective": point.objective,
            "rmse_train": point.rmse_train,
            "rmse_test": point.rmse_test,
        });
        journal.point(&message, &record);
    };
    let (cluster, digest) = (&arguments.cluster, data.digest(arguments));
    let (options, engine) = (arguments.options(), arguments.engine());
    let reports = if arguments.log.is_some() { Reports::Every } else { Reports::Last };
    // What is measured on the way takes sweeps of its own.
    let run = [&digest[..], &[u8::from(reports == Reports::Every)]].concat();
    let keeper = arguments.checkpoints.keeper(
        ("mf", engine.shards, options.seed),
        &run,
        SWEEPS,
        cluster,
        &arguments.output,
    )?;
    let fitted = (data.problem.clone(), options);
    Ok(fit_kept(cluster, &digest, fitted, engine, reports, keeper, see)?)
}

/// Says what was read.
fn remark(arguments: &Arguments, data: &Data, seconds: f64) {
    let train = &data.problem.train;
    let again = match data.duplicates {
        0 => String::new(),
        pairs => format!(", {} again (the last counts)", counted(pairs as usize, "pair")),
    };
    let held = match data.held_out() {
        0 => String::new(),
        ratings => format!(" and {ratings} to test"),
    };
    arguments.output.note(&format!(
        "read {} of {} items by {} users in {seconds:.2} s{held}{again}",
        counted(train.len(), "rating"),
        train.items.len(),
        train.users.len(),
    ));
    if let Some(names) = &data.header {
        arguments.output.note(&format!("the first line names columns: {}", names.join(", ")));
    }
    let ratings = output::bytes(8 * train.len() as u64);
    arguments.output.note(&format!("every process holds all ratings, {ratings}"));
}
