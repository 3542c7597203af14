//! Inner products of four rows with four others: the arithmetic of a factorisation.
//!
//! **Determinism.** Every product of two rows is added up in eight lanes, entry `i` going to lane
//! `i mod 8`, multiplied and added apart, and the lanes pairwise at distance 4, 2, 1: the same bits
//! with the instructions of every [`Path`].

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use pulp::{Simd, cast};

use crate::shard::Path;
#[cfg(target_arch = "x86_64")]
use crate::shard::with_unit;

/// Rows of a tile.
pub(super) const TILE: usize = 4;
const LANES: usize = 8;
#[cfg(target_arch = "x86_64")]
const HALF: usize = LANES / 2;

/// The inner products of the first `length` numbers of the rows `top…` with those of the rows
/// `left…` of a matrix with `stride` numbers a row.
pub(super) fn products(
    cells: &[f64],
    stride: usize,
    top: usize,
    left: usize,
    length: usize,
) -> [[f64; TILE]; TILE] {
    let row = |row: usize| &cells[row * stride..][..length];
    let a = [0, 1, 2, 3].map(|at| row(top + at));
    let b = [0, 1, 2, 3].map(|at| row(left + at));
    products_on(Path::best(), a, b)
}

fn products_on(path: Path, a: [&[f64]; TILE], b: [&[f64]; TILE]) -> [[f64; TILE]; TILE] {
    match path {
        Path::Portable => a.map(|a| b.map(|b| single(a, b))),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(simd) => with_unit(
            simd,
            #[inline(always)]
            || narrow(simd, a, b),
        ),
        #[cfg(target_arch = "x86_64")]
        Path::Avx512(simd) => with_unit(
            simd,
            #[inline(always)]
            || wide(simd, a, b),
        ),
    }
}

/// Half of the lanes of eight sums at a time, in as many registers of four lanes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn narrow(simd: V3, a: [&[f64]; TILE], b: [&[f64]; TILE]) -> [[f64; TILE]; TILE] {
    let mut products = [[0.0; TILE]; TILE];
    for pair in [0, 2] {
        let two = [b[pair], b[pair + 1]];
        let (low, high) = (half_lanes::<0>(simd, a, two), half_lanes::<1>(simd, a, two));
        for row in 0..TILE {
            for column in 0..2 {
                let sums = simd.add_f64s(low[row][column], high[row][column]);
                let [a, b, c, d]: [f64; HALF] = cast(sums);
                products[row][pair + column] = (a + c) + (b + d);
            }
        }
    }
    products
}

/// The first or the second four lanes of the products of four rows with two.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn half_lanes<const AT: usize>(
    simd: V3,
    a: [&[f64]; TILE],
    b: [&[f64]; 2],
) -> [[<V3 as Simd>::f64s; 2]; TILE] {
    let mut sums = [[simd.splat_f64s(0.0); 2]; TILE];
    let ([a0, a1, a2, a3], [b0, b1]) = (a, b);
    let count = a0.len() / LANES * LANES;
    let whole = |row| <[f64]>::as_chunks::<LANES>(row).0;
    let rows = whole(a0).iter().zip(whole(a1)).zip(whole(a2)).zip(whole(a3));
    for ((((a0, a1), a2), a3), (b0, b1)) in rows.zip(whole(b0).iter().zip(whole(b1))) {
        let x = [half::<AT>(a0), half::<AT>(a1), half::<AT>(a2), half::<AT>(a3)];
        add(simd, &mut sums, x, [half::<AT>(b0), half::<AT>(b1)]);
    }
    let rest = |row: &[f64]| {
        let mut group = [0.0; LANES];
        group[..row.len() - count].copy_from_slice(&row[count..]);
        half::<AT>(&group)
    };
    add(simd, &mut sums, [rest(a0), rest(a1), rest(a2), rest(a3)], [rest(b0), rest(b1)]);
    sums
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn half<const AT: usize>(group: &[f64; LANES]) -> <V3 as Simd>::f64s {
    cast(group.as_chunks::<HALF>().0[AT])
}

/// Sixteen sums in as many registers of eight lanes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide(simd: V4, a: [&[f64]; TILE], b: [&[f64]; TILE]) -> [[f64; TILE]; TILE] {
    let mut sums = [[simd.splat_f64s(0.0); TILE]; TILE];
    let groups = |row| <[f64]>::as_chunks::<LANES>(row).0;
    let [a0, a1, a2, a3] = a.map(groups);
    let [b0, b1, b2, b3] = b.map(groups);
    let count = a0.len();
    let [a1, a2, a3] = [&a1[..count], &a2[..count], &a3[..count]];
    let [b0, b1, b2, b3] = [&b0[..count], &b1[..count], &b2[..count], &b3[..count]];
    for at in 0..count {
        let x = [cast(a0[at]), cast(a1[at]), cast(a2[at]), cast(a3[at])];
        let y = [cast(b0[at]), cast(b1[at]), cast(b2[at]), cast(b3[at])];
        add(simd, &mut sums, x, y);
    }
    let rest = |row: &[f64]| simd.partial_load_f64s(&row[count * LANES..]);
    add(simd, &mut sums, a.map(rest), b.map(rest));
    sums.map(|row| row.map(|sum| total(cast(sum))))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn add<S: Simd, const COLUMNS: usize>(
    simd: S,
    sums: &mut [[S::f64s; COLUMNS]; TILE],
    x: [S::f64s; TILE],
    y: [S::f64s; COLUMNS],
) {
    for row in 0..TILE {
        for column in 0..COLUMNS {
            let product = simd.mul_f64s(x[row], y[column]);
            sums[row][column] = simd.add_f64s(sums[row][column], product);
        }
    }
}

/// The inner product of two rows of one length.
pub(super) fn single(a: &[f64], b: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for (a, b) in a.iter().zip(b) {
                (0..LANES).for_each(|lane| sums[lane] += a[lane] * b[lane]);
            }
            sums.iter_mut().zip(a_rest.iter().zip(b_rest)).for_each(|(sum, (a, b))| *sum += a * b);
            total(sums)
        },
    )
}

#[inline(always)]
fn total(sums: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::{Path, products_on, single};

    #[test]
    fn tiles_have_the_bits_of_single_products_on_all_paths() {
        let stride = 72;
        let cells: Vec<f64> = (0..9 * stride).map(|i| ((i * i) as f64 * 0.7).sin() * 1e3).collect();
        for length in 0..70 {
            let row = |row: usize| &cells[row * stride..][..length];
            for path in Path::all() {
                let tile = products_on(path, [4, 5, 6, 7].map(row), [1, 2, 3, 4].map(row));
                for (i, products) in tile.iter().enumerate() {
                    for (j, product) in products.iter().enumerate() {
                        let alone = single(row(4 + i), row(1 + j));
                        assert_eq!(product.to_bits(), alone.to_bits(), "{path:?}, {length}");
                    }
                }
            }
        }
    }
}
