//! Topic models as files, and documents as a model sees them.

use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Map, Value};
use strads::formats::{CorpusFormat, CorpusOptions, Documents};
use strads::models::lda::{TopicModel, TopicWord};
use strads::report::ModelFile;

use crate::corpus::{read, spelled};
use crate::failure::Failure;
use crate::output::Output;

/// A model of topics, with what is told about it.
pub struct Topics {
    pub model: TopicModel,
    /// Everything but the words.
    pub metadata: Map<String, Value>,
}

/// Where documents come from.
pub struct Source<'a> {
    pub data: &'a Path,
    pub format: Option<CorpusFormat>,
    pub vocab: Option<PathBuf>,
    pub threads: usize,
}

impl Topics {
    /// The model in a file that was read from a path.
    pub fn new(mut file: ModelFile, path: &Path) -> Result<Self, Failure> {
        let model = TopicModel::take(&file)
            .map_err(|why| Failure::model(format!("cannot use {}: {why}", path.display())))?;
        for name in ["words", "ids"] {
            if file.metadata.get(name).is_some_and(Value::is_array) {
                file.metadata.remove(name);
            }
        }
        Ok(Topics { model, metadata: file.metadata })
    }

    /// Reads documents in the words of the model.
    pub fn documents(&self, source: &Source, output: &Output) -> Result<Documents, Failure> {
        let spelling = self.metadata.get("spelling").unwrap_or(&Value::Null);
        let options = CorpusOptions {
            format: source.format,
            vocab: source.vocab.clone(),
            known: Some(self.model.vocabulary.clone()),
            threads: source.threads.max(1),
            ..spelled(spelling)
        };
        let documents = read(source.data, &options, output)?;
        if documents.tokens == 0 && documents.unknown > 0 {
            output.note(&format!(
                "{}: the model knows none of the words{}",
                source.data.display(),
                if source.vocab.is_none() { "; are they named in a file for --vocab?" } else { "" }
            ));
        }
        Ok(documents)
    }
}

/// The names of words, for people.
pub fn names(model: &TopicModel, words: &[TopicWord]) -> String {
    let name = |found: &TopicWord| model.vocabulary.get(found.word as usize).unwrap_or_default();
    words.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// Something of each of `count` things, in their order, made on a number of threads.
pub fn in_parallel<T: Send>(
    threads: usize,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let mut made: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let share = count.div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        for (part, places) in made.chunks_mut(share).enumerate() {
            let make = &make;
            scope.spawn(move || {
                for (at, place) in places.iter_mut().enumerate() {
                    *place = Some(make(part * share + at));
                }
            });
        }
    });
    made.into_iter().flatten().collect()
}
