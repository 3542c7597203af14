//! A linear model: shape, options, certificate, coefficients.

use std::fmt::Write;

use serde_json::{Value, json};
use strads::report::{Exit, ModelFile};

use super::{Arguments, options, plain};
use crate::Outcome;
use crate::model::{LinearModel, largest_first, listed};
use crate::output::figure;

/// Shows a linear model.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    arguments.topics.refuse()?;
    let model = LinearModel::new(file, &arguments.model)?;
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
    writeln!(to, "options     {}", options(metadata))?;
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
