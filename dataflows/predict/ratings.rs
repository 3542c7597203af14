//! Scores of pairs of users and items.

use std::time::Instant;

use serde_json::json;
use strads::report::{Exit, ModelFile, peak_resident_bytes};

use super::Arguments;
use crate::Outcome;
use crate::input::DataFormat;
use crate::output::{figure, write};
use crate::ratings::{Model, read};

/// Reads pairs, scores them in the order of their lines, and prints the scores.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    let model = Model::new(file, &arguments.model)?;
    let started = Instant::now();
    let threads = arguments.threads.max(1);
    let format = arguments.input_format.map(DataFormat::ratings).transpose()?.unwrap_or_default();
    let options = arguments.columns.options(format, None, false, threads);
    let file = read(&arguments.data, &options, &arguments.output)?;
    let load = started.elapsed().as_secs_f64();
    let factors = &model.model.factors;
    let (users, items, lines) = (&file.users, &file.items, &file.lines);
    let pairs: Vec<(u32, u32)> =
        lines.user.iter().copied().zip(lines.item.iter().copied()).collect();
    let mut scores = factors.scores(users, items, &pairs, threads);
    if arguments.clip {
        let (low, high) = (f64::from(factors.scale.0), f64::from(factors.scale.1));
        scores.iter_mut().for_each(|score| *score = score.clamp(low, high));
    }
    let unknown_users = users.iter().filter(|user| factors.users.find(user).is_none()).count();
    let unknown_items = items.iter().filter(|item| factors.items.find(item).is_none()).count();
    let mut value = json!({
        "command": "predict",
        "version": env!("CARGO_PKG_VERSION"),
        "ratings": scores.len(),
        "unknown_users": unknown_users,
        "unknown_items": unknown_items,
        "seconds": { "load": load },
        "peak_bytes": peak_resident_bytes(),
    });
    if unknown_users + unknown_items > 0 {
        arguments.output.note(&format!(
            "the model does not know {unknown_users} users and {unknown_items} items: their scores \
             are the mean and what bias is known"
        ));
    }
    if file.rated {
        let count = scores.len() as f64;
        let errors =
            scores.iter().zip(&lines.value).map(|(score, &value)| f64::from(value) - score);
        let (square, size) = errors.fold((0.0, 0.0), |(square, size), error: f64| {
            (square + error * error, size + error.abs())
        });
        let (rmse, mae) = ((square / count).sqrt(), size / count);
        (value["rmse"], value["mae"]) = (json!(rmse), json!(mae));
        arguments.output.note(&format!("RMSE {}, MAE {}", figure(rmse), figure(mae)));
    }
    let text = || scores.iter().map(|score| format!("{score}\n")).collect::<String>();
    match &arguments.file {
        Some(path) => {
            write(path, |to| to.write_all(text().as_bytes()))?;
            arguments.output.print(&value, String::new)?;
        }
        None => {
            value["predictions"] = json!(scores);
            arguments.output.print(&value, text)?;
        }
    }
    Ok(Exit::Done)
}
