//! The working set: replicated columns of a block, solved jointly and alike on every worker.
//!
//! Columns are held in their compact form ([`ColumnShard`]); at `n = 500` a two-bit column is 160
//! bytes, an f32 column 2 kB. Columns that left the block are kept until they take up most of the
//! store, so that a column that comes back need not travel again.

use std::collections::HashMap;

use super::certificate::Measure;
use super::design::{Facts, Rows};
use super::effect::{Damaged, take_column};
use super::newton::Newton;
use super::options::Options;
use super::penalty::Penalty;
use super::program::Step;
use super::vector::RowVector;
use crate::shard::ColumnShard;

/// Coordinate passes over the support before Newton steps: about twice a factorisation's work,
/// within these bounds. Where passes are cheap they often settle the block alone.
const SWEEPS: (usize, usize) = (3, 5000);
/// Passes over the support between two looks at the gap.
const SPELL: usize = 32;
/// Newton steps in a row.
const STEPS: usize = 60;
/// Looks at the whole block after which it is given back as it is.
const LOOKS: usize = 200;
/// Looks without progress after which the limit of f64 is taken to be reached.
const PATIENCE: usize = 5;

/// Unpenalised columns together may gain more than each alone: at most this many times, unless
/// their correlations are conditioned worse. Newton steps solve for them exactly, so it costs
/// nothing to ask for that much.
const CONDITION: f64 = 1e6;

/// The columns that every worker holds.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkingColumns {
    columns: ColumnShard,
    keys: Vec<u32>,
    facts: Vec<Facts>,
    slots: HashMap<u32, usize>,
}

impl WorkingColumns {
    pub fn new(rows: usize) -> Self {
        WorkingColumns { columns: ColumnShard::new(rows), ..WorkingColumns::default() }
    }

    pub fn holds(&self, key: u32) -> bool {
        self.slots.contains_key(&key)
    }

    pub fn slot(&self, key: u32) -> Option<usize> {
        self.slots.get(&key).copied()
    }

    pub fn key(&self, slot: usize) -> u32 {
        self.keys[slot]
    }

    pub fn bytes(&self) -> usize {
        self.columns.bytes()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn clear(&mut self) {
        *self = WorkingColumns::new(self.columns.rows());
    }

    /// Takes in the columns a shard sent.
    pub fn accept(&mut self, mut words: &[u64]) -> Result<(), Damaged> {
        while !words.is_empty() {
            let (key, facts) = take_column(&mut words, &mut self.columns)?;
            self.slots.insert(key, self.keys.len());
            self.keys.push(key);
            self.facts.push(facts);
        }
        Ok(())
    }

    /// The absolute correlation of two columns, if both are here.
    pub fn coupling(&self, a: u32, b: u32, rows: &Rows) -> Option<f32> {
        let (a, b) = (self.slot(a)?, self.slot(b)?);
        let (left, right) = (&self.facts[a], &self.facts[b]);
        if left.norm == 0.0 || right.norm == 0.0 {
            return Some(0.0);
        }
        let cross = match &rows.weights {
            None => {
                let raw = self.columns.cross(a, &self.columns, b) / rows.total;
                left.scale * right.scale * (raw - left.mean * right.mean)
            }
            Some(_) => {
                let mut vector = RowVector::zeros(rows);
                vector.add(&self.columns, a, left, 1.0, rows);
                vector.correlation(&self.columns, b, right, rows)
            }
        };
        Some((cross.abs() / (left.norm * right.norm).sqrt()).min(1.0) as f32)
    }
}

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
    fn facts(&self, slot: usize) -> &Facts {
        &self.columns.facts[slot]
    }

