//! Columns as flat words, so that they travel between shards in their compact form.
//!
//! A column is a header word, its form in the lower 3 bits and above them the number of rows (dense
//! and two-bit) or of stored entries (sparse); then its data, 4-byte numbers two to a word in the
//! order of memory, an odd last one alone with zeros beside it:
//! * 0: `f64` bits; 1: `f32` bits; 2: the table's `f64` bits, then the words of the lines;
//! * 3: rows, then `f64` bits; 4: rows, then `f32` bits;
//! * 5: offset and step as `f64` bits, then codes eight to a word, zeros beside the last ones.

use std::fmt;

use bytemuck::Pod;

use super::bytes::Scale;
use super::codes::{LINE, Line};
use super::columns::{ColumnShard, View};
use super::dense::LANES;
use super::form::ascending;

/// Words that are not a column of the shard they were to be appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorruptColumn {
    /// The words end before the column does.
    Truncated,
    /// No such form of columns.
    UnknownForm,
    /// A length that does not fit the shard's number of rows.
    WrongLength,
    /// Stored rows that do not ascend or lie beyond the last row.
    WrongRows,
    /// A value that is not finite.
    NotFinite,
    /// Bits that must be zero are not.
    Padding,
}

impl fmt::Display for CorruptColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CorruptColumn::Truncated => "a column ends too early",
            CorruptColumn::UnknownForm => "a column of an unknown form",
            CorruptColumn::WrongLength => "a column of the wrong length",
            CorruptColumn::WrongRows => "a column with rows out of order or out of range",
            CorruptColumn::NotFinite => "a column with a value that is not finite",
            CorruptColumn::Padding => "a column with bits set beyond its end",
        })
    }
}

impl std::error::Error for CorruptColumn {}

const FORM_BITS: u32 = 3;
pub(super) const WIDE: u64 = 0;
pub(super) const NARROW: u64 = 1;
pub(super) const CODES: u64 = 2;
pub(super) const SPARSE_WIDE: u64 = 3;
pub(super) const SPARSE_NARROW: u64 = 4;
pub(super) const BYTES: u64 = 5;

impl ColumnShard {
    /// Appends a column to `words`, in the form it is stored in.
    pub fn encode(&self, column: usize, words: &mut Vec<u64>) {
        let header = |form: u64, count: usize| form | (count as u64) << FORM_BITS;
        let wide = |x: &f64| x.to_bits();
        match self.view(column) {
            View::Wide(x) => {
                words.push(header(WIDE, x.len()));
                words.extend(x.iter().map(wide));
            }
            View::Narrow(x) => {
                words.push(header(NARROW, x.len()));
                put_parts(x, words);
            }
            View::Bytes(x) => {
                words.push(header(BYTES, x.codes.len()));
                words.extend([x.scale.offset.to_bits(), x.scale.step.to_bits()]);
                put_parts(x.codes, words);
            }
            View::Codes(x) => {
                words.push(header(CODES, x.rows));
                words.extend(x.table.iter().map(wide));
                words.extend(x.lines.iter().flat_map(|line| line.0));
            }
            View::SparseWide(x) => {
                words.push(header(SPARSE_WIDE, x.rows.len()));
                put_parts(x.rows, words);
                words.extend(x.values.iter().map(wide));
            }
            View::SparseNarrow(x) => {
                words.push(header(SPARSE_NARROW, x.rows.len()));
                put_parts(x.rows, words);
                put_parts(x.values, words);
            }
        }
    }

