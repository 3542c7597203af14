//! The Cholesky factor of a symmetric positive matrix that grows at its end and loses rows.
//!
//! Row-major and lower, so that every inner loop runs along two rows. Changing the matrix from row
//! `k` on keeps the rows before `k`: appending and losing the tail are cheap.

/// Pivots are kept at this fraction of the diagonal: columns that depend on others stay harmless.
const FLOOR: f64 = 1e-13;
/// Rows of the factor worked on together.
const TILE: usize = 4;

/// `L` with `L Lᵀ = A`, of order [`Factor::order`].
#[derive(Clone, Debug, Default)]
pub(super) struct Factor {
    rows: Vec<Vec<f64>>,
}

impl Factor {
    /// The order of the matrix.
    pub fn order(&self) -> usize {
        self.rows.len()
    }

    /// Forgets the rows from `keep` on.
    pub fn truncate(&mut self, keep: usize) {
        self.rows.truncate(keep);
    }

    /// Extends the factor to `order` rows of the matrix `a(row, column)`, `column ≤ row`.
    /// Takes `order³/6` multiplications from scratch.
    ///
    /// Runs in the widest vector instructions of the machine. Sums are kept in eight lanes and
    /// multiplied and added apart, so the bits are the same in all of them.
    pub fn extend(&mut self, order: usize, a: impl Fn(usize, usize) -> f64) {
        pulp::Arch::new().dispatch(|| self.extend_rows(order, &a));
    }

    #[inline(always)]
    fn extend_rows(&mut self, order: usize, a: &impl Fn(usize, usize) -> f64) {
        while self.order() < order {
            let first = self.order();
            let count = TILE.min(order - first);
            self.append(first, count, a);
        }
    }

    /// Appends `count` rows, sharing each loaded row of the factor among them.
    #[inline(always)]
    fn append(&mut self, first: usize, count: usize, a: &impl Fn(usize, usize) -> f64) {
        let mut tile: Vec<Vec<f64>> =
            (0..count).map(|at| Vec::with_capacity(first + at + 1)).collect();
        for column in 0..first {
            let known = &self.rows[column];
            let products = dots(&known[..column], &tile);
            for (at, row) in tile.iter_mut().enumerate() {
                row.push((a(first + at, column) - products[at]) / known[column]);
            }
        }
        for at in 0..count {
            let (done, rest) = tile.split_at_mut(at);
            let row = &mut rest[0];
            for (other, known) in done.iter().enumerate() {
                let value = a(first + at, first + other) - dot(&known[..first + other], row);
                row.push(value / known[first + other]);
            }
            let diagonal = a(first + at, first + at);
            let pivot = (diagonal - dot(row, row)).max(FLOOR * diagonal).max(f64::MIN_POSITIVE);
            row.push(pivot.sqrt());
        }
        self.rows.append(&mut tile);
    }

    /// Solves `A x = b` in place of `b`.
    pub fn solve(&self, x: &mut [f64]) {
        for (at, row) in self.rows.iter().enumerate() {
            x[at] = (x[at] - dot(&row[..at], &x[..at])) / row[at];
        }
        for (at, row) in self.rows.iter().enumerate().rev() {
            let value = x[at] / row[at];
            x[at] = value;
            x[..at].iter_mut().zip(row).for_each(|(x, l)| *x -= value * l);
        }
    }
}

/// Inner product of two slices of one length, in eight interleaved sums.
#[inline(always)]
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        (0..8).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums.iter().sum::<f64>() + rest
}

/// Inner products of one slice with the first entries of up to [`TILE`] rows.
#[inline(always)]
fn dots(known: &[f64], tile: &[Vec<f64>]) -> [f64; TILE] {
    let length = known.len();
    let mut products = [0.0; TILE];
    if let [a, b, c, d] = tile {
        let rows = [&a[..length], &b[..length], &c[..length], &d[..length]];
        let mut sums = [[0.0; 8]; TILE];
        let whole = length - length % 8;
        for start in (0..whole).step_by(8) {
            let factor: &[f64; 8] = known[start..].first_chunk().unwrap_or(&[0.0; 8]);
            for (sums, row) in sums.iter_mut().zip(rows) {
                let row: &[f64; 8] = row[start..].first_chunk().unwrap_or(&[0.0; 8]);
                (0..8).for_each(|lane| sums[lane] += factor[lane] * row[lane]);
            }
        }
        for (product, (sums, row)) in products.iter_mut().zip(sums.iter().zip(rows)) {
            let rest: f64 = (whole..length).map(|at| known[at] * row[at]).sum();
            *product = sums.iter().sum::<f64>() + rest;
        }
    } else {
        for (product, row) in products.iter_mut().zip(tile) {
            *product = dot(known, &row[..length]);
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::Factor;

    #[test]
    fn solves_after_growing_and_shrinking() {
        let entry = |i: usize, j: usize| {
            let near = 1.0 / (1.0 + i.abs_diff(j) as f64);
            if i == j { 3.0 } else { near }
        };
        let mut factor = Factor::default();
        for order in [1, 5, 23, 9, 17] {
            factor.truncate(order.min(factor.order()));
            factor.extend(order, entry);
            let truth: Vec<f64> = (0..order).map(|i| (i as f64).sin()).collect();
            let mut x: Vec<f64> =
                (0..order).map(|i| (0..order).map(|j| entry(i, j) * truth[j]).sum()).collect();
            factor.solve(&mut x);
            assert!(x.iter().zip(&truth).all(|(x, truth)| (x - truth).abs() < 1e-12));
        }
    }

    #[test]
    fn dependent_rows_stay_finite() {
        let mut factor = Factor::default();
        factor.extend(3, |_, _| 2.0);
        let mut x = [2.0, 2.0, 2.0];
        factor.solve(&mut x);
        assert!(x.iter().all(|x| x.is_finite()));
    }
}
