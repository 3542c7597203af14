//! The result of a run: as JSON, as text, as a model file.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};
use strads::models::lasso::{Fit, Memory, Solution, Validation};
use strads::report::{Exit, ModelFile, peak_resident_bytes};

use super::arguments::Arguments;
use super::data::Data;
use crate::failure::Failure;
use crate::model::{largest_first, listed};
use crate::output::{bytes, figure};
use crate::run::{head, put_seconds};

/// How many coefficients the text shows.
const SHOWN: usize = 20;

/// The most bytes of column names that a model file takes (of the 100 MB its format allows).
const MOST_NAMES: usize = 80_000_000;

/// A finished run, on process 0.
pub struct Run {
    /// The result as JSON.
    pub value: Value,
    /// Whether every λ was solved to the tolerance.
    pub converged: bool,
    /// The solutions: one, or those of a path.
    pub solutions: Vec<Solution>,
    /// What cross-validation found.
    pub validation: Option<Validation>,
    rounds: u64,
    memory: Vec<Memory>,
}

impl Run {
    /// Sums up a fit.
    pub fn new(arguments: &Arguments, data: &Data, fitted: &Fit) -> Result<Self, Failure> {
        let Some(last) = fitted.solutions.last() else {
            return Err(Failure::new(Exit::Failed, "the fit ended without a result"));
        };
        if !last.point.measure.objective().is_finite() {
            let message = "the objective is no finite number: the data's values are too large";
            return Err(Failure::new(Exit::Failed, message));
        }
        let tolerance = arguments.training.tol;
        let mut value = always(arguments, data, fitted);
        value.extend(figures(last, tolerance));
        value.insert("lambda_max".into(), json!(fitted.solutions[0].point.measure.lambda_max));
        let named = |&(column, value): &(u32, f64)| {
            let name = data.names.as_ref().and_then(|names| names.get(column as usize));
            json!({ "column": column, "name": name, "value": value })
        };
        let coefficients: Vec<Value> = last.coefficients.iter().map(named).collect();
        value.insert("coefficients".into(), coefficients.into());
        let path = &fitted.solutions[..];
        let path = if fitted.validation.is_some() { &path[..path.len() - 1] } else { path };
        if arguments.model.steps().is_some() {
            let path: Vec<Value> =
                path.iter().map(|solution| figures(solution, tolerance).into()).collect();
            value.insert("path".into(), path.into());
        }
        if let Some(found) = &fitted.validation {
            let mut cv = json!(found);
            cv["folds"] = json!(arguments.model.cv);
            value.insert("cv".into(), cv);
        }
        let kept = match fitted.validation {
            Some(_) => vec![last.clone()],
            None => fitted.solutions.clone(),
        };
        Ok(Run {
            value: value.into(),
            converged: fitted.converged,
            solutions: kept,
            memory: fitted.memory.clone(),
            validation: fitted.validation.clone(),
            rounds: fitted.rounds,
        })
    }

    /// The last solution: that of the smallest λ, or of the best.
    pub fn last(&self) -> &Solution {
        &self.solutions[self.solutions.len() - 1]
    }

    /// Puts in how long loading, training and writing took.
    pub fn seconds(&mut self, seconds: [f64; 3]) {
        put_seconds(&mut self.value, seconds);
        self.value["peak_bytes"] = json!(peak_bytes(&self.memory));
    }

