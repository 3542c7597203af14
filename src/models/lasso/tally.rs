//! Sums over the responses of rows that come and go, in twice the digits of `f64`.
//!
//! The mean and the squares about it follow from them without a pass over the rows, and as exactly
//! as from one: what is taken off again leaves a trace of 1e-32 of it. Sums and products without
//! error: Dekker, "A floating-point technique for extending the available precision", Numer. Math.
//! 18, 1971.

use super::design::Rows;

/// Squares about the mean that are less than this share of the squares are taken anew: they may be
/// rounding.
const CANCELLED: f64 = 1e-20;

/// A number as an unevaluated sum of two.
#[derive(Clone, Copy, Debug, Default)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Double { high, low: a.mul_add(b, -high) }
    }

    fn add(self, other: Self) -> Self {
        let high = self.high + other.high;
        let back = high - self.high;
        let error = (self.high - (high - back)) + (other.high - back);
        let low = error + self.low + other.low;
        let sum = high + low;
        Double { high: sum, low: low - (sum - high) }
    }

    fn times(self, factor: f64) -> Self {
        let Double { high, low } = Double::product(self.high, factor);
        Double { high, low: low + self.low * factor }
    }
}

/// `Σ w`, `Σ w y` and `Σ w y²`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    weight: Double,
    first: Double,
    second: Double,
    /// Rows that weigh neither nothing nor one.
    heavy: usize,
}

impl Tally {
    /// The sums of rows.
    pub fn of(rows: &Rows) -> Self {
        let mut tally = Tally::default();
        for (row, &response) in rows.response.iter().enumerate() {
            tally.change(response, 0.0, rows.weight(row));
        }
        tally
    }

    /// A row's response weighs `after`, no longer `before`.
    pub fn change(&mut self, response: f64, before: f64, after: f64) {
        let weight = after - before;
        let alone = |number: f64| Double { high: number, low: 0.0 };
        self.weight = self.weight.add(alone(weight));
        self.first = self.first.add(Double::product(response, weight));
        self.second = self.second.add(Double::product(response, response).times(weight));
        self.heavy -= usize::from(is_heavy(before));
        self.heavy += usize::from(is_heavy(after));
    }

    /// States weight, mean and squares of the rows; false, and nothing done, where they must be taken
    /// from the rows.
    pub fn state(&self, rows: &mut Rows, intercept: bool) -> bool {
        let total = self.weight.high;
        let (mut mean, mut square) = (0.0, self.second);
        if intercept {
            // The quotient of the first sum, to twice the digits.
            mean = self.first.high / total;
            let rest = self.first.add(Double::product(-mean, total)).high / total;
            square = square.add(self.first.times(-mean)).add(self.first.times(-rest));
        }
        // (Also nothing is done where something overflowed.)
        if !(total > 0.0 && square.high > CANCELLED * self.second.high) {
            return false;
        }
        (rows.total, rows.mean, rows.square) = (total, mean, square.high);
        rows.masked = self.heavy == 0;
        true
    }
}

fn is_heavy(weight: f64) -> bool {
    weight != 0.0 && weight != 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(response: &[f64], weights: &[f64], intercept: bool) -> Rows {
        Rows::live(response.to_vec(), weights.to_vec(), intercept)
    }

    #[test]
    fn follows_rows_like_a_pass_over_them() {
        let (mut response, mut weights) = (vec![0.0; 50], vec![0.0; 50]);
        let mut tally = Tally::default();
        for step in 0..4000usize {
            let (row, weight) = (step * 7 % 50, (step * 13 % 11 % 3) as f64);
            tally.change(response[row], weights[row], 0.0);
            response[row] = 1e6 + (step as f64).sin() * [1.0, 1e6][step / 100 % 2];
            weights[row] = weight;
            tally.change(response[row], 0.0, weight);
            for intercept in [false, true] {
                let exact = rows(&response, &weights, intercept);
                let mut told = Rows::default();
                if tally.state(&mut told, intercept) {
                    let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
                    assert_eq!((told.total, told.masked), (exact.total, exact.masked));
                    assert!(close(told.mean, exact.mean) && close(told.square, exact.square));
                }
            }
        }
    }

    #[test]
    fn says_nothing_of_responses_that_do_not_vary_or_overflow() {
        for response in [[0.1; 3], [1e200, 0.0, 1.0], [f64::MAX, f64::MAX, 1.0]] {
            let mut told = Rows::default();
            let tally = Tally::of(&rows(&response, &[1.0; 3], true));
            assert!(!tally.state(&mut told, true), "{response:?}");
            assert_eq!(told.total, 0.0);
        }
    }
}
