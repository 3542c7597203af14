//! A block of coefficients, to be solved jointly with all others held where they are.

use super::certificate::{Measure, replica_measure};
use super::design::{Facts, Rows};
use super::free::Free;
use super::options::Options;
use super::penalty::Penalty;
use super::program::Step;
use super::vector::RowVector;
use super::working::WorkingColumns;

/// A block to be solved, jointly.
pub(super) struct Block<'a> {
    pub columns: &'a WorkingColumns,
    pub rows: &'a Rows,
    pub options: &'a Options,
    pub lambda: f64,
    /// Slots of the working columns that may change.
    pub members: Vec<usize>,
    /// Coefficients by slot; zero for slots that are no members.
    pub beta: Vec<f64>,
}

impl Block<'_> {
    pub fn facts(&self, slot: usize) -> &Facts {
        &self.columns.facts[slot]
    }

    pub fn penalty(&self, slot: usize) -> Penalty {
        self.facts(slot).penalty(self.lambda, self.options.l1_ratio, self.options.positive)
    }

    pub fn norm(&self, slot: usize) -> f64 {
        self.facts(slot).norm
    }

    pub fn l2(&self, slot: usize) -> f64 {
        self.penalty(slot).l2
    }

    /// Whether a coefficient may move freely until it crosses zero.
    pub fn is_in_support(&self, slot: usize) -> bool {
        let facts = self.facts(slot);
        facts.scale > 0.0
            && (self.beta[slot] != 0.0 || (facts.factor == 0.0 && !self.options.positive))
    }

    /// Whether crossing zero changes what the penalty says of a coefficient.
    pub fn is_bound(&self, slot: usize) -> bool {
        self.options.positive || self.penalty(slot).l1 > 0.0
    }

    /// How the objective falls along a coefficient of the support.
    pub fn gradient(&self, slot: usize, residual: &RowVector) -> f64 {
        let (penalty, beta) = (self.penalty(slot), self.beta[slot]);
        let sign = if beta == 0.0 { 0.0 } else { beta.signum() };
        self.correlation(slot, residual) - penalty.l1 * sign - penalty.l2 * beta
    }

    pub fn correlation(&self, slot: usize, vector: &RowVector) -> f64 {
        vector.correlation(&self.columns.columns, slot, self.facts(slot), self.rows)
    }

    /// [`Block::correlation`] with four vectors.
    pub fn correlations(&self, slot: usize, vectors: [&RowVector; 4]) -> [f64; 4] {
        RowVector::correlations(vectors, &self.columns.columns, slot, self.facts(slot), self.rows)
    }

    /// Adds `step` times a column.
    pub fn add(&self, slot: usize, step: f64, to: &mut RowVector) {
        to.add(&self.columns.columns, slot, self.facts(slot), step, self.rows);
    }

    /// A column as a vector.
    pub fn vector(&self, slot: usize) -> RowVector {
        let mut vector = RowVector::zeros(self.rows);
        self.add(slot, 1.0, &mut vector);
        vector
    }

    /// A step of a coefficient, as the line search wants it.
    pub fn step(&self, slot: usize, old: f64, new: f64) -> Step {
        let Penalty { l1, l2, .. } = self.penalty(slot);
        Step { old, new, l1, l2 }
    }

    pub fn objective(&self, residual: &RowVector) -> f64 {
        let value = |&slot: &usize| {
            let (penalty, beta) = (self.penalty(slot), self.beta[slot]);
            penalty.l1 * beta.abs() + 0.5 * penalty.l2 * beta * beta
        };
        let penalties: f64 = self.members.iter().map(value).sum();
        residual.inner(residual, self.rows) / (2.0 * self.rows.total) + penalties
    }

    /// The certificate of the problem restricted to the block.
    pub fn measure(&self, residual: &RowVector, free: &mut Free) -> Measure {
        let left = free.leave(residual, self.rows, self.options.positive);
        let dual = left.as_ref().unwrap_or(residual);
        let mut measure = replica_measure(residual, dual, self.rows);
        for &slot in &self.members {
            let correlation = self.correlation(slot, dual);
            measure.add_coefficient(self.penalty(slot), self.beta[slot], correlation);
        }
        measure
    }

    /// Takes the residual anew from the response, so that rounding cannot pile up.
    pub fn rebuild(&self, residual: &mut RowVector) {
        *residual = RowVector::new(self.rows.centred(), 0.0, self.rows);
        for &slot in self.members.iter().filter(|&&slot| self.beta[slot] != 0.0) {
            self.add(slot, -self.beta[slot], residual);
        }
    }
}
