//! Columns whose rows come and go: values put one at a time, and rows moved together.
//!
//! A shard over changing rows is made with rows to spare ([`ColumnShard::moved`]), all zero. A new
//! row takes the next spare one, one that goes becomes zero in every column, and when none are left
//! the columns are made anew: the base segment takes in what was put since. Because new rows come
//! after all stored ones, sparse columns grow at their ends.

use super::codes::LINE;
use super::columns::{ColumnShard, Slot, View};

/// A column is kept dense if at least one in so many rows is not zero.
const DENSE: usize = 8;
/// The room a sparse column has for more entries: one for so many that it has, and some.
const ROOM: usize = 6;

impl ColumnShard {
    /// Sets the value of a column in a row; the column takes another form if it must to hold the
    /// value exactly.
    ///
    /// Takes a few nanoseconds for dense forms, time logarithmic in the stored entries for sparse
    /// ones if the row is stored or comes after all that are, and a copy of the column otherwise.
    ///
    /// # Panics
    /// If there is no such column or row.
    ///
    /// ```
    /// let mut shard = strads::shard::ColumnShard::new(3);
    /// shard.push_codes(&[0, 1, 1], [0.0, 1.0, 0.0, 0.0]);
    /// shard.push_sparse(&[1], &[0.5]);
    /// shard.put(0, 2, 0.1);
    /// shard.put(1, 2, -1.0);
    /// assert_eq!([shard.value(0, 1), shard.value(0, 2)], [1.0, 0.1]);
    /// assert_eq!([shard.value(1, 1), shard.value(1, 2)], [0.5, -1.0]);
    /// ```
    pub fn put(&mut self, column: usize, row: usize, value: f64) {
        assert!(row < self.rows(), "a row of the shard");
        self.patched = true;
        let (rows, narrow) = (self.rows(), f64::from(value as f32).to_bits() == value.to_bits());
        match self.slots[column] {
            Slot::Wide(at) => self.wide[at * rows + row] = value,
            Slot::Narrow(at) if narrow => self.narrow[at * rows + row] = value as f32,
            Slot::Codes(at) => {
                let Some(code) = self.code_of(column, at, value) else {
                    return self.put_elsewhere(column, row, value);
                };
                let line = at * self.lines_per_column() + row / LINE;
                self.lines[line].set(row % LINE, code);
            }
            Slot::Bytes(at) => {
                let code = self.scales[at].code(value);
                if self.scales[at].value(code.into()).to_bits() != value.to_bits() {
                    return self.put_elsewhere(column, row, value);
                }
                self.bytes[at * rows + row] = code;
            }
            Slot::SparseWide(at) => self.sparse_wide.put(at, row as u32, value, value == 0.0),
            Slot::SparseNarrow(at) if narrow => {
                self.sparse_narrow.put(at, row as u32, value as f32, value == 0.0);
            }
            Slot::Narrow(_) | Slot::SparseNarrow(_) => self.put_elsewhere(column, row, value),
        }
    }

    /// The code of a value in a two-bit column, which takes over one that no row carries if need be.
    fn code_of(&mut self, column: usize, at: usize, value: f64) -> Option<usize> {
        let same = |entry: &f64| entry.to_bits() == value.to_bits();
        if let Some(code) = self.tables[at].iter().position(same) {
            return Some(code);
        }
        let View::Codes(codes) = self.view(column) else { return None };
        let free = codes.counts().iter().rposition(|&count| count == 0)?;
        self.tables[at][free] = value;
        Some(free)
    }

    /// Puts a value that the column's form cannot hold, in a form that can.
    fn put_elsewhere(&mut self, column: usize, row: usize, value: f64) {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        self.for_each(column, |row, value| {
            rows.push(row as u32);
            values.push(value);
        });
        if self.is_sparse(column) {
            self.append_sparse_wide(&rows, values.into_iter());
        } else {
            values[row] = value;
            self.push_dense(&values);
        }
        // What was appended as the last column is the column's new place; the old one stays empty
        // until the columns are made anew.
        self.slots.swap_remove(column);
        if self.is_sparse(column) {
            self.put(column, row, value);
        }
    }

    /// The columns over other rows: stored row `i` becomes row `to(i)`, rows without one are
    /// dropped, and `more(column)` are ascending rows, all of them after those, with their values.
    /// There are as many columns as there were, or `columns` if that is more.
    ///
    /// `to` must ascend. A column is dense if one in eight of its `full` first rows is not zero;
    /// sparse columns get room for a sixth more entries.
    ///
    /// # Panics
    /// If a row is not below `rows`, or rows do not ascend.
    pub fn moved(
        &self,
        columns: usize,
        (full, rows): (usize, usize),
        to: impl Fn(usize) -> Option<u32>,
        more: impl Fn(usize, &mut Vec<u32>, &mut Vec<f64>),
    ) -> ColumnShard {
        let mut made = ColumnShard::new(rows);
        let (mut stored, mut values, mut dense) = (Vec::new(), Vec::new(), vec![0.0; rows]);
        for column in 0..self.len().max(columns) {
            stored.clear();
            values.clear();
            if column < self.len() {
                self.for_each(column, |row, value| {
                    if let Some(row) = to(row).filter(|_| value != 0.0) {
                        stored.push(row);
                        values.push(value);
                    }
                });
            }
            more(column, &mut stored, &mut values);
            if !stored.is_empty() && stored.len() * DENSE >= full {
                stored.iter().zip(&values).for_each(|(&row, &value)| dense[row as usize] = value);
                made.push_dense(&dense);
                stored.iter().for_each(|&row| dense[row as usize] = 0.0);
            } else {
                made.push_sparse(&stored, &values);
                let room = if stored.is_empty() { 0 } else { stored.len() / ROOM + 2 };
                match made.slots.last() {
                    Some(Slot::SparseWide(_)) => made.sparse_wide.widen_last(room, 0.0),
                    _ => made.sparse_narrow.widen_last(room, 0.0),
                }
            }
        }
        made
    }
}
