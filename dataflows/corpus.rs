//! The options that say how documents are read, and the reading.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use strads::formats::{
    self, CorpusOptions, Documents, Frequency, Stopwords, read_documents, stopword_languages,
};

use crate::failure::Failure;
use crate::input::Bar;
use crate::output::Output;

/// The most words of an n-gram.
const MOST_GRAMS: usize = 8;

/// Which words of documents count.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Words")]
pub struct WordOptions {
    /// Leave out the words of a language's list (english, german, ...) or of a file; repeatable
    #[arg(long, value_name = "LANGUAGE|FILE", value_delimiter = ',')]
    pub stopwords: Vec<PathBuf>,
    /// Leave out words of fewer documents: a number of them, or a share such as 0.001
    #[arg(long, value_name = "N|SHARE", allow_negative_numbers = true)]
    pub min_df: Option<Frequency>,
    /// Leave out words of more documents: a number of them, or a share such as 0.5
    #[arg(long, value_name = "N|SHARE", allow_negative_numbers = true)]
    pub max_df: Option<Frequency>,
    /// Leave out words of fewer letters
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_length: usize,
    /// docs: take up to N words in a row together as well, joined by `_`
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub ngrams: usize,
}

impl WordOptions {
    /// How documents are read with these words.
    pub fn options(&self) -> Result<CorpusOptions, Failure> {
        if !(1..=MOST_GRAMS).contains(&self.ngrams) {
            let found = self.ngrams;
            return Err(Failure::usage(format!(
                "--ngrams: expected 1 to {MOST_GRAMS}, found {found}"
            )));
        }
        let usual = CorpusOptions::default();
        Ok(CorpusOptions {
            stopwords: self.stopwords()?,
            min_df: self.min_df.unwrap_or(usual.min_df),
            max_df: self.max_df.unwrap_or(usual.max_df),
            min_length: self.min_length,
            ngrams: self.ngrams,
            ..usual
        })
    }

    fn stopwords(&self) -> Result<Stopwords, Failure> {
        let mut all = Stopwords::none();
        for name in &self.stopwords {
            let known = name.to_str().is_some_and(|name| all.add_language(name));
            if !known && !name.exists() {
                let languages: Vec<&str> = stopword_languages().collect();
                return Err(Failure::usage(format!(
                    "--stopwords {}: there is no such file, and the languages are {}",
                    name.display(),
                    languages.join(", ")
                )));
            }
            if !known {
                all.add_file(name)?;
            }
        }
        Ok(all)
    }

    /// What a model remembers of the options.
    pub fn remembered(&self) -> Value {
        json!({
            "stopwords": self.stopwords,
            "min_df": self.min_df.map(|df| df.to_string()),
            "max_df": self.max_df.map(|df| df.to_string()),
            "min_length": self.min_length,
            "ngrams": self.ngrams,
        })
    }
}

/// What a model must remember so that new texts are taken apart as its own were.
pub fn spelling(options: &CorpusOptions) -> Value {
    json!({
        "stopwords": options.stopwords.sorted(),
        "min_length": options.min_length,
        "ngrams": options.ngrams,
    })
}

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
