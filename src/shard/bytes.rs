//! One-byte columns: small integers, and other values at even distances.

use super::dense;
use super::path::Path;

/// The rows that are unpacked at a time: as many as a line of two-bit codes has.
const SPAN: usize = super::codes::LINE;

/// What the codes of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// The value of code 0.
    pub(super) offset: f64,
    /// The distance of neighbouring codes' values.
    pub(super) step: f64,
}

/// A one-byte column.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) codes: &'a [u8],
    pub(super) scale: Scale,
}

impl Scale {
    /// The scale whose codes give back all values, bit for bit, if one is found: that of integers,
    /// or of multiples of the smallest distance from the least value.
    pub(super) fn of(values: &[f64]) -> Option<Scale> {
        let offset = values.iter().copied().fold(f64::INFINITY, f64::min);
        let above = |least: f64, value: &f64| match *value - offset {
            distance if distance > 0.0 => least.min(distance),
            _ => least,
        };
        let least = values.iter().fold(f64::INFINITY, above);
        let step = if least.is_finite() { least } else { 1.0 };
        let scales = [1.0, step].map(|step| Scale { offset, step });
        scales.into_iter().find(|scale| scale.is_finite() && scale.is_exact(values))
    }

    /// Whether every code has a finite value.
    pub(super) fn is_finite(self) -> bool {
        self.offset.is_finite() && self.step.is_finite() && self.value(255.0).is_finite()
    }

    /// The value of a code, rounded twice.
    #[inline(always)]
    pub(super) fn value(self, code: f64) -> f64 {
        self.offset + self.step * code
    }

    /// The code of a value that has one.
    pub(super) fn code(self, value: f64) -> u8 {
        // (Conversion to integers saturates, so that values without a code do no harm.)
        ((value - self.offset) / self.step).round() as u8
    }

    fn is_exact(self, values: &[f64]) -> bool {
        let exact = |value: &f64| {
            let code = f64::from(self.code(*value));
            self.value(code).to_bits() == value.to_bits()
        };
        // A group at a time without branches.
        values.chunks(dense::LANES).all(|group| group.iter().fold(true, |all, v| all & exact(v)))
    }
}

impl Bytes<'_> {
    /// The value of a row.
    pub(super) fn value(&self, row: usize) -> f64 {
        self.scale.value(self.codes[row].into())
    }

    /// Calls `f` with the first row and the values of spans of rows, in row order.
    #[inline]
    pub(super) fn for_spans(&self, mut f: impl FnMut(usize, &[f64])) {
        let mut values = [0.0; SPAN];
        for (codes, first) in self.codes.chunks(SPAN).zip((0..).step_by(SPAN)) {
            for (value, &code) in values.iter_mut().zip(codes) {
                *value = self.scale.value(code.into());
            }
            f(first, &values[..codes.len()]);
        }
    }

    /// `Σ x_i r_i`, in the order of [`super::dense`].
    pub(super) fn dot(&self, path: Path, r: &[f64]) -> f64 {
        let scale = self.scale;
        dense::sum(
            path,
            self.codes,
            r,
            #[inline(always)]
            |code, r| scale.value(code) * r,
        )
    }

    /// `Σ (x_i - shift) r_i`.
    pub(super) fn dot_shifted(&self, path: Path, shift: f64, r: &[f64]) -> f64 {
        let scale = self.scale;
        dense::sum(
            path,
            self.codes,
            r,
            #[inline(always)]
            |code, r| (scale.value(code) - shift) * r,
        )
    }

    /// `Σ x_i z_i` with another one-byte column.
    pub(super) fn cross(&self, other: &Bytes<'_>) -> f64 {
        let (x, z) = (self.scale, other.scale);
        dense::sum(
            Path::best(),
            self.codes,
            other.codes,
            #[inline(always)]
            |a, b| x.value(a) * z.value(b),
        )
    }

    /// `r_i += a (x_i - shift)`.
    pub(super) fn axpy(&self, path: Path, a: f64, shift: f64, r: &mut [f64]) {
        let scale = self.scale;
        path.run(
            #[inline(always)]
            || {
                for (r, &code) in r.iter_mut().zip(self.codes) {
                    *r += a * (scale.value(code.into()) - shift);
                }
            },
        );
    }

    /// `r_i += a (x_i - shift) w_i`.
    pub(super) fn axpy_weighted(&self, path: Path, [a, shift]: [f64; 2], w: &[f64], r: &mut [f64]) {
        let scale = self.scale;
        path.run(
            #[inline(always)]
            || {
                for ((r, &code), &w) in r.iter_mut().zip(self.codes).zip(w) {
                    *r += a * (scale.value(code.into()) - shift) * w;
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    fn found(values: &[f64]) -> Option<(f64, f64)> {
        let scale = Scale::of(values)?;
        for value in values {
            let code = scale.code(*value);
            assert_eq!(scale.value(code.into()).to_bits(), value.to_bits());
        }
        Some((scale.offset, scale.step))
    }

    #[test]
    fn integers_and_even_distances_have_a_scale() {
        assert_eq!(found(&[0.0, 2.0, 5.0, 255.0]), Some((0.0, 1.0)));
        assert_eq!(found(&[-128.0, 127.0]), Some((-128.0, 1.0)));
        assert_eq!(found(&[2020.0, 1987.0, 1988.0]), Some((1987.0, 1.0)));
        assert_eq!(found(&[1.5, -0.25, 0.25, 0.0]), Some((-0.25, 0.25)));
        assert_eq!(found(&[1e6, 3e6, 2.55e8]), Some((1e6, 2e6)));
        assert_eq!(found(&[7.5; 3]), Some((7.5, 1.0)));
    }

    #[test]
    fn what_would_not_come_back_has_none() {
        assert_eq!(found(&[0.0, 256.0, 1.0]), None);
        assert_eq!(found(&[0.0, 1.0, -0.0]), None);
        assert_eq!(found(&[0.1, 0.2, 0.7]), None);
        assert_eq!(found(&[-1.7e308, 1.7e308]), None);
        assert_eq!(found(&[0.0, 1.0, f64::MIN_POSITIVE]), None);
    }
}
