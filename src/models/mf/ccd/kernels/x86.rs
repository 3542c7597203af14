//! The kernels' vectors on AVX2 and AVX-512.

use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};

use pulp::cast;
use pulp::x86::{V3, V4};

use super::unit::{Unit, pair};

/// Lanes of halves after a turn by `S`.
const fn turned<const S: usize>() -> [u32; 16] {
    let mut lanes = [0; 16];
    let mut i = 0;
    while i < 16 {
        lanes[i] = (i / 8 * 8 + (i + S) % 8) as u32;
        i += 1;
    }
    lanes
}

/// The lanes of pair `Q`, eight times each.
const fn spread<const Q: usize>() -> [u32; 16] {
    let (first, second) = pair(Q);
    let mut lanes = [first as u32; 16];
    let mut i = 8;
    while i < 16 {
        lanes[i] = second as u32;
        i += 1;
    }
    lanes
}

/// Even lanes of 128 bits of two vectors, and odd ones.
const EVEN: i32 = 0b10_00_10_00;
const ODD: i32 = 0b11_01_11_01;
/// The first two lanes of 128 bits of two vectors, and the last two.
const LOW: i32 = 0b01_00_01_00;
const HIGH: i32 = 0b11_10_11_10;

impl Unit for V4 {
    type Lanes = __m512;

    #[inline(always)]
    fn load(self, from: &[f32; 16]) -> __m512 {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, lanes: __m512, to: &mut [f32; 16]) {
        *to = cast(lanes);
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_add_ps(a, b)
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_sub_ps(a, b)
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_mul_ps(a, b)
    }

    #[inline(always)]
    fn low_halves(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_shuffle_f32x4::<LOW>(a, b)
    }

    #[inline(always)]
    fn high_halves(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_shuffle_f32x4::<HIGH>(a, b)
    }

    #[inline(always)]
    fn rotate<const S: usize>(self, a: __m512) -> __m512 {
        let lanes: __m512i = cast(const { turned::<S>() });
        self.avx512f._mm512_permutexvar_ps(lanes, a)
    }

    #[inline(always)]
    fn spread<const Q: usize>(self, a: __m512) -> __m512 {
        let lanes: __m512i = cast(const { spread::<Q>() });
        self.avx512f._mm512_permutexvar_ps(lanes, a)
    }

    #[inline(always)]
    fn sum_pairs(self, pairs: &[__m512; 8]) -> __m512 {
        let (a, b) = (four_wide(self, pairs, 0), four_wide(self, pairs, 4));
        let even = self.avx512f._mm512_shuffle_f32x4::<EVEN>(a, b);
        self.add(even, self.avx512f._mm512_shuffle_f32x4::<ODD>(a, b))
    }
}

/// The sums over 128 bits of four pairs, each pair's in its own lane.
#[inline(always)]
fn four_wide(simd: V4, p: &[__m512; 8], at: usize) -> __m512 {
    let a = cast(two_wide(simd, p[at], p[at + 1]));
    let b = cast(two_wide(simd, p[at + 2], p[at + 3]));
    let low = cast(simd.avx512f._mm512_unpacklo_pd(a, b));
    simd.add(low, cast(simd.avx512f._mm512_unpackhi_pd(a, b)))
}

/// The sums of lanes two apart, of two pairs.
#[inline(always)]
fn two_wide(simd: V4, a: __m512, b: __m512) -> __m512 {
    let low = simd.avx512f._mm512_unpacklo_ps(a, b);
    simd.add(low, simd.avx512f._mm512_unpackhi_ps(a, b))
}

/// The first eight lanes of `lanes`, or the last eight counted from 8.
const fn half(lanes: [u32; 16], second: bool) -> [u32; 8] {
    let mut part = [0; 8];
    let mut i = 0;
    while i < 8 {
        part[i] = lanes[if second { i + 8 } else { i }] % 8;
        i += 1;
    }
    part
}

impl Unit for V3 {
    type Lanes = [__m256; 2];

    #[inline(always)]
    fn load(self, from: &[f32; 16]) -> [__m256; 2] {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, lanes: [__m256; 2], to: &mut [f32; 16]) {
        *to = cast(lanes);
    }

    #[inline(always)]
    fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_add_ps(a[0], b[0]), self.avx._mm256_add_ps(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_sub_ps(a[0], b[0]), self.avx._mm256_sub_ps(a[1], b[1])]
    }

    #[inline(always)]
    fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_mul_ps(a[0], b[0]), self.avx._mm256_mul_ps(a[1], b[1])]
    }

    #[inline(always)]
    fn low_halves(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [a[0], b[0]]
    }

    #[inline(always)]
    fn high_halves(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [a[1], b[1]]
    }

    #[inline(always)]
    fn rotate<const S: usize>(self, a: [__m256; 2]) -> [__m256; 2] {
        let lanes: __m256i = cast(const { half(turned::<S>(), false) });
        let turn = self.avx2;
        [turn._mm256_permutevar8x32_ps(a[0], lanes), turn._mm256_permutevar8x32_ps(a[1], lanes)]
    }

    #[inline(always)]
    fn spread<const Q: usize>(self, a: [__m256; 2]) -> [__m256; 2] {
        let first: __m256i = cast(const { half(spread::<Q>(), false) });
        let second: __m256i = cast(const { half(spread::<Q>(), true) });
        // Both ratings of a pair lie in the same half.
        let from = a[Q / 4];
        [
            self.avx2._mm256_permutevar8x32_ps(from, first),
            self.avx2._mm256_permutevar8x32_ps(from, second),
        ]
    }

    #[inline(always)]
    fn sum_pairs(self, pairs: &[[__m256; 2]; 8]) -> [__m256; 2] {
        [eight(self, pairs, 0), eight(self, pairs, 4)]
    }
}

/// The sums of the halves of four pairs: of the first halves, then of the second ones.
#[inline(always)]
fn eight(simd: V3, p: &[[__m256; 2]; 8], at: usize) -> __m256 {
    let (a, b) = (four(simd, p, at, 0), four(simd, p, at, 1));
    let first = simd.avx._mm256_permute2f128_ps::<0x20>(a, b);
    simd.avx._mm256_add_ps(first, simd.avx._mm256_permute2f128_ps::<0x31>(a, b))
}

/// The sums over 128 bits of one half of four pairs.
#[inline(always)]
fn four(simd: V3, p: &[[__m256; 2]; 8], at: usize, half: usize) -> __m256 {
    let a = cast(two(simd, p[at][half], p[at + 1][half]));
    let b = cast(two(simd, p[at + 2][half], p[at + 3][half]));
    let low = cast(simd.avx._mm256_unpacklo_pd(a, b));
    simd.avx._mm256_add_ps(low, cast(simd.avx._mm256_unpackhi_pd(a, b)))
}

/// The sums of lanes two apart.
#[inline(always)]
fn two(simd: V3, a: __m256, b: __m256) -> __m256 {
    let low = simd.avx._mm256_unpacklo_ps(a, b);
    simd.avx._mm256_add_ps(low, simd.avx._mm256_unpackhi_ps(a, b))
}
