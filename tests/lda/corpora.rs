//! Corpora whose topics are known, and what a model must be true of.

use std::collections::BTreeMap;

use strads::cluster::Flags;
use strads::models::lda::{Assignments, Corpus, Counts, Fit, Options, TopicModel, fit};
use strads::random::{Draws, purpose};

/// Documents of `words_per_topic · topics` words: each has mostly words of one or two topics.
pub fn planted(documents: usize, length: usize, topics: usize, words: usize, seed: u64) -> Corpus {
    let mut draws = Draws::new(seed, purpose("planted corpus"), 0, 0);
    let vocabulary = (0..topics * words).map(|word| format!("w{word}")).collect();
    let mut corpus = Corpus::new(vocabulary);
    for document in 0..documents {
        let own = [document % topics, draws.below(topics as u64) as usize];
        let length = 1 + draws.below(2 * length as u64);
        let runs: Vec<(u32, u32)> = (0..length)
            .map(|_| {
                let topic = own[usize::from(draws.below(4) == 0)];
                // Words of a topic grow rarer.
                let rank = draws.below(words as u64).min(draws.below(words as u64));
                ((topic * words) as u32 + rank as u32, 1 + draws.below(3) as u32)
            })
            .collect();
        corpus.push(&runs).expect("words of the vocabulary");
    }
    corpus
}

pub fn train(corpus: &Corpus, options: &Options, threads: usize) -> Fit {
    fit(&Flags::threads(threads), b"", corpus.clone(), options.clone(), |_| {})
        .expect("options are in range")
}

pub fn model(fit: &Fit) -> &TopicModel {
    fit.model.as_ref().expect("this is the process of worker 0")
}

/// `ln Γ(a + n) − ln Γ(a)`, one factor at a time.
fn rising(a: f64, n: u64) -> f64 {
    (0..n).map(|step| (a + step as f64).ln()).sum()
}

/// Joint log-likelihood per token, by the formula, from a model of one sample with documents.
pub fn log_likelihood(model: &TopicModel, corpus: &Corpus) -> f64 {
    let alpha_sum: f64 = model.alpha.iter().sum();
    let documents = model.document_topic.as_ref().expect("documents were asked for");
    let mut sum = 0.0;
    for document in 0..documents.len() {
        let mut tokens = 0;
        for (topic, count) in documents.row(document) {
            sum += rising(model.alpha[usize::from(topic)], count.into());
            tokens += u64::from(count);
        }
        sum -= rising(alpha_sum, tokens);
    }
    for word in 0..model.word_topic.len() {
        for (topic, count) in model.word_topic.row(word) {
            let own =
                |p: &&strads::models::lda::WordPrior| (p.word as usize, p.topic) == (word, topic);
            let more = model.priors.iter().find(own).map_or(0.0, |prior| prior.weight);
            sum += rising(model.beta + more, count.into());
        }
    }
    for (total, beta_sum) in model.topic_total.iter().zip(model.beta_sums()) {
        sum -= rising(beta_sum, *total);
    }
    sum / corpus.tokens() as f64
}

/// A model's counts, counted again from the topics of the corpus's tokens.
pub fn recounted(model: &TopicModel, corpus: &Corpus, tokens: &Assignments) -> TopicModel {
    assert_eq!(tokens.len(), corpus.len());
    let count = |rows: &mut BTreeMap<u16, u32>, topic| *rows.entry(topic).or_insert(0) += 1;
    let mut words = vec![BTreeMap::new(); corpus.vocabulary().len()];
    let mut topic_total = vec![0; model.topics()];
    let mut documents = Counts::default();
    for document in 0..tokens.len() {
        let (mut runs, mut own) = (BTreeMap::new(), BTreeMap::new());
        for (word, topic) in tokens.document(document) {
            *runs.entry(word).or_insert(0) += 1;
            count(&mut words[word as usize], topic);
            count(&mut own, topic);
            topic_total[usize::from(topic)] += 1;
        }
        let mut expected = BTreeMap::new();
        corpus.document(document).for_each(|(word, n)| *expected.entry(word).or_insert(0) += n);
        assert_eq!(runs, expected, "the tokens are those of document {document}");
        documents.push(own);
    }
    let mut word_topic = Counts::default();
    words.into_iter().for_each(|row| word_topic.push(row));
    TopicModel { word_topic, topic_total, document_topic: Some(documents), ..model.clone() }
}

/// Counts are those of the corpus.
pub fn recount(model: &TopicModel, corpus: &Corpus) {
    let mut totals = vec![0; model.topics()];
    let frequencies = corpus.frequencies();
    assert_eq!(model.word_topic.len(), frequencies.len());
    for (word, frequency) in frequencies.iter().enumerate() {
        let row: Vec<(u16, u32)> = model.word_topic.row(word).collect();
        assert!(row.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(row.iter().map(|(_, count)| u64::from(*count)).sum::<u64>(), *frequency);
        row.iter().for_each(|(topic, count)| totals[usize::from(*topic)] += u64::from(*count));
    }
    assert_eq!(totals, model.topic_total);
    let Some(documents) = &model.document_topic else { return };
    assert_eq!(documents.len(), corpus.len());
    let mut totals = vec![0; model.topics()];
    for document in 0..documents.len() {
        let length: u64 = corpus.document(document).map(|(_, count)| u64::from(count)).sum();
        let row: Vec<(u16, u32)> = documents.row(document).collect();
        assert!(row.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(row.iter().map(|(_, count)| u64::from(*count)).sum::<u64>(), length);
        row.iter().for_each(|(topic, count)| totals[usize::from(*topic)] += u64::from(*count));
    }
    assert_eq!(totals, model.topic_total);
}
