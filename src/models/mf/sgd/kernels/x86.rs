//! The kernels' vectors on AVX2 and AVX-512.

use std::arch::x86_64::{__m256, __m512};

use pulp::cast;
use pulp::x86::{V3, V4};

use super::unit::{Line, Unit};

/// Quarters 0 and 2 of two vectors, and quarters 1 and 3.
const EVEN: i32 = 0b10_00_10_00;
const ODD: i32 = 0b11_01_11_01;

impl Unit for V4 {
    type Lanes = __m512;

    #[inline(always)]
    fn load(self, from: &Line) -> __m512 {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, lanes: __m512, to: &mut Line) {
        *to = cast(lanes);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        self.avx512f._mm512_set1_ps(value)
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
    fn fused(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.avx512f._mm512_fmadd_ps(a, b, c)
    }

    #[inline(always)]
    fn quad(self, [a, b, c, d]: [__m512; 4]) -> __m512 {
        let f = self.avx512f;
        let ab = cast(self.add(f._mm512_unpacklo_ps(a, b), f._mm512_unpackhi_ps(a, b)));
        let cd = cast(self.add(f._mm512_unpacklo_ps(c, d), f._mm512_unpackhi_ps(c, d)));
        self.add(cast(f._mm512_unpacklo_pd(ab, cd)), cast(f._mm512_unpackhi_pd(ab, cd)))
    }

    #[inline(always)]
    fn join(self, [a, b, c, d]: [__m512; 4]) -> __m512 {
        halved(self, halved(self, a, b), halved(self, c, d))
    }
}

/// Sums of neighbouring quarters: those of `a`, then those of `b`.
#[inline(always)]
fn halved(simd: V4, a: __m512, b: __m512) -> __m512 {
    let even = simd.avx512f._mm512_shuffle_f32x4::<EVEN>(a, b);
    simd.add(even, simd.avx512f._mm512_shuffle_f32x4::<ODD>(a, b))
}

impl Unit for V3 {
    type Lanes = [__m256; 2];

    #[inline(always)]
    fn load(self, from: &Line) -> [__m256; 2] {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, lanes: [__m256; 2], to: &mut Line) {
        *to = cast(lanes);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [__m256; 2] {
        [self.avx._mm256_set1_ps(value); 2]
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
    fn fused(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        [self.fma._mm256_fmadd_ps(a[0], b[0], c[0]), self.fma._mm256_fmadd_ps(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn quad(self, [a, b, c, d]: [[__m256; 2]; 4]) -> [__m256; 2] {
        [four(self, [a[0], b[0], c[0], d[0]]), four(self, [a[1], b[1], c[1], d[1]])]
    }

    #[inline(always)]
    fn join(self, [a, b, c, d]: [[__m256; 2]; 4]) -> [__m256; 2] {
        let first = [eight(self, a[0], b[0]), eight(self, c[0], d[0])];
        self.add(first, [eight(self, a[1], b[1]), eight(self, c[1], d[1])])
    }
}

/// The sums over each quarter of four halves.
#[inline(always)]
fn four(simd: V3, [a, b, c, d]: [__m256; 4]) -> __m256 {
    let f = simd.avx;
    let ab = cast(f._mm256_add_ps(f._mm256_unpacklo_ps(a, b), f._mm256_unpackhi_ps(a, b)));
    let cd = cast(f._mm256_add_ps(f._mm256_unpacklo_ps(c, d), f._mm256_unpackhi_ps(c, d)));
    let low = cast(f._mm256_unpacklo_pd(ab, cd));
    f._mm256_add_ps(low, cast(f._mm256_unpackhi_pd(ab, cd)))
}

/// Sums of the two quarters of a half: that of `a`, then that of `b`.
#[inline(always)]
fn eight(simd: V3, a: __m256, b: __m256) -> __m256 {
    let first = simd.avx._mm256_permute2f128_ps::<0x20>(a, b);
    simd.avx._mm256_add_ps(first, simd.avx._mm256_permute2f128_ps::<0x31>(a, b))
}
