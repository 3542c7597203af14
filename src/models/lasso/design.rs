//! The design as the model sees it: columns centred and scaled without touching their data.

use std::sync::Arc;

use super::options::Options;
use super::penalty::Penalty;
use crate::shard::{ColumnShard, Weights};

/// A response whose centred squares are at most this share of its squares does not vary: what is
/// left is rounding.
const CONSTANT: f64 = 1e-28;

/// A mean of so many times the spread costs every product with the column more than a digit.
const FAR: f64 = 16.0;
/// A column and a response whose cosine is at most this are orthogonal.
pub(super) const ROUNDING: f64 = 1e-13;

/// What belongs to all rows: a copy on every worker, 8 to 16 bytes a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub response: Arc<Vec<f64>>,
    pub weights: Option<Arc<Vec<f64>>>,
    /// Weights of rows held out: their loss is measured.
    pub held_out: Option<Arc<Vec<f64>>>,
    /// Whether weights are one or zero and rows of weight zero have no entries: sums over a
    /// column then need no weights.
    pub masked: bool,
    /// `W`: the sum of the weights.
    pub total: f64,
    /// The weighted mean of the response, 0 without an intercept.
    pub mean: f64,
    /// `Σ w (y − mean)²`; exactly 0 if the response does not vary.
    pub square: f64,
}

impl Rows {
    pub fn new(response: Arc<Vec<f64>>, weights: Option<Arc<Vec<f64>>>, intercept: bool) -> Self {
        let weight = |i: usize| weights.as_ref().map_or(1.0, |weights| weights[i]);
        let total = sum(response.len(), weight);
        let mut mean = 0.0;
        if intercept && total > 0.0 {
            // The second pass takes off what the first one's rounding left.
            for _ in 0..2 {
                mean += sum(response.len(), |i| weight(i) * (response[i] - mean)) / total;
            }
        }
        let square = sum(response.len(), |i| weight(i) * (response[i] - mean).powi(2));
        let squares = sum(response.len(), |i| weight(i) * response[i].powi(2));
        // (Squares that overflow are kept: the certificate will say that nothing is known.)
        let constant = square <= CONSTANT * squares && squares.is_finite();
        let square = if constant { 0.0 } else { square };
        Rows { response, weights, held_out: None, masked: false, total, mean, square }
    }

    /// Rows that come and go: places of weight zero are empty, in every column.
    pub fn live(response: Vec<f64>, weights: Vec<f64>, intercept: bool) -> Self {
        let masked = weights.iter().all(|&weight| weight == 0.0 || weight == 1.0);
        Rows { masked, ..Rows::new(Arc::new(response), Some(Arc::new(weights)), intercept) }
    }

    /// Whether a column's correlation with a part of the response is so small that it is rounding.
    pub fn is_rounding(&self, correlation: f64, facts: &Facts) -> bool {
        correlation.abs() <= ROUNDING * facts.norm.sqrt() * (self.square / self.total).sqrt()
    }

    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The centred response; of a response that does not vary, zeros on the rows that count.
    pub fn centred(&self) -> Vec<f64> {
        if self.square == 0.0 {
            let held_out = |(i, y): (usize, &f64)| match self.weight(i) > 0.0 {
                true => 0.0,
                false => y - self.mean,
            };
            return self.response.iter().enumerate().map(held_out).collect();
        }
        self.response.iter().map(|y| y - self.mean).collect()
    }
}

/// A sum over the rows, in eight lanes: none waits for the one before.
pub(super) fn sum(rows: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    for start in (0..rows).step_by(8) {
        let of = start..rows.min(start + 8);
        lanes.iter_mut().zip(of).for_each(|(lane, row)| *lane += term(row));
    }
    lanes.iter().sum()
}

/// What is known of a column besides its data. The model's column is `(x − mean) · scale`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// The weighted mean; 0 without an intercept.
    pub mean: f64,
    /// One over the standard deviation if standardised, else 1; 0 for columns that do not vary.
    pub scale: f64,
    /// `Σ w x` of the raw column.
    pub sum: f64,
    /// Mean square of the model's column.
    pub norm: f64,
    /// The penalty factor.
    pub factor: f64,
}

/// Words a column's facts take when they travel.
pub(super) const FACT_WORDS: usize = 5;

impl Facts {
    /// The facts of a column; `weights` are those of the rows.
    pub fn of(
        columns: &ColumnShard,
        column: usize,
        rows: &Rows,
        weights: Option<Weights<'_>>,
        options: &Options,
        factor: f64,
    ) -> Self {
        let moments = columns.moments(column, weights);
        let square = if options.intercept { moments.centred } else { moments.squares };
        // A constant column's centred squares are rounding; it can explain nothing.
        // (Squares that overflow are kept: the certificate will say that nothing is known.)
        let constant = square <= 1e-20 * moments.squares && moments.squares.is_finite();
        let varies = !constant && (square > 0.0 || square.is_nan());
        Facts::stated(moments.sum, varies.then_some(square), rows.total, options, factor)
    }

    /// The facts of a column by its sum, and the sum of its squares (about the mean, with an
    /// intercept) if it varies.
    pub fn stated(
        sum: f64,
        square: Option<f64>,
        total: f64,
        options: &Options,
        factor: f64,
    ) -> Self {
        let mean = if options.intercept && total > 0.0 { sum / total } else { 0.0 };
        let (scale, norm) = match square.filter(|_| total > 0.0) {
            None => (0.0, 0.0),
            Some(square) if options.standardize => {
                let scale = (total / square).sqrt();
                (scale, scale * scale * square / total)
            }
            Some(square) => (1.0, square / total),
        };
        Facts { mean, scale, sum, norm, factor }
    }

    /// What must be taken off the column's values before they are multiplied: the mean, if it is
    /// far larger than the spread.
    pub fn shift(&self) -> Option<f64> {
        let far = self.mean.abs() * self.scale > FAR * self.norm.sqrt();
        far.then_some(self.mean)
    }

    pub fn penalty(&self, lambda: f64, l1_ratio: f64, positive: bool) -> Penalty {
        let weight = lambda * self.factor;
        Penalty { l1: weight * l1_ratio, l2: weight * (1.0 - l1_ratio), positive }
    }

    pub fn encode(&self) -> [u64; FACT_WORDS] {
        [self.mean, self.scale, self.sum, self.norm, self.factor].map(f64::to_bits)
    }

    pub fn decode(words: [u64; FACT_WORDS]) -> Self {
        let [mean, scale, sum, norm, factor] = words.map(f64::from_bits);
        Facts { mean, scale, sum, norm, factor }
    }
}
