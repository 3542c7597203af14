//! Sums of products of all pairs of columns, over rows that come in groups.
//!
//! **Summation order.** Within a slab of at most `SLAB` rows every pair of columns has one
//! accumulator, to which rows are added in order, every product rounded before it is added; slabs
//! are added to the sums in the order they come. Which columns share registers does not matter, so
//! every vector unit gives the same bits.

#[cfg(target_arch = "x86_64")]
use super::path::with_unit;
use pulp::{Scalar, Simd};

use super::path::Path;

/// Columns side by side in a panel: a tile is the products of two panels.
pub const PANEL: usize = 16;
/// Numbers of a tile.
pub const TILE: usize = PANEL * PANEL;
/// Rows of a panel that are worked on together: two panels fit the first cache.
const SLAB: usize = 128;

/// The number of tiles of `columns` columns: those on and above the diagonal.
pub fn tiles(columns: usize) -> usize {
    let panels = columns.div_ceil(PANEL);
    panels * (panels + 1) / 2
}

/// Where the sum of two columns' products is, in the tiles one after another.
pub fn place(left: usize, right: usize) -> usize {
    let (low, high) = (left.min(right), left.max(right));
    let (a, b) = (low / PANEL, high / PANEL);
    (b * (b + 1) / 2 + a) * TILE + low % PANEL * PANEL + high % PANEL
}

/// Packs rows into panels, and adds up the products of their columns.
#[derive(Clone, Debug, Default)]
pub struct Products {
    columns: usize,
    rows: usize,
    plain: Vec<f64>,
    weighted: Option<Vec<f64>>,
}

impl Products {
    /// For `columns` columns, over rows with weights or without.
    pub fn new(columns: usize, weighted: bool) -> Self {
        let size = columns.div_ceil(PANEL) * PANEL * SLAB;
        let weighted = weighted.then(|| vec![0.0; size]);
        Products { columns, rows: 0, plain: vec![0.0; size], weighted }
    }

    /// Adds `Σ w x x'` over the rows listed to the sums, [`tiles`] of [`TILE`] numbers: `values`
    /// has the columns one after another, each of `stride` rows, and `weights` one number a row.
    /// Columns at fault are a caller's error.
    pub fn add(
        &mut self,
        values: &[f64],
        stride: usize,
        rows: &[u32],
        weights: Option<&[f64]>,
        sums: &mut [f64],
    ) {
        for slab in rows.chunks(SLAB) {
            self.pack(values, stride, slab, weights);
            self.multiply(Path::best(), sums);
        }
    }

    fn pack(&mut self, values: &[f64], stride: usize, rows: &[u32], weights: Option<&[f64]>) {
        self.rows = rows.len();
        for (column, values) in values.chunks_exact(stride).take(self.columns).enumerate() {
            let first = column / PANEL * PANEL * SLAB + column % PANEL;
            let panel = self.plain[first..].iter_mut().step_by(PANEL);
            panel.zip(rows).for_each(|(to, &row)| *to = values[row as usize]);
            if let (Some(weighted), Some(weights)) = (&mut self.weighted, weights) {
                let panel = weighted[first..].iter_mut().step_by(PANEL);
                panel.zip(rows).for_each(|(to, &row)| {
                    *to = weights[row as usize] * values[row as usize];
                });
            }
        }
    }

    /// Adds the products of the packed rows.
    fn multiply(&self, path: Path, sums: &mut [f64]) {
        let right = self.weighted.as_ref().unwrap_or(&self.plain);
        let panel = |of: usize| of * PANEL * SLAB..(of * SLAB + self.rows) * PANEL;
        let mut tiles = sums.chunks_exact_mut(TILE);
        for b in 0..self.columns.div_ceil(PANEL) {
            let right = right[panel(b)].as_chunks::<PANEL>().0;
            for (a, tile) in (0..=b).zip(&mut tiles) {
                let left = self.plain[panel(a)].as_chunks::<PANEL>().0;
                match path {
                    Path::Portable => multiply::<_, 4, 4>(Scalar::new(), left, right, tile),
                    #[cfg(target_arch = "x86_64")]
                    Path::Avx2(simd) => {
                        with_unit(simd, || multiply::<_, 4, 2>(simd, left, right, tile));
                    }
                    #[cfg(target_arch = "x86_64")]
                    Path::Avx512(simd) => {
                        with_unit(simd, || multiply::<_, 8, 2>(simd, left, right, tile));
                    }
                }
            }
        }
    }
}

/// Adds `left' right` to a tile, `M` by `N` vectors at a time, which stay in registers.
#[inline(always)]
fn multiply<S: Simd, const M: usize, const N: usize>(
    simd: S,
    left: &[[f64; PANEL]],
    right: &[[f64; PANEL]],
    tile: &mut [f64],
) {
    let width = N * S::F64_LANES;
    for i in (0..PANEL).step_by(M) {
        for j in (0..PANEL).step_by(width) {
            let mut sums = [[simd.splat_f64s(0.0); N]; M];
            for (left, right) in left.iter().zip(right) {
                let (right, _) = S::as_simd_f64s(&right[j..j + width]);
                let left = &left[i..i + M];
                for m in 0..M {
                    let factor = simd.splat_f64s(left[m]);
                    for n in 0..N {
                        sums[m][n] = simd.add_f64s(sums[m][n], simd.mul_f64s(factor, right[n]));
                    }
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                let (to, _) = S::as_mut_simd_f64s(&mut tile[(i + m) * PANEL + j..][..width]);
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to = simd.add_f64s(*to, *sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_paths_give_the_same_bits_and_the_right_sums() {
        let (rows, columns) = (301, 37);
        let value = |at: usize| ((at * 7919 % 1009) as f64 - 500.0) / 300.0;
        let values: Vec<f64> = (0..rows * columns).map(value).collect();
        let weights: Vec<f64> = (0..rows).map(|row| 0.5 + (row % 4) as f64).collect();
        let some: Vec<u32> = (0..rows as u32).filter(|row| row % 5 != 2).collect();
        for weights in [None, Some(&weights[..])] {
            let sums = Path::all().into_iter().map(|path| {
                let mut products = Products::new(columns, weights.is_some());
                let mut sums = vec![0.0; tiles(columns) * TILE];
                for slab in some.chunks(SLAB) {
                    products.pack(&values, rows, slab, weights);
                    products.multiply(path, &mut sums);
                }
                sums
            });
            let sums: Vec<Vec<f64>> = sums.collect();
            for (left, right) in [(0, 0), (3, 36), (36, 3), (16, 15), (20, 31)] {
                let product = |row: usize| {
                    let weight = weights.map_or(1.0, |weights| weights[row]);
                    weight * values[left * rows + row] * values[right * rows + row]
                };
                let expected: f64 = some.iter().map(|&row| product(row as usize)).sum();
                assert!((sums[0][place(left, right)] - expected).abs() < 1e-9);
            }
            let bits = |sums: &[f64]| sums.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>();
            assert!(sums.iter().all(|other| bits(other) == bits(&sums[0])));
        }
    }
}
