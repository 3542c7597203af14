//! The keys of the program: a block of one side on one shard.

use super::program::{ITEMS, USERS};

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The block of factors.
    pub block: usize,
    /// Users or items.
    pub side: usize,
    /// The shard whose rows these are.
    pub shard: usize,
}

impl Place {
    /// What a key names, with so many shards.
    pub fn of(key: u32, shards: usize) -> Self {
        let (rest, shard) = (key as usize / shards, key as usize % shards);
        Place { block: rest / 2, side: rest % 2, shard }
    }
}

/// The keys of one side's block on all shards.
pub(super) fn keys_of(block: usize, side: usize, shards: usize) -> impl Iterator<Item = u32> {
    (0..shards).map(move |shard| ((block * 2 + side) * shards + shard) as u32)
}

/// The side that is not this one.
pub(super) fn other(side: usize) -> usize {
    USERS + ITEMS - side
}
