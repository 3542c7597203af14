//! What the kernels ask of a vector unit: sixteen numbers at a time, eight of one rating and eight
//! of another.
//!
//! **Determinism.** Every operation is defined lane by lane, products are rounded before they are
//! added, and sums are taken in the order of [`Unit::sum_pairs`]: all units give the same bits.

/// Numbers of a block: what one row of a table holds of a factor.
pub(in super::super) const BLOCK: usize = 8;

/// Ratings that are worked on together: the number of lanes.
pub(in super::super) const BATCH: usize = 16;

/// Vectors of sixteen numbers.
pub(super) trait Unit: Copy {
    /// Sixteen numbers.
    type Lanes: Copy;

    /// Reads sixteen numbers.
    fn load(self, from: &[f32; 16]) -> Self::Lanes;
    /// Writes sixteen numbers.
    fn store(self, lanes: Self::Lanes, to: &mut [f32; 16]);
    /// `a + b`.
    fn add(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a − b`.
    fn sub(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a · b`.
    fn mul(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// The first eight of `a`, then the first eight of `b`.
    fn low_halves(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// The last eight of `a`, then the last eight of `b`.
    fn high_halves(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// Each half turned by `S`: lane `i` of a half is what lane `(i + S) mod 8` was.
    fn rotate<const S: usize>(self, a: Self::Lanes) -> Self::Lanes;
    /// Lanes [`pair`]`(Q)` of `a`: the first in the first half, the second in the second half.
    fn spread<const Q: usize>(self, a: Self::Lanes) -> Self::Lanes;
    /// The sums over each half of each pair, in the order of the ratings: of the halves of
    /// `pairs[q]` in lanes [`pair`]`(q)`. Eight numbers `p` are added as
    /// `((p0 + p2) + (p1 + p3)) + ((p4 + p6) + (p5 + p7))`.
    fn sum_pairs(self, pairs: &[Self::Lanes; 8]) -> Self::Lanes;
}

/// The ratings of a batch that make its pair `q`.
pub(super) const fn pair(q: usize) -> (usize, usize) {
    let first = q + 4 * (q / 4);
    (first, first + 4)
}

/// What every processor has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Unit for Portable {
    type Lanes = [f32; 16];

    #[inline(always)]
    fn load(self, from: &[f32; 16]) -> [f32; 16] {
        *from
    }

    #[inline(always)]
    fn store(self, lanes: [f32; 16], to: &mut [f32; 16]) {
        *to = lanes;
    }

    #[inline(always)]
    fn add(self, mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for i in 0..16 {
            a[i] += b[i];
        }
        a
    }

    #[inline(always)]
    fn sub(self, mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for i in 0..16 {
            a[i] -= b[i];
        }
        a
    }

    #[inline(always)]
    fn mul(self, mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for i in 0..16 {
            a[i] *= b[i];
        }
        a
    }

    #[inline(always)]
    fn low_halves(self, mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        a[8..].copy_from_slice(&b[..8]);
        a
    }

    #[inline(always)]
    fn high_halves(self, a: [f32; 16], mut b: [f32; 16]) -> [f32; 16] {
        b[..8].copy_from_slice(&a[8..]);
        b
    }

    #[inline(always)]
    fn rotate<const S: usize>(self, a: [f32; 16]) -> [f32; 16] {
        let mut turned = a;
        for i in 0..16 {
            turned[i] = a[i / 8 * 8 + (i + S) % 8];
        }
        turned
    }

    #[inline(always)]
    fn spread<const Q: usize>(self, a: [f32; 16]) -> [f32; 16] {
        let (first, second) = pair(Q);
        let mut spread = [a[first]; 16];
        spread[8..].fill(a[second]);
        spread
    }

    #[inline(always)]
    fn sum_pairs(self, pairs: &[[f32; 16]; 8]) -> [f32; 16] {
        let mut sums = [0.0; 16];
        for q in 0..8 {
            let (first, second) = pair(q);
            sums[first] = sum_half(&pairs[q], 0);
            sums[second] = sum_half(&pairs[q], 8);
        }
        sums
    }
}

/// The sum of eight numbers from `at` on.
#[inline(always)]
fn sum_half(p: &[f32; 16], at: usize) -> f32 {
    let first = (p[at] + p[at + 2]) + (p[at + 1] + p[at + 3]);
    first + ((p[at + 4] + p[at + 6]) + (p[at + 5] + p[at + 7]))
}
