//! Two-bit columns on vector units: codes become values by permuting a table in a register.
//!
//! **Determinism.** The kernels take 32 rows at a time, in row order, row `i` in position
//! `i mod 32`: the accumulators of [`super::dense`] are the positions of the vectors, and the
//! results are the bits of the portable kernels of [`super::codes`].

use std::arch::x86_64::{__m256, __m256i, __m512d, __m512i};

use pulp::x86::{V3, V4};
use pulp::{Simd, cast};

use super::codes::{Codes, LINE, Line};
use super::dense::{LANES, Lanes};

/// Groups of [`LANES`] rows in half a line: the codes that a half of every word holds.
const GROUPS: usize = LINE / LANES / 2;

/// A vector unit that looks codes up, with `N` vectors to [`LANES`] rows.
pub(super) trait Lookup<const N: usize>: Simd {
    /// Four values, as the unit permutes them.
    type Table: Copy;
    /// Codes of half a line that are still to be looked up.
    type Half: Copy;

    /// The values that codes name.
    fn table(self, values: &[f64; 4]) -> Self::Table;

    /// The codes of the first (0) or second (1) half of a line.
    fn half(self, line: &Line, half: usize) -> Self::Half;

    /// The values of the next [`LANES`] rows.
    fn next(self, table: Self::Table, half: &mut Self::Half) -> [Self::f64s; N];
}

impl Lookup<4> for V4 {
    type Table = __m512d;
    type Half = __m512i;

    #[inline(always)]
    fn table(self, v: &[f64; 4]) -> __m512d {
        // The permutation reads three bits, the third being of the next code: it must not matter.
        cast([v[0], v[1], v[2], v[3], v[0], v[1], v[2], v[3]])
    }

    #[inline(always)]
    fn half(self, line: &Line, half: usize) -> __m512i {
        self.avx512f._mm512_srlv_epi64(cast(line.0), cast(self.splat_u64s(32 * half as u64)))
    }

    #[inline(always)]
    fn next(self, table: __m512d, half: &mut __m512i) -> [Self::f64s; 4] {
        let mut values = [self.splat_f64s(0.0); 4];
        for values in &mut values {
            *values = cast(self.avx512f._mm512_permutexvar_pd(*half, table));
            *half = self.avx512f._mm512_srli_epi64::<2>(*half);
        }
        values
    }
}

/// The lower bit of every nibble.
const ONES: u32 = 0x1111_1111;

impl Lookup<8> for V3 {
    /// The values, to be permuted as eight halves of numbers.
    type Table = __m256;
    /// Of words 0 to 3, and of words 4 to 7: the codes of even and of odd steps. Every nibble of the
    /// lower half of a word is twice its code, of the upper half twice its code plus one: where the
    /// halves of the code's value stand in the table.
    type Half = [[__m256i; 2]; 2];

    #[inline(always)]
    fn table(self, values: &[f64; 4]) -> __m256 {
        cast(*values)
    }

    #[inline(always)]
    fn half(self, line: &Line, half: usize) -> Self::Half {
        let twice = cast([6 * ONES; 8]);
        let upper = cast([0, ONES, 0, ONES, 0, ONES, 0, ONES]);
        let words: [[u64; 4]; 2] = cast(line.0);
        let mut steps = [[upper; 2]; 2];
        for (steps, words) in steps.iter_mut().zip(words) {
            let both = cast(match half {
                0 => self.avx._mm256_moveldup_ps(cast(words)),
                _ => self.avx._mm256_movehdup_ps(cast(words)),
            });
            let even = self.avx2._mm256_and_si256(self.avx2._mm256_slli_epi32::<1>(both), twice);
            let odd = self.avx2._mm256_and_si256(self.avx2._mm256_srli_epi32::<1>(both), twice);
            steps[0] = self.avx2._mm256_or_si256(even, upper);
            steps[1] = self.avx2._mm256_or_si256(odd, upper);
        }
        steps
    }

