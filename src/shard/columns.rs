//! A shard's columns, each in the most compact exact form.

use super::bytes::{Bytes, Scale};
use super::codes::{Codes, LINE, Line, pack};
use super::form::{are_narrow, ascending, code, distinct, rounded};
use super::sparse::{Entries, Pool};

/// The columns of one shard over a fixed number of rows.
///
/// Each column is kept in one of six forms, chosen when it is appended; every form gives back
/// exactly the values that came in:
/// * dense `f64`, 8 bytes a row;
/// * dense `f32`, 4 bytes a row, if every value is exactly an `f32`;
/// * one byte a row, if the values are among 256 at even distances (small integers);
/// * two-bit codes and a table of four values, 64 bytes for 256 rows, if there are at most four
///   distinct values (genotypes, indicators, small counts);
/// * sparse rows and `f64` values, 12 bytes a stored entry; or `f32` values, 8 bytes, if all are
///   exactly `f32`.
///
/// The columns of a form lie one after another in one array; a column costs 16 bytes beside its
/// data (one-byte: 32, two-bit: 48, sparse: 32).
///
/// On request ([`ColumnShard::rounding`]) values are rounded to `f32` as they come in.
#[derive(Clone, Debug, Default)]
pub struct ColumnShard {
    rows: usize,
    rounding: bool,
    pub(super) slots: Vec<Slot>,
    pub(crate) wide: Vec<f64>,
    pub(crate) narrow: Vec<f32>,
    pub(crate) bytes: Vec<u8>,
    pub(super) scales: Vec<Scale>,
    pub(crate) lines: Vec<Line>,
    pub(crate) tables: Vec<[f64; 4]>,
    pub(crate) sparse_wide: Pool<f64>,
    pub(crate) sparse_narrow: Pool<f32>,
    /// Whether values were put: columns may lie in another order than their positions.
    pub(super) patched: bool,
}

/// The form of a column and its position among the columns of that form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Wide(usize),
    Narrow(usize),
    Bytes(usize),
    Codes(usize),
    SparseWide(usize),
    SparseNarrow(usize),
}

