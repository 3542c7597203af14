//! A model from the slices of a run.

use std::collections::BTreeMap;

use super::hyper::Hyper;
use super::keys::Keys;
use super::model::{Counts, TopicModel};
use super::options::Options;
use super::slice;
use crate::container::Slice;
use crate::operators::Ring;
use crate::shard::Words;

/// The model from what was published.
pub(super) fn assemble(
    vocabulary: Words,
    (options, keys_of_words): (&Options, &[u32]),
    hyper: &Hyper,
    mut slices: BTreeMap<usize, Slice<u32>>,
    ring: Ring,
) -> TopicModel {
    let keys = Keys(ring.slices());
    let documents = slices.split_off(&ring.slices());
    let summed = options.samples > 1;
    let samples = match slices.values().next() {
        Some(slice) if summed => slice.head.first().copied().unwrap_or(1) as u32,
        _ => 1,
    };
    let mut word_topic = Counts::default();
    let mut topic_total = vec![0; options.topics];
    let mut row = Vec::new();
    for &key in keys_of_words {
        let position = keys.position(key) as usize;
        if let Some(slice) = slices.get(&keys.slice(key)) {
            match summed {
                true => row.extend(slice::pairs(&slice.head[1..], &slice.cells, position)),
                false => row.extend(slice::word(slice, position, options.topics)),
            }
        }
        row.sort_unstable();
        for &(topic, count) in &row {
            topic_total[usize::from(topic)] += u64::from(count);
        }
        word_topic.push(row.drain(..));
    }
    let document_topic = options.document_topics.then(|| {
        let mut counts = Counts::default();
        for slice in documents.values() {
            for document in 0..slice.head.len() {
                counts.push(slice::pairs(&slice.head, &slice.cells, document));
            }
        }
        counts
    });
    let mut priors = options.priors.to_vec();
    priors.sort_by_key(|prior| (prior.word, prior.topic));
    TopicModel {
        vocabulary,
        word_topic,
        topic_total,
        alpha: hyper.alpha.clone(),
        beta: hyper.beta,
        priors,
        samples,
        document_topic,
    }
}
