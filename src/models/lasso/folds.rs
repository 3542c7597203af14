//! K-fold cross-validation over a path: folds are row weights, so all folds share the columns.

use std::sync::Arc;

use crate::random::{Draws, purpose};

/// Which fold each row is held out in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    fold: Vec<u32>,
    count: usize,
}

impl Folds {
    /// Deals `rows` rows to `count` folds of nearly equal size, at random by `seed`.
    pub fn new(rows: usize, count: usize, seed: u64) -> Self {
        let mut draws = Draws::new(seed, purpose("cross-validation folds"), 0, 0);
        let mut order: Vec<(u64, usize)> = (0..rows).map(|row| (draws.next_u64(), row)).collect();
        order.sort_unstable();
        let mut fold = vec![0; rows];
        for (rank, (_, row)) in order.into_iter().enumerate() {
            fold[row] = (rank % count.max(1)) as u32;
        }
        Folds { fold, count: count.max(1) }
    }

    /// The number of folds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.fold.len()
    }

    /// The fold that a row is held out in.
    pub(super) fn of(&self, row: usize) -> usize {
        self.fold[row] as usize
    }

    /// The weights of the rows outside of a fold, and zeros in it: what to fit with.
    pub fn weights(&self, fold: usize, weights: Option<&[f64]>) -> Arc<Vec<f64>> {
        self.pick(weights, |other| other != fold)
    }

    /// The weights of the rows of a fold, and zeros outside of it: what to measure on.
    pub fn held_out(&self, fold: usize, weights: Option<&[f64]>) -> Arc<Vec<f64>> {
        self.pick(weights, |other| other == fold)
    }

    fn pick(&self, weights: Option<&[f64]>, keep: impl Fn(usize) -> bool) -> Arc<Vec<f64>> {
        let weight = |row: usize| {
            let given = weights.map(|weights| weights.get(row).copied().unwrap_or(0.0));
            given.unwrap_or(1.0)
        };
        let folds = self.fold.iter().enumerate();
        Arc::new(
            folds.map(|(row, &fold)| if keep(fold as usize) { weight(row) } else { 0.0 }).collect(),
        )
    }
}

/// What cross-validation found, by λ of the path.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Validation {
    /// The path's λ, falling.
    pub lambda: Vec<f64>,
    /// Mean over folds of the (weighted) mean squared error on the rows held out.
    pub mean: Vec<f64>,
    /// Its standard error.
    pub error: Vec<f64>,
    /// The λ of the smallest mean.
    pub lambda_min: f64,
    /// The largest λ whose mean is within one standard error of the smallest.
    pub lambda_1se: f64,
}

impl Validation {
    /// Sums up the folds' losses: `losses[fold][λ]`.
    pub fn of(lambda: Vec<f64>, losses: &[Vec<f64>]) -> Self {
        let folds = losses.len() as f64;
        let at = |index: usize| losses.iter().map(move |fold| fold[index]);
        let mean: Vec<f64> =
            (0..lambda.len()).map(|index| at(index).sum::<f64>() / folds).collect();
        let error: Vec<f64> = (0..lambda.len())
            .map(|index| {
                let square: f64 = at(index).map(|loss| (loss - mean[index]).powi(2)).sum();
                (square / (folds - 1.0).max(1.0) / folds).sqrt()
            })
            .collect();
        let best = (0..mean.len()).min_by(|&a, &b| mean[a].total_cmp(&mean[b])).unwrap_or(0);
        let within = |index: &usize| mean[*index] <= mean[best] + error[best];
        let one = (0..mean.len()).find(within).unwrap_or(best);
        let pick = |index: usize| lambda.get(index).copied().unwrap_or(f64::NAN);
        let (lambda_min, lambda_1se) = (pick(best), pick(one));
        Validation { lambda, mean, error, lambda_min, lambda_1se }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_seeded() {
        let folds = Folds::new(103, 5, 7);
        let size = |fold| folds.held_out(fold, None).iter().sum::<f64>();
        let sizes: Vec<f64> = (0..5).map(size).collect();
        assert_eq!(sizes.iter().sum::<f64>(), 103.0);
        assert!(sizes.iter().all(|size| (20.0..=21.0).contains(size)));
        for (fold, size) in sizes.iter().enumerate() {
            assert_eq!(folds.weights(fold, None).iter().sum::<f64>(), 103.0 - size);
        }
        assert_eq!(folds, Folds::new(103, 5, 7));
        assert_ne!(folds, Folds::new(103, 5, 8));
    }

    #[test]
    fn one_standard_error_rule() {
        let losses = [vec![3.0, 2.0, 1.9], vec![3.2, 2.2, 2.4]];
        let found = Validation::of(vec![1.0, 0.5, 0.1], &losses);
        assert_eq!(found.lambda_min, 0.5);
        assert_eq!(found.lambda_1se, 0.5);
        assert!((found.mean[1] - 2.1).abs() < 1e-12 && (found.error[1] - 0.1).abs() < 1e-12);
    }
}
