//! What enters and leaves the topics' program.

use std::ops::Range;
use std::sync::Arc;

use super::aside::{Aside, TokenTopics};
use super::corpus::Bags;
use super::known::TopicCounts;
use crate::container::Slice;

/// One change of the corpus.
#[derive(Clone, Debug)]
pub(super) enum Change<I> {
    /// A shard's part of a corpus that stays as it is.
    Corpus {
        /// The shard.
        shard: usize,
        /// All documents.
        bags: Arc<Bags>,
        /// Those of the shard.
        range: Range<usize>,
        /// The keys of the words.
        keys: Arc<Vec<u32>>,
    },
    /// Documents that come and go, in the order of their names. Words are their own keys.
    Documents {
        /// The shard.
        shard: usize,
        /// New documents.
        inserted: (Vec<I>, Bags),
        /// Documents that go.
        removed: (Vec<I>, Bags),
    },
    /// What is said beside documents that come and go.
    Aside {
        /// The shard that it is for.
        shard: usize,
        /// What is said.
        aside: Aside<I>,
    },
}

/// What a program publishes.
#[derive(Clone, Debug)]
pub(super) enum Output<I> {
    /// Word-topic counts of a slice, or, with numbers after all slices', the topics of the documents
    /// of a shard, or, with numbers after those, of its tokens.
    Slice(usize, Slice<u32>),
    /// A count that changed: the word, the topic (from 0), what it was, what it is.
    Count(u32, u16, [u32; 2]),
    /// A document's topics, as they were (-1) or as they are (1).
    Document(I, TopicCounts, i8),
    /// A document's tokens, with their topics.
    Tokens(I, TokenTopics),
}

/// What of a run depends on who publishes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// Everything once, giving up what is not needed any more.
    Whole,
    /// What changed since the last epoch.
    Changes {
        /// Sweeps of every epoch but the first that are over its new documents alone.
        passes: u64,
    },
}
