//! The options of `strads lda`.

use std::path::PathBuf;

use serde_json::{Value, json};
use strads::cluster::Flags;
use strads::formats::{self, CorpusFormat};
use strads::models::lda;

use crate::checkpoint::Checkpoints;
use crate::corpus::WordOptions;
use crate::failure::Failure;
use crate::follow::Follow;
use crate::output::Output;
use crate::run::{check_shards, expect, placement};

/// The most slices: far above any sensible use.
const MOST_SLICES: usize = 1 << 16;

/// Finds topics: latent Dirichlet allocation by Gibbs sampling
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "DATA", required = false, required_unless_present_any = ["listen", "kafka"])]
    #[arg(default_value_ifs([
        ("listen", clap::builder::ArgPredicate::IsPresent, "-"),
        ("kafka", clap::builder::ArgPredicate::IsPresent, "-"),
    ]))]
    pub data: PathBuf,
    /// Format of the data; changes are JSON lines (see Live data), which files named *.jsonl are
    /// taken for [default: by the name, else by the content]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub input_format: Option<Format>,
    /// uci-bow: the words, one a line [default: words are named by number]
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub vocab: Option<PathBuf>,
    /// Documents to measure the perplexity on, in the format of DATA
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub test: Option<PathBuf>,
    /// Keep a share of the documents, drawn by the seed, out of training to measure it on
    #[arg(long, value_name = "SHARE", conflicts_with = "test", help_heading = "Input")]
    #[arg(allow_negative_numbers = true)]
    pub holdout: Option<f64>,
    #[command(flatten)]
    pub words: WordOptions,
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub training: Training,
    #[command(flatten)]
    pub live: Follow,
    #[command(flatten)]
    pub work: LiveWork,
    /// Write the model (.safetensors)
    #[arg(long = "model", value_name = "FILE", help_heading = "Output")]
    pub model_file: Option<PathBuf>,
    /// Put the topics of the documents into the model
    #[arg(long, help_heading = "Output")]
    pub doc_topics: bool,
    /// Write one JSON object for every iteration
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
    /// Write the topic of every token after the last iteration as a MALLET state (may be .gz, .zst);
    /// tokens of a document in the order of its words' numbers
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub mallet_state: Option<PathBuf>,
    /// How many words of a topic are shown
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Output")]
    pub top: usize,
    #[command(flatten)]
    pub checkpoints: Checkpoints,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub cluster: Flags,
}

/// What DATA may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// UCI bag of words: `document word count` lines, the words in a file of their own
    UciBow,
    /// A document a line: text, or an identifier, a tab and text
    Docs,
    /// JSON lines of changes
    Changes,
}

/// How much is done in an epoch of live data.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Live data")]
pub struct LiveWork {
    /// Sweeps over an epoch's new documents alone, but for the first epoch [default: 3]
    #[arg(long, value_name = "N")]
    pub passes: Option<u64>,
    /// Sweeps over all tokens by the time that as many tokens have come or gone as there are
    /// [default: 50]
    #[arg(long, value_name = "N")]
    pub upkeep: Option<u64>,
}

/// What is fitted.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Model")]
pub struct Model {
    /// The number of topics
    #[arg(long, value_name = "K", default_value_t = 100)]
    pub topics: usize,
    /// Concentration of a document's topics, each [default: 50/K]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// Concentration of a topic's words, each
    #[arg(long, value_name = "B", default_value_t = 0.01, allow_negative_numbers = true)]
    pub beta: f64,
    /// Fit alpha, one for each topic
    #[arg(long)]
    pub optimize_alpha: bool,
    /// Fit beta
    #[arg(long)]
    pub optimize_beta: bool,
    /// File of `TOPIC WORD [WEIGHT]` lines, topics from 0: adds the weight (1) to beta for that
    /// word and topic
    #[arg(long, value_name = "FILE")]
    pub word_prior: Option<PathBuf>,
}

/// How it is fitted.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Training")]
pub struct Training {
    /// Sweeps over all tokens
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub iterations: u64,
    /// Sweeps before alpha and beta are fitted and samples are taken
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub burn_in: u64,
    /// Sweeps between two fits of alpha and beta
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub optimize_every: u64,
    /// States whose counts are summed up in the model: the last one and those before it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub samples: u64,
    /// Sweeps between two of them
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub sample_every: u64,
    /// Sweeps between two measurements of the likelihood
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub likelihood_every: u64,
    /// Stop after so many seconds; results then depend on the machine
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub max_seconds: Option<f64>,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Parts the documents are dealt to: the result depends on it, and not on -w and -n
    /// [default: one a worker]
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Slices of the vocabulary that travel from shard to shard, rounded up to a multiple of the
    /// shards [default: as many as keep the s-error below 0.002]
    #[arg(long, value_name = "N")]
    pub slices: Option<usize>,
    /// Start from a model of as many topics: draw first topics as if its tokens were there, too;
    /// words are matched by name
    #[arg(long, value_name = "MODEL")]
    pub warm_start: Option<PathBuf>,
}

const HELP: &str = r#"Draws a topic for every token, again and again, from its distribution given those of all others:
  p(topic k) proportional to (n_dk + alpha_k) (n_wk + beta) / (n_k + V beta)
Documents stay on their shards while slices of the vocabulary travel from shard to shard.

log_likelihood_per_token is that of words and topics together, over the number of tokens;
perplexity_test that of the second half of each test document given its first; s_error how far the
topic totals that shards worked with were from the true ones, over the number of tokens.