    /// The model as a file.
    pub fn model(&self, arguments: &Arguments, data: &Data) -> ModelFile {
        let (count, columns) = (self.solutions.len(), data.columns);
        let mut metadata = Map::new();
        metadata.insert("command".into(), "lasso".into());
        metadata.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        metadata.insert("options".into(), arguments.remembered());
        metadata.insert("seed".into(), arguments.training.seed.into());
        metadata.insert("shards".into(), arguments.placement().shards().into());
        metadata.insert("form".into(), data.form().into());
        metadata.insert("rows".into(), data.rows.into());
        metadata.insert("columns".into(), columns.into());
        metadata.insert("objective".into(), json!(self.last().point.measure.objective()));
        let tolerance = arguments.training.tol;
        let certificate = |solution| Value::from(figures(solution, tolerance));
        let certificates: Vec<Value> = self.solutions.iter().map(certificate).collect();
        metadata.insert("certificate".into(), certificates.into());
        metadata.insert("rounds".into(), self.rounds.into());
        match &data.names {
            Some(names) if names.iter().map(|name| name.len() + 8).sum::<usize>() < MOST_NAMES => {
                metadata.insert("features".into(), json!(names));
            }
            Some(_) => arguments.output.note("the column names are too long for a model file"),
            None => {}
        }
        let mut file = ModelFile::new(metadata);
        let mut coefficients = vec![0.0; columns * count];
        for (row, solution) in coefficients.chunks_exact_mut(columns.max(1)).zip(&self.solutions) {
            for &(column, value) in &solution.coefficients {
                row[column as usize] = value;
            }
        }
        let is_path = arguments.model.steps().is_some() && self.validation.is_none();
        let shape = if is_path { vec![count, columns] } else { vec![columns] };
        file.put("coefficients", &shape, coefficients);
        let intercept = self.solutions.iter().map(|solution| solution.intercept).collect();
        file.put("intercept", &[count], intercept);
        let lambda = self.solutions.iter().map(|solution| solution.point.measure.lambda).collect();
        file.put("lambda", &[count], lambda);
        file
    }

    /// What the workers hold, for people.
    pub fn held(&self) -> String {
        let size = |part: fn(&Memory) -> usize| {
            bytes(self.memory.iter().map(part).max().unwrap_or(0) as u64)
        };
        let replicated = [
            ("response", size(|memory| memory.response)),
            ("residual", size(|memory| memory.residual)),
            ("working set", size(|memory| memory.working_set)),
            ("products of columns", size(|memory| memory.products)),
            ("scheduler", size(|memory| memory.scheduler)),
        ];
        let replicated = replicated.map(|(what, size)| format!("{what} {size}")).join(", ");
        let data = size(|memory| memory.data);
        format!("a worker holds at most {data} of the data; replicated: {replicated}")
    }

    /// The result for people.
    pub fn text(&self, data: &Data) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text, data);
        text
    }

    fn write(&self, to: &mut String, data: &Data) -> std::fmt::Result {
        let (last, value) = (self.last(), &self.value);
        let measure = &last.point.measure;
        let left_out = match data.left_out {
            0 => String::new(),
            rows => format!(" ({rows} without response left out)"),
        };
        let rounded = match value["storage"].as_str() {
            Some("exact") => "",
            _ => ", values rounded to f32: the gap holds for these",
        };
        writeln!(
            to,
            "data        {} rows{left_out}, {} columns{rounded}",
            data.rows, data.columns
        )?;
        if let Some(found) = &self.validation {
            writeln!(to, "\n      lambda  mean squared error  standard error")?;
            for (at, lambda) in found.lambda.iter().enumerate() {
                let mark = match *lambda {
                    lambda if lambda == found.lambda_min => "  smallest",
                    lambda if lambda == found.lambda_1se => "  within one standard error",
                    _ => "",
                };
                let (mean, error) = (figure(found.mean[at]), figure(found.error[at]));
                writeln!(to, "{:>12}  {mean:>18}  {error:>14}{mark}", figure(*lambda))?;
            }
            writeln!(to)?;
        } else if self.solutions.len() > 1 {
            writeln!(to, "\n      lambda  nonzeros     objective  relative gap")?;
            for solution in &self.solutions {
                let measure = &solution.point.measure;
                let (lambda, objective) = (figure(measure.lambda), figure(measure.objective()));
                let (nonzeros, gap) = (measure.nonzeros, measure.relative_gap());
                writeln!(to, "{lambda:>12}  {nonzeros:>8}  {objective:>12}  {gap:>12.1e}")?;
            }
            writeln!(to)?;
        }
        let largest = self.solutions[0].point.measure.lambda_max;
        let of =
            if largest.is_finite() { format!(" (max {})", figure(largest)) } else { "".into() };
        writeln!(to, "lambda      {}{of}", figure(measure.lambda))?;
        writeln!(to, "objective   {:?}", measure.objective())?;
        let end = if self.converged { "converged" } else { "NOT CONVERGED within the limits" };
        let (gap, relative) = (measure.gap(), measure.relative_gap());
        writeln!(to, "gap         {gap:.2e}, relative {relative:.2e}: {end}")?;
        writeln!(to, "nonzeros    {}", measure.nonzeros)?;
        writeln!(to, "intercept   {}", figure(last.intercept))?;
        let (load, train) = (&value["seconds"]["load"], &value["seconds"]["train"]);
        let seconds = |value: &Value| value.as_f64().unwrap_or(0.0);
        let (rounds, updates) = (self.rounds, measure.updates);
        writeln!(
            to,
            "work        {rounds} rounds, {updates} updates; {:.2} s loading, {:.2} s training",
            seconds(load),
            seconds(train)
        )?;
        if !last.coefficients.is_empty() {
            let coefficients = largest_first(last.coefficients.clone());
            writeln!(to, "\n   coefficient  column")?;
            to.push_str(&listed(&coefficients, SHOWN, |column| data.label(column)));
        }
        Ok(())
    }
}

