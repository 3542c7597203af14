//! From files to a corpus, and to the documents that are kept for testing.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use strads::formats::{CorpusOptions, Documents};
use strads::models::lda::{Corpus, CorpusError, TopicModel, WordPrior};
use strads::random::{Draws, purpose};
use strads::report::ModelFile;
use strads::shard::Words;

use super::arguments::Arguments;
use super::priors;
use crate::corpus::{read, spelling};
use crate::failure::Failure;
use crate::topics::Topics;

/// What is trained on, and what is tested on.
pub struct Data {
    pub corpus: Corpus,
    /// The identifiers of the corpus's documents, if they have some.
    pub ids: Option<Words>,
    pub priors: Arc<Vec<WordPrior>>,
    /// The model to set out from.
    pub warm: Option<Arc<TopicModel>>,
    /// The documents that the perplexity is measured on, as words and counts.
    pub test: Option<Vec<Vec<(u32, u32)>>>,
    pub left_out: u64,
    /// Tokens of test documents whose word does not occur in DATA.
    pub unknown: u64,
    pub words: usize,
    pub tokens: u64,
    pub documents: usize,
    /// How texts are taken apart.
    pub spelling: Value,
}

impl Data {
    /// Reads the data and what comes with it.
    pub fn load(arguments: &Arguments) -> Result<Data, Failure> {
        let options = CorpusOptions {
            format: arguments.corpus_format(),
            vocab: arguments.vocab.clone(),
            threads: arguments.cluster.threads,
            ..arguments.words.options()?
        };
        let documents = read(&arguments.data, &options, &arguments.output)?;
        let left_out = documents.left_out;
        let (mut corpus, ids, mut test) = split(arguments, documents)?;
        let mut unknown = 0;
        if let Some(path) = arguments.test.as_deref().filter(|_| arguments.cluster.process == 0) {
            let known = Some(corpus.vocabulary().clone());
            let documents =
                read(path, &CorpusOptions { known, ..options.clone() }, &arguments.output)?;
            unknown = documents.unknown;
            test = Some((0..documents.len()).map(|at| documents.runs(at).collect()).collect());
        }
        let name = arguments.data.display();
        if corpus.tokens() == 0 {
            let message = format!("{name}: expected words, found none that are not left out");
            return Err(Failure::input(message));
        }
        let priors = match &arguments.model.word_prior {
            Some(path) => priors::read(path, corpus.vocabulary(), arguments.model.topics)?,
            None => Vec::new(),
        };
        let warm = arguments.training.warm_start.as_deref();
        let warm = warm.map(|path| warm_start(path, arguments.model.topics)).transpose()?;
        Ok(Data {
            ids,
            warm: warm.map(Arc::new),
            priors: Arc::new(priors),
            test,
            left_out,
            unknown,
            words: corpus.vocabulary().len(),
            tokens: corpus.tokens(),
            documents: corpus.len(),
            spelling: spelling(&options),
            corpus: std::mem::take(&mut corpus),
        })
    }

    /// A digest of the options and of the data, which every process must share.
    pub fn digest(&self, arguments: &Arguments) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(arguments.remembered().to_string());
        let (text, ends) = self.corpus.vocabulary().parts();
        hash.update(text);
        ends.iter().for_each(|end| hash.update(end.to_le_bytes()));
        let mut crc = crc32fast::Hasher::new();
        for document in 0..self.corpus.len() {
            let runs = self.corpus.document(document);
            crc.update(&(runs.len() as u64).to_le_bytes());
            for (word, count) in runs {
                crc.update(&(u64::from(word) << 32 | u64::from(count)).to_le_bytes());
            }
        }
        hash.update(crc.finalize().to_le_bytes());
        for prior in self.priors.iter() {
            hash.update(prior.word.to_le_bytes());
            hash.update(prior.topic.to_le_bytes());
            hash.update(prior.weight.to_le_bytes());
        }
        hash.update([arguments.mallet_state.is_some().into()]);
        if let Some(warm) = &self.warm {
            hash_model(warm, &mut hash);
        }
        hash.finalize().to_vec()
    }
}

/// The model to set out from.
fn warm_start(path: &Path, topics: usize) -> Result<TopicModel, Failure> {
    let model = Topics::new(ModelFile::load(path)?, path)?.model;
    match model.topics() == topics {
        true => Ok(model),
        false => {
            let (name, found) = (path.display(), model.topics());
            let message = format!("--warm-start {name}: expected {topics} topics, found {found}");
            Err(Failure::model(message))
        }
    }
}

/// What a start takes from a model.
fn hash_model(model: &TopicModel, hash: &mut Sha256) {
    let (text, ends) = model.vocabulary.parts();
    hash.update(text);
    ends.iter().for_each(|end| hash.update(end.to_le_bytes()));
    let mut crc = crc32fast::Hasher::new();
    let (ends, topics, counts) = model.word_topic.columns();
    ends.iter().for_each(|end| crc.update(&end.to_le_bytes()));
    topics.iter().for_each(|topic| crc.update(&topic.to_le_bytes()));
    counts.iter().for_each(|count| crc.update(&count.to_le_bytes()));
    hash.update(crc.finalize().to_le_bytes());
    hash.update(model.samples.to_le_bytes());
}

type Test = Option<Vec<Vec<(u32, u32)>>>;

/// Deals documents to training and, if asked for, testing.
fn split(
    arguments: &Arguments,
    documents: Documents,
) -> Result<(Corpus, Option<Words>, Test), Failure> {
    let draws = Draws::new(arguments.training.seed, purpose("documents held out"), 0, 0);
    let share = arguments.holdout.unwrap_or(0.0);
    let held = |document: usize| {
        let draw = (draws.at(document as u64) >> 11) as f64 / (1u64 << 53) as f64;
        draw < share
    };
    let mut test = arguments.holdout.map(|_| Vec::new());
    let ids = documents.ids.as_ref().map(|ids| {
        let kept = ids.iter().enumerate().filter(|(document, _)| !held(*document));
        kept.map(|(_, id)| id).collect()
    });
    if test.is_none() {
        let Documents { vocabulary, ends, words, counts, .. } = documents;
        let corpus = Corpus::from_columns(vocabulary, ends, words, counts);
        return Ok((corpus.map_err(|error| refused(&arguments.data, error))?, ids, None));
    }
    let mut corpus = Corpus::new(documents.vocabulary.clone());
    let mut runs = Vec::new();
    for document in 0..documents.len() {
        runs.clear();
        runs.extend(documents.runs(document));
        match &mut test {
            Some(test) if held(document) => test.push(runs.clone()),
            _ => corpus.push(&runs).map_err(|error| refused(&arguments.data, error))?,
        }
    }
    Ok((corpus, ids, test))
}

fn refused(path: &Path, error: CorpusError) -> Failure {
    Failure::input(format!("{}: {error}", path.display()))
}
