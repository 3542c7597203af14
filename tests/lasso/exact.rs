//! Sums of two `f64`: 106 bits, for judging what was computed with 53.
//!
//! Knuth's TwoSum, Dekker's FastTwoSum and TwoProduct by fused multiply-add; the algorithms of
//! Joldes, Muller and Popescu (ACM TOMS 2017), each right to a few units in 2⁻¹⁰⁴.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, with `low` at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Exact {
    high: f64,
    low: f64,
}

/// The sum of two numbers and what it lost by rounding.
fn two_sum(a: f64, b: f64) -> Exact {
    let high = a + b;
    let of_b = high - a;
    Exact { high, low: (a - (high - of_b)) + (b - of_b) }
}

/// The same, if `a` is not the smaller one.
fn fast_two_sum(a: f64, b: f64) -> Exact {
    let high = a + b;
    Exact { high, low: b - (high - a) }
}

/// The product of two numbers and what it lost by rounding.
fn two_product(a: f64, b: f64) -> Exact {
    let high = a * b;
    Exact { high, low: a.mul_add(b, -high) }
}

impl Exact {
    pub const ZERO: Exact = Exact { high: 0.0, low: 0.0 };

    /// The nearest `f64`.
    pub fn value(self) -> f64 {
        self.high
    }

    pub fn abs(self) -> Exact {
        if self.high < 0.0 { -self } else { self }
    }

    pub fn max(self, other: Exact) -> Exact {
        if self < other { other } else { self }
    }

    pub fn min(self, other: Exact) -> Exact {
        if other < self { other } else { self }
    }

    pub fn sqrt(self) -> Exact {
        if self.high <= 0.0 {
            return Exact::ZERO;
        }
        // One step of Newton's method doubles the digits.
        let root = Exact::from(self.high.sqrt());
        root + (self - root * root) / (root + root)
    }
}

impl From<f64> for Exact {
    fn from(high: f64) -> Exact {
        Exact { high, low: 0.0 }
    }
}

impl Neg for Exact {
    type Output = Exact;
    fn neg(self) -> Exact {
        Exact { high: -self.high, low: -self.low }
    }
}

impl Add for Exact {
    type Output = Exact;
    fn add(self, other: Exact) -> Exact {
        let (highs, lows) = (two_sum(self.high, other.high), two_sum(self.low, other.low));
        let sum = fast_two_sum(highs.high, highs.low + lows.high);
        fast_two_sum(sum.high, lows.low + sum.low)
    }
}

impl Sub for Exact {
    type Output = Exact;
    fn sub(self, other: Exact) -> Exact {
        self + -other
    }
}

impl Mul for Exact {
    type Output = Exact;
    fn mul(self, other: Exact) -> Exact {
        let highs = two_product(self.high, other.high);
        let cross = self.high.mul_add(other.low, self.low * other.high);
        fast_two_sum(highs.high, highs.low + cross)
    }
}

impl Div for Exact {
    type Output = Exact;
    fn div(self, other: Exact) -> Exact {
        let first = Exact::from(self.high / other.high);
        let rest = self - other * first;
        let second = Exact::from(rest.high / other.high);
        let rest = rest - other * second;
        first + second + Exact::from(rest.high / other.high)
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Exact>>(terms: I) -> Exact {
        terms.fold(Exact::ZERO, |sum, term| sum + term)
    }
}

#[test]
fn digits_beyond_f64_are_kept() {
    let of = |x: f64| Exact::from(x);
    let sum = of(1e16) + of(1.0) + of(1e-10) - of(1e16) - of(1.0);
    assert!((sum.value() - 1e-10).abs() < 1e-15);
    // (1 + e)(1 − e) = 1 − e², which f64 cannot tell from 1.
    let e = 2f64.powi(-40);
    let product = (of(1.0) + of(e)) * (of(1.0) - of(e));
    assert_eq!((product - of(1.0)).value(), -e * e);
    let third = of(1.0) / of(3.0);
    assert!((third * of(3.0) - of(1.0)).abs() < of(1e-30));
    let root = of(2.0).sqrt();
    assert!((root * root - of(2.0)).abs() < of(1e-30));
}
