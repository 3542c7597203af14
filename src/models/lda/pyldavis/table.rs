//! The words that are drawn, with their numbers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::TopicModel;
use super::{SHOWN, STEPS};

/// The most words of a topic that are looked at for every λ.
const CONSIDERED: usize = 2000;

/// The words that are drawn.
pub(super) struct Table<'a> {
    model: &'a TopicModel,
    norms: Vec<f64>,
    /// Tokens of each word, in all.
    totals: Vec<f64>,
    tokens: f64,
    /// The words of each topic that are among its most relevant for some λ.
    topics: Vec<BTreeSet<u32>>,
    /// The words that tell topics apart best, the best first.
    salient: Vec<u32>,
}

impl<'a> Table<'a> {
    pub fn new(model: &'a TopicModel) -> Self {
        let (norms, shares) = (model.norms(), model.shares());
        let scale = f64::from(model.samples.max(1)).recip();
        let total = |word| model.word_topic.row(word).map(|(_, count)| f64::from(count)).sum();
        let totals: Vec<f64> =
            (0..model.vocabulary.len()).map(total).map(|total: f64| total * scale).collect();
        let tokens = totals.iter().sum();
        let mut saliency: Vec<(f64, u32)> = (0..model.vocabulary.len())
            .map(|word| (saliency(model, word, &shares), word as u32))
            .collect();
        saliency.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let salient = saliency.into_iter().take(SHOWN).map(|(_, word)| word).collect();
        let mut table = Table { model, norms, totals, tokens, topics: Vec::new(), salient };
        // Whatever λ, a word that is shown is among the first by probability or by lift.
        let both = [1.0, 0.0].map(|lambda| model.top_words(CONSIDERED, lambda));
        for topic in 0..model.topics() {
            let candidates = both.iter().flat_map(|all| &all[topic]).map(|word| word.word);
            table.topics.push(table.relevant(topic, candidates.collect()));
        }
        table
    }

    /// The words among the most relevant for some λ.
    fn relevant(&self, topic: usize, candidates: BTreeSet<u32>) -> BTreeSet<u32> {
        let candidates: Vec<(u32, f64, f64)> = candidates
            .into_iter()
            .map(|word| {
                let (log, lift) = self.logs(topic, word);
                (word, log, lift)
            })
            .collect();
        let mut shown = BTreeSet::new();
        for step in 0..=STEPS {
            let lambda = step as f64 / STEPS as f64;
            let mut order: Vec<(f64, u32)> = candidates
                .iter()
                .map(|(word, log, lift)| (lambda * log + (1.0 - lambda) * lift, *word))
                .collect();
            let by = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            if order.len() > SHOWN {
                order.select_nth_unstable_by(SHOWN - 1, by);
            }
            shown.extend(order.iter().take(SHOWN).map(|(_, word)| word));
        }
        shown
    }

    fn weight(&self, topic: usize, word: u32) -> f64 {
        let weights = self.model.weights(word as usize);
        let place = weights.binary_search_by_key(&(topic as u16), |(topic, _)| *topic);
        place.map_or(0.0, |at| weights[at].1)
    }

    /// log p(word | topic), and the same over p(word).
    fn logs(&self, topic: usize, word: u32) -> (f64, f64) {
        let probability = (self.weight(topic, word) + self.model.beta) / self.norms[topic];
        let overall = self.totals[word as usize].max(0.5) / self.tokens.max(1.0);
        (probability.ln(), (probability / overall).ln())
    }

    fn name(&self, word: u32) -> &str {
        self.model.vocabulary.get(word as usize).unwrap_or_default()
    }

    /// One row a word that is shown at first, and a word and topic that has it.
    pub fn info(&self) -> Value {
        let mut info = Columns::default();
        for (place, &word) in self.salient.iter().enumerate() {
            let total = self.totals[word as usize];
            let rank = (self.salient.len() - place) as f64;
            info.push(self.name(word), "Default", [total, total, rank, rank]);
        }
        for (topic, words) in self.topics.iter().enumerate() {
            let category = format!("Topic{}", topic + 1);
            for &word in words {
                let (log, lift) = self.logs(topic, word);
                let total = self.totals[word as usize];
                info.push(self.name(word), &category, [self.weight(topic, word), total, log, lift]);
            }
        }
        json!({
            "Term": info.terms,
            "Category": info.categories,
            "Freq": info.numbers[0],
            "Total": info.numbers[1],
            "logprob": info.numbers[2],
            "loglift": info.numbers[3],
        })
    }

    /// Of every word that is drawn, its share in each topic.
    pub fn tokens(&self) -> Value {
        let words: BTreeSet<&u32> = self.topics.iter().flatten().chain(&self.salient).collect();
        let mut order: Vec<(&str, u32)> =
            words.into_iter().map(|&word| (self.name(word), word)).collect();
        order.sort_unstable();
        let (mut topics, mut shares, mut terms) = (Vec::new(), Vec::new(), Vec::new());
        for (name, word) in order {
            let total = self.totals[word as usize];
            for (topic, weight) in self.model.weights(word as usize) {
                if total > 0.0 && weight >= 0.5 {
                    topics.push(topic + 1);
                    shares.push(weight / total);
                    terms.push(name);
                }
            }
        }
        json!({ "Topic": topics, "Freq": shares, "Term": terms })
    }
}

#[derive(Default)]
struct Columns {
    terms: Vec<String>,
    categories: Vec<String>,
    numbers: [Vec<f64>; 4],
}

impl Columns {
    fn push(&mut self, term: &str, category: &str, numbers: [f64; 4]) {
        self.terms.push(term.to_owned());
        self.categories.push(category.to_owned());
        self.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
    }
}

/// p(word) times the divergence of its topics from all topics (Chuang et al. 2012).
fn saliency(model: &TopicModel, word: usize, shares: &[f64]) -> f64 {
    let weights = model.weights(word);
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    for (topic, weight) in weights {
        let (share, own) = (shares[usize::from(topic)], weight / total);
        if share > 0.0 && own > 0.0 {
            sum += weight * (own / share).ln();
        }
    }
    sum
}