    #[inline(always)]
    fn next(self, table: __m256, half: &mut Self::Half) -> [Self::f64s; 8] {
        let mut values = [self.splat_f64s(0.0); 8];
        for step in 0..4 {
            for words in 0..2 {
                let codes = &mut half[words][step % 2];
                values[2 * step + words] = cast(self.avx2._mm256_permutevar8x32_ps(table, *codes));
                *codes = self.avx2._mm256_srli_epi32::<4>(*codes);
            }
        }
        values
    }
}

/// Calls `f` with the number and the values of the first `full` groups of [`LANES`] rows, in row
/// order. Gives the values of the next group; beyond the last row they are those of code 0.
#[inline(always)]
fn for_groups<S: Lookup<N>, const N: usize>(
    simd: S,
    x: &Codes<'_>,
    table: &[f64; 4],
    full: usize,
    mut f: impl FnMut(usize, [S::f64s; N]),
) -> [S::f64s; N] {
    let table = simd.table(table);
    for (at, line) in x.lines.iter().enumerate() {
        for part in 0..2 {
            let mut half = simd.half(line, part);
            for group in 0..GROUPS {
                let group = (2 * at + part) * GROUPS + group;
                // Asked before looking up, so that few values need registers at a time.
                if group >= full {
                    return simd.next(table, &mut half);
                }
                f(group, simd.next(table, &mut half));
            }
        }
    }
    [simd.splat_f64s(0.0); N]
}

/// The numbers of a group as vectors.
#[inline(always)]
fn load<S: Lookup<N>, const N: usize>(simd: S, group: &[f64; LANES]) -> [S::f64s; N] {
    let mut vectors = [simd.splat_f64s(0.0); N];
    vectors.copy_from_slice(S::as_simd_f64s(group).0);
    vectors
}

/// Vectors as the numbers of a group.
#[inline(always)]
fn store<S: Lookup<N>, const N: usize>(vectors: &[S::f64s; N], group: &mut [f64; LANES]) {
    S::as_mut_simd_f64s(group).0.copy_from_slice(vectors);
}

/// The numbers of a group that is not full as vectors, with zeros beyond the last row.
#[inline(always)]
fn load_rest<S: Lookup<N>, const N: usize>(simd: S, rest: &[f64]) -> [S::f64s; N] {
    let mut vectors = [simd.splat_f64s(0.0); N];
    for (vector, part) in vectors.iter_mut().zip(rest.chunks(S::F64_LANES)) {
        *vector = simd.partial_load_f64s(part);
    }
    vectors
}

/// Vectors as the numbers of a group that is not full.
#[inline(always)]
fn store_rest<S: Lookup<N>, const N: usize>(simd: S, vectors: &[S::f64s; N], rest: &mut [f64]) {
    for (vector, part) in vectors.iter().zip(rest.chunks_mut(S::F64_LANES)) {
        simd.partial_store_f64s(part, *vector);
    }
}

/// Adds products to vectors.
#[inline(always)]
fn add_products<S: Lookup<N>, const N: usize>(
    simd: S,
    sums: &mut [S::f64s; N],
    values: [S::f64s; N],
    r: [S::f64s; N],
) {
    for vector in 0..N {
        sums[vector] = simd.add_f64s(sums[vector], simd.mul_f64s(values[vector], r[vector]));
    }
}

/// Adds values to vectors.
#[inline(always)]
fn add_values<S: Lookup<N>, const N: usize>(
    simd: S,
    sums: &mut [S::f64s; N],
    values: [S::f64s; N],
) {
    for vector in 0..N {
        sums[vector] = simd.add_f64s(sums[vector], values[vector]);
    }
}

