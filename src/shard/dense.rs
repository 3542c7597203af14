//! Dense kernels, and the order in which every dense sum is taken.
//!
//! **Summation order.** Rows are dealt to [`LANES`] accumulators, row `i` to accumulator
//! `i mod LANES`; each adds its products in ascending row order, every product rounded before it is
//! added (no fused multiply-add); then accumulators are added pairwise at distance 16, 8, 4, 2, 1.
//! All dense forms (`f64`, `f32`, two-bit codes) share it, so equal values give equal bits, and
//! vector units of any width up to 32 numbers can follow it.

use super::path::Path;

/// The number of accumulators of a dense sum.
pub(super) const LANES: usize = 32;

/// The partial sums of a dense sum.
#[derive(Clone, Copy)]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    /// Nothing added yet.
    pub(super) fn new() -> Self {
        Lanes([0.0; LANES])
    }

    /// Adds `x_i y_i` over rows that begin at a multiple of [`LANES`].
    #[inline(always)]
    pub(super) fn add<T, U>(&mut self, x: &[T], y: &[U])
    where
        T: Copy + Into<f64>,
        U: Copy + Into<f64>,
    {
        self.add_map(x, y, |x, y| x * y);
    }

    /// Adds `f(x_i, y_i)` over rows that begin at a multiple of [`LANES`].
    #[inline(always)]
    pub(super) fn add_map<T, U>(&mut self, x: &[T], y: &[U], f: impl Fn(f64, f64) -> f64)
    where
        T: Copy + Into<f64>,
        U: Copy + Into<f64>,
    {
        let (x_groups, x_rest) = x.as_chunks::<LANES>();
        let (y_groups, y_rest) = y.as_chunks::<LANES>();
        // A copy that is only used here stays in registers.
        let mut sums = self.0;
        for (x, y) in x_groups.iter().zip(y_groups) {
            for lane in 0..LANES {
                sums[lane] += f(x[lane].into(), y[lane].into());
            }
        }
        self.0 = sums;
        for ((lane, &x), &y) in self.0.iter_mut().zip(x_rest).zip(y_rest) {
            *lane += f(x.into(), y.into());
        }
    }

    /// The sum of all lanes.
    #[inline(always)]
    pub(super) fn total(mut self) -> f64 {
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                self.0[lane] += self.0[lane + width];
            }
            width /= 2;
        }
        self.0[0]
    }
}

/// `Σ x_i y_i`.
pub(super) fn dot<T, U>(path: Path, x: &[T], y: &[U]) -> f64
where
    T: Copy + Into<f64>,
    U: Copy + Into<f64>,
{
    sum(path, x, y, |x, y| x * y)
}

/// `Σ f(x_i, y_i)`.
pub(super) fn sum<T, U>(path: Path, x: &[T], y: &[U], f: impl Fn(f64, f64) -> f64) -> f64
where
    T: Copy + Into<f64>,
    U: Copy + Into<f64>,
{
    path.of_dense::<T>().run(
        #[inline(always)]
        || {
            let mut lanes = Lanes::new();
            lanes.add_map(x, y, f);
            lanes.total()
        },
    )
}

/// `Σ (x_i - shift) r_i`.
pub(super) fn dot_shifted<T: Copy + Into<f64>>(path: Path, x: &[T], shift: f64, r: &[f64]) -> f64 {
    sum(
        path,
        x,
        r,
        #[inline(always)]
        |x, r| (x - shift) * r,
    )
}

/// `r_i += a (x_i - shift)`.
pub(super) fn axpy<T: Copy + Into<f64>>(path: Path, x: &[T], a: f64, shift: f64, r: &mut [f64]) {
    path.of_dense::<T>().run(
        #[inline(always)]
        || {
            for (r, &x) in r.iter_mut().zip(x) {
                *r += a * (x.into() - shift);
            }
        },
    );
}

/// `r_i += a (x_i - shift) w_i`.
pub(super) fn axpy_weighted<T: Copy + Into<f64>>(
    path: Path,
    x: &[T],
    [a, shift]: [f64; 2],
    w: &[f64],
    r: &mut [f64],
) {
    path.of_dense::<T>().run(
        #[inline(always)]
        || {
            for ((r, &x), &w) in r.iter_mut().zip(x).zip(w) {
                *r += a * (x.into() - shift) * w;
            }
        },
    );
}