    fn penalty(&self, slot: usize) -> Penalty {
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

    /// Coordinate descent and Newton steps until the gap of the problem restricted to the block
    /// is at most `tolerance · Σ w (y − ȳ)² / 2W`. Gives the number of coordinate updates.
    ///
    /// `residual` must be that of the coefficients, and is afterwards.
    pub fn solve(&mut self, residual: &mut RowVector, newton: &mut Newton, tolerance: f64) -> u64 {
        let (mut updates, mut best, mut idle) = (0, f64::INFINITY, 0);
        let (mut last, mut more) = (f64::INFINITY, 1);
        for _ in 0..LOOKS {
            updates += self.descend(residual, more, tolerance);
            let mut measure = self.measure(residual);
            if measure.relative_gap() > tolerance {
                let accuracy = (0.1 * tolerance).clamp(1e-13, 1e-3);
                newton.run(self, residual, accuracy, STEPS);
                measure = self.measure(residual);
            }
            let gap = measure.relative_gap();
            idle = if gap < 0.9 * best { 0 } else { idle + 1 };
            best = best.min(gap);
            if gap <= tolerance || idle == PATIENCE {
                break;
            }
            // Where Newton steps do not help, coordinate descent must do more.
            more = if measure.objective() < last { more } else { 2 * more };
            last = measure.objective();
        }
        self.rebuild(residual);
        updates
    }

    /// A pass over the whole block, then passes over the support until the gap is small enough,
    /// they make no progress, or Newton steps would be cheaper.
    fn descend(&mut self, residual: &mut RowVector, more: usize, tolerance: f64) -> u64 {
        let (mut updates, _) = self.sweep(residual, true);
        let scale = (self.rows.square / self.rows.total).sqrt();
        for pass in 1..=(self.sweeps() * more).min(SWEEPS.1) {
            let (steps, largest) = self.sweep(residual, false);
            updates += steps;
            let still = largest <= 0.01 * tolerance * scale;
            if still || pass % SPELL == 0 && self.measure(residual).relative_gap() <= tolerance {
                break;
            }
        }
        updates
    }

    /// Passes over the support worth about two factorisations.
    fn sweeps(&self) -> usize {
        let (mut order, mut entries) = (0.0f64, 1.0);
        for &slot in self.members.iter().filter(|&&slot| self.is_in_support(slot)) {
            order += 1.0;
            let columns = &self.columns.columns;
            // A scattered entry costs about as much as eight in a row.
            entries += match columns.is_sparse(slot) {
                true => 8.0 * columns.entries(slot) as f64,
                false => columns.rows() as f64,
            };
        }
        ((order.powi(3) / 3.0 / entries) as usize).clamp(SWEEPS.0, SWEEPS.1)
    }

    /// One pass of coordinate steps over the block, or over its support. Gives their number, and
    /// the largest change of the fitted values (root mean square).
    fn sweep(&mut self, residual: &mut RowVector, whole: bool) -> (u64, f64) {
        let (mut steps, mut largest) = (0, 0.0f64);
        for index in 0..self.members.len() {
            let slot = self.members[index];
            let old = self.beta[slot];
            if !whole && !self.is_in_support(slot) {
                continue;
            }
            let norm = self.norm(slot);
            let gradient = self.correlation(slot, residual);
            let new = self.penalty(slot).minimise(gradient + norm * old, norm);
            steps += 1;
            if new != old {
                self.add(slot, old - new, residual);
                self.beta[slot] = new;
                largest = largest.max((new - old).abs() * norm.sqrt());
            }
        }
        (steps, largest)
    }

    /// The certificate of the problem restricted to the block.
    fn measure(&self, residual: &RowVector) -> Measure {
        let mut measure = replica_measure(residual, self.rows);
        for &slot in &self.members {
            let correlation = self.correlation(slot, residual);
            let (penalty, norm) = (self.penalty(slot), self.norm(slot));
            measure.add_coefficient(penalty, norm, self.beta[slot], correlation);
        }
        measure
    }

    /// Takes the residual anew from the response, so that rounding cannot pile up.
    fn rebuild(&self, residual: &mut RowVector) {
        *residual = RowVector::new(self.rows.centred(), 0.0, self.rows);
        for &slot in self.members.iter().filter(|&&slot| self.beta[slot] != 0.0) {
            self.add(slot, -self.beta[slot], residual);
        }
    }
}

/// The part of a certificate that follows from the residual alone.
pub(super) fn replica_measure(residual: &RowVector, rows: &Rows) -> Measure {
    let mut measure = Measure { total: rows.total, yy: rows.square, ..Measure::default() };
    for (i, r) in residual.values().enumerate() {
        let weight = rows.weight(i);
        if weight > 0.0 {
            measure.rr += weight * r * r;
            measure.ry += weight * r * (rows.response[i] - rows.mean);
        }
        if let Some(held_out) = &rows.held_out {
            measure.held_out += held_out[i] * r * r;
        }
    }
    measure
}

impl Measure {
    /// Adds a coefficient's part: `correlation = Σ w x̃ r / W`, `norm` the column's mean square.
    pub(super) fn add_coefficient(
        &mut self,
        penalty: Penalty,
        norm: f64,
        beta: f64,
        correlation: f64,
    ) {
        self.nonzeros += u64::from(beta != 0.0);
        if penalty.l1 == 0.0 && penalty.l2 == 0.0 {
            self.fixed += correlation * beta;
            if norm > 0.0 && !(penalty.positive && beta == 0.0 && correlation < 0.0) {
                self.free += CONDITION * correlation * correlation / (2.0 * norm);
            }
            return;
        }
        self.l1 += penalty.l1 * beta.abs();
        self.l2 += 0.5 * penalty.l2 * beta * beta;
        self.conjugate += penalty.conjugate(correlation);
        let pull = penalty.pull(correlation - penalty.l2 * beta);
        if pull > 0.0 {
            self.ratio = self.ratio.max(pull / penalty.l1);
        }
    }
}