/// The data of a column.
pub(super) enum View<'a> {
    Wide(&'a [f64]),
    Narrow(&'a [f32]),
    Bytes(Bytes<'a>),
    Codes(Codes<'a>),
    SparseWide(Entries<'a, f64>),
    SparseNarrow(Entries<'a, f32>),
}

impl ColumnShard {
    /// No columns yet, over `rows` rows.
    pub fn new(rows: usize) -> Self {
        ColumnShard { rows, ..ColumnShard::default() }
    }

    /// No columns yet, over `rows` rows. Values are rounded to `f32` as they are appended, but for
    /// columns with a value that `f32` could not keep to its relative precision (too large, or too
    /// small): those stay exact, and so do columns of two-bit codes.
    pub fn rounding(rows: usize) -> Self {
        ColumnShard { rounding: true, ..ColumnShard::new(rows) }
    }

    /// The number of rows of every column.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Appends a dense column of `rows` finite values, in whichever dense form is smallest.
    ///
    /// # Panics
    /// If there are not `rows` values.
    pub fn push_dense(&mut self, values: &[f64]) {
        assert_eq!(values.len(), self.rows, "a dense column has a value for every row");
        let rounded = self.rounded(values);
        let values = rounded.as_deref().unwrap_or(values);
        let narrow = are_narrow(values);
        let dense = self.rows * if narrow { 4 } else { 8 };
        let coded = size_of::<[f64; 4]>() + self.lines_per_column() * size_of::<Line>();
        let one_byte = size_of::<Scale>() + self.rows;
        if coded <= dense.min(one_byte)
            && let Some(table) = distinct(values)
        {
            let codes = values.iter().map(|&value| code(value, &table));
            self.append_codes(table, pack(codes));
        } else if one_byte <= dense
            && let Some(scale) = Scale::of(values)
        {
            self.append_bytes(scale, values.iter().map(|&value| scale.code(value)));
        } else if narrow {
            self.append_narrow(values.iter().map(|&value| value as f32));
        } else {
            self.append_wide(values.iter().copied());
        }
    }

    /// Appends a sparse column: ascending rows and their finite values. All other rows are 0.
    ///
    /// # Panics
    /// If rows are not strictly ascending and below `rows`, or values are not as many.
    pub fn push_sparse(&mut self, rows: &[u32], values: &[f64]) {
        assert_eq!(rows.len(), values.len(), "a sparse column has a value for every stored row");
        assert!(ascending(rows, self.rows), "stored rows ascend and lie within the shard");
        let rounded = self.rounded(values);
        let values = rounded.as_deref().unwrap_or(values);
        if are_narrow(values) {
            self.append_sparse_narrow(rows, values.iter().map(|&value| value as f32));
        } else {
            self.append_sparse_wide(rows, values.iter().copied());
        }
    }

    /// Appends a column of `rows` two-bit codes, each naming one of four finite values.
    ///
    /// # Panics
    /// If there are not `rows` codes.
    pub fn push_codes(&mut self, codes: &[u8], table: [f64; 4]) {
        assert_eq!(codes.len(), self.rows, "a two-bit column has a code for every row");
        self.append_codes(table, pack(codes.iter().copied()));
    }

    /// The same, of codes that are laid out already.
    pub(crate) fn push_lines(&mut self, lines: &[Line], table: [f64; 4]) {
        assert_eq!(
            lines.len(),
            self.lines_per_column(),
            "a two-bit column has a code for every row"
        );
        self.append_codes(table, lines.iter().copied());
    }

    /// The value of a column in a row.
    pub fn value(&self, column: usize, row: usize) -> f64 {
        match self.view(column) {
            View::Wide(x) => x[row],
            View::Narrow(x) => x[row].into(),
            View::Bytes(x) => x.value(row),
            View::Codes(x) => x.value(row),
            View::SparseWide(x) => x.value(row),
            View::SparseNarrow(x) => x.value(row),
        }
    }

    /// Keeps the first `len` columns.
    ///
    /// # Panics
    /// If values were [put](ColumnShard::put) and `len` is not 0.
    pub fn truncate(&mut self, len: usize) {
        assert!(len == 0 || !self.patched, "columns that were patched stay or go together");
        while self.slots.len() > len {
            match self.slots.pop() {
                Some(Slot::Wide(at)) => self.wide.truncate(at * self.rows),
                Some(Slot::Narrow(at)) => self.narrow.truncate(at * self.rows),
                Some(Slot::Bytes(at)) => {
                    self.bytes.truncate(at * self.rows);
                    self.scales.truncate(at);
                }
                Some(Slot::Codes(at)) => {
                    self.lines.truncate(at * self.lines_per_column());
                    self.tables.truncate(at);
                }
                Some(Slot::SparseWide(at)) => self.sparse_wide.truncate(at),
                Some(Slot::SparseNarrow(at)) => self.sparse_narrow.truncate(at),
                None => return,
            }
        }
    }

    /// Forgets all columns, keeping the space.
    pub fn clear(&mut self) {
        self.truncate(0);
        self.wide.clear();
        self.narrow.clear();
        self.bytes.clear();
        self.scales.clear();
        self.lines.clear();
        self.tables.clear();
        self.sparse_wide.truncate(0);
        self.sparse_narrow.truncate(0);
        self.patched = false;
    }

    /// Gives back the memory that appending held in reserve.
    pub fn shrink(&mut self) {
        self.slots.shrink_to_fit();
        self.wide.shrink_to_fit();
        self.narrow.shrink_to_fit();
        self.bytes.shrink_to_fit();
        self.scales.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.tables.shrink_to_fit();
        self.sparse_wide.shrink();
        self.sparse_narrow.shrink();
    }

    /// The memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.wide.capacity() * size_of::<f64>()
            + self.narrow.capacity() * size_of::<f32>()
            + self.bytes.capacity()
            + self.scales.capacity() * size_of::<Scale>()
            + self.lines.capacity() * size_of::<Line>()
            + self.tables.capacity() * size_of::<[f64; 4]>()
            + self.sparse_wide.bytes()
            + self.sparse_narrow.bytes()
    }

    /// The values rounded to `f32`, if that is asked for and possible.
    fn rounded(&self, values: &[f64]) -> Option<Vec<f64>> {
        if self.rounding { rounded(values) } else { None }
    }

    /// The lines of a two-bit column.
    pub(super) fn lines_per_column(&self) -> usize {
        self.rows.div_ceil(LINE)
    }

    pub(super) fn append_wide(&mut self, values: impl Iterator<Item = f64>) {
        self.slots.push(Slot::Wide(self.wide.len() / self.rows.max(1)));
        self.wide.extend(values);
    }

    pub(super) fn append_narrow(&mut self, values: impl Iterator<Item = f32>) {
        self.slots.push(Slot::Narrow(self.narrow.len() / self.rows.max(1)));
        self.narrow.extend(values);
    }

    pub(super) fn append_bytes(&mut self, scale: Scale, codes: impl Iterator<Item = u8>) {
        self.slots.push(Slot::Bytes(self.scales.len()));
        self.scales.push(scale);
        self.bytes.extend(codes);
    }

    pub(super) fn append_codes(&mut self, table: [f64; 4], lines: impl Iterator<Item = Line>) {
        self.slots.push(Slot::Codes(self.tables.len()));
        self.tables.push(table);
        self.lines.extend(lines);
    }

    pub(super) fn append_sparse_wide(&mut self, rows: &[u32], values: impl Iterator<Item = f64>) {
        self.slots.push(Slot::SparseWide(self.sparse_wide.len()));
        self.sparse_wide.push(rows, values);
    }

    pub(super) fn append_sparse_narrow(&mut self, rows: &[u32], values: impl Iterator<Item = f32>) {
        self.slots.push(Slot::SparseNarrow(self.sparse_narrow.len()));
        self.sparse_narrow.push(rows, values);
    }

    /// A column's data.
    #[inline]
    pub(super) fn view(&self, column: usize) -> View<'_> {
        let rows = self.rows;
        match self.slots[column] {
            Slot::Wide(at) => View::Wide(&self.wide[at * rows..][..rows]),
            Slot::Narrow(at) => View::Narrow(&self.narrow[at * rows..][..rows]),
            Slot::Bytes(at) => {
                let codes = &self.bytes[at * rows..][..rows];
                View::Bytes(Bytes { codes, scale: self.scales[at] })
            }
            Slot::Codes(at) => {
                let lines = self.lines_per_column();
                let lines = &self.lines[at * lines..][..lines];
                View::Codes(Codes { rows, lines, table: &self.tables[at] })
            }
            Slot::SparseWide(at) => View::SparseWide(self.sparse_wide.column(at)),
            Slot::SparseNarrow(at) => View::SparseNarrow(self.sparse_narrow.column(at)),
        }
    }
}
