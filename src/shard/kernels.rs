//! Arithmetic on single columns. Values are widened to `f64` and all arithmetic is in `f64`.

use super::codes::Codes;
use super::columns::{ColumnShard, View};
use super::dense;
use super::moments::{self, Moments, Weights};
use super::path::Path;

impl ColumnShard {
    /// Whether a column is stored sparsely; see [`ColumnShard::axpy`] for why it matters.
    #[inline]
    pub fn is_sparse(&self, column: usize) -> bool {
        matches!(self.view(column), View::SparseWide(_) | View::SparseNarrow(_))
    }

    /// The work of one pass over a column, in stored numbers: rows if dense, a quarter of the rows
    /// (rounded up) in two-bit form, stored entries if sparse.
    pub fn entries(&self, column: usize) -> usize {
        match self.view(column) {
            View::Wide(_) | View::Narrow(_) | View::Bytes(_) => self.rows(),
            View::Codes(_) => self.rows().div_ceil(4),
            View::SparseWide(x) => x.rows.len(),
            View::SparseNarrow(x) => x.rows.len(),
        }
    }

    /// `Σ_i x_i r_i` over the rows, where `r` has one number a row.
    ///
    /// The same bits for all dense forms of the same values, and on every processor. Row `i` is
    /// added to accumulator `i mod 32`, ascending, without fused multiply-add, and the accumulators
    /// pairwise at distance 16, 8, 4, 2, 1. Sparse columns: entry `k` is added to accumulator
    /// `k mod 4`.
    ///
    /// # Panics
    /// If `r` has not one number a row.
    #[inline]
    pub fn dot(&self, column: usize, r: &[f64]) -> f64 {
        self.dot_on(Path::best(), column, r)
    }

    /// [`ColumnShard::dot`] on a path.
    #[inline]
    pub(super) fn dot_on(&self, path: Path, column: usize, r: &[f64]) -> f64 {
        assert_eq!(r.len(), self.rows(), "one number a row");
        match self.view(column) {
            View::Wide(x) => dense::dot(path, x, r),
            View::Narrow(x) => dense::dot(path, x, r),
            View::Bytes(x) => x.dot(path, r),
            View::Codes(x) => x.dot(path, r),
            View::SparseWide(x) => x.sum(|row, x| x * r[row]),
            View::SparseNarrow(x) => x.sum(|row, x| x * r[row]),
        }
    }

    /// `Σ_i x_i r_i` for four `r` at once: the bits of four [`ColumnShard::dot`]s. A two-bit column
    /// is read once for all four.
    ///
    /// # Panics
    /// If an `r` has not one number a row.
    #[inline]
    pub fn dot4(&self, column: usize, r: [&[f64]; 4]) -> [f64; 4] {
        self.dot4_on(Path::best(), column, r)
    }

    /// [`ColumnShard::dot4`] on a path.
    #[inline]
    pub(super) fn dot4_on(&self, path: Path, column: usize, r: [&[f64]; 4]) -> [f64; 4] {
        assert!(r.iter().all(|r| r.len() == self.rows()), "one number a row");
        match self.view(column) {
            View::Codes(x) => x.dot4(path, r),
            _ => r.map(|r| self.dot_on(path, column, r)),
        }
    }

    /// `Σ_i (x_i - shift) r_i` over all rows, the shift taken off every value before it is
    /// multiplied: of a column whose mean is far from zero nothing is lost in the products.
    ///
    /// Summed as in [`ColumnShard::dot`], over all rows for sparse columns too.
    ///
    /// # Panics
    /// If `r` has not one number a row.
    pub fn dot_shifted(&self, column: usize, shift: f64, r: &[f64]) -> f64 {
        self.dot_shifted_on(Path::best(), column, shift, r)
    }

    /// [`ColumnShard::dot_shifted`] on a path.
    pub(super) fn dot_shifted_on(&self, path: Path, column: usize, shift: f64, r: &[f64]) -> f64 {
        assert_eq!(r.len(), self.rows(), "one number a row");
        match self.view(column) {
            View::Wide(x) => dense::dot_shifted(path, x, shift, r),
            View::Narrow(x) => dense::dot_shifted(path, x, shift, r),
            View::Bytes(x) => x.dot_shifted(path, shift, r),
            View::Codes(x) => Codes { table: &x.table.map(|x| x - shift), ..x }.dot(path, r),
            View::SparseWide(x) => x.dot_shifted(shift, r),
            View::SparseNarrow(x) => x.dot_shifted(shift, r),
        }
    }

