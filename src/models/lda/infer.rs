//! Topics of documents that were not trained on, and how well a model foretells their words.

use super::model::TopicModel;
use crate::random::{Draws, purpose};

const FOLD_IN: u64 = purpose("topics of new documents");
const HALVES: u64 = purpose("halves of new documents");

/// How new documents are sampled.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `seed` | 0 | chooses the draws | |
/// | `burn_in` | 20 | sweeps over a document before its mixture is looked at | any |
/// | `samples` | 20 | sweeps after that, over which the mixture is averaged | ≥ 1 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferOptions {
    /// Chooses the draws.
    pub seed: u64,
    /// Sweeps before the mixture is looked at.
    pub burn_in: u64,
    /// Sweeps over which it is averaged; 0 counts as 1.
    pub samples: u64,
}

impl Default for InferOptions {
    fn default() -> Self {
        InferOptions { seed: 0, burn_in: 20, samples: 20 }
    }
}

/// How well the second half of a document was foretold. Those of documents add up, and
/// `exp(−Σ log_likelihood / Σ tokens)` is the perplexity by document completion (Wallach, Murray,
/// Salakhutdinov, Mimno 2009).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Completion {
    /// `Σ ln p(w)` over the tokens of the second half.
    pub log_likelihood: f64,
    /// Their number.
    pub tokens: u64,
}

/// A model at work on new documents: the topics' words stay as they are, and a document's mixture
/// is sampled (fold-in by collapsed Gibbs sampling). One may be shared by many threads; a result
/// is a function of the model, the options and the document with its number.
///
/// ```
/// use strads::models::lda::{Counts, Inference, InferOptions, TopicModel};
///
/// let mut word_topic = Counts::default();
/// word_topic.push([(0, 90)]);
/// word_topic.push([(1, 90)]);
/// let model = TopicModel {
///     vocabulary: ["apple", "bolt"].into_iter().collect(),
///     word_topic,
///     topic_total: vec![90, 90],
///     alpha: vec![0.1, 0.1],
///     beta: 0.01,
///     samples: 1,
///     ..TopicModel::default()
/// };
/// let inference = Inference::new(&model, InferOptions::default());
/// let mixture = inference.mixture(0, &[(0, 5)]);
/// assert!(mixture[0] > 0.9);
/// ```
#[derive(Clone, Debug)]
pub struct Inference<'m> {
    model: &'m TopicModel,
    options: InferOptions,
    /// `1 / (n_k/S + Σβ)`.
    inverse: Vec<f64>,
    /// Running sums of `α_k β / (n_k/S + Σβ)`.
    smoothing: Vec<f64>,
    alpha_sum: f64,
}

/// A document while it is sampled.
struct State {
    /// Words of the tokens, equal ones together, and their topics.
    tokens: Vec<(u32, u16)>,
    /// `n_dk`, and the topics for which it is above 0.
    counts: Vec<u32>,
    present: Vec<u16>,
    /// What the word at hand adds to the smoothing of each topic, as a share of the topic.
    word: Vec<f64>,
}

impl<'m> Inference<'m> {
    /// Prepares a model. Takes `O(K)` time and memory.
    pub fn new(model: &'m TopicModel, options: InferOptions) -> Self {
        let samples = f64::from(model.samples.max(1));
        let totals = model.topic_total.iter().zip(model.beta_sums());
        let inverse: Vec<f64> =
            totals.map(|(&total, beta)| 1.0 / (total as f64 / samples + beta)).collect();
        let mut sum = 0.0;
        let masses = inverse.iter().zip(&model.alpha);
        let smoothing = masses.map(|(inverse, alpha)| {
            sum += alpha * model.beta * inverse;
            sum
        });
        Inference {
            smoothing: smoothing.collect(),
            alpha_sum: model.alpha.iter().sum(),
            inverse,
            model,
            options,
        }
    }

    /// The topics' shares of a document, which sum to 1: the mean of `(n_dk + α_k) / (N + Σα)`
    /// over the sampled states. Words beyond the vocabulary are left out. `document` names the
    /// draws.
    ///
    /// Takes, for each sweep, time proportional to the topics of each word in the model and of the
    /// document at each token; and `O(K)`.
    pub fn mixture(&self, document: u64, runs: &[(u32, u32)]) -> Vec<f64> {
        let known = runs.iter().filter(|(word, _)| self.knows(*word));
        let tokens = known.flat_map(|&(word, count)| (0..count).map(move |_| word));
        self.sample(document, tokens.collect()).0
    }

    /// A topic for every token of a document, drawn given the model: the last state that
    /// [`mixture`](Inference::mixture) sees. Tokens are (word, topic), in the order of the runs;
    /// words beyond the vocabulary are left out.
    pub fn assignments(&self, document: u64, runs: &[(u32, u32)]) -> Vec<(u32, u16)> {
        let known = runs.iter().filter(|(word, _)| self.knows(*word));
        let tokens = known.flat_map(|&(word, count)| (0..count).map(move |_| word));
        self.sample(document, tokens.collect()).1.tokens
    }

