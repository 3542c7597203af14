//! A shard's share of the objective while single rows move: kept up to date by what changes, and taken
//! afresh at every sweep.

/// Moments of residuals `e` with weights `w`, and the penalty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// `Σ w`, `Σ w e`, `Σ w e²`.
    pub weighed: [f64; 3],
    /// `Σ 1`, `Σ e`, `Σ e²`.
    pub plain: [f64; 3],
    /// The penalty.
    pub penalty: f64,
    /// By how much the objective fell by rows moved alone since the last sweep.
    pub gained: f64,
}

impl Sums {
    /// A rating comes with a weight (goes, if `times` is −1). One of weight 0 is none.
    pub fn add(&mut self, residual: f32, weight: f32, times: f64) {
        if weight == 0.0 {
            return;
        }
        let (e, w) = (f64::from(residual), times * f64::from(weight));
        let moments = [1.0, e, e * e];
        for (at, moment) in moments.into_iter().enumerate() {
            self.weighed[at] += w * moment;
            self.plain[at] += times * moment;
        }
    }

    /// All residuals fall by the same.
    pub fn shift(&mut self, by: f64) {
        for [count, first, second] in [&mut self.weighed, &mut self.plain] {
            *second += by * (by * *count - 2.0 * *first);
            *first -= by * *count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_and_changes_give_what_a_fresh_sum_gives() {
        let ratings = [(0.5f32, 1.0f32), (-1.25, 2.0), (2.0, 1.0), (0.75, 3.0)];
        let sum = |ratings: &[(f32, f32)], by: f32| {
            let mut sums = Sums::default();
            ratings.iter().for_each(|(e, w)| sums.add(e - by, *w, 1.0));
            sums
        };
        let mut sums = sum(&ratings, 0.0);
        sums.shift(0.5);
        sums.add(2.0 - 0.5, 1.0, -1.0);
        sums.add(7.0, 0.0, 1.0);
        let fresh = sum(&[ratings[0], ratings[1], ratings[3]], 0.5);
        assert_eq!((sums.weighed, sums.plain), (fresh.weighed, fresh.plain));
    }
}
