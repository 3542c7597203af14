//! The problem as its Gram matrix has it: columns centred and scaled, rows gone.

use crate::models::lasso::design::Facts;
use crate::models::lasso::options::Options;
use crate::shard::gram::place;

/// A response whose centred squares are at most this share of its squares does not vary.
const CONSTANT: f64 = 1e-28;

/// What is known of a set of rows: the model's columns, their products with each other and with
/// the response. Means, scales and products are weighted.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// `W`: the sum of the weights.
    pub total: f64,
    /// The mean of the response, 0 without an intercept.
    pub mean: f64,
    /// `Σ w (y − mean)²`; exactly 0 if the response does not vary.
    pub square: f64,
    pub facts: Vec<Facts>,
    /// `Σ w x̃ (y − mean) / W` by column.
    pub response: Vec<f64>,
    /// `Σ w x̃ x̃' / W`, row by row.
    gram: Vec<f64>,
}

impl Frame {
    /// From the sums of products over the rows of the columns less `shift`, the response less the
    /// last of `shift`, and ones.
    pub fn new(sums: &[f64], shift: &[f64], factors: Option<&[f64]>, options: &Options) -> Self {
        let count = shift.len() - 1;
        let (response, ones) = (count, count + 1);
        let product = |a: usize, b: usize| sums[place(a, b)];
        let total = product(ones, ones);
        let centre = options.intercept && total > 0.0;
        // Products of columns that are centred, or as they are.
        let rest = |a: usize, b: usize| match centre {
            true => product(a, b) - product(a, ones) * (product(b, ones) / total),
            false => product(a, b),
        };
        let mean = |a: usize| if centre { shift[a] + product(a, ones) / total } else { 0.0 };
        let squares =
            |a: usize| product(a, a) + shift[a] * (2.0 * product(a, ones) + total * shift[a]);
        let constant = |square: f64, a: usize, share: f64| {
            square <= share * squares(a) && squares(a).is_finite()
        };
        let facts: Vec<Facts> = (0..count)
            .map(|at| {
                let square = rest(at, at);
                let constant = constant(square, at, 1e-20);
                let varies = !constant && (square > 0.0 || square.is_nan()) && total > 0.0;
                let scale = match (varies, options.standardize) {
                    (false, _) => 0.0,
                    (true, false) => 1.0,
                    (true, true) => (total / square).sqrt(),
                };
                let norm = if varies { scale * scale * square / total } else { 0.0 };
                let factor = factors.map_or(1.0, |factors| factors[at]);
                let sum = product(at, ones) + total * shift[at];
                Facts { mean: mean(at), scale, sum, norm, factor }
            })
            .collect();
        let square = rest(response, response);
        let square = if constant(square, response, CONSTANT) { 0.0 } else { square };
        let scaled = |a: usize, b: usize| facts[a].scale * facts[b].scale * rest(a, b) / total;
        let mut gram = vec![0.0; count * count];
        for row in 0..count {
            for column in 0..row {
                let value = scaled(row, column);
                gram[row * count + column] = value;
                gram[column * count + row] = value;
            }
            gram[row * count + row] = facts[row].norm;
        }
        let with_response = |at: usize| match square == 0.0 {
            true => 0.0,
            false => facts[at].scale * rest(at, response) / total,
        };
        let products = (0..count).map(with_response).collect();
        Frame { total, mean: mean(response), square, response: products, facts, gram }
    }

    /// A column's products with all columns.
    pub fn row(&self, column: usize) -> &[f64] {
        let count = self.facts.len();
        &self.gram[column * count..][..count]
    }

    /// The intercept of coefficients on the model's scale.
    pub fn intercept(&self, beta: &[f64]) -> f64 {
        let part = |(facts, beta): (&Facts, &f64)| facts.mean * facts.scale * beta;
        self.mean - self.facts.iter().zip(beta).map(part).sum::<f64>()
    }
}

/// `Σ v (y − b − xβ)²` over rows whose sums of products are given, by coefficients on the data's
/// own scale.
pub(super) fn loss(sums: &[f64], shift: &[f64], values: &[f64], intercept: f64) -> f64 {
    let count = values.len();
    let explained: f64 = values.iter().zip(shift).map(|(value, shift)| value * shift).sum();
    let constant = shift[count] - intercept - explained;
    let part = |at: usize| match at {
        at if at < count => -values[at],
        at if at == count => 1.0,
        _ => constant,
    };
    let parts: Vec<(usize, f64)> =
        (0..count + 2).map(|at| (at, part(at))).filter(|(_, part)| *part != 0.0).collect();
    let row = |&(a, left): &(usize, f64)| {
        left * parts.iter().map(|&(b, right)| right * sums[place(a, b)]).sum::<f64>()
    };
    parts.iter().map(row).sum::<f64>().max(0.0)
}
