//! Products of two columns.

use super::bytes::Bytes;
use super::codes::Codes;
use super::columns::{ColumnShard, View};
use super::dense::{self, Lanes};
use super::path::Path;
use super::sparse::Entries;

impl ColumnShard {
    /// `Σ_i x_i z_i` of a column `x` of this shard and a column `z` of another over the same rows.
    /// The same bits whichever comes first.
    ///
    /// Two dense columns are added up as in [`ColumnShard::dot`]; two two-bit columns by counting
    /// pairs of codes; a sparse and a dense one over the stored entries; two sparse ones in
    /// ascending order of the rows stored in both.
    ///
    /// # Panics
    /// If the other shard has another number of rows.
    pub fn cross(&self, column: usize, other: &ColumnShard, other_column: usize) -> f64 {
        assert_eq!(self.rows(), other.rows(), "two shards over the same rows");
        let z = other.view(other_column);
        match self.view(column) {
            View::Wide(x) => dense_with(x, z),
            View::Narrow(x) => dense_with(x, z),
            View::Bytes(x) => bytes_with(&x, z),
            View::Codes(x) => codes_with(&x, z),
            View::SparseWide(x) => sparse_with(&x, z),
            View::SparseNarrow(x) => sparse_with(&x, z),
        }
    }
}

fn dense_with<T: Copy + Into<f64>>(x: &[T], z: View<'_>) -> f64 {
    match z {
        View::Wide(z) => dense::dot(Path::best(), x, z),
        View::Narrow(z) => dense::dot(Path::best(), x, z),
        View::Bytes(z) => bytes_dense(&z, x),
        View::Codes(z) => codes_dense(&z, x),
        View::SparseWide(z) => z.sum(|row, z| z * x[row].into()),
        View::SparseNarrow(z) => z.sum(|row, z| z * x[row].into()),
    }
}

fn bytes_with(x: &Bytes<'_>, z: View<'_>) -> f64 {
    match z {
        View::Wide(z) => bytes_dense(x, z),
        View::Narrow(z) => bytes_dense(x, z),
        View::Bytes(z) => x.cross(&z),
        View::Codes(z) => codes_bytes(&z, x),
        View::SparseWide(z) => z.sum(|row, z| z * x.value(row)),
        View::SparseNarrow(z) => z.sum(|row, z| z * x.value(row)),
    }
}

fn codes_with(x: &Codes<'_>, z: View<'_>) -> f64 {
    match z {
        View::Wide(z) => codes_dense(x, z),
        View::Narrow(z) => codes_dense(x, z),
        View::Bytes(z) => codes_bytes(x, &z),
        View::Codes(z) => x.cross(&z),
        View::SparseWide(z) => z.sum(|row, z| z * x.value(row)),
        View::SparseNarrow(z) => z.sum(|row, z| z * x.value(row)),
    }
}

fn sparse_with<T: Copy + Into<f64>>(x: &Entries<'_, T>, z: View<'_>) -> f64 {
    match z {
        View::Wide(z) => x.sum(|row, x| x * z[row]),
        View::Narrow(z) => x.sum(|row, x| x * f64::from(z[row])),
        View::Bytes(z) => x.sum(|row, x| x * z.value(row)),
        View::Codes(z) => x.sum(|row, x| x * z.value(row)),
        View::SparseWide(z) => x.merge(&z),
        View::SparseNarrow(z) => x.merge(&z),
    }
}

/// A two-bit and a dense column, a line of 256 rows at a time.
fn codes_dense<T: Copy + Into<f64>>(x: &Codes<'_>, z: &[T]) -> f64 {
    let mut lanes = Lanes::new();
    x.for_lines(x.table, |first, values| lanes.add(values, &z[first..][..values.len()]));
    lanes.total()
}

/// A one-byte and a dense column, some rows at a time.
fn bytes_dense<T: Copy + Into<f64>>(x: &Bytes<'_>, z: &[T]) -> f64 {
    let mut lanes = Lanes::new();
    x.for_spans(|first, values| lanes.add(values, &z[first..][..values.len()]));
    lanes.total()
}

/// A two-bit and a one-byte column, a line of 256 rows at a time.
fn codes_bytes(x: &Codes<'_>, z: &Bytes<'_>) -> f64 {
    let mut lanes = Lanes::new();
    x.for_lines(x.table, |first, values| {
        let codes = &z.codes[first..][..values.len()];
        lanes.add_map(values, codes, |x, code| x * z.scale.value(code));
    });
    lanes.total()
}
