//! What a topic is about: its words by probability and by relevance.

use std::cmp::Ordering;

use super::TopicModel;

/// A word of a topic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicWord {
    /// The word's number.
    pub word: u32,
    /// p(word | topic).
    pub probability: f64,
    /// λ·log p(word | topic) + (1 − λ)·log(p(word | topic) / p(word)).
    pub relevance: f64,
}

impl TopicModel {
    /// A word's weight beyond β in each topic where it has one, ascending by topic: its tokens, by
    /// the mean over the samples, and its prior.
    pub fn weights(&self, word: usize) -> Vec<(u16, f64)> {
        let scale = f64::from(self.samples.max(1)).recip();
        let counts = self.word_topic.row(word);
        let mut weights: Vec<(u16, f64)> =
            counts.map(|(topic, count)| (topic, f64::from(count) * scale)).collect();
        let first = self.priors.partition_point(|prior| (prior.word as usize) < word);
        for prior in self.priors[first..].iter().take_while(|prior| prior.word as usize == word) {
            match weights.binary_search_by_key(&prior.topic, |(topic, _)| *topic) {
                Ok(at) => weights[at].1 += prior.weight,
                Err(at) => weights.insert(at, (prior.topic, prior.weight)),
            }
        }
        weights
    }

    /// What p(word | topic) is divided by, for each topic: tokens, priors and β of all words.
    pub fn norms(&self) -> Vec<f64> {
        let scale = f64::from(self.samples.max(1)).recip();
        let sums = self.beta_sums().into_iter();
        sums.zip(&self.topic_total).map(|(sum, total)| sum + *total as f64 * scale).collect()
    }

    /// Each topic's share of all tokens.
    pub fn shares(&self) -> Vec<f64> {
        let total: u64 = self.topic_total.iter().sum();
        self.topic_total.iter().map(|count| *count as f64 / total.max(1) as f64).collect()
    }

    /// The `count` most relevant words of each topic, the most relevant first, among those that
    /// have tokens or a prior there (Sievert and Shirley, "LDAvis", 2014). With λ = 1 relevance
    /// orders by probability. Takes a pass over all counts.
    pub fn top_words(&self, count: usize, lambda: f64) -> Vec<Vec<TopicWord>> {
        let norms = self.norms();
        let shares = self.shares();
        let background: f64 =
            norms.iter().zip(&shares).map(|(norm, share)| share * self.beta / norm).sum();
        let mut topics: Vec<Vec<TopicWord>> = vec![Vec::new(); self.topics()];
        for word in 0..self.vocabulary.len() {
            let weights = self.weights(word);
            let overall: f64 = weights
                .iter()
                .map(|&(topic, weight)| {
                    let topic = usize::from(topic);
                    shares[topic] * weight / norms[topic]
                })
                .sum::<f64>()
                + background;
            for (topic, weight) in weights {
                let topic = usize::from(topic);
                let probability = (weight + self.beta) / norms[topic];
                let lift = probability / overall;
                let relevance = lambda * probability.ln() + (1.0 - lambda) * lift.ln();
                let found = TopicWord { word: word as u32, probability, relevance };
                let words = &mut topics[topic];
                words.push(found);
                // Twice as many as are asked for are kept before the lesser half goes.
                if words.len() >= 2 * count.max(16) {
                    cut(words, count);
                }
            }
        }
        for words in &mut topics {
            cut(words, count);
            words.shrink_to_fit();
        }
        topics
    }
}

/// Keeps the `count` most relevant words, in order.
fn cut(words: &mut Vec<TopicWord>, count: usize) {
    words.sort_unstable_by(before);
    words.truncate(count);
}

/// The more relevant word first; of equal ones that with the lower number.
fn before(a: &TopicWord, b: &TopicWord) -> Ordering {
    b.relevance.total_cmp(&a.relevance).then(a.word.cmp(&b.word))
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::model;

    #[test]
    fn probabilities_sum_to_one() {
        let model = model(2);
        let norms = model.norms();
        for topic in 0..2u16 {
            let weight = |word| {
                let weights = model.weights(word);
                weights.iter().find(|(other, _)| *other == topic).map_or(0.0, |(_, w)| *w)
            };
            let sum: f64 =
                (0..4).map(|word| (weight(word) + model.beta) / norms[usize::from(topic)]).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn words_are_ordered_by_relevance() {
        let model = model(2);
        let words = |lambda: f64| -> Vec<Vec<u32>> {
            let topics = model.top_words(2, lambda);
            topics.iter().map(|words| words.iter().map(|word| word.word).collect()).collect()
        };
        assert_eq!(words(1.0), [[0, 3], [1, 2]]);
        // The pot is in the first topic only; tea is in both.
        assert_eq!(words(0.0)[0], [3, 0]);
        let top = model.top_words(1, 1.0)[0][0];
        assert!((top.probability - 5.01 / 7.04).abs() < 1e-12);
        assert!((top.relevance - top.probability.ln()).abs() < 1e-12);
    }
}
