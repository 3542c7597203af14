//! What training gives.

use crate::shard::Words;

/// Sparse counts in rows: of each row its topics, ascending, with counts above 0.
///
/// 6 bytes a count and 8 a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    ends: Vec<u64>,
    topics: Vec<u16>,
    counts: Vec<u32>,
}

impl Counts {
    /// Adds a row: ascending topics (from 0) with counts above 0.
    pub fn push(&mut self, row: impl IntoIterator<Item = (u16, u32)>) {
        for (topic, count) in row {
            self.topics.push(topic);
            self.counts.push(count);
        }
        self.ends.push(self.topics.len() as u64);
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of counts above 0.
    pub fn nonzeros(&self) -> usize {
        self.topics.len()
    }

    /// A row's topics and counts.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (u16, u32)> + Clone + '_ {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        let range = start..self.ends[row] as usize;
        let (topics, counts) = (&self.topics[range.clone()], &self.counts[range]);
        topics.iter().copied().zip(counts.iter().copied())
    }

    /// The three columns: where rows end, topics, counts.
    pub fn columns(&self) -> (&[u64], &[u16], &[u32]) {
        (&self.ends, &self.topics, &self.counts)
    }
}

/// A trained topic model.
///
/// With `S` samples the probability of word `w` in topic `k` is
/// `(n_wk/S + β_wk) / (n_k/S + Σ_v β_vk)`, where counts are sums over the samples and
/// `β_wk = β + prior_wk`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicModel {
    /// The names of the words, by number.
    pub vocabulary: Words,
    /// How often each word was drawn for each topic: `V` rows, summed over the samples.
    pub word_topic: Counts,
    /// Tokens of each topic: column sums of `word_topic`.
    pub topic_total: Vec<u64>,
    /// α of each topic.
    pub alpha: Vec<f64>,
    /// β.
    pub beta: f64,
    /// More prior weight of words in topics: ascending (word, topic), what is added to β.
    pub priors: Vec<super::WordPrior>,
    /// How many samples the counts are sums of.
    pub samples: u32,
    /// How often each topic was drawn in each document, in the last sample, if asked for.
    pub document_topic: Option<Counts>,
}

impl TopicModel {
    /// The number of topics.
    pub fn topics(&self) -> usize {
        self.topic_total.len()
    }

    /// `Σ_v β_vk` of each topic.
    pub fn beta_sums(&self) -> Vec<f64> {
        let mut sums = vec![self.beta * self.vocabulary.len() as f64; self.topics()];
        for prior in &self.priors {
            sums[usize::from(prior.topic)] += prior.weight;
        }
        sums
    }
}
