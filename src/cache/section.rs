//! A section of a cache file: a header, and a vector in the abomonation format.
//!
//! The header is words: magic, version, the build's fingerprint, the type's fingerprint, the stamp
//! of the sources, what the section is and which, the number of elements, a checksum of the vector,
//! and one of the header. Zeros fill the vector's bytes up to a multiple of 8.

use std::io::{self, Read, Write};

use super::build::Build;
use super::flat::{self, Flat, SHAPE};
use super::stamp::Stamp;
use crate::shard::Line;

const MAGIC: u64 = u64::from_le_bytes(*b"strads$c");

/// To be raised when what is kept changes its meaning.
const VERSION: u64 = 2;

const HEADER: usize = 13;

const SHORT: &str = "it ends within a section";

type Header = [u64; HEADER];

/// Which section of which cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub build: Build,
    pub stamp: Stamp,
    /// What the section is.
    pub kind: u64,
    /// Which of its kind.
    pub index: u64,
}

impl Label {
    /// Another section of the same cache.
    pub fn at(self, kind: u64, index: u64) -> Self {
        Label { kind, index, ..self }
    }

    fn header<T: Flat>(&self, count: usize, checksum: u32) -> Header {
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&[MAGIC, VERSION]);
        header[2] = self.build.0;
        header[3] = fingerprint::<T>();
        header[4..8].copy_from_slice(&self.stamp.0);
        header[8..12].copy_from_slice(&[self.kind, self.index, count as u64, checksum.into()]);
        header[12] = crc32fast::hash(bytemuck::cast_slice(&header[..12])).into();
        header
    }
}

/// Of which type the elements are, and how its vectors look.
fn fingerprint<T: Flat>() -> u64 {
    let name = crc32fast::hash(std::any::type_name::<T>().as_bytes());
    let sizes = [size_of::<T>(), align_of::<T>(), size_of::<Vec<T>>()];
    sizes.into_iter().fold(u64::from(name), |all, size| (all << 8) | size as u64)
}

/// Why a cache is not used. The file it is in is then of no use.
#[derive(Debug)]
pub(super) enum Damage {
    /// It cannot be read.
    Io(io::Error),
    /// It ends early, goes on, or is not what was written.
    Content(&'static str),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Damage::Io(error)
    }
}

/// Writes a section.
pub(super) fn write<T: Flat>(
    to: &mut impl Write,
    label: &Label,
    values: &Vec<T>,
) -> io::Result<()> {
    let mut checksum = Checksum::default();
    flat::encode(values, &mut checksum)?;
    let rest = checksum.padding();
    checksum.write_all(rest)?;
    let header = label.header::<T>(values.len(), checksum.hasher.finalize());
    to.write_all(bytemuck::cast_slice(&header))?;
    flat::encode(values, &mut *to)?;
    to.write_all(rest)
}

/// The checksum of what is written, and its length.
#[derive(Default)]
struct Checksum {
    hasher: crc32fast::Hasher,
    length: usize,
}

impl Checksum {
    fn padding(&self) -> &'static [u8] {
        &[0; 8][..self.length.next_multiple_of(8) - self.length]
    }
}

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes that are read and checked at a time: few enough to stay in a core's cache.
const PIECE: usize = 1 << 17;

/// A file of sections, read from its start into private memory.
pub(super) struct Sections<R> {
    from: R,
    /// How many bytes are still to be read.
    left: u64,
    /// A piece, where elements of every type may lie.
    piece: Vec<Line>,
}

impl<R: Read> Sections<R> {
    /// A file of so many bytes.
    pub fn new(from: R, bytes: u64) -> Self {
        Sections { from, left: bytes, piece: vec![Line::default(); PIECE / size_of::<Line>()] }
    }

    /// The elements of the next section, which must be the one with this label.
    pub fn next<T: Flat>(&mut self, label: &Label) -> Result<Vec<T>, Damage> {
        let mut header: Header = [0; HEADER];
        self.fill(bytemuck::cast_slice_mut(&mut header), "it ends within a header")?;
        let [count, checksum] = [header[10], header[11]];
        let content =
            usize::try_from(count).ok().and_then(|count| count.checked_mul(size_of::<T>()));
        let (Some(content), Ok(checksum)) = (content, u32::try_from(checksum)) else {
            return Err(Damage::Content("its header is damaged"));
        };
        compare(&header, &label.header::<T>(count as usize, checksum))?;
        if content as u64 > self.left {
            return Err(Damage::Content(SHORT));
        }
        let (mut hasher, mut shape) = (crc32fast::Hasher::new(), [0; SHAPE]);
        self.fill(&mut shape, SHORT)?;
        hasher.update(&shape);
        let values = self.elements(count as usize, &mut hasher)?;
        let mut padding = [0; 8];
        let padding = &mut padding[..(SHAPE + content).next_multiple_of(8) - SHAPE - content];
        self.fill(padding, SHORT)?;
        hasher.update(padding);
        if hasher.finalize() != checksum {
            return Err(Damage::Content("a checksum is wrong"));
        }
        match flat::shape::<T>(count as usize) == Some(shape) {
            true => Ok(values),
            false => Err(Damage::Content("a vector of another shape")),
        }
    }

    /// So many elements, which are in the file.
    fn elements<T: Flat>(
        &mut self,
        count: usize,
        hasher: &mut crc32fast::Hasher,
    ) -> Result<Vec<T>, Damage> {
        let mut values = Vec::with_capacity(count);
        let mut piece = std::mem::take(&mut self.piece);
        while values.len() < count {
            let most = PIECE / size_of::<T>();
            let bytes = (count - values.len()).min(most) * size_of::<T>();
            let piece = &mut bytemuck::cast_slice_mut::<Line, u8>(&mut piece)[..bytes];
            self.fill(piece, SHORT)?;
            hasher.update(piece);
            values.extend_from_slice(bytemuck::cast_slice(piece));
        }
        self.piece = piece;
        Ok(values)
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<(), Damage> {
        if self.left == 0 { Ok(()) } else { Err(Damage::Content("it goes on after its end")) }
    }

    fn fill(&mut self, bytes: &mut [u8], short: &'static str) -> Result<(), Damage> {
        let left = self.left.checked_sub(bytes.len() as u64).ok_or(Damage::Content(short))?;
        self.from.read_exact(bytes)?;
        self.left = left;
        Ok(())
    }
}

/// Says what is different, the plainest first.
fn compare(found: &Header, expected: &Header) -> Result<(), Damage> {
    let same = |range: std::ops::Range<usize>| found[range.clone()] == expected[range];
    let checks = [
        (0..1, "it is no cache"),
        (1..2, "it is of another version"),
        (2..3, "another build wrote it"),
        (3..4, "it has other types"),
        (4..8, "its sources or how they are read have changed"),
        (8..HEADER, "its header is damaged"),
    ];
    // A header that is damaged says nothing.
    let whole = u64::from(crc32fast::hash(bytemuck::cast_slice(&found[..12]))) == found[12];
    match checks.into_iter().find(|(range, _)| !same(range.clone())) {
        None => Ok(()),
        Some((_, what)) if whole => Err(Damage::Content(what)),
        Some(_) => Err(Damage::Content("its header is damaged")),
    }
}
