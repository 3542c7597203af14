//! `strads lasso`: files to column shards, shards to a model, model to files.
//!
//! ```text
//! DATA ─▶ columns of this process's shards ─▶ fit (model-parallel, on all workers) ─▶ result
//!                                              │                                      model file
//!                                              └▶ measured points ─▶ log, page
//! ```

mod arguments;
mod data;
mod live;
mod options;
mod page;
mod result;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use strads::models::lasso::{Fit, Folds, Plan, Point, Problem, Stored, Task, fit};
use strads::report::Exit;

pub use arguments::Arguments;
use data::Data;
use result::{Run, memory};
use watch::Watch;

use crate::failure::Failure;
use crate::output::{bytes, check, write};
use crate::{Outcome, output};

/// The largest model that is written as it is.
const MOST_MODEL: usize = 16 << 30;

/// Reads, fits, and gives the result.
pub fn run(arguments: &Arguments) -> Outcome {
    arguments.check()?;
    let speaks = arguments.cluster.process == 0;
    if speaks {
        check("--model", arguments.model_file.as_deref())?;
        check("--report", arguments.report.as_deref())?;
    }
    let mut arguments = arguments.clone();
    arguments.training.shards = arguments.checkpoints.shards(arguments.training.shards)?;
    let arguments = &arguments;
    if arguments.is_live() {
        return live::run(arguments, speaks);
    }
    let watch = Arc::new(Watch::new(arguments, speaks)?);
    let started = Instant::now();
    let mut data = Data::load(arguments)?;
    let load = started.elapsed().as_secs_f64();
    check_model_size(arguments, &data)?;
    if speaks {
        remark(arguments, &data, load);
    }

    let started = Instant::now();
    watch.journal.start();
    let fitted = train(arguments, &mut data, &watch)?;
    let train = started.elapsed().as_secs_f64();
    watch.journal.finish_with("memory", memory(&fitted.memory));
    if !speaks {
        return Ok(if fitted.converged { Exit::Done } else { Exit::NotConverged });
    }

    let started = Instant::now();
    let mut run = Run::new(arguments, &data, &fitted)?;
    arguments.output.note(&run.held());
    if let Some(path) = &arguments.model_file {
        run.model(arguments, &data).save(path)?;
    }
    run.seconds([load, train, started.elapsed().as_secs_f64()]);
    if let Some(path) = &arguments.report {
        let page = page::html(arguments, &run, &data, &watch.points());
        write(path, |to| to.write_all(page.as_bytes()))?;
    }
    run.seconds([load, train, started.elapsed().as_secs_f64()]);
    arguments.output.print(&run.value, || run.text(&data))?;
    let unfinished =
        "not converged within the limits: the gap says how far the objective may be off";
    watch.journal.end((!run.converged).then_some(unfinished))
}

/// Fits on the workers of this process together with those of the others.
fn train(arguments: &Arguments, data: &mut Data, watch: &Arc<Watch>) -> Result<Fit, Failure> {
    let digest = data.digest(arguments);
    let problem = std::mem::take(&mut data.problem);
    match &mut data.row_shards {
        Some(shards) => {
            let problem = problem.with_shards(std::mem::take(shards));
            fitted(arguments, &digest, problem, watch)
        }
        None => fitted(arguments, &digest, problem, watch),
    }
}

fn fitted<S: Stored>(
    arguments: &Arguments,
    digest: &[u8],
    problem: Problem<S>,
    watch: &Arc<Watch>,
) -> Result<Fit, Failure> {
    let (watch, plan) = (Arc::clone(watch), plan(arguments, problem.response.len()));
    let (options, engine) = (arguments.options(), arguments.engine());
    let see = move |point: &Point| watch.see(point);
    let run = ("lasso", engine.shards, arguments.training.seed);
    let every = arguments.checkpoint_every(S::IN_ROWS);
    let (cluster, output) = (&arguments.cluster, &arguments.output);
    match arguments.checkpoints.keeper(run, digest, every, cluster, output)? {
        None => Ok(fit(cluster, digest, problem, options, engine, plan, see)?),
        Some(keeper) => {
            let digest = keeper.digest(digest);
            let task = Task::keeping(plan, keeper, &problem)?;
            Ok(fit(cluster, &digest, problem, options, engine, task, see)?)
        }
    }
}

fn plan(arguments: &Arguments, rows: usize) -> Plan {
    let model = &arguments.model;
    let min_ratio = model.min_ratio();
    match (model.steps(), model.cv) {
        (None, _) => Plan::One(model.strength()),
        (Some(count), None) => Plan::Path { count, min_ratio },
        (Some(count), Some(folds)) => {
            let folds = Folds::new(rows, folds, arguments.training.seed);
            Plan::CrossValidate { count, min_ratio, folds }
        }
    }
}

/// Refuses a model file too large to be made, before any work is done.
fn check_model_size(arguments: &Arguments, data: &Data) -> Result<(), Failure> {
    let lambdas = match arguments.model.cv {
        Some(_) => 1,
        None => arguments.model.steps().unwrap_or(1),
    };
    let size = data.problem.columns.saturating_mul(8).saturating_mul(lambdas);
    if arguments.model_file.is_some() && size > MOST_MODEL {
        let size = bytes(size as u64);
        return Err(Failure::usage(format!(
            "--model: {lambdas} dense models would take {size}; ask for fewer lambda"
        )));
    }
    Ok(())
}

/// Says what was read.
fn remark(arguments: &Arguments, data: &Data, seconds: f64) {
    let (rows, columns) = (data.rows, data.problem.columns);
    arguments.output.note(&format!(
        "read {rows} rows and {columns} columns in {seconds:.2} s: {} of {} here, {}",
        output::bytes(data.bytes as u64),
        data.form(),
        output::counted(arguments.placement().shards(), "shard")
    ));
}
