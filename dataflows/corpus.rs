//! How documents are read.

use std::path::Path;

use serde_json::Value;
use strads::formats::{self, CorpusOptions, Documents, read_documents};

use crate::failure::Failure;
use crate::input::Bar;
use crate::output::Output;

/// The most words of an n-gram.
const MOST_GRAMS: usize = 8;

/// The options that a model remembers.
pub fn spelled(value: &Value) -> CorpusOptions {
    let number = |name: &str| value[name].as_u64().map(|number| number.clamp(1, 1 << 16) as usize);
    let words = value["stopwords"].as_array().into_iter().flatten().filter_map(Value::as_str);
    CorpusOptions {
        stopwords: words.collect(),
        min_length: number("min_length").unwrap_or(1),
        ngrams: number("ngrams").unwrap_or(1).min(MOST_GRAMS),
        ..CorpusOptions::default()
    }
}

/// Reads documents, with a progress bar where there is someone to see it.
pub fn read(path: &Path, options: &CorpusOptions, output: &Output) -> Result<Documents, Failure> {
    let bar = Bar::new(output);
    let bar: &dyn formats::Progress = &bar;
    Ok(read_documents(path, options, bar)?)
}
