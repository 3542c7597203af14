//! The Cholesky factor of a symmetric positive matrix that grows at its end and loses rows.
//!
//! Row-major and lower, so that every inner loop runs along two rows. Changing the matrix from row
//! `k` on keeps the rows before `k`: appending and losing the tail are cheap; a row elsewhere is
//! taken out by rotations, in time quadratic in the rows after it.

use super::tiles::{TILE, products, single};

/// Pivots are kept at this fraction of the diagonal: columns that depend on others stay harmless.
const FLOOR: f64 = 1e-13;
/// Rows that are worked on together: with the rows they meet they fit into the second-level cache.
pub(super) const PANEL: usize = 48;

/// `L` with `L Lᵀ = A`, of order [`Factor::order`].
#[derive(Clone, Debug, Default)]
pub(super) struct Factor {
    order: usize,
    /// Numbers from a row to the next: a multiple of [`TILE`].
    pub(super) stride: usize,
    pub(super) cells: Vec<f64>,
    /// One over the diagonal.
    inverse: Vec<f64>,
    pub(super) growth: Growth,
}

/// Rows that the factor grows by: of them the columns before `done` are the factor's, the others
/// still the matrix's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growth {
    /// The first of the rows, and the one after the last.
    pub first: usize,
    pub end: usize,
    /// A multiple of [`TILE`], as `first` is. Rows before it are whole.
    pub done: usize,
}

impl Factor {
    /// The order of the matrix.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Forgets the rows from `keep` on.
    pub fn truncate(&mut self, keep: usize) {
        self.order = self.order.min(keep);
    }

    /// Extends the factor to `order` rows. `fill(row, cells)` writes the entries of the matrix in a
    /// row up to the diagonal; it may be asked for up to three rows the factor has.
    /// Takes `order³/6` multiplications from scratch.
    ///
    /// Runs in the widest vector instructions of the machine. Sums are kept in eight lanes and
    /// multiplied and added apart, so the bits are the same in all of them.
    pub fn extend(&mut self, order: usize, fill: impl FnMut(usize, &mut [f64])) {
        self.begin(order, fill);
        self.finish();
    }

    /// Begins what [`Factor::extend`] does: the matrix is there, the factor is not.
    pub fn begin(&mut self, order: usize, mut fill: impl FnMut(usize, &mut [f64])) {
        // Tiles begin at multiples of their height.
        let first = self.order - self.order % TILE;
        self.reserve(order);
        for row in first..order {
            fill(row, &mut self.cells[row * self.stride..][..row + 1]);
        }
        self.order = first;
        self.growth = Growth { first, end: order, done: 0 };
    }

    /// Ends it.
    pub fn finish(&mut self) {
        self.complete(self.growth.end);
        self.order = self.growth.end;
    }

    /// The rows before `end` that are not whole yet.
    pub(super) fn complete(&mut self, end: usize) {
        let Growth { first, done, .. } = self.growth;
        for start in (first.max(done)..end).step_by(PANEL) {
            let end = (start + PANEL).min(end);
            for left in (done..end).step_by(TILE) {
                for top in (start.max(left)..end).step_by(TILE) {
                    self.tile(top, left, end);
                }
            }
        }
    }

    /// The entries of rows from `top` and columns from `left`, all before them being there.
    pub(super) fn tile(&mut self, top: usize, left: usize, end: usize) {
        let (bottom, right) = ((top + TILE).min(end), (left + TILE).min(end));
        let known = match bottom - top == TILE && right - left == TILE {
            true => products(&self.cells, self.stride, top, left, left),
            false => self.products_of_few(top..bottom, left..right),
        };
        for row in top..bottom {
            for column in left..right.min(row + 1) {
                let (own, other) = (row * self.stride, column * self.stride);
                let mut value = self.cells[own + column] - known[row - top][column - left];
                for at in left..column {
                    value -= self.cells[own + at] * self.cells[other + at];
                }
                self.cells[own + column] = match row == column {
                    true => self.pivot(row, value),
                    false => value * self.inverse[column],
                };
            }
        }
    }

    /// The square root of a pivot that is not too small beside the matrix's own diagonal.
    fn pivot(&mut self, row: usize, value: f64) -> f64 {
        let diagonal = self.cells[row * self.stride + row];
        let root = value.max(FLOOR * diagonal).max(f64::MIN_POSITIVE).sqrt();
        self.inverse[row] = 1.0 / root;
        root
    }

