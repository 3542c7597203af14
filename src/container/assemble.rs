//! Chunks back into packets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytemuck::Pod;

use super::packet::{Body, Header, Packet};
use super::wire::Lengths;

/// Puts packets that came in chunks together again, one channel's worth.
///
/// Memory is taken as bytes arrive, never by what a header claims.
#[derive(Default)]
pub struct Assembler {
    /// By round, sender and receiver.
    partial: BTreeMap<(u64, u32, u32), Partial>,
}

struct Partial {
    words: Vec<u64>,
    next: u32,
    lengths: Lengths,
}

impl Assembler {
    /// Takes what arrived and gives back a whole packet once there is one.
    ///
    /// # Panics
    /// If the bytes of another process are not a packet. That process is of the same build and
    /// has authenticated itself, so this is damage in transit, and the computation must not go on.
    pub fn accept<K: Pod, V: Pod, X: Pod>(
        &mut self,
        packet: Packet<K, V, X>,
    ) -> Option<Packet<K, V, X>> {
        let (index, chunks) = packet.chunk;
        match &packet.body {
            Body::Malformed => damaged(packet.header),
            Body::Chunk(bytes, lengths) => {
                let Header { from, to, serial, .. } = packet.header;
                let key = (serial, from, to);
                let partial = self.partial.entry(key).or_insert_with(|| Partial {
                    words: Vec::new(),
                    next: 0,
                    lengths: *lengths,
                });
                // Equal lengths imply as many chunks.
                if partial.next != index || partial.lengths != *lengths {
                    damaged(packet.header);
                }
                partial.next += 1;
                let words = bytes.as_chunks::<8>().0;
                partial.words.extend(words.iter().map(|&word| u64::from_le_bytes(word)));
                if partial.next < chunks {
                    return None;
                }
                let words = self.partial.remove(&key).map(|partial| partial.words)?;
                let body = Body::Words(Arc::new(words), *lengths);
                Some(Packet { chunk: (0, 1), body, ..packet })
            }
            // Chunks that stayed in the process each hold the whole block. The last one is taken:
            // by then the others are gone and a sole receiver owns the block without a copy.
            Body::Shared(_) => (index + 1 == chunks).then_some(Packet { chunk: (0, 1), ..packet }),
            Body::Bytes(..) | Body::Words(..) => Some(packet),
        }
    }
}

fn damaged(header: Header) -> ! {
    panic!("a block from another process was damaged in transit (last good header {header:?})")
}