/// `Σ x_i r_i` from the accumulators of full groups, and the values after them.
#[inline(always)]
fn total<S: Lookup<N>, const N: usize>(
    simd: S,
    mut sums: [S::f64s; N],
    last: [S::f64s; N],
    r: &[f64],
) -> f64 {
    // Zeros beyond the last row leave every accumulator as it is.
    let rest = load_rest(simd, r.as_chunks::<LANES>().1);
    add_products(simd, &mut sums, last, rest);
    let mut lanes = Lanes::new();
    store::<S, N>(&sums, &mut lanes.0);
    lanes.total()
}

/// `Σ x_i r_i`.
#[inline(always)]
pub(super) fn dot<S: Lookup<N>, const N: usize>(simd: S, x: &Codes<'_>, r: &[f64]) -> f64 {
    let groups = r.as_chunks::<LANES>().0;
    let mut sums = [simd.splat_f64s(0.0); N];
    let last = for_groups(
        simd,
        x,
        x.table,
        groups.len(),
        #[inline(always)]
        |group, values| add_products(simd, &mut sums, values, load(simd, &groups[group])),
    );
    total(simd, sums, last, r)
}

/// `Σ x_i r_i` of four `r`, which share the work of looking values up.
#[inline(always)]
pub(super) fn dot4<S: Lookup<N>, const N: usize>(
    simd: S,
    x: &Codes<'_>,
    [a, b, c, d]: [&[f64]; 4],
) -> [f64; 4] {
    let groups = |r| <[f64]>::as_chunks::<LANES>(r).0;
    let (ga, gb, gc, gd) = (groups(a), groups(b), groups(c), groups(d));
    let zero = [simd.splat_f64s(0.0); N];
    // Four variables rather than an array of four, so that all stay in registers.
    let (mut sa, mut sb, mut sc, mut sd) = (zero, zero, zero, zero);
    let last = for_groups(
        simd,
        x,
        x.table,
        ga.len(),
        #[inline(always)]
        |group, values| {
            add_products(simd, &mut sa, values, load(simd, &ga[group]));
            add_products(simd, &mut sb, values, load(simd, &gb[group]));
            add_products(simd, &mut sc, values, load(simd, &gc[group]));
            add_products(simd, &mut sd, values, load(simd, &gd[group]));
        },
    );
    [
        total(simd, sa, last, a),
        total(simd, sb, last, b),
        total(simd, sc, last, c),
        total(simd, sd, last, d),
    ]
}

/// `r_i += table[code_i]`.
#[inline(always)]
pub(super) fn add<S: Lookup<N>, const N: usize>(
    simd: S,
    x: &Codes<'_>,
    table: &[f64; 4],
    r: &mut [f64],
) {
    let (groups, rest) = r.as_chunks_mut::<LANES>();
    let last = for_groups(
        simd,
        x,
        table,
        groups.len(),
        #[inline(always)]
        |group, values| {
            let mut moved = load(simd, &groups[group]);
            add_values(simd, &mut moved, values);
            store::<S, N>(&moved, &mut groups[group]);
        },
    );
    let mut moved = load_rest(simd, rest);
    add_values(simd, &mut moved, last);
    store_rest(simd, &moved, rest);
}

/// `r_i += table[code_i] w_i`.
#[inline(always)]
pub(super) fn add_weighted<S: Lookup<N>, const N: usize>(
    simd: S,
    x: &Codes<'_>,
    table: &[f64; 4],
    w: &[f64],
    r: &mut [f64],
) {
    let (groups, rest) = r.as_chunks_mut::<LANES>();
    let (weights, weights_rest) = w.as_chunks::<LANES>();
    let last = for_groups(
        simd,
        x,
        table,
        groups.len(),
        #[inline(always)]
        |group, values| {
            let mut moved = load(simd, &groups[group]);
            add_products(simd, &mut moved, values, load(simd, &weights[group]));
            store::<S, N>(&moved, &mut groups[group]);
        },
    );
    let mut moved = load_rest(simd, rest);
    add_products(simd, &mut moved, last, load_rest(simd, weights_rest));
    store_rest(simd, &moved, rest);
}
