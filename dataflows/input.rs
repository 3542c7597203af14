//! The options that say how data is read, and the reading.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use strads::cache::{Cache, Origin};
use strads::formats::{self, Base, CorpusFormat, Format, ReadOptions, Table};
use strads::report::Progress;

use crate::failure::Failure;
use crate::output::Output;
use crate::ratings;
use crate::run::Named;

/// How data is read.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None)]
pub struct Input {
    /// The csv or tsv column that is the response, in the data or in --response
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub target: Option<String>,
    /// File with the response: npy, csv or tsv with a header, or columns between blanks
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub response: Option<PathBuf>,
    /// Which column of --response is the response, from 1 [default: 1]
    #[arg(long, value_name = "N", requires = "response", help_heading = "Input")]
    pub response_column: Option<usize>,
    /// The first column's index in svmlight and MatrixMarket files
    #[arg(long, value_name = "BASE", default_value_t, help_heading = "Input")]
    pub base: Base,
    /// Directory of a local cache: data that was read before is not parsed again
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub cache: Option<PathBuf>,
}

impl Input {
    /// Everything but which shards are kept, and whether a response is needed.
    pub fn options(&self, format: Option<Format>, threads: usize) -> Result<ReadOptions, Failure> {
        if self.response_column == Some(0) {
            return Err(Failure::usage("--response-column 0: columns are counted from 1"));
        }
        Ok(ReadOptions {
            format,
            base: self.base,
            target: self.target.clone(),
            response: self.response.clone(),
            response_column: self.response_column.unwrap_or(1),
            threads,
            ..ReadOptions::default()
        })
    }

    /// Reads a table, with a progress bar where there is someone to see it.
    pub fn read(
        &self,
        path: &Path,
        options: &ReadOptions,
        output: &Output,
    ) -> Result<Table, Failure> {
        let bar = Bar::new(output);
        let table = match &self.cache {
            None => formats::read(path, options, &bar)?,
            Some(directory) => {
                let (table, origin) = Cache::new(directory).read(path, options, &bar)?;
                output.note(&remark(&origin));
                table
            }
        };
        if table.rows == 0 {
            return Err(Failure::input(format!("{}: expected rows, found none", path.display())));
        }
        Ok(table)
    }
}

/// A format of data that a model may be applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// Rows of numbers.
    Table(Format),
    /// Documents.
    Corpus(CorpusFormat),
    /// Ratings of items by users.
    Ratings,
}

impl DataFormat {
    /// The format of a table.
    pub fn table(self) -> Result<Format, Failure> {
        match self {
            DataFormat::Table(format) => Ok(format),
            other => Err(other.refused("rows of numbers")),
        }
    }

    /// The format of documents.
    pub fn corpus(self) -> Result<CorpusFormat, Failure> {
        match self {
            DataFormat::Corpus(format) => Ok(format),
            other => Err(other.refused("documents")),
        }
    }

    /// The format of ratings.
    pub fn ratings(self) -> Result<ratings::Format, Failure> {
        match self {
            DataFormat::Ratings => Ok(ratings::Format::Ratings),
            DataFormat::Table(Format::Csv) => Ok(ratings::Format::Csv),
            DataFormat::Table(Format::Tsv) => Ok(ratings::Format::Tsv),
            other => Err(other.refused("ratings")),
        }
    }

    fn refused(self, what: &str) -> Failure {
        Failure::usage(format!("--input-format {}: the model is for {what}", self.name()))
    }
}

impl ValueEnum for DataFormat {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [DataFormat; 9] = [
            DataFormat::Table(Format::Svmlight),
            DataFormat::Table(Format::Mtx),
            DataFormat::Table(Format::Csv),
            DataFormat::Table(Format::Tsv),
            DataFormat::Table(Format::Npy),
            DataFormat::Table(Format::Plink),
            DataFormat::Corpus(CorpusFormat::UciBow),
            DataFormat::Corpus(CorpusFormat::Docs),
            DataFormat::Ratings,
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            DataFormat::Table(format) => format.to_possible_value(),
            DataFormat::Corpus(format) => format.to_possible_value(),
            DataFormat::Ratings => ratings::Format::Ratings.to_possible_value(),
        }
    }
}

/// What is said of a cache.
fn remark(origin: &Origin) -> String {
    match origin {
        Origin::Cache => "read from the cache".into(),
        Origin::Sources { because: None } => "now in the cache".into(),
        Origin::Sources { because: Some(why) } => format!("the cache was written anew: {why}"),
        Origin::Uncached { because } => format!("not in the cache: {because}"),
    }
}

/// A progress bar of a file that is read.
pub struct Bar {
    quiet: bool,
    bar: OnceLock<Progress>,
}

impl Bar {
    /// A bar that appears when reading begins, if it may.
    pub fn new(output: &Output) -> Self {
        Bar { quiet: output.quiet, bar: OnceLock::new() }
    }
}

impl formats::Progress for Bar {
    fn begin(&self, total_bytes: Option<u64>) {
        self.bar.get_or_init(|| Progress::bytes(self.quiet, total_bytes));
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = self.bar.get() {
            bar.advance(bytes);
        }
    }
}

/// Reads one number a line, each finite and not negative; empty lines are passed over.
pub fn numbers(path: &Path, count: usize, of_what: &str) -> Result<Vec<f64>, Failure> {
    let name = path.display();
    let text = std::fs::read(path)
        .map_err(|error| Failure::input(format!("{name}: cannot read: {error}")))?;
    let mut numbers = Vec::new();
    let mut last = 1;
    for (line, bytes) in text.split(|&byte| byte == b'\n').enumerate() {
        let word = bytes.trim_ascii();
        if word.is_empty() {
            continue;
        }
        last = line + 1;
        let number = str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok());
        match number.filter(|number| number.is_finite() && *number >= 0.0) {
            Some(number) if numbers.len() < count => numbers.push(number),
            Some(_) => {
                return Err(Failure::input(format!(
                    "{name}:{last}:1: expected {count} numbers, one a {of_what}, found more"
                )));
            }
            None => {
                let found: String = String::from_utf8_lossy(word).chars().take(40).collect();
                let column = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count() + 1;
                return Err(Failure::input(format!(
                    "{name}:{last}:{column}: expected a finite number >= 0, found `{found}`"
                )));
            }
        }
    }
    if numbers.len() < count {
        let found = numbers.len();
        return Err(Failure::input(format!(
            "{name}:{last}:1: expected {count} numbers, one a {of_what}, found {found}"
        )));
    }
    Ok(numbers)
}
