//! Sixteen numbers at a time: the vectors that the kernels are written in.
//!
//! **Determinism.** A unit never changes a result: every operation here is one rounding a lane, or
//! a reduction whose order is part of its definition, so that all units give the same bits.

use bytemuck::{Pod, Zeroable};
use pulp::cast;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512, __m512i};

/// Numbers to a vector.
pub(in crate::models::lda) const LANES: usize = 16;

/// A cache line of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(in crate::models::lda) struct Line(pub [u32; LANES]);

/// One number for each of the 2¹⁶ codes: indexed by a code it needs no bounds.
#[derive(Clone, Copy, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Table<T>(pub [T; 1 << 16]);

impl<T: Zeroable> Table<T> {
    /// All zeros; memory is taken where it is first written.
    pub fn zeroed() -> Box<Self> {
        bytemuck::allocation::zeroed_box()
    }
}

/// A vector unit.
pub(super) trait Unit: Copy {
    /// Sixteen floats.
    type Floats: Copy;
    /// Sixteen integers.
    type Words: Copy;

    /// Asks for a line before it is needed.
    fn prefetch(self, lines: &[Line], at: usize);
    fn words(self, from: &[u32; LANES]) -> Self::Words;
    fn halves(self, from: &[u16; LANES]) -> Self::Words;
    fn floats(self, from: &[f32; LANES]) -> Self::Floats;
    fn array(self, floats: Self::Floats) -> [f32; LANES];
    fn splat(self, value: f32) -> Self::Floats;
    /// The upper halves.
    fn high(self, words: Self::Words) -> Self::Words;
    /// The lower halves, as floats.
    fn low(self, words: Self::Words) -> Self::Floats;
    /// Numbers below 2³² as floats.
    fn float(self, words: Self::Words) -> Self::Floats;
    /// A bit for every lane that is equal.
    fn equal(self, words: Self::Words, value: u32) -> u16;
    /// A bit for every lane above a value.
    fn above(self, floats: Self::Floats, value: f32) -> u16;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Zeros in the lanes of the mask.
    fn clear(self, mask: u16, floats: Self::Floats) -> Self::Floats;
    /// The entries of a table at the upper halves.
    fn gather(self, table: &Table<f32>, words: Self::Words) -> Self::Floats;
    /// Sums of the lanes up to each: by doubling, `x_i + x_{i−1}`, then `+ x_{i−2}`, `x_{i−4}`, `x_{i−8}`.
    fn prefix(self, floats: Self::Floats) -> Self::Floats;
    /// The sum of all lanes: by halving, `x_i + x_{i+8}`, then `+ x_{i+4}`, `x_{i+2}`, `x_{i+1}`.
    fn total(self, floats: Self::Floats) -> f32;
}

/// Arrays: what every processor can do, and what compilers turn into vectors of four or eight.
#[derive(Clone, Copy)]
pub(super) struct Plain;

macro_rules! arrays {
    () => {
        type Floats = [f32; LANES];
        type Words = [u32; LANES];

        #[inline(always)]
        fn words(self, from: &[u32; LANES]) -> [u32; LANES] {
            *from
        }
        #[inline(always)]
        fn halves(self, from: &[u16; LANES]) -> [u32; LANES] {
            each(|lane| u32::from(from[lane]))
        }
        #[inline(always)]
        fn floats(self, from: &[f32; LANES]) -> [f32; LANES] {
            *from
        }
        #[inline(always)]
        fn array(self, floats: [f32; LANES]) -> [f32; LANES] {
            floats
        }
        #[inline(always)]
        fn splat(self, value: f32) -> [f32; LANES] {
            [value; LANES]
        }
        #[inline(always)]
        fn high(self, words: [u32; LANES]) -> [u32; LANES] {
            each(|lane| words[lane] >> 16)
        }
        #[inline(always)]
        fn low(self, words: [u32; LANES]) -> [f32; LANES] {
            each(|lane| (words[lane] & 0xffff) as i32 as f32)
        }
        #[inline(always)]
        fn float(self, words: [u32; LANES]) -> [f32; LANES] {
            each(|lane| words[lane] as f32)
        }
        #[inline(always)]
        fn equal(self, words: [u32; LANES], value: u32) -> u16 {
            mask(|lane| words[lane] == value)
        }
        #[inline(always)]
        fn above(self, floats: [f32; LANES], value: f32) -> u16 {
            mask(|lane| floats[lane] > value)
        }
        #[inline(always)]
        fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
            each(|lane| a[lane] + b[lane])
        }
        #[inline(always)]
        fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
            each(|lane| a[lane] * b[lane])
        }
        #[inline(always)]
        fn clear(self, mask: u16, floats: [f32; LANES]) -> [f32; LANES] {
            each(|lane| if mask >> lane & 1 == 1 { 0.0 } else { floats[lane] })
        }
        #[inline(always)]
        fn gather(self, table: &Table<f32>, words: [u32; LANES]) -> [f32; LANES] {
            each(|lane| table.0[usize::from((words[lane] >> 16) as u16)])
        }
        #[inline(always)]
        fn prefix(self, floats: [f32; LANES]) -> [f32; LANES] {
            let x = shifted::<1>(floats);
            let x = shifted::<2>(x);
            let x = shifted::<4>(x);
            shifted::<8>(x)
        }
        #[inline(always)]
        fn total(self, floats: [f32; LANES]) -> f32 {
            let eight: [f32; 8] = each(|lane| floats[lane] + floats[lane + 8]);
            let four: [f32; 4] = each(|lane| eight[lane] + eight[lane + 4]);
            (four[0] + four[2]) + (four[1] + four[3])
        }
    };
}

