//! More prior weight of words in topics, as the slices need it.

use std::collections::BTreeMap;

use super::keys::Keys;
use super::measure::SlicePriors;
use super::model::TopicModel;
use super::options::WordPrior;
use crate::shard::Words;

/// Weights by slice: 12 bytes each.
#[derive(Clone, Debug)]
pub(super) struct Priors {
    pub slices: Vec<SlicePriors>,
    /// `Σ_v β_vk − V β`.
    pub topics: Vec<f64>,
}

impl Priors {
    /// The weights for so many topics and slices; `key` gives a word's key. Weights of the same
    /// word and topic add up, in their order.
    pub fn new(
        topics: usize,
        keys: Keys,
        key: impl Fn(u32) -> u32,
        weights: impl Iterator<Item = WordPrior>,
    ) -> Self {
        let mut priors =
            Priors { slices: vec![SlicePriors::new(); keys.0], topics: vec![0.0; topics] };
        for prior in weights {
            let key = key(prior.word);
            let own = (keys.position(key), prior.topic + 1, prior.weight as f32);
            priors.slices[keys.slice(key)].push(own);
            priors.topics[usize::from(prior.topic)] += prior.weight;
        }
        for slice in &mut priors.slices {
            slice.sort_by_key(|prior| (prior.0, prior.1));
        }
        priors
    }
}

/// A model's counts, a sample's worth, as weights of the words of a vocabulary; words are matched by
/// name.
pub(super) fn of_model<'a>(
    model: &'a TopicModel,
    vocabulary: &'a Words,
) -> impl Iterator<Item = WordPrior> + 'a {
    let rows = 0..model.word_topic.len();
    let known: BTreeMap<&str, usize> = model.vocabulary.iter().zip(rows).collect();
    let samples = f64::from(model.samples.max(1));
    let found = move |(word, name): (usize, &str)| Some((word as u32, *known.get(name)?));
    (0..).zip(vocabulary.iter()).filter_map(found).flat_map(move |(word, row)| {
        let weight = move |count| f64::from(count) / samples;
        let counts = model.word_topic.row(row);
        let counts = counts.filter(|(topic, _)| usize::from(*topic) < model.topics());
        counts.map(move |(topic, count)| WordPrior { word, topic, weight: weight(count) })
    })
}
