//! A linear model's response to new rows.
//!
//! ```text
//! model ─▶ columns whose coefficient is not zero ─┐
//! DATA  ─▶ columns by name, or by position ───────┴▶ b + X β ─▶ one number a row
//! ```

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use strads::formats::{Format, ReadOptions, Table};
use strads::report::{Exit, ModelFile, peak_resident_bytes};

use super::Arguments;
use crate::Outcome;
use crate::failure::Failure;
use crate::input::DataFormat;
use crate::model::LinearModel;
use crate::output::{self, write};

/// Reads, predicts, and prints.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    let model = LinearModel::new(file, &arguments.model)?;
    let format = arguments.input_format.map(DataFormat::table).transpose()?;
    let own =
        [arguments.vocab.is_some(), arguments.top.is_some(), arguments.mallet_state.is_some()];
    if own.contains(&true) {
        let message = "--vocab, --top and --mallet-state: only for models of topics";
        return Err(Failure::usage(message));
    }
    let index = choose(&model, arguments.lambda_index, &arguments.model)?;
    let started = Instant::now();
    let options = arguments.input.options(format, arguments.threads.max(1))?;
    let options = ReadOptions { need_response: false, ..options };
    let mut table = arguments.input.read(&arguments.data, &options, &arguments.output)?;
    let load = started.elapsed().as_secs_f64();
    let coefficients = matched(arguments, format, &model, &table, index)?;
    find_response(&model, &mut table);
    let predictions = predict(&table, model.intercept()[index], &coefficients);
    let errors = errors(&table.response, &predictions);
    let mut value = json!({
        "command": "predict",
        "version": env!("CARGO_PKG_VERSION"),
        "rows": table.rows,
        "left_out": table.left_out,
        "missing": table.missing,
        "lambda": model.lambda()[index],
        "seconds": { "load": load },
        "peak_bytes": peak_resident_bytes(),
    });
    if let Some((mse, r2)) = errors {
        value["mse"] = json!(mse);
        value["r2"] = json!(r2);
        arguments.output.note(&format!(
            "mean squared error {}, R2 {}",
            output::figure(mse),
            r2.map_or("undefined: the response does not vary".into(), output::figure)
        ));
    }
    if table.left_out > 0 {
        arguments.output.note(&format!("{} rows without response left out", table.left_out));
    }
    let lines = || predictions.iter().map(|number| format!("{number}\n")).collect::<String>();
    match &arguments.file {
        Some(path) => {
            write(path, |to| to.write_all(lines().as_bytes()))?;
            arguments.output.print(&value, String::new)?;
        }
        None => {
            value["predictions"] = json!(predictions);
            arguments.output.print(&value, lines)?;
        }
    }
    Ok(Exit::Done)
}

/// The model of a path that is asked for.
pub fn choose(model: &LinearModel, index: Option<usize>, path: &Path) -> Result<usize, Failure> {
    let (count, name) = (model.len(), path.display());
    match index {
        Some(index) if index < count => Ok(index),
        Some(index) => Err(Failure::usage(format!(
            "--lambda-index {index}: {name} has lambda 0 to {}",
            count - 1
        ))),
        None if count == 1 => Ok(0),
        None => Err(Failure::usage(format!(
            "{name} is a path: choose one of its {count} lambda with --lambda-index 0 to {}",
            count - 1
        ))),
    }
}

/// The data's columns that have a coefficient, with it.
fn matched(
    arguments: &Arguments,
    format: Option<Format>,
    model: &LinearModel,
    table: &Table,
    index: usize,
) -> Result<Vec<(usize, f64)>, Failure> {
    let name = arguments.data.display();
    let coefficients = model.nonzeros(index);
    if let (Some(theirs), Some(ours)) = (model.names(), &table.names)
        && theirs != ours.as_slice()
    {
        return by_name(&name.to_string(), coefficients, theirs, ours);
    }
    let (known, found) = (model.columns(), table.columns);
    if found > known {
        let message =
            format!("{name}: expected at most the model's {known} columns, found {found}");
        return Err(Failure::input(message));
    }
    let format = format.or_else(|| Format::of_name(&arguments.data));
    let dense = table.names.is_some() || format == Some(Format::Npy);
    if dense && found < known {
        let message = format!("{name}: expected the model's {known} columns, found {found}");
        return Err(Failure::input(message));
    }
    // Columns that sparse data does not mention are zero.
    let positions = coefficients.into_iter().map(|(column, value)| (column as usize, value));
    Ok(positions.filter(|(column, _)| *column < found).collect())
}

fn by_name(
    data: &str,
    coefficients: Vec<(u32, f64)>,
    theirs: &[String],
    ours: &[String],
) -> Result<Vec<(usize, f64)>, Failure> {
    let mut places: HashMap<&str, (usize, bool)> = HashMap::with_capacity(ours.len());
    for (at, name) in ours.iter().enumerate() {
        places.entry(name).and_modify(|place| place.1 = false).or_insert((at, true));
    }
    let place = |(column, value): (u32, f64)| {
        let name = theirs.get(column as usize).map_or("", String::as_str);
        match places.get(name) {
            Some((at, true)) => Ok((*at, value)),
            Some(_) => Err(format!("{data}:1:1: expected one column `{name}`, found several")),
            None => Err(format!("{data}:1:1: expected the model's column `{name}`, found none")),
        }
    };
    coefficients.into_iter().map(place).collect::<Result<_, _>>().map_err(Failure::input)
}

/// A response that the model was trained on and that the data has among its columns.
fn find_response(model: &LinearModel, table: &mut Table) {
    let options = model.metadata().get("options");
    let target = options.and_then(|options| options.get("target")).and_then(Value::as_str);
    let (Some(target), Some(names), true) = (target, &table.names, table.response.is_empty())
    else {
        return;
    };
    let place = names.iter().position(|name| name == target);
    if let (Some(column), Some((_, columns))) = (place, table.shards.first()) {
        table.response = (0..table.rows).map(|row| columns.value(column, row)).collect();
    }
}

fn predict(table: &Table, intercept: f64, coefficients: &[(usize, f64)]) -> Vec<f64> {
    let mut predictions = vec![intercept; table.rows];
    if let Some((_, columns)) = table.shards.first() {
        for &(column, coefficient) in coefficients {
            columns.axpy(column, coefficient, 0.0, &mut predictions);
        }
    }
    predictions
}

/// The mean squared error, and the share of the response's variance that is explained.
fn errors(response: &[f64], predictions: &[f64]) -> Option<(f64, Option<f64>)> {
    if response.is_empty() {
        return None;
    }
    let rows = response.len() as f64;
    let pairs = response.iter().zip(predictions);
    let error = pairs.map(|(y, predicted)| (y - predicted).powi(2)).sum::<f64>();
    let mean = response.iter().sum::<f64>() / rows;
    let square = response.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
    Some((error / rows, (square > 0.0).then(|| 1.0 - error / square)))
}
