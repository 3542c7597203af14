//! Users and items that the model has not seen, from their ratings.

use super::predict::Row;
use super::{Factorisation, Options, Ratings};

/// The terms of a row's own problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Strength of the penalty.
    pub lambda: f64,
    /// Whether it is multiplied with the number of ratings.
    pub weighted_lambda: bool,
    /// Whether the row has a bias.
    pub biases: bool,
    /// Whether its factors must not be negative.
    pub nonnegative: bool,
    /// α, if ratings are confidences.
    pub implicit: Option<f64>,
}

impl Terms {
    /// Those of a fit to these ratings.
    pub fn new(options: &Options, train: &Ratings) -> Self {
        Terms {
            lambda: options.strength(train),
            weighted_lambda: options.weighted_lambda,
            biases: options.biases,
            nonnegative: options.nonnegative,
            implicit: options.implicit,
        }
    }
}

/// One known rating of the row that is folded in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Which item the user rates, or which user rates the item.
    pub other: u32,
    /// How it is rated.
    pub value: f32,
    /// How much that counts.
    pub weight: f32,
}

/// Folds rows into a model: each row minimises the model's objective while the other side stays as
/// it is, which is a ridge regression, solved exactly in `f64`.
///
/// Takes `O(n k² + k³)` for `n` ratings and rank `k`, and for implicit feedback `O(k²)` more for
/// each row of the other side, once. Non-negative rows are solved by coordinate descent on the
/// normal equations, to rounding.
pub struct FoldIn<'a> {
    factors: &'a [f32],
    bias: &'a [f32],
    rank: usize,
    mean: f64,
    terms: Terms,
    /// Products of all rows of the other side, if those that are not rated count.
    gram: Vec<f64>,
}

impl<'a> FoldIn<'a> {
    /// For new users of a model's items.
    pub fn users(model: &'a Factorisation, terms: Terms) -> Self {
        Self::new(&model.item_factors, &model.item_bias, model, terms)
    }

    /// For new items of a model's users.
    pub fn items(model: &'a Factorisation, terms: Terms) -> Self {
        Self::new(&model.user_factors, &model.user_bias, model, terms)
    }

    fn new(factors: &'a [f32], bias: &'a [f32], model: &Factorisation, terms: Terms) -> Self {
        let (rank, mean) = (model.rank, model.mean);
        let mut gram = Vec::new();
        if terms.implicit.is_some() {
            gram = vec![0.0; rank * rank];
            factors.chunks_exact(rank.max(1)).for_each(|row| add_square(&mut gram, row, 1.0));
        }
        FoldIn { factors, bias, rank, mean, terms, gram }
    }

    /// The row with these ratings; zeros if it has none.
    pub fn row(&self, ratings: &[Known]) -> Row {
        let size = self.rank + usize::from(self.terms.biases);
        let mut matrix =
            if self.gram.is_empty() { vec![0.0; size * size] } else { self.gram.clone() };
        let mut right = vec![0.0; size];
        let mut own = Vec::with_capacity(size);
        for known in ratings {
            let at = known.other as usize;
            own.clear();
            own.extend_from_slice(&self.factors[at * self.rank..][..self.rank]);
            own.resize(size, 1.0);
            let (weight, square, target) = self.parts(known);
            add_square(&mut matrix, &own, square);
            right.iter_mut().zip(&own).for_each(|(sum, &x)| *sum += weight * target * f64::from(x));
        }
        let count = if self.terms.weighted_lambda { ratings.len() as f64 } else { 1.0 };
        (0..size).for_each(|at| matrix[at * size + at] += self.terms.lambda * count);
        let solution = match self.terms.nonnegative {
            true => nonnegative(&matrix, &right),
            false => solve(matrix, right),
        };
        let mut factors: Vec<f32> = solution.iter().map(|&x| x as f32).collect();
        let bias = if self.terms.biases { factors.pop().unwrap_or(0.0) } else { 0.0 };
        Row { factors, bias }
    }

    /// A rating's weight, what its square is multiplied with beside [`FoldIn::gram`], and what is
    /// to be explained.
    fn parts(&self, known: &Known) -> (f64, f64, f64) {
        let (value, weight) = (f64::from(known.value), f64::from(known.weight));
        match self.terms.implicit {
            Some(alpha) => {
                let more = alpha * weight * value;
                (1.0 + more, more, 1.0)
            }
            None => {
                (weight, weight, value - self.mean - f64::from(self.bias[known.other as usize]))
            }
        }
    }
}

/// Adds a multiple of a row's products with itself; the lower triangle.
fn add_square(matrix: &mut [f64], row: &[f32], weight: f64) {
    for (at, line) in matrix.chunks_exact_mut(row.len()).enumerate() {
        let scale = weight * f64::from(row[at]);
        line.iter_mut().zip(&row[..=at]).for_each(|(sum, &x)| *sum += scale * f64::from(x));
    }
}

/// Solves a positive semidefinite system from its lower triangle, by Cholesky; unknowns that the
/// others determine already are 0.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for row in 0..size {
        let (above, rest) = matrix.split_at_mut(row * size);
        let line = &mut rest[..size];
        let diagonal = line[row];
        for column in 0..row {
            let other = &above[column * size..][..size];
            let product: f64 = line[..column].iter().zip(other).map(|(a, b)| a * b).sum();
            let pivot = other[column];
            line[column] = if pivot > 0.0 { (line[column] - product) / pivot } else { 0.0 };
        }
        let left = diagonal - line[..row].iter().map(|x| x * x).sum::<f64>();
        line[row] = if left > 1e-12 * diagonal { left.sqrt() } else { 0.0 };
        let product: f64 = line[..row].iter().zip(&right).map(|(a, b)| a * b).sum();
        right[row] = if line[row] > 0.0 { (right[row] - product) / line[row] } else { 0.0 };
    }
    for row in (0..size).rev() {
        let pivot = matrix[row * size + row];
        let below = (row + 1..size).map(|at| matrix[at * size + row] * right[at]);
        let product: f64 = below.sum();
        right[row] = if pivot > 0.0 { (right[row] - product) / pivot } else { 0.0 };
    }
    right
}