    /// `r_i += a (x_i - shift)` on every row of a dense or two-bit column.
    ///
    /// Sparse columns ([`ColumnShard::is_sparse`]): `r_i += a x_i` on stored rows alone. The shift
    /// is ignored: the caller must keep `-a shift`, which is the same for all rows, elsewhere.
    ///
    /// # Panics
    /// If `r` has not one number a row.
    #[inline]
    pub fn axpy(&self, column: usize, a: f64, shift: f64, r: &mut [f64]) {
        self.axpy_on(Path::best(), column, a, shift, r);
    }

    /// [`ColumnShard::axpy`] on a path.
    #[inline]
    pub(super) fn axpy_on(&self, path: Path, column: usize, a: f64, shift: f64, r: &mut [f64]) {
        assert_eq!(r.len(), self.rows(), "one number a row");
        match self.view(column) {
            View::Wide(x) => dense::axpy(path, x, a, shift, r),
            View::Narrow(x) => dense::axpy(path, x, a, shift, r),
            View::Bytes(x) => x.axpy(path, a, shift, r),
            View::Codes(x) => x.axpy(path, a, shift, r),
            View::SparseWide(x) => x.iter().for_each(|(row, x)| r[row] += a * x),
            View::SparseNarrow(x) => x.iter().for_each(|(row, x)| r[row] += a * x),
        }
    }

    /// `r_i += a (x_i - shift) w_i` on every row of a dense or two-bit column; the rule for sparse
    /// columns is that of [`ColumnShard::axpy`].
    ///
    /// # Panics
    /// If `r` or `w` have not one number a row.
    #[inline]
    pub fn axpy_weighted(&self, column: usize, a: f64, shift: f64, w: &[f64], r: &mut [f64]) {
        self.axpy_weighted_on(Path::best(), column, [a, shift], w, r);
    }

    /// [`ColumnShard::axpy_weighted`] on a path, with `a` and the shift together.
    #[inline]
    pub(super) fn axpy_weighted_on(
        &self,
        path: Path,
        column: usize,
        [a, shift]: [f64; 2],
        w: &[f64],
        r: &mut [f64],
    ) {
        assert!(r.len() == self.rows() && w.len() == self.rows(), "one number a row");
        match self.view(column) {
            View::Wide(x) => dense::axpy_weighted(path, x, [a, shift], w, r),
            View::Narrow(x) => dense::axpy_weighted(path, x, [a, shift], w, r),
            View::Bytes(x) => x.axpy_weighted(path, [a, shift], w, r),
            View::Codes(x) => x.axpy_weighted(path, a, shift, w, r),
            View::SparseWide(x) => x.iter().for_each(|(row, x)| r[row] += a * x * w[row]),
            View::SparseNarrow(x) => x.iter().for_each(|(row, x)| r[row] += a * x * w[row]),
        }
    }

    /// A column's moments, each row weighing 1 or as `weights` say.
    ///
    /// # Panics
    /// If there is not one weight a row.
    pub fn moments(&self, column: usize, weights: Option<Weights<'_>>) -> Moments {
        let fits = weights.is_none_or(|weights| weights.values().len() == self.rows());
        assert!(fits, "one weight a row");
        match self.view(column) {
            View::Wide(x) => moments::dense(x, |x| x, weights),
            View::Narrow(x) => moments::dense(x, |x| x, weights),
            View::Bytes(x) => moments::dense(x.codes, |code| x.scale.value(code), weights),
            View::Codes(x) => moments::codes(&x, weights),
            View::SparseWide(x) => moments::sparse(&x, self.rows(), weights),
            View::SparseNarrow(x) => moments::sparse(&x, self.rows(), weights),
        }
    }

    /// Calls `f(row, value)` for the stored entries of a column (all rows unless it is sparse), in
    /// row order.
    #[inline]
    pub fn for_each(&self, column: usize, mut f: impl FnMut(usize, f64)) {
        match self.view(column) {
            View::Wide(x) => x.iter().enumerate().for_each(|(row, &x)| f(row, x)),
            View::Narrow(x) => x.iter().enumerate().for_each(|(row, &x)| f(row, x.into())),
            View::Bytes(x) => (0..self.rows()).for_each(|row| f(row, x.value(row))),
            View::Codes(x) => x.for_codes(|row, code| f(row, x.table[code])),
            View::SparseWide(x) => x.iter().for_each(|(row, x)| f(row, x)),
            View::SparseNarrow(x) => x.iter().for_each(|(row, x)| f(row, x)),
        }
    }
}
