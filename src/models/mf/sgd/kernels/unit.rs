//! What the kernels ask of a vector unit: sixteen numbers at a time.
//!
//! **Determinism.** Every operation is defined lane by lane, products are fused into sums
//! (`a·b + c`, rounded once) on every unit, and sums over lanes are taken in the order of
//! [`Unit::quad`] and [`Unit::join`]: all units give the same bits.

/// Numbers of a vector.
pub(in super::super) const LANES: usize = 16;

/// Sixteen numbers, as they lie in a row.
pub(in super::super) type Line = [f32; LANES];

/// Vectors of sixteen numbers.
pub(super) trait Unit: Copy {
    /// Sixteen numbers.
    type Lanes: Copy;

    /// Reads sixteen numbers.
    fn load(self, from: &Line) -> Self::Lanes;
    /// Writes sixteen numbers.
    fn store(self, lanes: Self::Lanes, to: &mut Line);
    /// Sixteen times the same number.
    fn splat(self, value: f32) -> Self::Lanes;
    /// `a + b`.
    fn add(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a − b`.
    fn sub(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a · b`.
    fn mul(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a · b + c`, rounded once.
    fn fused(self, a: Self::Lanes, b: Self::Lanes, c: Self::Lanes) -> Self::Lanes;
    /// Of four vectors the sums over each quarter, `(x0 + x2) + (x1 + x3)`: quarter `i` of the
    /// result holds those of the quarters `i` of the four, in order.
    fn quad(self, rows: [Self::Lanes; 4]) -> Self::Lanes;
    /// Of four results of [`Unit::quad`] the sums over quarters, `(q0 + q1) + (q2 + q3)`: the sums
    /// of all sixteen vectors, in order.
    fn join(self, quads: [Self::Lanes; 4]) -> Self::Lanes;
}

/// What every processor has. Where it has no fused multiply-add the C library's is called, which
/// is slow and right.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn by_lane(f: impl Fn(usize) -> f32) -> Line {
    let mut lanes = [0.0; LANES];
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane = f(i);
    }
    lanes
}

impl Unit for Portable {
    type Lanes = Line;

    #[inline(always)]
    fn load(self, from: &Line) -> Line {
        *from
    }

    #[inline(always)]
    fn store(self, lanes: Line, to: &mut Line) {
        *to = lanes;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Line {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, a: Line, b: Line) -> Line {
        by_lane(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Line, b: Line) -> Line {
        by_lane(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Line, b: Line) -> Line {
        by_lane(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn fused(self, a: Line, b: Line, c: Line) -> Line {
        by_lane(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn quad(self, rows: [Line; 4]) -> Line {
        by_lane(|i| {
            let (x, at) = (&rows[i % 4], i / 4 * 4);
            (x[at] + x[at + 2]) + (x[at + 1] + x[at + 3])
        })
    }

    #[inline(always)]
    fn join(self, quads: [Line; 4]) -> Line {
        by_lane(|i| {
            let (q, at) = (&quads[i / 4], i % 4);
            (q[at] + q[at + 4]) + (q[at + 8] + q[at + 12])
        })
    }
}