    /// Estimates the mixture from one half of the document's tokens, chosen at random, and scores
    /// the other half. Words beyond the vocabulary are left out.
    pub fn completion(&self, document: u64, runs: &[(u32, u32)]) -> Completion {
        let known = runs.iter().filter(|(word, _)| self.knows(*word));
        let tokens = known.flat_map(|&(word, count)| (0..count).map(move |_| word));
        let mut first: Vec<u32> = tokens.collect();
        let mut draws = Draws::new(self.options.seed, HALVES, document, 0);
        for at in (1..first.len()).rev() {
            first.swap(at, draws.below(at as u64 + 1) as usize);
        }
        let second = first.split_off(first.len().div_ceil(2));
        if second.is_empty() {
            return Completion::default();
        }
        first.sort_unstable();
        let mixture = self.sample(document, first).0;
        let rest: f64 =
            mixture.iter().zip(&self.inverse).map(|(share, inverse)| share * inverse).sum();
        let foretold = |word: &u32| {
            let own = self.row(*word).map(|(topic, share)| mixture[usize::from(topic)] * share);
            (own.sum::<f64>() + self.model.beta * rest).ln()
        };
        Completion {
            log_likelihood: second.iter().map(foretold).sum(),
            tokens: second.len() as u64,
        }
    }

    fn knows(&self, word: u32) -> bool {
        (word as usize) < self.model.word_topic.len()
    }

    /// What a word has of topics beyond the smoothing: `(n_wk/S + prior) / (n_k/S + Σβ)`. A topic
    /// may come twice.
    fn row(&self, word: u32) -> impl Iterator<Item = (u16, f64)> + '_ {
        let samples = f64::from(self.model.samples.max(1));
        let priors = &self.model.priors;
        let start = priors.partition_point(|prior| prior.word < word);
        let own = priors[start..].iter().take_while(move |prior| prior.word == word);
        let weights = own.map(|prior| (prior.topic, prior.weight));
        let counts = self.model.word_topic.row(word as usize);
        let counts = counts.map(move |(topic, count)| (topic, f64::from(count) / samples));
        let share = |(topic, weight)| (topic, weight * self.inverse[usize::from(topic)]);
        counts.chain(weights).map(share)
    }

    /// The mixture of a document of known words, equal ones together, and its last state.
    fn sample(&self, document: u64, words: Vec<u32>) -> (Vec<f64>, State) {
        let topics = self.model.topics();
        let tokens = words.len() as f64;
        let mut state = State {
            tokens: words.into_iter().map(|word| (word, u16::MAX)).collect(),
            counts: vec![0; topics],
            present: Vec::new(),
            word: vec![0.0; topics],
        };
        let mut mixture = vec![0.0; topics];
        let samples = self.options.samples.max(1);
        // The first sweep gives every token its first topic.
        for sweep in 0..=self.options.burn_in + samples {
            let mut draws = Draws::new(self.options.seed, FOLD_IN, document, sweep);
            self.sweep(&mut state, &mut draws);
            if sweep > self.options.burn_in {
                for &topic in &state.present {
                    mixture[usize::from(topic)] += f64::from(state.counts[usize::from(topic)]);
                }
            }
        }
        for (share, alpha) in mixture.iter_mut().zip(&self.model.alpha) {
            *share = (*share / samples as f64 + alpha) / (tokens + self.alpha_sum);
        }
        (mixture, state)
    }

    fn sweep(&self, state: &mut State, draws: &mut Draws) {
        let mut start = 0;
        while let Some(&(word, _)) = state.tokens.get(start) {
            let same = state.tokens[start..].iter().take_while(|token| token.0 == word);
            let end = start + same.count();
            // The word's own mass, weighted by α.
            let mut own = 0.0;
            for (topic, share) in self.row(word) {
                state.word[usize::from(topic)] += share;
                own += self.model.alpha[usize::from(topic)] * share;
            }
            for at in start..end {
                let old = state.tokens[at].1;
                if old != u16::MAX {
                    state.leave(old);
                }
                let topic = self.draw(state, word, own, draws.next_f64());
                state.enter(topic);
                state.tokens[at].1 = topic;
            }
            for (topic, _) in self.row(word) {
                state.word[usize::from(topic)] = 0.0;
            }
            start = end;
        }
    }

    /// A topic, with probability proportional to `(n_dk + α_k) φ_wk`.
    fn draw(&self, state: &State, word: u32, own: f64, fraction: f64) -> u16 {
        let mass = |topic: &u16| {
            let at = usize::from(*topic);
            let phi = state.word[at] + self.model.beta * self.inverse[at];
            f64::from(state.counts[at]) * phi
        };
        let document: f64 = state.present.iter().map(mass).sum();
        let smoothing = self.smoothing.last().copied().unwrap_or(0.0);
        let mut at = fraction * (document + own + smoothing);
        if at < document {
            for topic in &state.present {
                at -= mass(topic);
                if at < 0.0 {
                    return *topic;
                }
            }
        }
        at = (at - document).max(0.0);
        if at < own {
            for (topic, share) in self.row(word) {
                at -= self.model.alpha[usize::from(topic)] * share;
                if at < 0.0 {
                    return topic;
                }
            }
        }
        at = (at - own).max(0.0);
        let topic = self.smoothing.partition_point(|sum| *sum <= at);
        topic.min(self.smoothing.len().saturating_sub(1)) as u16
    }
}

impl State {
    fn enter(&mut self, topic: u16) {
        let count = &mut self.counts[usize::from(topic)];
        if *count == 0 {
            self.present.push(topic);
        }
        *count += 1;
    }

    fn leave(&mut self, topic: u16) {
        let count = &mut self.counts[usize::from(topic)];
        *count -= 1;
        if *count == 0
            && let Some(at) = self.present.iter().position(|present| *present == topic)
        {
            self.present.swap_remove(at);
        }
    }
}
