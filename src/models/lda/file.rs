//! Topic models as model files.
//!
//! | tensor | type, shape | what |
//! |---|---|---|
//! | `word_topic` | u32 [V, K] | counts, summed over `samples` states |
//! | `topic_total` | u64 [K] | their column sums |
//! | `alpha`, `beta` | f64 [K], f64 [1] | the concentrations |
//! | `doc_topic` | u32 [D, K] | topics of the documents, if asked for |
//! | `prior_word`, `prior_topic`, `prior_weight` | u32, u16, f64 | word priors, if any |
//!
//! Where it is smaller, a table of counts is in compressed rows instead: `NAME.indptr` u64 \[V + 1],
//! `NAME.indices` u16 and `NAME.counts` u32, as `scipy.sparse.csr_array` takes them. The words are
//! a list `words` in the metadata or, if they are long, the tensors `words` (u8, UTF-8, one after
//! the other) and `word_ends` (u64 [V]).

use serde_json::{Value, json};

use super::{Counts, MAX_TOPICS, TopicModel, WordPrior};
use crate::report::{ModelError, ModelFile};
use crate::shard::Words;

/// The most bytes of words that are in the metadata, where each takes many times its own.
const MOST_WORDS: usize = 1 << 20;

impl TopicModel {
    /// Puts the model into a file that may already hold what else is told about it.
    pub fn put(&self, file: &mut ModelFile) {
        let topics = self.topics();
        put_counts(file, "word_topic", &self.word_topic, topics);
        if let Some(counts) = &self.document_topic {
            put_counts(file, "doc_topic", counts, topics);
        }
        file.put("topic_total", &[topics], self.topic_total.clone());
        file.put("alpha", &[topics], self.alpha.clone());
        file.put("beta", &[1], vec![self.beta]);
        if !self.priors.is_empty() {
            let count = [self.priors.len()];
            let each = self.priors.iter();
            file.put("prior_word", &count, each.clone().map(|prior| prior.word).collect());
            file.put("prior_topic", &count, each.clone().map(|prior| prior.topic).collect());
            file.put("prior_weight", &count, each.map(|prior| prior.weight).collect());
        }
        file.metadata.insert("samples".into(), self.samples.into());
        put_words(file, "words", "word_ends", &self.vocabulary);
    }

    /// Takes a model out of a file. Nothing in it is trusted.
    ///
    /// # Errors
    /// If a tensor is missing, or what they say does not fit together: one line that says what.
    pub fn take(file: &ModelFile) -> Result<TopicModel, String> {
        let vocabulary = words(file, "words", "word_ends")?.ok_or("it has no words")?;
        let topic_total = tensor::<u64>(file, "topic_total")?.to_vec();
        let topics = topic_total.len();
        if !(1..=MAX_TOPICS).contains(&topics) {
            return Err(format!("it has {topics} topics"));
        }
        let word_topic = counts(file, "word_topic", topics)?.ok_or("it has no word_topic")?;
        if word_topic.len() != vocabulary.len() {
            return Err("it has more or fewer words than rows of counts".into());
        }
        if u32::try_from(vocabulary.len()).is_err() {
            return Err("it has more than 4294967295 words".into());
        }
        let mut sums = vec![0u64; topics];
        for word in 0..word_topic.len() {
            for (topic, count) in word_topic.row(word) {
                sums[usize::from(topic)] += u64::from(count);
            }
        }
        if sums != topic_total {
            return Err("its topic totals are not the sums of its counts".into());
        }
        let samples = file.metadata.get("samples").and_then(Value::as_u64);
        let model = TopicModel {
            vocabulary,
            word_topic,
            topic_total,
            alpha: tensor::<f64>(file, "alpha")?.to_vec(),
            beta: tensor::<f64>(file, "beta")?.first().copied().unwrap_or(f64::NAN),
            priors: priors(file)?,
            samples: samples.and_then(|samples| samples.try_into().ok()).unwrap_or(0),
            document_topic: counts(file, "doc_topic", topics)?,
        };
        let positive = |value: &f64| *value > 0.0 && value.is_finite();
        let numbers = model.alpha.iter().chain([&model.beta]);
        let priors = model.priors.iter().map(|prior| &prior.weight);
        if model.alpha.len() != topics || !numbers.chain(priors).all(positive) {
            return Err("its concentrations are not positive numbers, one a topic".into());
        }
        let bad = |prior: &WordPrior| {
            prior.word as usize >= model.vocabulary.len() || usize::from(prior.topic) >= topics
        };
        if model.priors.iter().any(bad) || model.samples == 0 {
            return Err("its word priors or samples make no sense".into());
        }
        Ok(model)
    }
}

