//! K-fold cross-validation over a path: folds are row weights, so all folds share the columns.

use std::sync::Arc;

use crate::scheduler::random::{Draws, purpose};

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

    /// Row weights with the rows of a fold held out.
    pub fn weights(&self, held_out: usize, weights: Option<&[f64]>) -> Arc<Vec<f64>> {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let fold = self.fold.iter().enumerate();
        let held = |fold: u32| fold as usize == held_out;
        Arc::new(fold.map(|(row, &f)| if held(f) { 0.0 } else { weight(row) }).collect())
    }

    /// How many rows weigh nothing while a fold is held out.
    pub fn size(&self, held_out: usize, weights: Option<&[f64]>) -> usize {
        self.weights(held_out, weights).iter().filter(|weight| **weight == 0.0).count()
    }
}

/// What cross-validation found, by λ of the path.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Validation {
    /// The path's λ, falling.
    pub lambda: Vec<f64>,
    /// Mean over folds of the mean squared error on the rows held out.
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
        let sizes: Vec<usize> = (0..5).map(|fold| folds.size(fold, None)).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 103);
        assert!(sizes.iter().all(|size| (20..=21).contains(size)));
        assert_eq!(folds, Folds::new(103, 5, 7));
        assert_ne!(folds, Folds::new(103, 5, 8));
    }

    #[test]
    fn one_standard_error_rule() {
        let losses = [vec![3.0, 2.0, 1.9], vec![3.2, 2.2, 2.3]];
        let found = Validation::of(vec![1.0, 0.5, 0.1], &losses);
        assert_eq!(found.lambda_min, 0.5);
        assert_eq!(found.lambda_1se, 0.5);
        assert!((found.mean[1] - 2.1).abs() < 1e-12 && (found.error[1] - 0.1).abs() < 1e-12);
    }
}