/// What `f` gives for each lane.
#[inline(always)]
fn each<T: Copy + Default, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut all = [T::default(); N];
    let mut lane = 0;
    while lane < N {
        all[lane] = f(lane);
        lane += 1;
    }
    all
}

/// A bit for every lane that holds.
#[inline(always)]
fn mask(holds: impl Fn(usize) -> bool) -> u16 {
    let mut mask = 0;
    let mut lane = 0;
    while lane < LANES {
        mask |= u16::from(holds(lane)) << lane;
        lane += 1;
    }
    mask
}

/// Every lane plus the one `BY` below.
#[inline(always)]
fn shifted<const BY: usize>(x: [f32; LANES]) -> [f32; LANES] {
    each(|lane| if lane < BY { x[lane] } else { x[lane] + x[lane - BY] })
}

impl Unit for Plain {
    arrays!();

    #[inline(always)]
    fn prefetch(self, _lines: &[Line], _at: usize) {}
}

/// Arrays compiled for AVX2.
#[cfg(target_arch = "x86_64")]
impl Unit for V3 {
    arrays!();

    #[inline(always)]
    fn prefetch(self, lines: &[Line], at: usize) {
        self.sse._mm_prefetch::<3>(lines.as_ptr().wrapping_add(at).cast());
    }
}

/// Lanes moved up by `16 − FROM`, zeros in the lowest.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn up<const FROM: i32>(simd: V4, x: __m512) -> __m512 {
    let zero = cast([0u32; LANES]);
    cast(simd.avx512f._mm512_alignr_epi32::<FROM>(cast(x), zero))
}

/// Lanes moved down by `BY`, around.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn around<const BY: i32>(simd: V4, x: __m512) -> __m512 {
    cast(simd.avx512f._mm512_alignr_epi32::<BY>(cast(x), cast(x)))
}

#[cfg(target_arch = "x86_64")]
impl Unit for V4 {
    type Floats = __m512;
    type Words = __m512i;

    #[inline(always)]
    fn prefetch(self, lines: &[Line], at: usize) {
        self.sse._mm_prefetch::<3>(lines.as_ptr().wrapping_add(at).cast());
    }
    #[inline(always)]
    fn words(self, from: &[u32; LANES]) -> __m512i {
        cast(*from)
    }
    #[inline(always)]
    fn halves(self, from: &[u16; LANES]) -> __m512i {
        self.avx512f._mm512_cvtepu16_epi32(cast(*from))
    }
    #[inline(always)]
    fn floats(self, from: &[f32; LANES]) -> __m512 {
        cast(*from)
    }
    #[inline(always)]
    fn array(self, floats: __m512) -> [f32; LANES] {
        cast(floats)
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        cast([value; LANES])
    }
    #[inline(always)]
    fn high(self, words: __m512i) -> __m512i {
        self.avx512f._mm512_srli_epi32::<16>(words)
    }
    #[inline(always)]
    fn low(self, words: __m512i) -> __m512 {
        let low = self.avx512f._mm512_and_si512(words, cast([0xffff_u32; LANES]));
        self.avx512f._mm512_cvtepi32_ps(low)
    }
    #[inline(always)]
    fn float(self, words: __m512i) -> __m512 {
        self.avx512f._mm512_cvtepu32_ps(words)
    }
    #[inline(always)]
    fn equal(self, words: __m512i, value: u32) -> u16 {
        self.avx512f._mm512_cmpeq_epi32_mask(words, cast([value; LANES]))
    }
    #[inline(always)]
    fn above(self, floats: __m512, value: f32) -> u16 {
        const GREATER: i32 = std::arch::x86_64::_CMP_GT_OQ;
        self.avx512f._mm512_cmp_ps_mask::<GREATER>(floats, cast([value; LANES]))
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_add_ps(a, b)
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_mul_ps(a, b)
    }
    #[inline(always)]
    fn clear(self, mask: u16, floats: __m512) -> __m512 {
        self.avx512f._mm512_maskz_mov_ps(!mask, floats)
    }
    #[inline(always)]
    fn gather(self, table: &Table<f32>, words: __m512i) -> __m512 {
        // Sixteen loads are as fast here as the gather instruction, which has no safe form.
        let words: [u32; LANES] = cast(self.high(words));
        cast(each::<f32, LANES>(|lane| table.0[usize::from(words[lane] as u16)]))
    }
    #[inline(always)]
    fn prefix(self, floats: __m512) -> __m512 {
        let x = self.add(floats, up::<15>(self, floats));
        let x = self.add(x, up::<14>(self, x));
        let x = self.add(x, up::<12>(self, x));
        self.add(x, up::<8>(self, x))
    }
    #[inline(always)]
    fn total(self, floats: __m512) -> f32 {
        let x = self.add(floats, around::<8>(self, floats));
        let x = self.add(x, around::<4>(self, x));
        let x = self.add(x, around::<2>(self, x));
        self.array(self.add(x, around::<1>(self, x)))[0]
    }
}

/// The lane in which the running sum passes `at`, and what of `at` lies in it: only lanes with mass
/// are chosen, the last of them if rounding leaves nothing else. Nothing if no lane has mass.
#[inline(always)]
pub(super) fn pick<U: Unit>(
    unit: U,
    mass: U::Floats,
    prefix: U::Floats,
    at: f32,
) -> Option<(usize, f32)> {
    let positive = unit.above(mass, 0.0);
    let passed = unit.above(prefix, at) & positive;
    let lane = match passed {
        0 if positive == 0 => return None,
        0 => 15 - positive.leading_zeros() as usize,
        _ => passed.trailing_zeros() as usize,
    } & (LANES - 1);
    let (mass, prefix) = (unit.array(mass)[lane], unit.array(prefix)[lane]);
    Some((lane, (at - (prefix - mass)).max(0.0)))
}