    /// CRC-32 of all columns in the form they are stored in, with the number of rows.
    pub fn checksum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&(self.rows() as u64).to_le_bytes());
        let mut words = Vec::new();
        for column in 0..self.len() {
            words.clear();
            self.encode(column, &mut words);
            words.iter().for_each(|word| sum.update(&word.to_le_bytes()));
        }
        sum.finalize()
    }

    /// Appends the column that `words` begin with, in the form it was stored in, and gives the
    /// number of words it took. On an error the shard is as it was.
    pub fn decode(&mut self, words: &[u64]) -> Result<usize, CorruptColumn> {
        let (&header, data) = words.split_first().ok_or(CorruptColumn::Truncated)?;
        let mut from = Reader { words: data };
        let form = header & ((1 << FORM_BITS) - 1);
        let count = usize::try_from(header >> FORM_BITS).map_err(|_| CorruptColumn::WrongLength)?;
        let sparse = matches!(form, SPARSE_WIDE | SPARSE_NARROW);
        if count > self.rows() || !sparse && count != self.rows() {
            return Err(CorruptColumn::WrongLength);
        }
        match form {
            WIDE => self.append_wide(from.wide(count)?.iter().copied()),
            NARROW => self.append_narrow(from.narrow(count)?.iter().copied()),
            BYTES => {
                let scale = from.scale()?;
                self.append_bytes(scale, from.parts::<u8>(count)?.iter().copied());
            }
            CODES => {
                let table = from.table()?;
                let lines = from.lines(count)?;
                self.append_codes(table, lines);
            }
            SPARSE_WIDE => {
                let rows = from.rows(count, self.rows())?;
                self.append_sparse_wide(rows, from.wide(count)?.iter().copied());
            }
            SPARSE_NARROW => {
                let rows = from.rows(count, self.rows())?;
                self.append_sparse_narrow(rows, from.narrow(count)?.iter().copied());
            }
            _ => return Err(CorruptColumn::UnknownForm),
        }
        Ok(words.len() - from.words.len())
    }
}

/// Appends numbers of less than 8 bytes, as many to a word as it takes.
fn put_parts<T: Pod>(parts: &[T], words: &mut Vec<u64>) {
    let start = words.len();
    words.resize(start + size_of_val(parts).div_ceil(size_of::<u64>()), 0);
    bytemuck::cast_slice_mut(&mut words[start..])[..parts.len()].copy_from_slice(parts);
}

/// Words not read yet. Everything is checked before it is handed out.
struct Reader<'a> {
    words: &'a [u64],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u64], CorruptColumn> {
        let (taken, rest) = self.words.split_at_checked(count).ok_or(CorruptColumn::Truncated)?;
        self.words = rest;
        Ok(taken)
    }

    fn wide(&mut self, count: usize) -> Result<&'a [f64], CorruptColumn> {
        finite(bytemuck::cast_slice(self.take(count)?))
    }

    fn narrow(&mut self, count: usize) -> Result<&'a [f32], CorruptColumn> {
        finite(self.parts(count)?)
    }

    fn table(&mut self) -> Result<[f64; 4], CorruptColumn> {
        let mut table = [0.0; 4];
        table.copy_from_slice(self.wide(4)?);
        Ok(table)
    }

    fn lines(&mut self, rows: usize) -> Result<impl Iterator<Item = Line> + 'a, CorruptColumn> {
        let (lines, _) = self.take(rows.div_ceil(LINE) * 8)?.as_chunks::<8>();
        let lines = lines.iter().map(|&words| Line(words));
        let last = lines.clone().next_back().unwrap_or_default();
        match rows % LINE {
            0 => Ok(lines),
            used if (used..LINE).all(|row| last.code(row) == 0) => Ok(lines),
            _ => Err(CorruptColumn::Padding),
        }
    }

    fn rows(&mut self, count: usize, bound: usize) -> Result<&'a [u32], CorruptColumn> {
        let rows = self.parts(count)?;
        if ascending(rows, bound) { Ok(rows) } else { Err(CorruptColumn::WrongRows) }
    }

    fn scale(&mut self) -> Result<Scale, CorruptColumn> {
        let [offset, step] = [self.wide(1)?, self.wide(1)?].map(|value| value[0]);
        let scale = Scale { offset, step };
        if scale.is_finite() { Ok(scale) } else { Err(CorruptColumn::NotFinite) }
    }

    fn parts<T: Pod>(&mut self, count: usize) -> Result<&'a [T], CorruptColumn> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(CorruptColumn::Truncated)?;
        let taken: &[u8] = bytemuck::cast_slice(self.take(bytes.div_ceil(size_of::<u64>()))?);
        let (parts, beside) = taken.split_at(bytes);
        match beside.iter().any(|&byte| byte != 0) {
            true => Err(CorruptColumn::Padding),
            false => Ok(bytemuck::cast_slice(parts)),
        }
    }
}

pub(super) fn finite<T: Copy + Into<f64>>(values: &[T]) -> Result<&[T], CorruptColumn> {
    // A group at a time without branches, so that it vectorises.
    let all = |group: &[T]| group.iter().fold(true, |all, &value| all & value.into().is_finite());
    if values.chunks(LANES).all(all) { Ok(values) } else { Err(CorruptColumn::NotFinite) }
}
