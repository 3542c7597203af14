//! What a round gathered, seen in shard order.

use super::Columns;

/// The partial results that reached a shard, by the shard they come from.
pub struct Partials<'a, K, V> {
    parts: &'a [Columns<K, V>],
}

/// The deltas of a round, by the shard that decided them.
pub struct Moves<'a, K, V, E> {
    parts: &'a [(Columns<K, V>, Vec<E>)],
}

impl<'a, K, V> Partials<'a, K, V> {
    /// The parts, in shard order.
    pub fn parts(&self) -> &'a [Columns<K, V>] {
        self.parts
    }
}

impl<'a, K, V, E> Moves<'a, K, V, E> {
    /// The parts, in shard order.
    pub fn parts(&self) -> &'a [(Columns<K, V>, Vec<E>)] {
        self.parts
    }
}
