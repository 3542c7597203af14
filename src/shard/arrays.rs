//! A shard's columns as the flat arrays that they lie in, and back: so a cache writes and reads
//! them without taking columns apart.

use super::bytes::Scale;
use super::codes::{LINE, Line};
use super::columns::{ColumnShard, Slot};
use super::form::ascending;
use super::sparse::Pool;
use super::wire::{self, CorruptColumn, finite};

/// The arrays of a shard. Those of a form that no column has are empty.
#[derive(Default)]
pub(crate) struct Arrays {
    /// The form of every column, as in [`wire`].
    pub forms: Vec<u8>,
    pub wide: Vec<f64>,
    pub narrow: Vec<f32>,
    pub bytes: Vec<u8>,
    /// Offset and step of every one-byte column.
    pub scales: Vec<[f64; 2]>,
    pub lines: Vec<Line>,
    pub tables: Vec<[f64; 4]>,
    pub sparse_wide: Stored<f64>,
    pub sparse_narrow: Stored<f32>,
}

/// Sparse columns: the entries of each, their rows and their values.
#[derive(Default)]
pub(crate) struct Stored<T> {
    pub lengths: Vec<u32>,
    pub rows: Vec<u32>,
    pub values: Vec<T>,
}

/// What a shard's own arrays do not tell without being looked through.
pub(crate) struct Outline {
    pub forms: Vec<u8>,
    pub scales: Vec<[f64; 2]>,
    pub lengths_wide: Vec<u32>,
    pub lengths_narrow: Vec<u32>,
}

/// Which forms of [`wire`] columns have.
pub(crate) fn present(forms: &[u8]) -> [bool; 6] {
    let mut present = [false; 6];
    for &form in forms {
        if let Some(present) = present.get_mut(usize::from(form)) {
            *present = true;
        }
    }
    present
}

impl ColumnShard {
    /// The form of every column and the shape of each form's data; nothing if values were put or
    /// there is room to put some, so that columns lie in another order or apart.
    pub(crate) fn outline(&self) -> Option<Outline> {
        let form = |slot: &Slot| match slot {
            Slot::Wide(_) => wire::WIDE as u8,
            Slot::Narrow(_) => wire::NARROW as u8,
            Slot::Bytes(_) => wire::BYTES as u8,
            Slot::Codes(_) => wire::CODES as u8,
            Slot::SparseWide(_) => wire::SPARSE_WIDE as u8,
            Slot::SparseNarrow(_) => wire::SPARSE_NARROW as u8,
        };
        (!self.patched).then_some(())?;
        Some(Outline {
            forms: self.slots.iter().map(form).collect(),
            scales: self.scales.iter().map(|scale| [scale.offset, scale.step]).collect(),
            lengths_wide: self.sparse_wide.lengths()?,
            lengths_narrow: self.sparse_narrow.lengths()?,
        })
    }

    /// The columns that lie in these arrays, over `rows` rows.
    pub(crate) fn from_arrays(rows: usize, arrays: Arrays) -> Result<Self, CorruptColumn> {
        let mut shard = ColumnShard::new(rows);
        let mut counts = [0; 6];
        for &form in &arrays.forms {
            let count = counts.get_mut(usize::from(form)).ok_or(CorruptColumn::UnknownForm)?;
            shard.slots.push(match u64::from(form) {
                wire::WIDE => Slot::Wide(*count),
                wire::NARROW => Slot::Narrow(*count),
                wire::BYTES => Slot::Bytes(*count),
                wire::CODES => Slot::Codes(*count),
                wire::SPARSE_WIDE => Slot::SparseWide(*count),
                _ => Slot::SparseNarrow(*count),
            });
            *count += 1;
        }
        let fits = |form: u64, each: usize, length: usize| {
            counts[form as usize].checked_mul(each) == Some(length)
        };
        let fit = fits(wire::WIDE, rows, arrays.wide.len())
            && fits(wire::NARROW, rows, arrays.narrow.len())
            && fits(wire::BYTES, rows, arrays.bytes.len())
            && fits(wire::BYTES, 1, arrays.scales.len())
            && fits(wire::CODES, rows.div_ceil(LINE), arrays.lines.len())
            && fits(wire::CODES, 1, arrays.tables.len())
            && fits(wire::SPARSE_WIDE, 1, arrays.sparse_wide.lengths.len())
            && fits(wire::SPARSE_NARROW, 1, arrays.sparse_narrow.lengths.len());
        if !fit {
            return Err(CorruptColumn::WrongLength);
        }
        finite(&arrays.wide)?;
        finite(&arrays.narrow)?;
        finite(arrays.tables.as_flattened())?;
        padded(&arrays.lines, rows)?;
        let scale = |&[offset, step]: &[f64; 2]| Scale { offset, step };
        shard.scales = arrays.scales.iter().map(scale).collect();
        if !shard.scales.iter().all(|scale| scale.is_finite()) {
            return Err(CorruptColumn::NotFinite);
        }
        (shard.wide, shard.narrow, shard.bytes) = (arrays.wide, arrays.narrow, arrays.bytes);
        (shard.lines, shard.tables) = (arrays.lines, arrays.tables);
        shard.sparse_wide = pool(arrays.sparse_wide, rows)?;
        shard.sparse_narrow = pool(arrays.sparse_narrow, rows)?;
        Ok(shard)
    }
}

/// Sparse columns, each of ascending rows below `rows` and finite values.
fn pool<T: Copy + Into<f64>>(stored: Stored<T>, rows: usize) -> Result<Pool<T>, CorruptColumn> {
    finite(&stored.values)?;
    let pool = Pool::from_parts(&stored.lengths, stored.rows, stored.values);
    let pool = pool.ok_or(CorruptColumn::WrongLength)?;
    let ascends = |column: usize| ascending(pool.column(column).rows, rows);
    if (0..pool.len()).all(ascends) { Ok(pool) } else { Err(CorruptColumn::WrongRows) }
}

/// Refuses two-bit columns with codes beyond the last of `rows` rows.
fn padded(lines: &[Line], rows: usize) -> Result<(), CorruptColumn> {
    let used = rows % LINE;
    if used == 0 {
        return Ok(());
    }
    let mut beyond = Line::default();
    (used..LINE).for_each(|row| beyond.set(row, 3));
    let last = lines.chunks_exact(rows.div_ceil(LINE)).filter_map(<[Line]>::last);
    let set = last.fold(0, |set, line| {
        line.0.iter().zip(beyond.0).fold(set, |set, (word, beyond)| set | word & beyond)
    });
    if set == 0 { Ok(()) } else { Err(CorruptColumn::Padding) }
}
