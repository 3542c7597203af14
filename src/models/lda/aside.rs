//! What may be said to live topics beside documents that come and go: the state to begin with, and
//! that the state is to be told.
//!
//! The state of a model is the topic of every token. From it counts, totals and rows are laid out
//! anew, always alike, so that a model begun anew from its own state draws what any other draws that
//! is begun anew from it.

use std::collections::BTreeMap;

use super::change::Output;
use super::local::Local;
use super::slice;

/// A document's tokens: ascending words with topics (from 0), and how many tokens have both.
pub type TokenTopics = Vec<(u32, u16, u32)>;

/// What may be said to live topics beside documents that come and go.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Aside<I> {
    /// A document that comes at the same time begins with these topics. Words and counts must be its
    /// own; each copy of it takes one.
    Begin(I, TokenTopics),
    /// So many words are known.
    Words(usize),
    /// The model that the first epoch begins with owes so much of a sweep: see
    /// [`Upkeep`](super::Upkeep).
    Owed(f64),
    /// The topics of all tokens are to be told at the end of the epoch.
    Tell,
}

/// The words of a document, ascending, from those of its tokens.
pub(super) fn bag_of(tokens: &TokenTopics) -> Vec<(u32, u32)> {
    let mut bag: Vec<(u32, u32)> = tokens.iter().map(|&(word, _, count)| (word, count)).collect();
    merge(&mut bag);
    bag
}

/// Puts words in order, each once.
pub(super) fn merge(bag: &mut Vec<(u32, u32)>) {
    bag.sort_unstable();
    bag.dedup_by(|next, first| {
        let same = next.0 == first.0;
        if same {
            first.1 = first.1.saturating_add(next.1);
        }
        same
    });
    bag.retain(|(_, count)| *count > 0);
}

/// The topics that documents begin with, by name.
pub(super) type Begun<I> = BTreeMap<I, Vec<TokenTopics>>;

/// Takes the topics that documents of these names begin with; none for those that begin without.
pub(super) fn topics_of<I: Ord>(names: &[I], begun: &mut Begun<I>) -> Vec<TokenTopics> {
    if begun.is_empty() {
        return Vec::new();
    }
    let one = |name: &I| begun.get_mut(name).and_then(Vec::pop).unwrap_or_default();
    names.iter().map(one).collect()
}

impl<I: Ord + Clone> Local<I> {
    /// Hears what is said beside an epoch's documents.
    pub fn hear_aside(&mut self, aside: Aside<I>, begun: &mut Begun<I>) {
        match aside {
            Aside::Begin(name, tokens) => {
                let topics = self.hyper.alpha.len();
                if tokens.iter().all(|(_, topic, _)| usize::from(*topic) < topics) {
                    begun.entry(name).or_default().push(tokens);
                }
            }
            Aside::Words(words) => self.vocabulary = self.vocabulary.max(words),
            Aside::Owed(owed) => self.owed += owed,
            Aside::Tell => self.telling = true,
        }
    }

    /// Tells the topics of all tokens, if that was asked for.
    pub fn tell_tokens(&mut self, to: &mut Vec<Output<I>>) {
        if !std::mem::take(&mut self.telling) {
            return;
        }
        let tokens = self.shard.assignments(&self.documents);
        for (at, name) in self.known.names() {
            let pairs = slice::pairs(&tokens.head, &tokens.cells, at);
            let mut pairs: Vec<(u32, u16)> = pairs.map(|(topic, word)| (word, topic)).collect();
            pairs.sort_unstable();
            let runs = pairs.chunk_by(|a, b| a == b);
            let runs = runs.map(|run| (run[0].0, run[0].1, run.len() as u32));
            to.push(Output::Tokens(name.clone(), runs.collect()));
        }
    }
}
