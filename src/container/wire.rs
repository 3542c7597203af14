//! How a packet is written between processes, and how it is believed when read.
//!
//! ```text
//! magic u64 | from u32, to u32 | serial u64 | kind u32, weight u32 | chunk u32, chunks u32
//! keys u64 | values u64 | extra u64 (lengths) | this chunk's part of the body
//! body = keys, values, extra, each padded with zeros to a multiple of eight bytes
//! ```

use std::io::Write;
use std::ops::Range;

use bytemuck::Pod;
use timely::bytes::arc::Bytes;
use timely::dataflow::channels::ContainerBytes;

use super::packet::{Body, Header, Packet};

/// The largest part of a body that is sent as one message between processes, in bytes.
pub const CHUNK: usize = 1 << 20;

const MAGIC: u64 = 0x0001_5344_4152_5453;
const HEAD: usize = 64;

/// How many elements the sections of a body hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    pub keys: u64,
    pub values: u64,
    pub extra: u64,
}

/// Bytes of a section of `length` elements, and with its padding; nothing if that overflows.
fn extent<T>(length: u64) -> Option<(usize, usize)> {
    let bytes = usize::try_from(length).ok()?.checked_mul(size_of::<T>())?;
    Some((bytes, bytes.checked_next_multiple_of(8)?))
}

impl Lengths {
    /// Bytes of the whole body; nothing if that overflows.
    pub fn total<K, V, X>(&self) -> Option<usize> {
        let (_, keys) = extent::<K>(self.keys)?;
        let (_, values) = extent::<V>(self.values)?;
        let (_, extra) = extent::<X>(self.extra)?;
        keys.checked_add(values)?.checked_add(extra)
    }

    // The ranges below are asked for only once `total` was found to fit in the bytes at hand.
    pub fn keys<K>(&self) -> Range<usize> {
        0..self.keys as usize * size_of::<K>()
    }

    pub fn values<K, V>(&self) -> Range<usize> {
        let start = self.keys::<K>().end.next_multiple_of(8);
        start..start + self.values as usize * size_of::<V>()
    }

    pub fn extra<K, V, X>(&self) -> Range<usize> {
        let start = self.values::<K, V>().end.next_multiple_of(8);
        start..start + self.extra as usize * size_of::<X>()
    }
}

/// A section of `length` elements as what it holds.
pub(super) fn section<T: Pod>(bytes: &[u8], range: Range<usize>, length: u64) -> &[T] {
    const { assert!(align_of::<T>() <= 8, "blocks are aligned to eight bytes") };
    if size_of::<T>() == 0 {
        // Nothing travelled but the length; elements without size take no memory.
        return Box::leak(bytemuck::zeroed_slice_box(length as usize));
    }
    bytes.get(range).and_then(|bytes| bytemuck::try_cast_slice(bytes).ok()).unwrap_or(&[])
}

/// How many chunks a body of so many bytes is sent in.
pub(super) fn chunks_of(bytes: usize) -> u32 {
    bytes.div_ceil(CHUNK).max(1) as u32
}

/// The part of the body a chunk carries.
pub(super) fn part(chunk: u32, chunks: u32, total: usize) -> Range<usize> {
    if chunks == 1 {
        return 0..total;
    }
    let start = (chunk as usize).saturating_mul(CHUNK).min(total);
    start..start.saturating_add(CHUNK).min(total)
}

impl<K: Pod, V: Pod, X: Pod> ContainerBytes for Packet<K, V, X> {
    fn from_bytes(bytes: Bytes) -> Self {
        parse(bytes).unwrap_or_else(|| Packet {
            header: Header::default(),
            weight: 1,
            chunk: (0, 1),
            body: Body::Malformed,
        })
    }

    fn length_in_bytes(&self) -> usize {
        let total = self.lengths().total::<K, V, X>().unwrap_or(0);
        HEAD + part(self.chunk.0, self.chunk.1, total).len()
    }

    // Timely's buffers are of the length announced above and in memory: writing cannot fail.
    fn into_bytes<W: Write>(&self, writer: &mut W) {
        let lengths = self.lengths();
        let Header { from, to, serial, kind } = self.header;
        let head = [
            MAGIC,
            pair(from, to),
            serial,
            pair(kind, self.weight),
            pair(self.chunk.0, self.chunk.1),
            lengths.keys,
            lengths.values,
            lengths.extra,
        ];
        let mut sink = Sink { writer, skip: 0, take: HEAD };
        sink.write(bytemuck::cast_slice(&head));
        let total = lengths.total::<K, V, X>().unwrap_or(0);
        let range = part(self.chunk.0, self.chunk.1, total);
        sink.skip = range.start;
        sink.take = range.len();
        for section in [
            bytemuck::cast_slice::<K, u8>(sized(self.keys())),
            bytemuck::cast_slice::<V, u8>(sized(self.values())),
            bytemuck::cast_slice::<X, u8>(sized(self.extra())),
        ] {
            sink.write(section);
            sink.write(&[0; 8][..section.len().next_multiple_of(8) - section.len()]);
        }
    }
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn sized<T>(slice: &[T]) -> &[T] {
    if size_of::<T>() == 0 { &[] } else { slice }
}

/// Passes on a window of what is written to it.
struct Sink<'a, W> {
    writer: &'a mut W,
    skip: usize,
    take: usize,
}

impl<W: Write> Sink<'_, W> {
    fn write(&mut self, bytes: &[u8]) {
        let skip = self.skip.min(bytes.len());
        self.skip -= skip;
        let take = self.take.min(bytes.len() - skip);
        self.take -= take;
        self.writer.write_all(&bytes[skip..skip + take]).expect("the buffer has announced room");
    }
}

fn parse<K: Pod, V: Pod, X: Pod>(mut bytes: Bytes) -> Option<Packet<K, V, X>> {
    let word = |index: usize| -> Option<u64> {
        let word = bytes.get(8 * index..8 * index + 8)?;
        Some(u64::from_le_bytes(word.try_into().ok()?))
    };
    let halves = |index: usize| word(index).map(|word| (word as u32, (word >> 32) as u32));
    if word(0)? != MAGIC {
        return None;
    }
    let (from, to) = halves(1)?;
    let (kind, weight) = halves(3)?;
    let header = Header { from, to, serial: word(2)?, kind };
    let chunk = halves(4)?;
    let lengths = Lengths { keys: word(5)?, values: word(6)?, extra: word(7)? };
    let total = lengths.total::<K, V, X>()?;
    let whole = chunk == (0, 1);
    let one_of_many = chunk.1 > 1 && chunk.0 < chunk.1 && chunk.1 == chunks_of(total);
    let fits = bytes.len() - HEAD == part(chunk.0, chunk.1, total).len();
    // Every message between workers is one record to progress tracking.
    if !(whole || one_of_many) || !fits || weight != 1 {
        return None;
    }
    bytes.extract_to(HEAD);
    let body = if chunk.1 > 1 {
        Body::Chunk(bytes, lengths)
    } else if (bytes.as_ptr() as usize).is_multiple_of(8) {
        Body::Bytes(bytes, lengths)
    } else {
        Body::Words(std::sync::Arc::new(bytemuck::allocation::pod_collect_to_vec(&bytes)), lengths)
    };
    Some(Packet { header, weight, chunk, body })
}
