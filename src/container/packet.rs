//! One block on its way from a shard to a shard, or to every worker.

use std::sync::Arc;

use bytemuck::Pod;
use timely::Accountable;
use timely::bytes::arc::Bytes;

use super::Columns;
use super::wire::{self, Lengths};

/// The three sections of a packet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block<K, V, X> {
    /// Keys, each with a value (or, in packets that only name keys, none).
    pub columns: Columns<K, V>,
    /// Whatever else belongs to the block.
    pub extra: Vec<X>,
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The shard that made it.
    pub from: u32,
    /// The shard it is for; ignored by broadcasts.
    pub to: u32,
    /// The round it belongs to, counted over all epochs.
    pub serial: u64,
    /// What it is for; its meaning is the sender's.
    pub kind: u32,
}

#[derive(Clone)]
pub(super) enum Body<K, V, X> {
    /// In this process: a pointer.
    Shared(Arc<Block<K, V, X>>),
    /// From another process, whole, read where it lies.
    Bytes(Bytes, Lengths),
    /// From another process in chunks, put together.
    Words(Arc<Vec<u64>>, Lengths),
    /// A chunk of a body, from another process.
    Chunk(Bytes, Lengths),
    /// Bytes that are not a packet.
    Malformed,
}

/// A container of one record: a block, or a chunk of one.
#[derive(Clone)]
pub struct Packet<K, V, X> {
    /// What the packet says of itself.
    pub header: Header,
    /// Records accounted for by progress tracking: 1, or every worker's before a broadcast.
    pub(super) weight: u32,
    /// This chunk of so many.
    pub(super) chunk: (u32, u32),
    pub(super) body: Body<K, V, X>,
}

impl<K, V, X> Default for Packet<K, V, X> {
    fn default() -> Self {
        let block =
            Block { columns: Columns { keys: Vec::new(), values: Vec::new() }, extra: Vec::new() };
        Packet {
            header: Header::default(),
            weight: 0,
            chunk: (0, 1),
            body: Body::Shared(Arc::new(block)),
        }
    }
}

impl<K, V, X> Accountable for Packet<K, V, X> {
    fn record_count(&self) -> i64 {
        i64::from(self.weight)
    }
}

impl<K: Pod, V: Pod, X: Pod> Packet<K, V, X> {
    /// A packet for one shard.
    pub fn new(header: Header, columns: Columns<K, V>, extra: Vec<X>) -> Self {
        let body = Body::Shared(Arc::new(Block { columns, extra }));
        Packet { header, weight: 1, chunk: (0, 1), body }
    }

    /// A packet for every one of `peers` workers, to be sent through [`super::Broadcast`].
    pub fn broadcast(peers: usize, header: Header, columns: Columns<K, V>, extra: Vec<X>) -> Self {
        let mut packet = Packet::new(header, columns, extra);
        packet.weight = peers as u32;
        packet
    }

    /// The packet as it should be sent: in chunks of at most [`super::CHUNK`] bytes. Chunks share the
    /// block: nothing is copied here, and nothing at all where they stay in the process.
    pub fn chunks(self) -> impl Iterator<Item = Self> {
        let bytes = self.lengths().total::<K, V, X>().unwrap_or(0);
        let chunks = wire::chunks_of(bytes);
        let mut whole = Some(self);
        (0..chunks).map_while(move |chunk| {
            // The last one takes the block along, so that its receiver may be the sole owner.
            let packet = if chunk + 1 == chunks { whole.take() } else { whole.clone() };
            packet.map(|packet| Packet { chunk: (chunk, chunks), ..packet })
        })
    }

    /// The keys.
    pub fn keys(&self) -> &[K] {
        match &self.body {
            Body::Shared(block) => &block.columns.keys,
            Body::Bytes(bytes, lengths) => wire::section(bytes, lengths.keys::<K>(), lengths.keys),
            Body::Words(words, lengths) => {
                wire::section(bytemuck::cast_slice(words), lengths.keys::<K>(), lengths.keys)
            }
            Body::Chunk(..) | Body::Malformed => &[],
        }
    }

    /// The values.
    pub fn values(&self) -> &[V] {
        match &self.body {
            Body::Shared(block) => &block.columns.values,
            Body::Bytes(bytes, lengths) => {
                wire::section(bytes, lengths.values::<K, V>(), lengths.values)
            }
            Body::Words(words, lengths) => {
                wire::section(bytemuck::cast_slice(words), lengths.values::<K, V>(), lengths.values)
            }
            Body::Chunk(..) | Body::Malformed => &[],
        }
    }

    /// The extra section.
    pub fn extra(&self) -> &[X] {
        match &self.body {
            Body::Shared(block) => &block.extra,
            Body::Bytes(bytes, lengths) => {
                wire::section(bytes, lengths.extra::<K, V, X>(), lengths.extra)
            }
            Body::Words(words, lengths) => wire::section(
                bytemuck::cast_slice(words),
                lengths.extra::<K, V, X>(),
                lengths.extra,
            ),
            Body::Chunk(..) | Body::Malformed => &[],
        }
    }

    /// The block itself: a pointer move if this packet is its only owner in this process, a copy
    /// otherwise.
    pub fn into_block(self) -> Block<K, V, X> {
        match self.body {
            Body::Shared(block) => Arc::try_unwrap(block).unwrap_or_else(|block| (*block).clone()),
            _ => Block {
                columns: Columns { keys: self.keys().to_vec(), values: self.values().to_vec() },
                extra: self.extra().to_vec(),
            },
        }
    }

    pub(super) fn lengths(&self) -> Lengths {
        match &self.body {
            Body::Shared(block) => Lengths {
                keys: block.columns.keys.len() as u64,
                values: block.columns.values.len() as u64,
                extra: block.extra.len() as u64,
            },
            Body::Bytes(_, lengths) | Body::Words(_, lengths) | Body::Chunk(_, lengths) => *lengths,
            Body::Malformed => Lengths::default(),
        }
    }
}
