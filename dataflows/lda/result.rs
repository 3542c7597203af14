//! The result of a run: as JSON, as text, as a model file.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value, json};
use strads::models::lda::{
    Assignments, Fit, InferOptions, Inference, TopicModel, put_words, write_mallet_state,
};
use strads::report::{Exit, ModelFile};

use super::arguments::Arguments;
use super::data::Data;
use crate::failure::Failure;
use crate::output::figure;
use crate::run::{head, put_seconds};
use crate::table::write_packed;
use crate::topics::{in_parallel, names};

/// How many topics the text shows.
const SHOWN: usize = 20;

/// A finished run, on process 0.
pub struct Run {
    /// The result as JSON.
    pub value: Value,
    model: TopicModel,
    top: usize,
}

impl Run {
    /// Sums up a fit.
    pub fn new(arguments: &Arguments, data: &Data, fitted: Fit) -> Result<Self, Failure> {
        let likelihood = fitted.points.iter().rev().find_map(|point| point.log_likelihood);
        let model = fitted.model.filter(|_| likelihood.is_some_and(f64::is_finite));
        let Some(model) = model else {
            return Err(Failure::new(Exit::Failed, "the fit ended without a result"));
        };
        // Before the first sweep no token had a topic: all totals were behind then.
        let sweeps = fitted.points.iter().filter(|point| point.iteration > 0);
        let errors: Vec<f64> = sweeps.map(|point| point.s_error).collect();
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        let training = &arguments.training;
        let mut value = head("lda", training.seed, &arguments.cluster, training.shards);
        let perplexity = perplexity(arguments, data, &model);
        let more = [
            ("rounds", json!(fitted.rounds)),
            ("converged", json!(true)),
            ("documents", json!(data.documents)),
            ("vocabulary", json!(data.words)),
            ("tokens", json!(data.tokens)),
            ("left_out", json!(data.left_out)),
            ("topics", json!(model.topics())),
            ("slices", json!(fitted.slices)),
            ("iterations", json!(errors.len())),
            ("log_likelihood_per_token", json!(likelihood)),
            ("s_error", json!(mean)),
            ("s_error_max", json!(errors.iter().copied().fold(0.0, f64::max))),
            ("alpha_sum", json!(model.alpha.iter().sum::<f64>())),
            ("beta", json!(model.beta)),
            ("perplexity_test", json!(perplexity.map(|found| found.0))),
            ("documents_test", json!(data.test.as_ref().map(Vec::len))),
            ("tokens_test", json!(perplexity.map(|found| found.1))),
            ("unknown_test", json!(data.test.as_ref().map(|_| data.unknown))),
        ];
        value.extend(more.map(|(name, figure)| (name.to_owned(), figure)));
        Ok(Run { value: value.into(), model, top: arguments.top })
    }

    /// Puts in how long loading, training and writing took.
    pub fn seconds(&mut self, seconds: [f64; 3]) {
        put_seconds(&mut self.value, seconds);
    }

    /// Puts in the words of the topics.
    pub fn show_topics(&mut self) {
        let shares = self.model.shares();
        let topics = self.model.top_words(self.top, 1.0).into_iter().enumerate();
        let word = |word: u32| self.model.vocabulary.get(word as usize);
        let topics = topics.map(|(topic, words)| {
            let words: Vec<_> = words.iter().map(|found| word(found.word)).collect();
            json!({ "topic": topic, "share": shares[topic], "words": words })
        });
        let topics: Vec<Value> = topics.collect();
        self.value["top_words"] = topics.into();
    }

    /// The model as a file.
    pub fn model(&self, arguments: &Arguments, data: &Data) -> ModelFile {
        let mut metadata = Map::new();
        for name in
            ["command", "version", "seed", "shards", "slices", "rounds", "documents", "tokens"]
        {
            metadata.insert(name.into(), self.value[name].clone());
        }
        for name in ["log_likelihood_per_token", "perplexity_test", "s_error"] {
            metadata.insert(name.into(), self.value[name].clone());
        }
        metadata.insert("options".into(), arguments.remembered());
        metadata.insert("spelling".into(), data.spelling.clone());
        let mut file = ModelFile::new(metadata);
        self.model.put(&mut file);
        if let (true, Some(ids)) = (arguments.doc_topics, &data.ids) {
            put_words(&mut file, "ids", "id_ends", ids);
        }
        file
    }

    /// Writes the last state for MALLET.
    pub fn write_state(
        &self,
        path: &Path,
        data: &Data,
        tokens: &Assignments,
    ) -> Result<(), Failure> {
        let documents = (0..tokens.len()).map(|document| tokens.document(document));
        write_packed(path, |to| write_mallet_state(to, &self.model, data.ids.as_ref(), documents))
    }

    /// The result for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let value = &self.value;
        let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
        let (documents, tokens) = (&value["documents"], &value["tokens"]);
        write!(to, "data        {documents} documents, {tokens} tokens")?;
        match value["left_out"].as_u64() {
            Some(0) | None => writeln!(to)?,
            Some(count) => writeln!(to, " ({count} left out)")?,
        }
        let (words, topics) = (&value["vocabulary"], self.model.topics());
        writeln!(to, "model       {topics} topics of {words} words")?;
        let likelihood = number("log_likelihood_per_token");
        writeln!(to, "likelihood  {likelihood:.5} a token, words and topics together")?;
        if value["perplexity_test"].is_f64() {
            let (perplexity, of) = (number("perplexity_test"), &value["documents_test"]);
            writeln!(to, "perplexity  {} on {of} test documents", figure(perplexity))?;
        }
        let sum = figure(number("alpha_sum"));
        writeln!(to, "prior       alpha sums to {sum}, beta {}", figure(self.model.beta))?;
        let (mean, most) = (number("s_error"), number("s_error_max"));
        writeln!(to, "s-error     {mean:.5}, at most {most:.5}")?;
        let (load, train) = (&value["seconds"]["load"], &value["seconds"]["train"]);
        let seconds = |value: &Value| value.as_f64().unwrap_or(0.0);
        writeln!(
            to,
            "work        {} iterations; {:.2} s loading, {:.2} s training",
            value["iterations"],
            seconds(load),
            seconds(train)
        )?;
        writeln!(to, "\ntopic   share  words")?;
        let shares = self.model.shares();
        let mut order: Vec<usize> = (0..topics).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        let top = self.model.top_words(self.top, 1.0);
        for &topic in order.iter().take(SHOWN) {
            let words = names(&self.model, &top[topic]);
            writeln!(to, "{topic:>5} {:>6.2}%  {words}", 100.0 * shares[topic])?;
        }
        if topics > SHOWN {
            writeln!(to, "               and {} smaller", topics - SHOWN)?;
        }
        Ok(())
    }
}

/// The perplexity of the test documents by document completion, and how many tokens it is over;
/// none without tokens.
fn perplexity(arguments: &Arguments, data: &Data, model: &TopicModel) -> Option<(f64, u64)> {
    let test = data.test.as_ref()?;
    let options = InferOptions { seed: arguments.training.seed, ..InferOptions::default() };
    let inference = Inference::new(model, options);
    let threads = arguments.cluster.threads;
    let parts = in_parallel(threads, test.len(), |document| {
        inference.completion(document as u64, &test[document])
    });
    let tokens: u64 = parts.iter().map(|part| part.tokens).sum();
    let sum: f64 = parts.iter().map(|part| part.log_likelihood).sum();
    (tokens > 0).then(|| ((-sum / tokens as f64).exp(), tokens))
}
