//! `strads predict`: what a model says of new data.

mod linear;
mod ratings;
mod topics;

use std::path::PathBuf;

use strads::report::ModelFile;

use crate::Outcome;
use crate::input::{DataFormat, Input};
use crate::model::kind;
use crate::output::{Output, check};
use crate::ratings::Columns;

pub use linear::choose;

/// Predicts the response of new rows, ratings of pairs of user and item, or topics of documents
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Format of the data [default: by the name, else by the content]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    input_format: Option<DataFormat>,
    #[command(flatten)]
    input: Input,
    /// Documents: the words of a uci-bow file, one a line
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    vocab: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// Ratings: hold scores between the lowest and the highest rating of training
    #[arg(long)]
    clip: bool,
    /// The model, as --model of the command that trained it wrote it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Which model of a path, counted from 0 (the largest lambda)
    #[arg(long, value_name = "I")]
    lambda_index: Option<usize>,
    /// Documents: how many topics of each, the most probable first [default: all, by number]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Documents: write a topic for every token, drawn given the model, as MALLET writes its
    /// state; .gz and .zst compress
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    mallet_state: Option<PathBuf>,
    /// Documents: seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads
    #[arg(short = 'w', long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Write the predictions to a file, not to stdout
    #[arg(long = "output", value_name = "FILE", help_heading = "Output")]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Prints one prediction a line, or with --format json one object. If the data has a response as
well, the mean squared error and R2 are told: in the object, or on stderr.

Columns are matched by name where model and data have names (csv, tsv, plink), else by
position; svmlight and MatrixMarket data may have fewer columns than the model. A csv needs only
the columns whose coefficient is not zero; others are passed over.

A model of ratings scores pairs: each line of the data has a user and an item, and perhaps a rating,
in which case RMSE and MAE are told. The score of a user or an item that the model does not know is
the mean rating plus the other's bias.

For a model of topics, prints the topics' shares of each document, a line each, after its
identifier if it has one; with --top as TOPIC:SHARE. Words the model does not know are passed
over and counted.

Examples:
  strads predict --model m.safetensors new.svmlight > predictions.txt
  strads predict --model mf.safetensors pairs.csv
  strads predict --model topics.safetensors new.docs --top 3 -w 4
  strads predict --model m.safetensors patients.csv --format json";

/// Reads the model, and predicts as its kind asks.
pub fn run(arguments: &Arguments) -> Outcome {
    check("--output", arguments.file.as_deref())?;
    check("--mallet-state", arguments.mallet_state.as_deref())?;
    let file = ModelFile::load(&arguments.model)?;
    match kind(&file) {
        Some("mf") => ratings::run(arguments, file),
        Some("lda") => topics::run(arguments, file),
        _ => linear::run(arguments, file),
    }
}