/// What every command's result has.
fn always(arguments: &Arguments, data: &Data, fitted: &Fit) -> Map<String, Value> {
    let (training, cluster) = (&arguments.training, &arguments.cluster);
    let mut value = head("lasso", training.seed, cluster, training.shards);
    value.insert("form".into(), data.form().into());
    value.insert("rows".into(), data.rows.into());
    value.insert("columns".into(), data.columns.into());
    value.insert("left_out".into(), data.left_out.into());
    value.insert("missing".into(), data.missing.into());
    value.insert("storage".into(), arguments.remembered()["storage"].clone());
    value.insert("seconds".into(), Value::Null);
    value.insert("rounds".into(), fitted.rounds.into());
    value.insert("converged".into(), fitted.converged.into());
    value.insert("peak_bytes".into(), Value::Null);
    value.insert("memory".into(), memory(&fitted.memory));
    value
}

/// What the workers hold, in bytes: the data of each, and what is replicated (on the worker that has
/// most of it).
pub fn memory(workers: &[Memory]) -> Value {
    let most = |part: fn(&Memory) -> usize| workers.iter().map(part).max();
    json!({
        "data": workers.iter().map(|memory| memory.data).collect::<Vec<_>>(),
        "beside_data": workers.iter().map(|memory| memory.beside_data).collect::<Vec<_>>(),
        "replicated": {
            "response": most(|memory| memory.response),
            "residual": most(|memory| memory.residual),
            "working_set": most(|memory| memory.working_set),
            "products": most(|memory| memory.products),
            "scheduler": most(|memory| memory.scheduler),
        },
    })
}

/// The most that the processes ever held, added up: of the others, until the end of training.
fn peak_bytes(workers: &[Memory]) -> Option<u64> {
    let mut peaks: BTreeMap<usize, Option<u64>> =
        workers.iter().map(|memory| (memory.process, memory.peak)).collect();
    peaks.insert(0, peak_resident_bytes());
    peaks.into_values().sum()
}

/// The figures of one λ.
fn figures(solution: &Solution, tolerance: f64) -> Map<String, Value> {
    let measure = &solution.point.measure;
    let mut value = Map::new();
    let numbers = [
        ("lambda", measure.lambda),
        ("objective", measure.objective()),
        ("dual_objective", measure.dual_objective()),
        ("gap", measure.gap()),
        ("relative_gap", measure.relative_gap()),
        ("intercept", solution.intercept),
    ];
    value.extend(numbers.map(|(name, number)| (name.to_owned(), json!(number))));
    value.insert("nonzeros".into(), measure.nonzeros.into());
    value.insert("updates".into(), measure.updates.into());
    value.insert("converged".into(), measure.is_converged(tolerance).into());
    value
}
