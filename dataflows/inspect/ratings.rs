//! A model of ratings: shape, options, objective.

use std::fmt::Write;

use serde_json::{Value, json};
use strads::report::{Exit, ModelFile};

use super::{Arguments, options, plain};
use crate::Outcome;
use crate::output::figure;
use crate::ratings::Model;

/// Shows a model of ratings.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    arguments.topics.refuse()?;
    let model = Model::new(file, &arguments.model)?;
    let factors = &model.model.factors;
    let mut value = Value::Object(model.metadata.clone());
    value["model"] = value["command"].take();
    value["command"] = json!("inspect");
    value["users"] = json!(factors.users.len());
    value["items"] = json!(factors.items.len());
    value["shape"] = json!([factors.users.len(), factors.items.len(), factors.rank]);
    value["mean"] = json!(factors.mean);
    value["scale"] = json!([factors.scale.0, factors.scale.1]);
    value["seen"] = json!(model.model.seen.is_some());
    arguments.output.print(&value, || {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = describe(&mut text, &model);
        text
    })?;
    Ok(Exit::Done)
}

fn describe(to: &mut String, model: &Model) -> std::fmt::Result {
    let (metadata, factors) = (&model.metadata, &model.model.factors);
    let field = |name: &str| metadata.get(name).map(plain).unwrap_or_default();
    let number = |name: &str| metadata.get(name).and_then(Value::as_f64).map(figure);
    writeln!(to, "model       {} of strads {}", field("command"), field("version"))?;
    let (users, items) = (factors.users.len(), factors.items.len());
    writeln!(to, "trained on  {} ratings, {users} users, {items} items", field("ratings"))?;
    writeln!(to, "options     {}", options(metadata))?;
    writeln!(to, "rank        {}", factors.rank)?;
    writeln!(to, "lambda      {}", figure(model.model.terms.lambda))?;
    writeln!(to, "mean        {}", figure(factors.mean))?;
    let (low, high) = factors.scale;
    writeln!(to, "scale       {low} to {high}")?;
    let end = match metadata.get("converged") {
        Some(Value::Bool(true)) => "converged",
        _ => "NOT CONVERGED",
    };
    writeln!(to, "objective   {}: {end}", field("objective"))?;
    for (name, field) in [("in training", "rmse_train"), ("on test ratings", "rmse_test")] {
        if let Some(error) = number(field) {
            writeln!(to, "RMSE        {error} {name}")?;
        }
    }
    let seen = if model.model.seen.is_some() { "kept" } else { "not kept" };
    writeln!(to, "seen items  {seen}")
}
