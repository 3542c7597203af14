//! A shard's share of the objective while single rows move: kept up to date by what changes, and taken
//! afresh at every sweep.

/// Ratings that are summed up side by side.
const LANES: usize = 8;

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

    /// The moments of a row's ratings, none of weight 0.
    #[inline(always)]
    pub fn of(residuals: &[f32], weights: &[f32]) -> Self {
        let mut sums = Sums::default();
        let (residuals, weights) = (residuals.chunks_exact(LANES), weights.chunks_exact(LANES));
        for (&e, &w) in residuals.remainder().iter().zip(weights.remainder()) {
            sums.add(e, w, 1.0);
        }
        let mut lanes = [[0.0f64; LANES]; 5];
        for (residuals, weights) in residuals.zip(weights) {
            sums.plain[0] += LANES as f64;
            for i in 0..LANES {
                let (e, w) = (f64::from(residuals[i]), f64::from(weights[i]));
                lanes[0][i] += w;
                lanes[1][i] += w * e;
                lanes[2][i] += w * (e * e);
                lanes[3][i] += e;
                lanes[4][i] += e * e;
            }
        }
        let [w, we, wee, e, ee] = lanes.map(|lanes| lanes.iter().sum::<f64>());
        sums.weigh([w, we, wee], [0.0, e, ee], 1.0);
        sums
    }

    fn weigh(&mut self, weighed: [f64; 3], plain: [f64; 3], times: f64) {
        for (sum, part) in self.weighed.iter_mut().zip(weighed) {
            *sum += times * part;
        }
        for (sum, part) in self.plain.iter_mut().zip(plain) {
            *sum += times * part;
        }
    }

    /// A row's ratings come (go, if `times` is −1).
    pub fn take(&mut self, row: &Sums, times: f64) {
        self.weigh(row.weighed, row.plain, times);
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
    fn a_rows_moments_are_those_of_its_ratings() {
        for count in [0, 1, 7, 8, 9, 40] {
            // Small integers and halves, of which sums are exact in any order.
            let residuals: Vec<f32> = (0..count).map(|at| (at % 7) as f32 * 0.5 - 1.0).collect();
            let weights: Vec<f32> = (0..count).map(|at| 1.0 + (at % 3) as f32).collect();
            let (row, mut one) = (Sums::of(&residuals, &weights), Sums::default());
            residuals.iter().zip(&weights).for_each(|(&e, &w)| one.add(e, w, 1.0));
            assert_eq!((row.weighed, row.plain), (one.weighed, one.plain));
            one.take(&row, -1.0);
            assert_eq!((one.weighed, one.plain), ([0.0; 3], [0.0; 3]));
        }
    }

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
