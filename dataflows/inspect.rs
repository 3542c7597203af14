//! `strads inspect`: what a model file holds.

mod linear;
mod ratings;
mod topics;

use std::path::PathBuf;

use serde_json::{Map, Value};
use strads::report::ModelFile;

use crate::Outcome;
use crate::model::kind;
use crate::output::Output;

/// Shows a model: shape, options, certificate; coefficients, or topics
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The model, as --model of the command that trained it wrote it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Which model of a path, counted from 0 [default: the last]
    #[arg(long, value_name = "I")]
    lambda_index: Option<usize>,
    /// How many coefficients, the largest first [default: 20; with json all that are not 0], or
    /// words of a topic [default: 10]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    topics: topics::Options,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Python reads the file with the safetensors package: `coefficients`, `intercept` and `lambda` are
its tensors (of ratings: `user_factors`, `item_factors`, `user_bias`, `item_bias`, `mean`; of topics:
`word_topic`, `topic_total`, `alpha`, `beta`), and its metadata entry `strads` is a JSON object of
everything else.

The relevance of a word for a topic is L log p(word | topic) + (1 - L) log(p(word | topic) /
p(word)): 1 orders by probability, 0 by what is special to the topic. Coherence needs documents
(--corpus): means over the pairs of a topic's words of UMass, log((D(v,w) + 1) / D(w)) with D the
number of documents that have a word or both, and of the normalised pointwise mutual information
of being in one document.

Examples:
  strads inspect --model m.safetensors
  strads inspect --model path.safetensors --lambda-index 40 --top 100
  strads inspect --model topics.safetensors --relevance 0.6 --corpus data.docs
  strads inspect --model topics.safetensors --pyldavis topics.json";

/// Reads a model and shows it as its kind asks.
pub fn run(arguments: &Arguments) -> Outcome {
    let file = ModelFile::load(&arguments.model)?;
    match kind(&file) {
        Some("mf") => ratings::run(arguments, file),
        Some("lda") => topics::run(arguments, file),
        _ => linear::run(arguments, file),
    }
}

/// The options a model was trained with, for people.
fn options(metadata: &Map<String, Value>) -> String {
    let options = metadata.get("options").and_then(Value::as_object);
    let options = options.into_iter().flatten().filter(|(_, value)| is_set(value));
    let options: Vec<String> =
        options.map(|(name, value)| format!("{name} {}", plain(value))).collect();
    options.join(", ")
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