/// Puts words into a file: in the metadata, or as tensors if they are long.
pub fn put_words(file: &mut ModelFile, name: &str, ends: &str, words: &Words) {
    let (text, places) = words.parts();
    if text.len() + 4 * words.len() <= MOST_WORDS {
        file.metadata.insert(name.into(), json!(words.iter().collect::<Vec<_>>()));
    } else {
        file.put(name, &[text.len()], text.as_bytes().to_vec());
        file.put(ends, &[places.len()], places.to_vec());
    }
}

/// Takes words out of a file, if there are some.
///
/// # Errors
/// If they are no words: one line that says so.
pub fn words(file: &ModelFile, name: &str, ends: &str) -> Result<Option<Words>, String> {
    if let Some(list) = file.metadata.get(name) {
        let list = list.as_array().ok_or_else(|| format!("its {name} are no list"))?;
        let words: Option<Words> = list.iter().map(Value::as_str).collect();
        return words.map(Some).ok_or_else(|| format!("its {name} are no list of texts"));
    }
    if !file.tensors().contains_key(name) {
        return Ok(None);
    }
    let text = String::from_utf8(tensor::<u8>(file, name)?.to_vec());
    let words = text.ok().zip(tensor::<u64>(file, ends).ok());
    let words = words.and_then(|(text, ends)| Words::from_parts(text, ends.to_vec()));
    words.map(Some).ok_or_else(|| format!("its {name} are no words"))
}

fn tensor<'a, T: crate::report::Element>(
    file: &'a ModelFile,
    name: &str,
) -> Result<&'a [T], String> {
    file.get(name).map(|(_, values)| values).map_err(|error: ModelError| error.to_string())
}

fn priors(file: &ModelFile) -> Result<Vec<WordPrior>, String> {
    if !file.tensors().contains_key("prior_word") {
        return Ok(Vec::new());
    }
    let words = tensor::<u32>(file, "prior_word")?;
    let topics = tensor::<u16>(file, "prior_topic")?;
    let weights = tensor::<f64>(file, "prior_weight")?;
    if words.len() != topics.len() || words.len() != weights.len() {
        return Err("its word priors are of different lengths".into());
    }
    let each = words.iter().zip(topics).zip(weights);
    let priors: Vec<WordPrior> =
        each.map(|((&word, &topic), &weight)| WordPrior { word, topic, weight }).collect();
    match priors.is_sorted_by(|a, b| (a.word, a.topic) < (b.word, b.topic)) {
        true => Ok(priors),
        false => Err("its word priors are not in order".into()),
    }
}

fn put_counts(file: &mut ModelFile, name: &str, counts: &Counts, topics: usize) {
    let rows = counts.len();
    let dense = 4u128 * rows as u128 * topics as u128;
    let (ends, indices, values) = counts.columns();
    let compressed = 8 * (rows as u128 + 1) + 6 * indices.len() as u128;
    if dense <= compressed {
        let mut table = vec![0u32; rows * topics];
        for row in 0..rows {
            for (topic, count) in counts.row(row) {
                table[row * topics + usize::from(topic)] = count;
            }
        }
        file.put(name, &[rows, topics], table);
    } else {
        let starts: Vec<u64> = [0].into_iter().chain(ends.iter().copied()).collect();
        file.put(&format!("{name}.indptr"), &[rows + 1], starts);
        file.put(&format!("{name}.indices"), &[indices.len()], indices.to_vec());
        file.put(&format!("{name}.counts"), &[values.len()], values.to_vec());
    }
}

