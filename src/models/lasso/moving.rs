//! What is kept of a column while rows come and go, so that its facts need no look at its data.

use super::design::{Facts, Rows};
use super::options::Options;
use crate::shard::{ColumnShard, Weights};

/// A sum of squares that is less than this share of the terms it was made of may be rounding.
const CANCELLED: f64 = 1e-3;

/// A shift of the residual changes the correlation of a column by its mean over its spread times as
/// much. Where that is at most this, as for most sparse columns, the shift is counted as so much way
/// of the residual.
pub(super) const STEEP: f64 = 0.25;

/// Sums over the columns of a shard, each about a point near its mean: 56 bytes a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Moving {
    sums: Vec<Sums>,
    /// The mean of the response when the sums were last taken anew.
    origin: f64,
    /// Columns whose mean is no small part of their spread, ascending.
    steep: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// The point `a`: the mean when the sums were taken; 0 without an intercept.
    about: f64,
    /// `Σ w (x − a)` and `Σ w (x − a)²`.
    first: f64,
    second: f64,
    /// The terms that went into the latter, by magnitude.
    terms: f64,
    /// Weight of the rows that changed with an entry here.
    covered: f64,
    /// `Σ w x (y − origin)`.
    response: f64,
    /// Whether the column did not vary when the sums were taken: then they are rounding.
    constant: bool,
    touched: bool,
}

impl Moving {
    pub fn clear(&mut self, origin: f64) {
        self.sums.clear();
        self.steep.clear();
        self.origin = origin;
    }

    /// Starts with the next column, from facts just taken.
    pub fn push(&mut self, facts: &Facts, total: f64, response: f64, options: &Options) {
        let mut sums = Sums { response, ..Sums::default() };
        sums.start(facts, total, options);
        self.note_steep(self.sums.len(), facts);
        self.sums.push(sums);
    }

    /// Notes whether a column's mean is no small part of its spread.
    fn note_steep(&mut self, column: usize, facts: &Facts) {
        let steep = facts.mean.abs() * facts.scale > STEEP * facts.norm.sqrt();
        match (self.steep.binary_search(&column), steep) {
            (Ok(at), false) => drop(self.steep.remove(at)),
            (Err(at), true) => self.steep.insert(at, column),
            _ => {}
        }
    }

    /// Columns whose mean is more than [`STEEP`] times their spread, ascending.
    pub fn steep(&self) -> &[usize] {
        &self.steep
    }

    /// Adds columns without entries, so that there is the one at `column`.
    pub fn resize_for(&mut self, column: usize) {
        if self.sums.len() <= column {
            self.sums.resize(column + 1, Sums { constant: true, ..Sums::default() });
        }
    }

    /// A row's entry weighs `after`, no longer `before`.
    #[inline]
    pub fn change(&mut self, column: usize, x: f64, y: f64, before: f64, after: f64) {
        let (sums, weight) = (&mut self.sums[column], after - before);
        let off = x - sums.about;
        sums.first += weight * off;
        sums.second += weight * off * off;
        sums.terms += weight.abs() * off * off;
        sums.covered += weight;
        sums.touched = true;
        sums.response += weight * x * (y - self.origin);
    }

    /// A column's facts once all entries have been changed and the rows' weights have grown by
    /// `grown` in total; from its data if too much cancelled.
    pub fn facts(
        &mut self,
        (columns, at): (&ColumnShard, usize),
        grown: f64,
        rows: &Rows,
        weights: Option<Weights<'_>>,
        options: &Options,
    ) -> Facts {
        let facts = self.follow((columns, at), grown, rows, weights, options);
        self.note_steep(at, &facts);
        facts
    }

    fn follow(
        &mut self,
        (columns, at): (&ColumnShard, usize),
        grown: f64,
        rows: &Rows,
        weights: Option<Weights<'_>>,
        options: &Options,
    ) -> Facts {
        let sums = &mut self.sums[at];
        // Rows without an entry count at zero.
        let zeros = grown - sums.covered;
        sums.covered = 0.0;
        sums.first -= zeros * sums.about;
        sums.second += zeros * sums.about * sums.about;
        sums.terms += zeros.abs() * sums.about * sums.about;
        let total = rows.total;
        let square = match options.intercept {
            true => sums.second - sums.first * sums.first / total,
            false => sums.second,
        };
        let sum = sums.about * total + sums.first;
        let still = !sums.touched && zeros * sums.about == 0.0;
        sums.touched = false;
        if sums.constant && still {
            return Facts::stated(sum, None, total, options, 1.0);
        }
        if !sums.constant && square > CANCELLED * sums.terms {
            return Facts::stated(sum, Some(square), total, options, 1.0);
        }
        let facts = Facts::of(columns, at, rows, weights, options, 1.0);
        sums.start(&facts, total, options);
        sums.response = 0.0;
        columns.for_each(at, |row, x| {
            sums.response += rows.weight(row) * x * (rows.response[row] - self.origin);
        });
        facts
    }

    /// The correlation of a column with the centred response.
    pub fn correlation(&self, at: usize, facts: &Facts, rows: &Rows) -> f64 {
        let sum = self.sums[at].response - (rows.mean - self.origin) * facts.sum;
        facts.scale * sum / rows.total
    }
}

impl Sums {
    fn start(&mut self, facts: &Facts, total: f64, options: &Options) {
        self.about = if options.intercept { facts.mean } else { 0.0 };
        self.first = facts.sum - self.about * total;
        self.second = match facts.scale > 0.0 {
            true => facts.norm * total / (facts.scale * facts.scale),
            false => 0.0,
        };
        self.terms = self.second;
        self.constant = facts.scale == 0.0;
    }
}
