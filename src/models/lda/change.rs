//! What enters and leaves the topics' program.

use std::ops::Range;
use std::sync::Arc;

use super::corpus::Bags;
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
    /// Documents that come and go, with their names. Words are their own keys.
    Documents {
        /// The shard.
        shard: usize,
        /// New documents, in the order of their names.
        inserted: (Vec<I>, Bags),
        /// Documents that go.
        removed: Vec<I>,
    },
}

/// What a program publishes.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Word-topic counts of a slice, or what [`Topics`] says of the documents of a shard.
    Slice(usize, Slice<u32>),
    /// A count that changed: the word, the topic (from 0), what it was, what it is.
    Count(u32, u16, [u32; 2]),
}

/// What of a run depends on who publishes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// Everything once, giving up what is not needed any more.
    Whole,
    /// What changed since the last epoch.
    Changes {
        /// Sweeps of every epoch but the first.
        later: u64,
    },
}