Formats: docs (a document a line: text, or an identifier, a tab and text), uci-bow, changes.

Live, the model is kept that of the documents that are there while they come, change and go; words
are those that have been seen. A feed has lines
  {"op":"put","id":"d1","text":"to be or not"}       a document, or another one of the same id
  {"op":"put","id":"d2","words":{"to":2,"be":2}}     the same by counts
  {"op":"del","id":"d1"}
  {"op":"commit"}                                    ends an epoch
The first epoch has --iterations sweeps. In each later one new documents get topics by the model as
it is, and are swept --passes times; of sweeps over everything there are as many as --upkeep says.
Each epoch prints a line with its likelihood; with --deltas one more for each word and topic whose
count changed.

Examples:
  strads lda mails.docs --topics 50 --stopwords english --min-df 5 --max-df 0.5 -w 4
  strads lda docword.kos.txt.gz --vocab vocab.kos.txt --topics 100 --model topics.safetensors
  strads lda notes.txt --topics 20 --optimize-alpha --holdout 0.1 --format json --log run.jsonl
  strads lda mails.jsonl --follow --topics 50 --stopwords english --model live.safetensors
  strads lda news.docs -n 2 -p 0 & strads lda news.docs -n 2 -p 1

Exit codes: 0 done, 1 failed, 2 usage, 3 bad input data, 4 a process was lost, 6 a model cannot be
used."#;

impl Arguments {
    /// Checks what clap cannot, but for what needs the vocabulary.
    pub fn check(&self) -> Result<(), Failure> {
        let share = self.holdout.unwrap_or(0.5);
        let range = "a number above 0 and below 1";
        expect(share > 0.0 && share < 1.0, "--holdout", range, share)?;
        check_shards(self.training.shards)?;
        self.checkpoints.check()?;
        if let Some(slices) = self.training.slices {
            expect((1..=MOST_SLICES).contains(&slices), "--slices", "1 to 65536", slices)?;
        }
        self.options().check(usize::MAX).map_err(|why| Failure::usage(format!("--{why}")))?;
        self.cluster.addresses()?;
        let live = self.is_live();
        let given = [("--passes", self.work.passes), ("--upkeep", self.work.upkeep)];
        if let Some((option, _)) = given.iter().find(|(_, given)| given.is_some() && !live) {
            return Err(Failure::usage(format!("{option}: only with live data")));
        }
        self.live.check(live)
    }

    /// Whether the data is a feed of changes.
    pub fn is_live(&self) -> bool {
        let told = self.input_format.map(|format| format == Format::Changes);
        let named = || formats::Format::of_name(&self.data) == Some(formats::Format::Changes);
        let changes = told.unwrap_or_else(named).then_some(formats::Format::Changes);
        self.live.is_live(changes)
    }

    /// The format of documents that are read at once, if it is told.
    pub fn corpus_format(&self) -> Option<CorpusFormat> {
        match self.input_format {
            Some(Format::UciBow) => Some(CorpusFormat::UciBow),
            Some(Format::Docs) => Some(CorpusFormat::Docs),
            Some(Format::Changes) | None => None,
        }
    }

    /// The library's options of live data, for a model that was begun anew so many times before.
    pub fn live_options(&self, begun: u64) -> lda::LiveOptions {
        lda::LiveOptions {
            options: self.options(),
            vocabulary: 0,
            passes: self.work.passes.unwrap_or(3),
            upkeep: self.work.upkeep.unwrap_or(50),
            begun,
        }
    }

    /// The library's options, but for what is read from files.
    pub fn options(&self) -> lda::Options {
        let (model, training) = (&self.model, &self.training);
        lda::Options {
            topics: model.topics,
            alpha: model.alpha.map(lda::Alpha::Symmetric),
            beta: model.beta,
            iterations: training.iterations,
            burn_in: training.burn_in,
            optimize_alpha: model.optimize_alpha,
            optimize_beta: model.optimize_beta,
            optimize_every: training.optimize_every,
            samples: training.samples,
            sample_every: training.sample_every,
            likelihood_every: training.likelihood_every,
            document_topics: self.doc_topics,
            assignments: self.mallet_state.is_some(),
            max_seconds: training.max_seconds,
            seed: training.seed,
            shards: placement(&self.cluster, training.shards).shards(),
            slices: training.slices.unwrap_or(0),
            ..lda::Options::default()
        }
    }

    /// Everything that must agree between processes and that a model remembers, but for the data
    /// and what is read from files.
    pub fn remembered(&self) -> Value {
        let (model, training) = (&self.model, &self.training);
        json!({
            "topics": model.topics,
            "alpha": model.alpha,
            "beta": model.beta,
            "optimize_alpha": model.optimize_alpha,
            "optimize_beta": model.optimize_beta,
            "word_prior": model.word_prior.is_some(),
            "iterations": training.iterations,
            "burn_in": training.burn_in,
            "optimize_every": training.optimize_every,
            "samples": training.samples,
            "sample_every": training.sample_every,
            "likelihood_every": training.likelihood_every,
            "max_seconds": training.max_seconds,
            "seed": training.seed,
            "shards": self.options().shards,
            "slices": training.slices,
            "warm_start": training.warm_start.is_some(),
            "holdout": self.holdout,
            "doc_topics": self.doc_topics,
            "words": self.words.remembered(),
            "passes": self.work.passes,
            "upkeep": self.work.upkeep,
        })
    }
}
