//! Vectors over the rows that stay centred without touching every row.

use super::design::{Facts, Rows};
use crate::shard::ColumnShard;

/// A vector `v_i = raw_i + offset`, a sum of the model's columns (and perhaps the response).
///
/// A sparse column's mean goes into the offset, so that adding it touches its stored rows only.
#[derive(Clone, Debug, Default)]
pub(super) struct RowVector {
    pub raw: Vec<f64>,
    pub offset: f64,
    /// `w_i raw_i`, kept along where rows are weighted.
    weighted: Option<Vec<f64>>,
}

impl RowVector {
    pub fn zeros(rows: &Rows) -> Self {
        RowVector::new(vec![0.0; rows.response.len()], 0.0, rows)
    }

    pub fn new(raw: Vec<f64>, offset: f64, rows: &Rows) -> Self {
        let mut vector = RowVector { raw, offset, weighted: None };
        vector.weigh(rows);
        vector
    }

    /// Takes the weights anew.
    pub fn weigh(&mut self, rows: &Rows) {
        let weights = rows.weights.as_ref().filter(|_| !rows.masked);
        self.weighted = weights.map(|weights| {
            weights.iter().zip(&self.raw).map(|(weight, value)| weight * value).collect()
        });
    }

    /// Adds `step` times the model's column.
    pub fn add(
        &mut self,
        columns: &ColumnShard,
        column: usize,
        facts: &Facts,
        step: f64,
        rows: &Rows,
    ) {
        let step = step * facts.scale;
        columns.axpy(column, step, facts.mean, &mut self.raw);
        if let (Some(weighted), Some(weights)) = (&mut self.weighted, &rows.weights) {
            columns.axpy_weighted(column, step, facts.mean, weights, weighted);
        }
        if columns.is_sparse(column) {
            self.offset -= step * facts.mean;
        }
    }

    /// `Σ w x̃ v / W` with the model's column x̃.
    ///
    /// With an intercept the vector's weighted sum is zero by construction, so the column's mean
    /// need not be taken off; but where it is far larger than the spread the products would lose
    /// as many digits, see [`Facts::shift`].
    pub fn correlation(
        &self,
        columns: &ColumnShard,
        column: usize,
        facts: &Facts,
        rows: &Rows,
    ) -> f64 {
        if facts.scale == 0.0 {
            return 0.0;
        }
        let product = match facts.shift() {
            // (The products of a centred column with an offset cancel.)
            Some(shift) => columns.dot_shifted(column, shift, self.multiplied()),
            None => self.product(columns, column, facts.sum),
        };
        facts.scale * product / rows.total
    }

    /// The numbers that a column's values are multiplied with.
    fn multiplied(&self) -> &[f64] {
        self.weighted.as_ref().unwrap_or(&self.raw)
    }

    /// `Σ w x v` with a column as stored, whose `Σ w x` is `sum`.
    pub fn product(&self, columns: &ColumnShard, column: usize, sum: f64) -> f64 {
        columns.dot(column, self.multiplied()) + self.offset * sum
    }

    /// [`RowVector::correlation`] of four vectors; the column is read once for all if it can be.
    pub fn correlations(
        vectors: [&RowVector; 4],
        columns: &ColumnShard,
        column: usize,
        facts: &Facts,
        rows: &Rows,
    ) -> [f64; 4] {
        if facts.scale == 0.0 {
            return [0.0; 4];
        }
        if facts.shift().is_some() {
            return vectors.map(|vector| vector.correlation(columns, column, facts, rows));
        }
        let sums = columns.dot4(column, vectors.map(RowVector::multiplied));
        std::array::from_fn(|at| {
            facts.scale * (sums[at] + vectors[at].offset * facts.sum) / rows.total
        })
    }

    /// Adds `step` times another vector.
    pub fn add_vector(&mut self, step: f64, other: &RowVector) {
        let add = |to: &mut [f64], from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += step * from);
        };
        add(&mut self.raw, &other.raw);
        if let (Some(to), Some(from)) = (&mut self.weighted, &other.weighted) {
            add(to, from);
        }
        self.offset += step * other.offset;
    }

    /// `Σ w u v`.
    pub fn inner(&self, other: &RowVector, rows: &Rows) -> f64 {
        let left = self.weighted.as_ref().unwrap_or(&self.raw);
        let (mut sums, offsets) = ([0.0; 8], (self.offset, other.offset));
        let term = |i: usize| match &rows.weights {
            Some(weights) if rows.masked => {
                weights[i] * ((left[i] + offsets.0) * (other.raw[i] + offsets.1))
            }
            None => (left[i] + offsets.0) * (other.raw[i] + offsets.1),
            Some(weights) => (left[i] + weights[i] * offsets.0) * (other.raw[i] + offsets.1),
        };
        for i in 0..left.len() {
            sums[i % 8] += term(i);
        }
        sums.iter().sum()
    }

    /// A row's value.
    pub fn value(&self, row: usize) -> f64 {
        self.raw[row] + self.offset
    }

    /// Sets a row's value, but not what weights make of it; see [`RowVector::weigh`].
    pub fn set(&mut self, row: usize, value: f64) {
        self.raw[row] = value - self.offset;
    }

    /// The vector's values.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.raw.iter().map(|value| value + self.offset)
    }
}
