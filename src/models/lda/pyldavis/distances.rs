//! How far topics are from each other.

use std::num::NonZero;
use std::thread;

use super::super::TopicModel;

impl TopicModel {
    /// The Jensen–Shannon divergence of every two topics, row after row.
    pub(super) fn divergences(&self) -> Vec<f64> {
        let topics = self.topics();
        let norms = self.norms();
        // Of each topic the words beyond β, with their weights.
        let mut words: Vec<Vec<(u32, f64)>> = vec![Vec::new(); topics];
        for word in 0..self.vocabulary.len() {
            for (topic, weight) in self.weights(word) {
                words[usize::from(topic)].push((word as u32, weight));
            }
        }
        let law = |topic: usize| Law { words: &words[topic], beta: self.beta, norm: norms[topic] };
        let count = self.vocabulary.len() as f64;
        let mut all = vec![0.0; topics * topics];
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let mut rows: Vec<Vec<(usize, &mut [f64])>> =
                (0..threads).map(|_| Vec::new()).collect();
            for (row, values) in all.chunks_mut(topics.max(1)).enumerate() {
                rows[row % threads].push((row, values));
            }
            for rows in rows {
                let law = &law;
                scope.spawn(move || {
                    for (row, values) in rows {
                        for (column, value) in values.iter_mut().enumerate() {
                            // The lesser topic first, so that both halves have the same bits.
                            let (a, b) = (row.min(column), row.max(column));
                            *value = if a == b { 0.0 } else { divergence(&law(a), &law(b), count) };
                        }
                    }
                });
            }
        });
        all
    }
}

/// The words of a topic: p(word) = (weight + beta) / norm.
struct Law<'a> {
    words: &'a [(u32, f64)],
    beta: f64,
    norm: f64,
}

fn divergence(a: &Law, b: &Law, words: f64) -> f64 {
    let (base_a, base_b) = (a.beta / a.norm, b.beta / b.norm);
    let term = |p: f64, q: f64| {
        let middle = 0.5 * (p + q);
        0.5 * (p * (p / middle).ln() + q * (q / middle).ln())
    };
    let (mut left, mut right) = (a.words.iter().peekable(), b.words.iter().peekable());
    let (mut sum, mut seen) = (0.0, 0.0);
    loop {
        let (first, second) = (left.peek().map(|word| word.0), right.peek().map(|word| word.0));
        let word = match (first, second) {
            (None, None) => break,
            (first, second) => first.unwrap_or(u32::MAX).min(second.unwrap_or(u32::MAX)),
        };
        let p = left.next_if(|next| next.0 == word).map_or(0.0, |next| next.1);
        let q = right.next_if(|next| next.0 == word).map_or(0.0, |next| next.1);
        sum += term((p + a.beta) / a.norm, (q + b.beta) / b.norm);
        seen += 1.0;
    }
    (sum + (words - seen) * term(base_a, base_b)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::file::tests::model;

    #[test]
    fn divergences_are_those_of_whole_tables() {
        let model = model(3);
        let norms = model.norms();
        let law = |topic: usize| -> Vec<f64> {
            let weight = |word| {
                let weights = model.weights(word);
                weights.iter().find(|(k, _)| usize::from(*k) == topic).map_or(0.0, |(_, w)| *w)
            };
            (0..4).map(|word| (weight(word) + model.beta) / norms[topic]).collect()
        };
        let found = model.divergences();
        for a in 0..3 {
            for b in 0..3 {
                let expected: f64 = law(a)
                    .iter()
                    .zip(law(b))
                    .map(|(p, q)| {
                        let middle = 0.5 * (p + q);
                        0.5 * (p * (p / middle).ln() + q * (q / middle).ln())
                    })
                    .sum();
                assert!((found[3 * a + b] - expected).abs() < 1e-12, "{a} {b}");
            }
        }
    }
}