    /// [`products`] at the lower end of the matrix, where tiles are not full.
    fn products_of_few(
        &self,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
    ) -> [[f64; TILE]; TILE] {
        let length = columns.start;
        let row = |row: usize| &self.cells[row * self.stride..][..length];
        let mut sums = [[0.0; TILE]; TILE];
        for (sums, at) in sums.iter_mut().zip(rows) {
            for (sum, column) in sums.iter_mut().zip(columns.clone()) {
                *sum = single(row(at), row(column));
            }
        }
        sums
    }

    /// Takes out the row and column `at` of the matrix.
    pub fn remove(&mut self, at: usize) {
        let (order, stride) = (self.order, self.stride);
        let mut rotations: Vec<(f64, f64)> = Vec::with_capacity(order - at);
        for row in at + 1..order {
            let (to, from) = ((row - 1) * stride, row * stride);
            self.cells.copy_within(from..from + at, to);
            let mut rest = self.cells[from + at];
            for (&(cos, sin), column) in rotations.iter().zip(at..) {
                let value = self.cells[from + column + 1];
                self.cells[to + column] = cos * rest + sin * value;
                rest = cos * value - sin * rest;
            }
            let column = row - 1;
            let value = self.cells[from + row];
            let root = rest.hypot(value).max(f64::MIN_POSITIVE.sqrt());
            rotations.push((rest / root, value / root));
            self.cells[to + column] = root;
            self.inverse[column] = 1.0 / root;
        }
        self.order -= 1;
    }

    /// Solves `A x = b` in place of `b`.
    pub fn solve(&self, x: &mut [f64]) {
        for at in 0..self.order {
            let row = &self.cells[at * self.stride..][..at];
            x[at] = (x[at] - single(row, &x[..at])) * self.inverse[at];
        }
        for at in (0..self.order).rev() {
            let row = &self.cells[at * self.stride..][..at];
            let value = x[at] * self.inverse[at];
            x[at] = value;
            x[..at].iter_mut().zip(row).for_each(|(x, l)| *x -= value * l);
        }
    }

    /// Makes room for `order` rows, and some more so that growing seldom copies.
    fn reserve(&mut self, order: usize) {
        self.inverse.resize(order.max(self.inverse.len()), 0.0);
        if order > self.stride {
            // An odd number of cache lines, so that rows do not fall on the same places of a cache.
            let stride = (order + order / 4).div_ceil(16) * 16 + 8;
            let mut cells = vec![0.0; stride * stride];
            for row in 0..self.order {
                let kept = &self.cells[row * self.stride..][..row + 1];
                cells[row * stride..][..row + 1].copy_from_slice(kept);
            }
            (self.stride, self.cells) = (stride, cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Factor;

    fn entry(i: usize, j: usize) -> f64 {
        let near = 1.0 / (1.0 + i.abs_diff(j) as f64);
        if i == j { 3.0 } else { near }
    }

    /// Whether the factor solves for the matrix of those rows and columns.
    fn check(factor: &Factor, kept: &[usize]) {
        let truth: Vec<f64> = kept.iter().map(|&i| (i as f64).sin()).collect();
        let row = |&i: &usize| kept.iter().zip(&truth).map(|(&j, x)| entry(i, j) * x).sum();
        let mut x: Vec<f64> = kept.iter().map(row).collect();
        factor.solve(&mut x);
        assert!(x.iter().zip(&truth).all(|(x, truth)| (x - truth).abs() < 1e-12));
    }

    fn extend(factor: &mut Factor, kept: &[usize]) {
        factor.extend(kept.len(), |row, cells| {
            cells.iter_mut().zip(kept).for_each(|(cell, &j)| *cell = entry(kept[row], j));
        });
    }

    #[test]
    fn solves_after_growing_and_shrinking() {
        let mut factor = Factor::default();
        for order in [1, 5, 23, 9, 17, 130, 97, 131] {
            factor.truncate(order);
            extend(&mut factor, &(0..order).collect::<Vec<_>>());
            check(&factor, &(0..order).collect::<Vec<_>>());
        }
    }

    #[test]
    fn solves_after_losing_rows_anywhere() {
        let mut factor = Factor::default();
        let mut kept: Vec<usize> = (0..70).collect();
        extend(&mut factor, &kept);
        for at in [69, 0, 33, 12, 60] {
            factor.remove(at);
            kept.remove(at);
            check(&factor, &kept);
        }
        kept.extend(100..190);
        extend(&mut factor, &kept);
        check(&factor, &kept);
    }

    #[test]
    fn dependent_rows_stay_finite() {
        let mut factor = Factor::default();
        factor.extend(3, |_, cells| cells.fill(2.0));
        let mut x = [2.0, 2.0, 2.0];
        factor.solve(&mut x);
        assert!(x.iter().all(|x| x.is_finite()));
    }
}
