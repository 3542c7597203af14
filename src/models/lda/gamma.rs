//! Quotients of gamma functions, and their derivatives.

/// From so many factors on, products are left to the gamma function.
const FACTORS: u64 = 16;

/// `ln Γ(a + n) − ln Γ(a)` for `a > 0`: the logarithm of `a (a + 1) ⋯ (a + n − 1)`.
pub(super) fn ln_rising(a: f64, n: u64) -> f64 {
    if n < FACTORS {
        (0..n).map(|step| a + step as f64).product::<f64>().ln()
    } else {
        libm::lgamma(a + n as f64) - libm::lgamma(a)
    }
}

/// `ψ(a + n) − ψ(a)` for `a > 0`: the sum of `1/a, 1/(a + 1), …, 1/(a + n − 1)`.
pub(super) fn digamma_rise(a: f64, n: u64) -> f64 {
    if n < FACTORS {
        (0..n).map(|step| 1.0 / (a + step as f64)).sum()
    } else {
        digamma(a + n as f64) - digamma(a)
    }
}

/// `ψ(x)` for `x > 0`: the recurrence up to 14, then the asymptotic series (error below 1e-14).
fn digamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 14.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series =
        y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))));
    x.ln() - 0.5 / x - series - below
}

#[cfg(test)]
mod tests {
    use super::{digamma, digamma_rise, ln_rising};

    fn near(a: f64, b: f64, error: f64) {
        assert!((a - b).abs() <= error * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn products_and_the_gamma_function_agree() {
        for a in [1e-6, 0.01, 0.5, 3.0, 1e4] {
            for n in [0u64, 1, 15, 16, 17, 1000] {
                let sum: f64 = (0..n).map(|step| (a + step as f64).ln()).sum();
                near(ln_rising(a, n), sum, 1e-12);
                let sum: f64 = (0..n).map(|step| 1.0 / (a + step as f64)).sum();
                near(digamma_rise(a, n), sum, 1e-10);
            }
        }
    }

    #[test]
    fn digamma_has_its_known_values() {
        near(digamma(1.0), -0.577_215_664_901_532_9, 1e-13);
        near(digamma(0.5), -1.963_510_026_021_423_5, 1e-13);
        near(digamma(100.0), 4.600_161_852_738_087, 1e-14);
    }
}
