//! Live topics as they have come out of the dataflow.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use strads::models::lda::{Counts, Measure, Options, TopicModel};
use strads::shard::Words;

/// What has come out of the dataflow at worker 0.
#[derive(Default)]
pub struct Seen {
    counts: BTreeMap<(u32, u16), u32>,
    /// The last epoch's, old and new.
    changed: BTreeMap<(u32, u16), (u32, u32)>,
    pub measure: Measure,
    pub sweeps: u64,
}

impl Seen {
    /// Takes one change of the collection.
    pub fn change(&mut self, place: (u32, u16), count: u32, diff: isize) {
        let entry = self.changed.entry(place).or_insert((0, 0));
        match diff {
            1 => entry.1 = count,
            _ => entry.0 = count,
        }
    }

    /// Takes an epoch's changes into the counts.
    pub fn settle(&mut self) {
        self.changed.retain(|_, (old, new)| old != new);
        for (place, (_, new)) in &self.changed {
            match *new {
                0 => self.counts.remove(place),
                new => self.counts.insert(*place, new),
            };
        }
    }

    /// An epoch begins.
    pub fn begin(&mut self) {
        self.changed.clear();
        self.sweeps = 0;
    }

    /// The likelihood a token; nothing without tokens.
    pub fn likelihood(&self) -> Option<f64> {
        let Measure { tokens, log_likelihood, .. } = self.measure;
        (tokens > 0).then(|| log_likelihood / tokens as f64)
    }

    /// The last epoch's changes.
    pub fn deltas(&self, words: &Words) -> Vec<Map<String, Value>> {
        let delta = |(&(word, topic), &(old, new)): (&(u32, u16), &(u32, u32))| {
            let mut delta = Map::new();
            delta.insert("key".into(), words.get(word as usize).into());
            delta.insert("topic".into(), topic.into());
            delta.insert("old".into(), old.into());
            delta.insert("new".into(), new.into());
            delta
        };
        self.changed.iter().map(delta).collect()
    }

    /// The model of the counts as they are.
    pub fn model(&self, words: &Words, options: &Options) -> TopicModel {
        let mut word_topic = Counts::default();
        let mut topic_total = vec![0; options.topics];
        for (&(_, topic), &count) in &self.counts {
            topic_total[usize::from(topic)] += u64::from(count);
        }
        for word in 0..words.len() as u32 {
            let row = self.counts.range((word, 0)..=(word, u16::MAX));
            word_topic.push(row.map(|((_, topic), count)| (*topic, *count)));
        }
        TopicModel {
            vocabulary: words.clone(),
            word_topic,
            topic_total,
            alpha: options.alphas(),
            beta: options.beta,
            samples: 1,
            ..TopicModel::default()
        }
    }
}
