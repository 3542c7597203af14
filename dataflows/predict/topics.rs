//! A topic model's mixtures of new documents.
//!
//! ```text
//! model ─▶ its words ─┐
//! DATA  ─▶ documents ─┴▶ Gibbs sampling of each with the topics held fixed ─▶ K shares a document
//! ```

use std::fmt::Write;
use std::time::Instant;

use serde_json::{Value, json};
use strads::formats::Documents;
use strads::models::lda::{InferOptions, Inference, write_mallet_state};
use strads::report::{Exit, ModelFile, peak_resident_bytes};

use super::Arguments;
use crate::Outcome;
use crate::failure::Failure;
use crate::input::DataFormat;
use crate::output::write;
use crate::table::write_packed;
use crate::topics::{Source, Topics, in_parallel};

/// Reads, infers, and prints.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    let topics = Topics::new(file, &arguments.model)?;
    if arguments.lambda_index.is_some() || arguments.input.target.is_some() {
        return Err(Failure::usage("--lambda-index and --target: the model is one of topics"));
    }
    let format = arguments.input_format.map(DataFormat::corpus).transpose()?;
    let threads = arguments.threads.max(1);
    let source = Source { data: &arguments.data, format, vocab: arguments.vocab.clone(), threads };
    let started = Instant::now();
    let documents = topics.documents(&source, &arguments.output)?;
    let load = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let options = InferOptions { seed: arguments.seed, ..InferOptions::default() };
    let inference = Inference::new(&topics.model, options);
    let mixtures = in_parallel(threads, documents.len(), |document| {
        let runs: Vec<(u32, u32)> = documents.runs(document).collect();
        inference.mixture(document as u64, &runs)
    });
    let infer = started.elapsed().as_secs_f64();
    if let Some(path) = &arguments.mallet_state {
        let tokens = |document: usize| {
            let runs: Vec<(u32, u32)> = documents.runs(document).collect();
            inference.assignments(document as u64, &runs)
        };
        let tokens = in_parallel(threads, documents.len(), tokens);
        write_packed(path, |to| {
            write_mallet_state(to, &topics.model, documents.ids.as_ref(), tokens)
        })?;
    }
    let mut value = json!({
        "command": "predict",
        "version": env!("CARGO_PKG_VERSION"),
        "documents": documents.len(),
        "tokens": documents.tokens,
        "unknown": documents.unknown,
        "topics": topics.model.topics(),
        "seconds": { "load": load, "infer": infer },
        "peak_bytes": peak_resident_bytes(),
    });
    let seen = documents.tokens + documents.unknown;
    arguments.output.note(&format!(
        "{} documents, {seen} tokens, of which {} are of words the model does not know",
        documents.len(),
        documents.unknown
    ));
    let lines = || lines(&documents, &mixtures, arguments.top);
    match &arguments.file {
        Some(path) => {
            write(path, |to| to.write_all(lines().as_bytes()))?;
            arguments.output.print(&value, String::new)?;
        }
        None => {
            value["mixtures"] = match arguments.top {
                None => json!(mixtures),
                Some(top) => mixtures.iter().map(|shares| largest(shares, top)).collect(),
            };
            value["ids"] = json!(documents.ids.as_ref().map(|ids| ids.iter().collect::<Vec<_>>()));
            arguments.output.print(&value, lines)?;
        }
    }
    Ok(Exit::Done)
}

/// The topics with the largest shares, the first of equal ones first.
fn order(shares: &[f64], top: usize) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = shares.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(top);
    order
}

fn largest(shares: &[f64], top: usize) -> Value {
    let each = order(shares, top).into_iter();
    each.map(|(topic, share)| json!({ "topic": topic, "share": share })).collect()
}

/// A line a document: its identifier, if it has one, and its shares between tabs.
fn lines(documents: &Documents, mixtures: &[Vec<f64>], top: Option<usize>) -> String {
    let mut text = String::new();
    for (document, shares) in mixtures.iter().enumerate() {
        let mut fields = Vec::new();
        if let Some(id) = documents.ids.as_ref().and_then(|ids| ids.get(document)) {
            fields.push(id.to_owned());
        }
        match top {
            None => fields.extend(shares.iter().map(f64::to_string)),
            Some(top) => {
                let each = order(shares, top).into_iter();
                fields.extend(each.map(|(topic, share)| format!("{topic}:{share}")));
            }
        }
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", fields.join("\t"));
    }
    text
}