/// Solves the same without negative unknowns, by coordinate descent until nothing moves.
fn nonnegative(matrix: &[f64], right: &[f64]) -> Vec<f64> {
    const SWEEPS: usize = 100_000;
    let size = right.len();
    let entry = |a: usize, b: usize| matrix[a.max(b) * size + a.min(b)];
    let mut solution = vec![0.0; size];
    for _ in 0..SWEEPS {
        let (mut moved, mut largest) = (0.0f64, 0.0f64);
        for at in 0..size {
            let diagonal = entry(at, at);
            if diagonal <= 0.0 {
                continue;
            }
            let product: f64 = (0..size).map(|other| entry(at, other) * solution[other]).sum();
            let new = (solution[at] + (right[at] - product) / diagonal).max(0.0);
            moved = moved.max((new - solution[at]).abs());
            largest = largest.max(new);
            solution[at] = new;
        }
        if moved <= 1e-12 * largest {
            break;
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::testing::random_model;

    const USUAL: Terms = Terms {
        lambda: 0.3,
        weighted_lambda: false,
        biases: false,
        nonnegative: false,
        implicit: None,
    };

    /// The objective's terms of one user, plainly: what a row ought to minimise.
    fn objective(model: &Factorisation, terms: &Terms, row: &Row, ratings: &[Known]) -> f64 {
        let mut sum = 0.0;
        for item in 0..model.items.len() as u32 {
            let known = ratings.iter().find(|known| known.other == item);
            let score = model.score(row, Some(item));
            sum += match (known, terms.implicit) {
                (Some(known), None) => {
                    f64::from(known.weight) * (f64::from(known.value) - score).powi(2)
                }
                (Some(known), Some(alpha)) => {
                    (1.0 + alpha * f64::from(known.weight * known.value)) * (1.0 - score).powi(2)
                }
                (None, Some(_)) => score.powi(2),
                (None, None) => 0.0,
            };
        }
        let count = if terms.weighted_lambda { ratings.len() as f64 } else { 1.0 };
        let square = |x: &f32| f64::from(*x).powi(2);
        sum + terms.lambda
            * count
            * (row.factors.iter().map(square).sum::<f64>() + square(&row.bias))
    }

    fn ratings() -> Vec<Known> {
        let known = |at: u32| Known {
            other: at * 3,
            value: (at % 5) as f32 + 1.0,
            weight: 0.5 + (at % 3) as f32,
        };
        (0..9).map(known).collect()
    }

    /// No small step from the row lowers the objective.
    fn is_best(model: &Factorisation, terms: Terms, ratings: &[Known]) {
        let row = FoldIn::users(model, terms).row(ratings);
        let best = objective(model, &terms, &row, ratings);
        let mut moved = 0;
        for at in 0..=model.rank {
            for step in [-1e-2f32, 1e-2] {
                let mut other = row.clone();
                match other.factors.get_mut(at) {
                    Some(factor) => *factor += step,
                    None if terms.biases => other.bias += step,
                    None => continue,
                }
                let refused = terms.nonnegative && other.factors.iter().any(|&x| x < 0.0);
                if !refused {
                    assert!(objective(model, &terms, &other, ratings) > best, "{terms:?}");
                    moved += 1;
                }
            }
        }
        assert!(moved >= model.rank);
        assert!(!terms.nonnegative || row.factors.iter().all(|&x| x >= 0.0));
    }

    #[test]
    fn rows_minimise_their_part_of_the_objective() {
        let model = random_model(4, 30, 5, 2);
        is_best(&model, USUAL, &ratings());
        is_best(&model, Terms { biases: true, weighted_lambda: true, ..USUAL }, &ratings());
        is_best(&model, Terms { nonnegative: true, ..USUAL }, &ratings());
        // Fewer ratings than factors.
        is_best(&model, USUAL, &ratings()[..2]);
        let zeros = vec![0.0; 30];
        let implicit = Factorisation { mean: 0.0, item_bias: zeros, ..model };
        is_best(&implicit, Terms { implicit: Some(2.0), ..USUAL }, &ratings());
    }

    #[test]
    fn items_are_folded_in_like_users() {
        let model = random_model(30, 4, 5, 2);
        let other = Factorisation {
            users: model.items.clone(),
            items: model.users.clone(),
            user_factors: model.item_factors.clone(),
            item_factors: model.user_factors.clone(),
            user_bias: model.item_bias.clone(),
            item_bias: model.user_bias.clone(),
            ..model.clone()
        };
        let terms = Terms { biases: true, ..USUAL };
        let (ours, theirs) = (FoldIn::items(&model, terms), FoldIn::users(&other, terms));
        assert_eq!(ours.row(&ratings()), theirs.row(&ratings()));
    }

    #[test]
    fn nothing_known_gives_zeros_even_without_penalty() {
        let model = random_model(4, 30, 5, 2);
        for terms in [USUAL, Terms { lambda: 0.0, biases: true, ..USUAL }] {
            let row = FoldIn::users(&model, terms).row(&[]);
            assert_eq!(row, Row { factors: vec![0.0; 5], bias: 0.0 });
        }
        let free = Terms { lambda: 0.0, ..USUAL };
        let row = FoldIn::users(&model, free).row(&ratings()[..1]);
        assert!((model.score(&row, Some(0)) - 1.0).abs() < 1e-6);
    }
}
