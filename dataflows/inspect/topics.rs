//! A model of topics: their sizes, words and coherence; what pyLDAvis draws.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use strads::formats::CorpusFormat;
use strads::models::lda::{CoDocuments, Coherence, TopicWord};
use strads::report::{Exit, ModelFile};

use super::{Arguments, options, plain};
use crate::Outcome;
use crate::failure::Failure;
use crate::output::{check, figure, write};
use crate::topics::{Source, Topics, names};

/// How topics are shown.
#[derive(clap::Args, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Topics")]
pub struct Options {
    /// Order words by relevance with this weight L, from 0 to 1, of probability [default: 1]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    relevance: Option<f64>,
    /// Documents to measure the topics' coherence on; `-` is standard input
    #[arg(long, value_name = "DATA")]
    corpus: Option<PathBuf>,
    /// Format of --corpus [default: by the name, else by the content]
    #[arg(long, value_name = "FORMAT", requires = "corpus")]
    input_format: Option<CorpusFormat>,
    /// The words of a uci-bow file for --corpus, one a line
    #[arg(long, value_name = "FILE", requires = "corpus")]
    vocab: Option<PathBuf>,
    /// Write what pyLDAvis draws: its JSON, topic k as its topic k + 1
    #[arg(long, value_name = "FILE")]
    pyldavis: Option<PathBuf>,
}

impl Options {
    /// Fails if there are any, since the model is not one of topics.
    pub fn refuse(&self) -> Result<(), Failure> {
        let any = self.relevance.is_some() || self.corpus.is_some() || self.pyldavis.is_some();
        let message = "--relevance, --corpus and --pyldavis: only for models of topics";
        if any { Err(Failure::usage(message)) } else { Ok(()) }
    }
}

/// Shows a model of topics.
pub fn run(arguments: &Arguments, file: ModelFile) -> Outcome {
    let options = &arguments.topics;
    let lambda = options.relevance.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&lambda) {
        let message = format!("--relevance: expected a number from 0 to 1, found {lambda}");
        return Err(Failure::usage(message));
    }
    if arguments.lambda_index.is_some() {
        return Err(Failure::usage("--lambda-index: the model is one of topics"));
    }
    check("--pyldavis", options.pyldavis.as_deref())?;
    let topics = Topics::new(file, &arguments.model)?;
    let count = arguments.top.unwrap_or(10);
    let words = topics.model.top_words(count, lambda);
    let coherence = coherence(arguments, &topics, count)?;
    if let Some(path) = &options.pyldavis {
        let drawn = topics.model.pyldavis().to_string();
        write(path, |to| to.write_all(drawn.as_bytes()))?;
    }
    let value = as_json(&topics, &words, &coherence);
    arguments.output.print(&value, || {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = describe(&mut text, &topics, &words, &coherence);
        text
    })?;
    Ok(Exit::Done)
}

/// The coherence of the most probable words of each topic, if there are documents to tell.
fn coherence(
    arguments: &Arguments,
    topics: &Topics,
    count: usize,
) -> Result<Vec<Option<Coherence>>, Failure> {
    let options = &arguments.topics;
    let Some(data) = &options.corpus else {
        return Ok(vec![None; topics.model.topics()]);
    };
    let (format, vocab) = (options.input_format, options.vocab.clone());
    let source = Source { data, format, vocab, threads: 1 };
    let documents = topics.documents(&source, &arguments.output)?;
    let words: Vec<Vec<u32>> = topics
        .model
        .top_words(count, 1.0)
        .iter()
        .map(|words| words.iter().map(|word| word.word).collect())
        .collect();
    let mut counts = CoDocuments::new(words.iter().map(Vec::as_slice));
    for document in 0..documents.len() {
        counts.add(documents.runs(document).map(|(word, _)| word));
    }
    Ok(counts.coherence())
}

fn as_json(topics: &Topics, words: &[Vec<TopicWord>], coherence: &[Option<Coherence>]) -> Value {
    let (model, shares) = (&topics.model, topics.model.shares());
    let name = |word: u32| model.vocabulary.get(word as usize);
    let each = words.iter().zip(coherence).enumerate().map(|(topic, (words, coherence))| {
        let words = words.iter().map(|found| {
            let TopicWord { word, probability, relevance } = *found;
            json!({ "word": name(word), "probability": probability, "relevance": relevance })
        });
        json!({
            "topic": topic,
            "share": shares[topic],
            "tokens": model.topic_total[topic],
            "alpha": model.alpha[topic],
            "words": words.collect::<Vec<_>>(),
            "u_mass": coherence.map(|coherence| coherence.u_mass),
            "npmi": coherence.map(|coherence| coherence.npmi),
        })
    });
    let each: Vec<Value> = each.collect();
    let mut value = Value::Object(topics.metadata.clone());
    value["model"] = value["command"].take();
    value["command"] = json!("inspect");
    value["shape"] = json!([model.vocabulary.len(), model.topics()]);
    value["vocabulary"] = json!(model.vocabulary.len());
    value["beta"] = json!(model.beta);
    value["topics"] = each.into();
    let mean = |measure: fn(&Coherence) -> f64| {
        let known: Vec<f64> = coherence.iter().flatten().map(measure).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    value["u_mass"] = json!(mean(|coherence| coherence.u_mass));
    value["npmi"] = json!(mean(|coherence| coherence.npmi));
    value
}

fn describe(
    to: &mut String,
    topics: &Topics,
    words: &[Vec<TopicWord>],
    coherence: &[Option<Coherence>],
) -> std::fmt::Result {
    let (model, metadata) = (&topics.model, &topics.metadata);
    let field = |name: &str| metadata.get(name).map(plain).unwrap_or_default();
    writeln!(to, "model       {} of strads {}", field("command"), field("version"))?;
    let (documents, tokens) = (field("documents"), field("tokens"));
    writeln!(to, "trained on  {documents} documents, {tokens} tokens")?;
    writeln!(to, "shape       {} words, {} topics", model.vocabulary.len(), model.topics())?;
    writeln!(to, "options     {}", options(metadata))?;
    writeln!(to, "likelihood  {} a token", field("log_likelihood_per_token"))?;
    writeln!(to, "beta        {}\n", figure(model.beta))?;
    let measured = coherence.iter().any(Option::is_some);
    let titles = if measured { "   u_mass    npmi" } else { "" };
    writeln!(to, "topic   share     alpha{titles}  words")?;
    for (topic, share) in model.shares().into_iter().enumerate() {
        write!(to, "{topic:>5} {:>6.2}% {:>9}", 100.0 * share, figure(model.alpha[topic]))?;
        match coherence[topic] {
            Some(Coherence { u_mass, npmi }) => write!(to, " {u_mass:>8.3} {npmi:>7.3}")?,
            None if measured => write!(to, " {:>8} {:>7}", "", "")?,
            None => {}
        }
        writeln!(to, "  {}", names(model, &words[topic]))?;
    }
    Ok(())
}
