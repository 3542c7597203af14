//! Live topics as they have come out of the dataflow.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use strads::models::lda::{Counts, Measure, Options, TokenTopics, TopicModel, Upkeep};
use strads::program::Sweep;
use strads::scheduler::Swept;
use strads::shard::Words;

/// What has come out of the dataflow at worker 0.
#[derive(Default)]
pub struct Seen {
    counts: BTreeMap<(u32, u16), u32>,
    /// The last epoch's, old and new.
    changed: BTreeMap<(u32, u16), (u32, u32)>,
    pub measure: Measure,
    pub sweeps: u64,
    /// What changes make due, as the model reckons it.
    upkeep: Upkeep,
    /// The tokens of all documents, if they were asked for.
    tokens: BTreeMap<String, TokenTopics>,
}

impl Seen {
    /// Of a model that is kept up so.
    pub fn new(upkeep: u64) -> Seen {
        Seen { upkeep: Upkeep::new(upkeep), ..Seen::default() }
    }

    /// Takes note of a sweep.
    pub fn sweep(&mut self, swept: &Swept<Measure>) {
        let Sweep { epoch, number, .. } = swept.sweep;
        (self.measure, self.sweeps) = (swept.certificate, number);
        if epoch > 0 && number == 0 {
            self.upkeep.due(&swept.certificate);
        }
    }

    /// Hears the tokens of a document.
    pub fn tell(&mut self, name: &str, tokens: &TokenTopics) {
        self.tokens.insert(name.to_owned(), tokens.clone());
    }

    /// The tokens of all documents, if they were asked for.
    pub fn tokens(&self) -> &BTreeMap<String, TokenTopics> {
        &self.tokens
    }

    /// The same, which are not needed here any more.
    pub fn take_tokens(&mut self) -> BTreeMap<String, TokenTopics> {
        std::mem::take(&mut self.tokens)
    }

    /// What is owed of a sweep.
    pub fn owed(&self) -> f64 {
        self.upkeep.owed()
    }

    /// A document that is there from the start, and its tokens.
    pub fn put(&mut self, name: String, tokens: TokenTopics) {
        for &(word, topic, count) in &tokens {
            *self.counts.entry((word, topic)).or_default() += count;
        }
        self.tokens.insert(name, tokens);
    }

    /// The model from the start: how it measures, and what it owes.
    pub fn restore(&mut self, measure: Measure, owed: f64) {
        self.measure = measure;
        self.upkeep = self.upkeep.owing(owed);
    }
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
