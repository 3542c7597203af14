//! Vectors of plain numbers in the abomonation format: the only unsafe code there is.
//!
//! The format is the memory of a `Vec` (pointer, capacity, length), then its elements. Its pointer
//! is meaningless in a file; so that files neither depend on it nor tell it, a pointer to nothing
//! is written in its place, and no other is accepted.

#![allow(unsafe_code)]

use std::io::{self, Write};

use abomonation::Abomonation;
use bytemuck::Pod;

/// The words of a `Vec`'s memory.
const WORDS: usize = 3;

/// The bytes of a `Vec`'s memory.
pub(super) const SHAPE: usize = WORDS * size_of::<usize>();

/// Numbers of which every bit pattern is one.
pub(super) trait Flat: Pod + Abomonation {}

impl Flat for u8 {}
impl Flat for u32 {}
impl Flat for u64 {}
impl Flat for f64 {}

/// Writes a vector.
pub(super) fn encode<T: Flat>(values: &Vec<T>, to: impl Write) -> io::Result<()> {
    let shape = shape::<T>(values.len()).ok_or(io::ErrorKind::Unsupported)?;
    let mut to = Shaped { shape, written: 0, to };
    // SAFETY: `encode` reads the memory of `values` itself, which is three words without padding
    // (`shape` has seen to that), and then its elements, which are `Pod`: all of it is initialised
    // bytes that belong to `values`, and `values` is borrowed throughout.
    unsafe { abomonation::encode(values, &mut to) }
}

/// The elements of a vector that [`encode`] wrote: nothing if `bytes` are not exactly the memory of
/// a vector of `count` elements and the elements, or do not begin where such a vector may lie.
pub(super) fn decode<T: Flat>(bytes: &mut [u8], count: usize) -> Option<&[T]> {
    let length = count.checked_mul(size_of::<T>())?.checked_add(SHAPE)?;
    let start = bytes.as_ptr().addr();
    let aligned = start.is_multiple_of(align_of::<Vec<T>>())
        && (start + SHAPE).is_multiple_of(align_of::<T>());
    if bytes.len() != length || !aligned || bytes[..SHAPE] != shape::<T>(count)? {
        return None;
    }
    // SAFETY:
    // - The first `SHAPE` bytes are the memory of a `Vec<T>`: `shape` made the same bytes in this
    //   process, of the words of a real one: a pointer that is not null and aligned, and `count` as
    //   capacity and length. They lie where a `Vec<T>` may (`aligned`). Of that vector `decode`
    //   asks only the length before it overwrites all of it.
    // - Its elements are the `length - SHAPE = count * size_of::<T>()` bytes that follow; they lie
    //   where a `T` may (`aligned`), and every bit pattern is a `T` (`Pod`).
    // - `decode` overwrites the vector by one that points to those elements. Everything it reads
    //   and writes is within `bytes`, which are borrowed mutably for as long as the result lives.
    // - The vector is never dropped and never moved: only a reference to its elements leaves here.
    let (vector, rest) = unsafe { abomonation::decode::<Vec<T>>(bytes) }?;
    (rest.is_empty() && vector.len() == count).then_some(vector.as_slice())
}

/// The memory of a `Vec<T>` with `count` as length and capacity, and a pointer to nothing. Nothing
/// if vectors of this build do not look as expected.
fn shape<T: Flat>(count: usize) -> Option<[u8; SHAPE]> {
    // Which word is which is not specified, so a vector is asked.
    let mut probe = Vec::<T>::with_capacity(7);
    probe.extend([T::zeroed(); 3]);
    let (length, capacity) = (probe.len(), probe.capacity());
    let words = memory(&probe)?;
    let mut known = [count; WORDS];
    for (word, value) in known.iter_mut().zip(words) {
        if value == probe.as_ptr().addr() {
            *word = align_of::<T>();
        } else if value != length && value != capacity {
            return None;
        }
    }
    let pointers = words.iter().filter(|&&word| word == probe.as_ptr().addr()).count();
    (pointers == 1).then(|| bytemuck::cast(known))
}

/// The words of a vector's memory.
fn memory<T: Flat>(vector: &Vec<T>) -> Option<[usize; WORDS]> {
    if size_of::<Vec<T>>() != SHAPE {
        return None;
    }
    let mut bytes = Vec::new();
    // SAFETY: as in `encode`: three words (just checked, so that there is no padding), and elements
    // that are `Pod`.
    unsafe { abomonation::encode(vector, &mut bytes) }.ok()?;
    let words = bytes[..SHAPE].as_chunks::<{ size_of::<usize>() }>().0;
    words.iter().map(|&word| usize::from_ne_bytes(word)).collect::<Vec<_>>().try_into().ok()
}

/// Writes `shape` in place of the first bytes.
struct Shaped<W> {
    shape: [u8; SHAPE],
    written: usize,
    to: W,
}

impl<W: Write> Write for Shaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shape = &self.shape[self.written.min(SHAPE)..];
        let count = match shape.len().min(bytes.len()) {
            0 => self.to.write(bytes)?,
            replaced => self.to.write(&shape[..replaced])?,
        };
        self.written = self.written.saturating_add(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Aligned bytes of a written vector.
    fn written<T: Flat>(values: &Vec<T>) -> (Vec<u64>, usize) {
        let mut bytes = Vec::new();
        encode(values, &mut bytes).unwrap();
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        (words, bytes.len())
    }

    fn round_trip<T: Flat + PartialEq + std::fmt::Debug>(values: Vec<T>) {
        let (mut words, length) = written(&values);
        assert_eq!(length, SHAPE + size_of_val(&values[..]));
        let bytes = &mut bytemuck::cast_slice_mut(&mut words)[..length];
        assert_eq!(decode::<T>(bytes, values.len()), Some(&values[..]));
    }

    #[test]
    fn vectors_come_back() {
        round_trip::<u8>(vec![]);
        round_trip::<f64>(vec![]);
        round_trip(vec![1u8, 2, 3, 250, 5]);
        round_trip(vec![7u32; 9]);
        round_trip(vec![u64::MAX, 0, 5]);
        round_trip(vec![0.1, -0.0, f64::MAX]);
    }

    #[test]
    fn addresses_are_not_told() {
        assert_eq!(written(&vec![1u64, 2]), written(&vec![1u64, 2]));
    }

    #[test]
    fn other_lengths_shapes_and_places_are_refused() {
        let (words, length) = written(&vec![1u64, 2, 3]);
        let mut copy = [words.clone(), vec![0]].concat();
        let bytes = bytemuck::cast_slice_mut::<u64, u8>(&mut copy);
        for count in [0, 2, 4, usize::MAX, usize::MAX / 8] {
            assert_eq!(decode::<u64>(&mut bytes[..length], count), None);
        }
        for end in 0..length {
            assert_eq!(decode::<u64>(&mut bytes[..end], 3), None);
        }
        bytes.copy_within(..length, 4);
        assert_eq!(decode::<u64>(&mut bytes[4..][..length], 3), None);
        for bit in 0..8 * SHAPE {
            let mut copy = words.clone();
            let bytes = bytemuck::cast_slice_mut::<u64, u8>(&mut copy);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode::<u64>(&mut bytes[..length], 3), None);
        }
    }
}
