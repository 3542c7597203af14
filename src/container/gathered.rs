//! What a round gathered, seen in shard order.

use bytemuck::Pod;

use super::Packet;

/// The partial results that reached a shard, by the shard they come from.
pub struct Partials<'a, K, V> {
    parts: &'a [Packet<K, V, u8>],
}

impl<'a, K: Pod, V: Pod> Partials<'a, K, V> {
    pub(crate) fn new(parts: &'a [Packet<K, V, u8>]) -> Self {
        Partials { parts }
    }

    /// Keys and partials of each shard, in shard order.
    pub fn parts(&self) -> impl Iterator<Item = (&'a [K], &'a [V])> + use<'a, K, V> {
        self.parts.iter().map(|part| (part.keys(), part.values()))
    }

    /// Keys with each key's partials in shard order, where every shard pushed for the same keys in
    /// the same order (as programs do that push exactly one partial for each key of the block).
    pub fn aligned(&self) -> impl Iterator<Item = (K, impl Iterator<Item = &'a V>)> {
        let parts = self.parts;
        let keys = parts.first().map_or(&[][..], |part| part.keys());
        keys.iter().enumerate().map(move |(at, &key)| {
            (key, parts.iter().filter_map(move |part| part.values().get(at)))
        })
    }
}

/// The deltas and effects of a round, by the shard they come from.
pub struct Moves<'a, K, V, X> {
    parts: &'a [Packet<K, V, X>],
}

impl<'a, K: Pod, V: Pod, X: Pod> Moves<'a, K, V, X> {
    pub(crate) fn new(parts: &'a [Packet<K, V, X>]) -> Self {
        Moves { parts }
    }

    /// Every key with its delta, in shard order.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + use<'a, K, V, X> {
        self.parts
            .iter()
            .flat_map(|part| part.keys().iter().copied().zip(part.values().iter().copied()))
    }

    /// The effects of each shard, in shard order.
    pub fn effects(&self) -> impl Iterator<Item = &'a [X]> + use<'a, K, V, X> {
        self.parts.iter().map(|part| part.extra())
    }
}
