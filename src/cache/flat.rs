//! Vectors of plain numbers in the abomonation format: the only unsafe code there is.
//!
//! The format is the memory of a `Vec` (pointer, capacity, length), then its elements. Its pointer
//! is meaningless in a file; so that files neither depend on it nor tell it, a pointer to nothing
//! is written in its place, and no other is accepted. So what is read is a shape, which is compared
//! with the one that is expected, and elements, which are copied to a vector of this process.

#![allow(unsafe_code)]

use std::io::{self, Write};

use abomonation::Abomonation;
use bytemuck::Pod;

use crate::shard::Line;

/// The words of a `Vec`'s memory.
const WORDS: usize = 3;

/// The bytes of a `Vec`'s memory.
pub(super) const SHAPE: usize = WORDS * size_of::<usize>();

/// Numbers of which every bit pattern is one.
pub(super) trait Flat: Pod + Abomonation {}

impl Flat for u8 {}
impl Flat for u32 {}
impl Flat for u64 {}
impl Flat for f32 {}
impl Flat for f64 {}
impl Flat for [f64; 2] {}
impl Flat for [f64; 4] {}
impl Flat for Line {}

/// Its elements are all there is to write.
impl Abomonation for Line {}

/// Writes a vector.
pub(super) fn encode<T: Flat>(values: &Vec<T>, to: impl Write) -> io::Result<()> {
    let shape = shape::<T>(values.len()).ok_or(io::ErrorKind::Unsupported)?;
    let mut to = Shaped { shape, written: 0, to };
    // SAFETY: `encode` reads the memory of `values` itself, which is three words without padding
    // (`shape` has seen to that), and then its elements, which are `Pod`: all of it is initialised
    // bytes that belong to `values`, and `values` is borrowed throughout.
    unsafe { abomonation::encode(values, &mut to) }
}

/// The memory of a `Vec<T>` with `count` as length and capacity, and a pointer to nothing: what
/// [`encode`] writes before the elements. Nothing if vectors of this build do not look as expected.
pub(super) fn shape<T: Flat>(count: usize) -> Option<[u8; SHAPE]> {
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

    /// A written vector, as words.
    fn written<T: Flat>(values: &Vec<T>) -> (Vec<u64>, usize) {
        let mut bytes = Vec::new();
        encode(values, &mut bytes).unwrap();
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        (words, bytes.len())
    }

    /// What is written is what abomonation reads.
    fn round_trip<T: Flat + PartialEq + std::fmt::Debug>(values: Vec<T>) {
        let (mut words, length) = written(&values);
        assert_eq!(length, SHAPE + size_of_val(&values[..]));
        let bytes = &mut bytemuck::cast_slice_mut(&mut words)[..length];
        assert_eq!(bytes[..SHAPE], shape::<T>(values.len()).unwrap());
        // SAFETY: the first `SHAPE` bytes are the memory of a `Vec<T>` (`shape` made them of the
        // words of a real one), aligned to 8 bytes as that must be; the elements that follow are
        // `Pod`, at most aligned to 8 bytes as here, and as many as the vector says. `decode`
        // points the vector to them; it is neither dropped nor moved, and only looked at while
        // `bytes` are borrowed.
        let (vector, rest) = unsafe { abomonation::decode::<Vec<T>>(bytes) }.unwrap();
        assert_eq!((vector, rest.len()), (&values, 0));
    }

    #[test]
    fn vectors_come_back() {
        round_trip::<u8>(vec![]);
        round_trip::<f64>(vec![]);
        round_trip(vec![1u8, 2, 3, 250, 5]);
        round_trip(vec![7u32; 9]);
        round_trip(vec![u64::MAX, 0, 5]);
        round_trip(vec![0.1f32, -0.0, f32::MAX]);
        round_trip(vec![0.1, -0.0, f64::MAX]);
        round_trip(vec![[0.5, 2.0], [1.0, -1.0]]);
    }

    #[test]
    fn addresses_are_not_told() {
        assert_eq!(written(&vec![1u64, 2]), written(&vec![1u64, 2]));
        assert_eq!(written(&vec![Line::default()]).0[..3].iter().max(), Some(&64));
    }

    #[test]
    fn shapes_tell_counts_and_types_of_another_alignment() {
        assert_ne!(shape::<u64>(3), shape::<u64>(4));
        assert_ne!(shape::<u64>(3), shape::<u32>(3));
    }
}