fn counts(file: &ModelFile, name: &str, topics: usize) -> Result<Option<Counts>, String> {
    let mut counts = Counts::default();
    if file.tensors().contains_key(name) {
        let (shape, table) = file.get::<u32>(name).map_err(|error| error.to_string())?;
        if shape.len() != 2 || shape[1] != topics {
            return Err(format!("its {name} has an odd shape"));
        }
        for row in table.chunks_exact(topics) {
            let row = (0..).zip(row.iter().copied());
            counts.push(row.filter(|(_, count)| *count > 0));
        }
        return Ok(Some(counts));
    }
    let parts = ["indptr", "indices", "counts"].map(|part| format!("{name}.{part}"));
    if !file.tensors().contains_key(&parts[0]) {
        return Ok(None);
    }
    let starts = tensor::<u64>(file, &parts[0])?;
    let indices = tensor::<u16>(file, &parts[1])?;
    let values = tensor::<u32>(file, &parts[2])?;
    let ends_fit = starts.first() == Some(&0)
        && starts.is_sorted()
        && starts.last() == Some(&(indices.len() as u64))
        && indices.len() == values.len();
    if !ends_fit {
        return Err(format!("the rows of its {name} do not fit"));
    }
    for row in starts.windows(2) {
        let row = row[0] as usize..row[1] as usize;
        let (indices, values) = (&indices[row.clone()], &values[row]);
        let ascend = indices.is_sorted_by(|a, b| a < b);
        if !ascend || indices.iter().any(|&topic| usize::from(topic) >= topics) {
            return Err(format!("the topics of a row of its {name} are not in order"));
        }
        if values.contains(&0) {
            return Err(format!("its {name} has counts of 0"));
        }
        counts.push(indices.iter().copied().zip(values.iter().copied()));
    }
    Ok(Some(counts))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A model of four words and two topics, or of many topics.
    pub fn model(topics: u16) -> TopicModel {
        let mut word_topic = Counts::default();
        for row in [&[(0, 5), (1, 1)][..], &[(1, 4)], &[], &[(0, 2)]] {
            word_topic.push(row.iter().copied());
        }
        let mut topic_total = vec![0; usize::from(topics)];
        (topic_total[0], topic_total[1]) = (7, 5);
        let mut document_topic = Counts::default();
        document_topic.push([(0, 3)]);
        document_topic.push([(0, 4), (1, 5)]);
        TopicModel {
            vocabulary: ["tea", "öl", "", "pot"].into_iter().collect(),
            word_topic,
            topic_total,
            alpha: vec![0.5; usize::from(topics)],
            beta: 0.01,
            priors: vec![WordPrior { word: 2, topic: 1, weight: 3.0 }],
            samples: 1,
            document_topic: Some(document_topic),
        }
    }

    #[test]
    fn models_come_out_as_they_went_in() {
        for topics in [2, 300] {
            let (model, mut file) = (model(topics), ModelFile::default());
            model.put(&mut file);
            assert_eq!(file.tensors().contains_key("word_topic"), topics == 2);
            assert_eq!(TopicModel::take(&file), Ok(model));
        }
    }

    #[test]
    fn long_vocabularies_are_tensors() {
        let vocabulary: Words = (0..400_000).map(|word| format!("word{word}")).collect();
        let mut file = ModelFile::default();
        put_words(&mut file, "words", "word_ends", &vocabulary);
        assert!(file.metadata.is_empty());
        assert_eq!(words(&file, "words", "word_ends"), Ok(Some(vocabulary)));
    }

    #[test]
    fn models_that_contradict_themselves_are_refused() {
        let spoil = |topics: u16, change: &dyn Fn(&mut ModelFile)| {
            let mut file = ModelFile::default();
            model(topics).put(&mut file);
            change(&mut file);
            TopicModel::take(&file).unwrap_err()
        };
        spoil(2, &|file| file.put("word_topic", &[4, 2], vec![5u32, 1, 0, 4, 0, 0, 3, 0]));
        spoil(2, &|file| file.put("word_topic", &[2, 4], vec![0u32; 8]));
        spoil(2, &|file| file.put("word_topic", &[4, 2], vec![0.0f64; 8]));
        spoil(2, &|file| file.put("alpha", &[2], vec![0.5, f64::NAN]));
        spoil(2, &|file| file.put("beta", &[0], Vec::<f64>::new()));
        spoil(2, &|file| file.put("topic_total", &[0], Vec::<u64>::new()));
        spoil(2, &|file| file.put("prior_topic", &[1], vec![2u16]));
        spoil(2, &|file| file.put("prior_word", &[2], vec![0u32, 1]));
        spoil(2, &|file| drop(file.metadata.insert("words".into(), json!(["a"]))));
        spoil(2, &|file| drop(file.metadata.insert("words".into(), json!([1, 2, 3, 4]))));
        spoil(2, &|file| drop(file.metadata.remove("words")));
        spoil(2, &|file| drop(file.metadata.remove("samples")));
        spoil(300, &|file| file.put("word_topic.indptr", &[5], vec![0u64, 2, 1, 3, 4]));
        spoil(300, &|file| file.put("word_topic.indices", &[4], vec![1u16, 0, 1, 0]));
        spoil(300, &|file| file.put("word_topic.indices", &[4], vec![0u16, 300, 1, 0]));
        spoil(300, &|file| file.put("word_topic.counts", &[3], vec![5u32, 1, 4]));
    }
}
