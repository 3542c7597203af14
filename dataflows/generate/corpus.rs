//! `strads generate corpus`: documents with planted topics.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use strads::formats::CorpusFormat;
use strads::generate::{CorpusDesign, Drawn};
use strads::report::{Exit, peak_resident_bytes};

use super::checked;
use crate::Outcome;
use crate::failure::Failure;
use crate::output::{Output, check};
use crate::table::write_packed;

/// Documents with planted topics, whose words follow power laws
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Corpus {
    /// The bag of words to write: a name with `docword` in it, or that ends in .bow, and .gz or
    /// .zst after it
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// Write the words, one a line
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    vocab: Option<PathBuf>,
    /// Documents
    #[arg(long, value_name = "D", default_value_t = 10_000)]
    documents: usize,
    /// Words
    #[arg(long, value_name = "V", default_value_t = 10_000)]
    vocabulary: usize,
    /// Planted topics
    #[arg(long, value_name = "K", default_value_t = 100)]
    topics: usize,
    /// Mean number of tokens of a document; 8 makes short ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    length: u32,
    /// Concentration of a document's topics, each [default: 5/K]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    alpha: Option<f64>,
    /// Words are drawn into topics with a frequency falling as (rank of the word) to the minus S
    #[arg(long, value_name = "S", default_value_t = 1.0, allow_negative_numbers = true)]
    exponent: f64,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write the planted topics: csv of topic, word and probability
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    truth: Option<PathBuf>,
    /// How many words of a planted topic --truth tells, the most probable first
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Output")]
    truth_words: usize,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Documents are drawn and written one after the other: memory does not grow with their number,
nor with those of words and topics.

Examples:
  strads generate corpus small.docword.txt --vocab small.vocab.txt --truth topics.csv
  strads generate corpus large.docword.txt.gz --documents 100000 --vocabulary 1000000 --topics 1000
  strads generate corpus short.docword.txt --documents 1000000 --length 8";

impl Corpus {
    /// Draws and writes.
    pub fn generate(&self) -> Outcome {
        let design = CorpusDesign {
            documents: self.documents,
            vocabulary: self.vocabulary,
            topics: self.topics,
            length: self.length,
            alpha: self.alpha.unwrap_or(5.0 / self.topics.max(1) as f64),
            exponent: self.exponent,
            seed: self.seed,
        };
        checked(design.check())?;
        if CorpusFormat::of_name(&self.to) != Some(CorpusFormat::UciBow) {
            return Err(Failure::usage(format!(
                "{}: expected a name with `docword` in it, or that ends in .bow (and perhaps .gz \
                 or .zst)",
                self.to.display()
            )));
        }
        check("OUT", Some(&self.to))?;
        check("--vocab", self.vocab.as_deref())?;
        check("--truth", self.truth.as_deref())?;
        let started = Instant::now();
        let mut drawn = Drawn::default();
        write_packed(&self.to, |to| {
            drawn = design.write_bags(to)?;
            Ok(())
        })?;
        if let Some(path) = &self.vocab {
            write_packed(path, |to| design.write_vocabulary(to))?;
        }
        if let Some(path) = &self.truth {
            self.write_truth(&design, path)?;
        }
        let Drawn { entries, tokens } = drawn;
        let value = json!({
            "command": "generate",
            "version": env!("CARGO_PKG_VERSION"),
            "documents": self.documents,
            "vocabulary": self.vocabulary,
            "topics": self.topics,
            "tokens": tokens,
            "entries": entries,
            "seed": self.seed,
            "format": CorpusFormat::UciBow.to_string(),
            "seconds": { "write": started.elapsed().as_secs_f64() },
            "peak_bytes": peak_resident_bytes(),
        });
        self.output.print(&value, || {
            let (to, documents, words) = (self.to.display(), self.documents, self.vocabulary);
            let topics = self.topics;
            format!(
                "{to}: {documents} documents, {tokens} tokens, {words} words, {topics} topics\n"
            )
        })?;
        Ok(Exit::Done)
    }

    fn write_truth(&self, design: &CorpusDesign, path: &Path) -> Result<(), Failure> {
        write_packed(path, |to| {
            writeln!(to, "topic,word,probability")?;
            (0..design.topics).try_for_each(|topic| self.write_topic(design, topic, to))
        })
    }

    fn write_topic(
        &self,
        design: &CorpusDesign,
        topic: usize,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let words = design.topic(topic).into_iter().take(self.truth_words);
        for (word, probability) in words {
            writeln!(to, "{topic},{},{probability}", design.word(word))?;
        }
        Ok(())
    }
}
