//! `strads inspect`: what a model file holds.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use strads::report::Exit;

use crate::Outcome;
use crate::model::{LinearModel, largest_first, listed};
use crate::output::{Output, figure};

/// Shows a model: shape, options, certificate, coefficients
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The model, as `strads lasso --model` wrote it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Which model of a path, counted from 0 [default: the last]
    #[arg(long, value_name = "I")]
    lambda_index: Option<usize>,
    /// How many coefficients, the largest first [default: 20; with json all that are not 0]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Python reads the file with the safetensors package: `coefficients`, `intercept` and `lambda` are its
tensors, and its metadata entry `strads` is a JSON object of everything else.

Examples:
  strads inspect --model m.safetensors
  strads inspect --model path.safetensors --lambda-index 40 --top 100";

/// Reads a model and shows it.
pub fn run(arguments: &Arguments) -> Outcome {
    let model = LinearModel::load(&arguments.model)?;
    let last = arguments.lambda_index.unwrap_or(model.len() - 1);
    let index = crate::predict::choose(&model, Some(last), &arguments.model)?;
    let coefficients = largest_first(model.nonzeros(index));
    let most = arguments.top.unwrap_or(usize::MAX);
    let value = as_json(&model, index, &coefficients[..coefficients.len().min(most)]);
    arguments.output.print(&value, || {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = describe(&mut text, &model, index);
        if !coefficients.is_empty() {
            let most = arguments.top.unwrap_or(20);
            text.push_str("\n   coefficient  column\n");
            text.push_str(&listed(&coefficients, most, |column| model.label(column)));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn as_json(model: &LinearModel, index: usize, coefficients: &[(u32, f64)]) -> Value {
    let coefficients: Vec<Value> = coefficients
        .iter()
        .map(|&(column, value)| {
            let name = model.names().map(|names| &names[column as usize]);
            json!({ "column": column, "name": name, "value": value })
        })
        .collect();
    // The names are as long as the model is wide; those that matter are with the coefficients.
    let known = model.metadata().iter().filter(|(name, _)| *name != "features");
    let mut value = Value::Object(known.map(|(name, it)| (name.clone(), it.clone())).collect());
    let shape = match model.is_path() {
        true => vec![model.len(), model.columns()],
        false => vec![model.columns()],
    };
    value["model"] = value["command"].take();
    value["command"] = json!("inspect");
    value["shape"] = json!(shape);
    value["lambda_index"] = json!(index);
    value["lambda"] = json!(model.lambda()[index]);
    value["intercept"] = json!(model.intercept()[index]);
    value["nonzeros"] = json!(model.nonzeros(index).len());
    value["coefficients"] = coefficients.into();
    value
}

fn describe(to: &mut String, model: &LinearModel, index: usize) -> std::fmt::Result {
    let metadata = model.metadata();
    let field = |name: &str| metadata.get(name).map(plain).unwrap_or_default();
    writeln!(to, "model       {} of strads {}", field("command"), field("version"))?;
    writeln!(to, "trained on  {} rows, {} columns", field("rows"), model.columns())?;
    let options = metadata.get("options").and_then(Value::as_object);
    let options = options.into_iter().flatten().filter(|(_, value)| is_set(value));
    let options: Vec<String> =
        options.map(|(name, value)| format!("{name} {}", plain(value))).collect();
    writeln!(to, "options     {}", options.join(", "))?;
    if model.is_path() {
        writeln!(to, "\nindex        lambda  nonzeros")?;
        for (at, lambda) in model.lambda().iter().enumerate() {
            writeln!(to, "{at:>5}  {:>12}  {:>8}", figure(*lambda), model.nonzeros(at).len())?;
        }
        writeln!(to, "\nindex       {index}")?;
    }
    writeln!(to, "lambda      {}", figure(model.lambda()[index]))?;
    let certificate = metadata.get("certificate").and_then(|all| all.get(index));
    if let Some(found) = certificate {
        let number = |name: &str| found[name].as_f64().unwrap_or(f64::NAN);
        writeln!(to, "objective   {:?}", number("objective"))?;
        let end = if found["converged"] == true { "converged" } else { "NOT CONVERGED" };
        let (gap, relative) = (number("gap"), number("relative_gap"));
        writeln!(to, "gap         {gap:.2e}, relative {relative:.2e}: {end}")?;
    }
    writeln!(to, "nonzeros    {}", model.nonzeros(index).len())?;
    writeln!(to, "intercept   {}", figure(model.intercept()[index]))
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
