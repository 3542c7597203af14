//! The working set: replicated columns of a block, solved jointly and alike on every worker.
//!
//! Columns are held in their compact form ([`ColumnShard`]); at `n = 500` a two-bit column is 160
//! bytes, an f32 column 2 kB. Columns that left the block are kept until they take up most of the
//! store, so that a column that comes back need not travel again.

use std::collections::HashMap;

use super::certificate::Measure;
use super::design::{Facts, Rows};
use super::effect::{Damaged, take_column};
use super::options::Options;
use super::penalty::Penalty;
use super::vector::RowVector;
use crate::shard::ColumnShard;

/// Coordinate passes over the support between two looks at the whole block.
const SWEEPS: usize = 10;
/// Looks at the whole block after which a block is given back as it is.
const LOOKS: usize = 1000;

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

/// A block to be solved: slots of the working columns with their coefficients.
pub(super) struct Block<'a> {
    pub columns: &'a WorkingColumns,
    pub rows: &'a Rows,
    pub options: &'a Options,
    pub lambda: f64,
    pub slots: Vec<usize>,
    pub beta: Vec<f64>,
}

impl Block<'_> {
    fn penalty(&self, at: usize) -> Penalty {
        let facts = &self.columns.facts[self.slots[at]];
        facts.penalty(self.lambda, self.options.l1_ratio, self.options.positive)
    }

    /// Coordinate descent until the gap of the problem restricted to the block is at most
    /// `tolerance · Σ w (y − ȳ)² / 2W`. Gives the number of coordinate updates.
    ///
    /// `residual` must be that of the coefficients, and is afterwards.
    pub fn solve(&mut self, residual: &mut RowVector, tolerance: f64) -> u64 {
        let mut updates = 0;
        let mut best = f64::INFINITY;
        let mut stalled = 0;
        for _ in 0..LOOKS {
            updates += self.sweep(residual, true).0;
            for _ in 0..SWEEPS {
                let (moved, largest) = self.sweep(residual, false);
                updates += moved;
                if largest == 0.0 {
                    break;
                }
            }
            let gap = self.measure(residual).relative_gap();
            // Near the limit of f64 the gap no longer falls; going on would change nothing.
            stalled = if gap < 0.9 * best { 0 } else { stalled + 1 };
            best = best.min(gap);
            if gap <= tolerance || stalled == 20 {
                break;
            }
        }
        self.rebuild(residual);
        updates
    }

    /// One pass of coordinate steps over the block, or over its support. Gives the number of steps
    /// and the largest change of the fitted values (root mean square).
    fn sweep(&mut self, residual: &mut RowVector, whole: bool) -> (u64, f64) {
        let (mut steps, mut largest) = (0, 0.0f64);
        for at in 0..self.slots.len() {
            let old = self.beta[at];
            if !whole && old == 0.0 {
                continue;
            }
            let slot = self.slots[at];
            let facts = &self.columns.facts[slot];
            let columns = &self.columns.columns;
            let gradient = residual.correlation(columns, slot, facts, self.rows);
            let new = self.penalty(at).minimise(gradient + facts.norm * old, facts.norm);
            steps += 1;
            if new != old {
                residual.add(columns, slot, facts, old - new, self.rows);
                self.beta[at] = new;
                largest = largest.max((new - old).abs() * facts.norm.sqrt());
            }
        }
        (steps, largest)
    }

    /// The certificate of the problem restricted to the block.
    fn measure(&self, residual: &RowVector) -> Measure {
        let mut measure = replica_measure(residual, self.rows);
        for (at, &slot) in self.slots.iter().enumerate() {
            let facts = &self.columns.facts[slot];
            let gradient = residual.correlation(&self.columns.columns, slot, facts, self.rows);
            measure.add_coefficient(self.penalty(at), self.beta[at], gradient);
        }
        measure
    }

    /// Takes the residual anew from the response, so that rounding cannot pile up.
    fn rebuild(&self, residual: &mut RowVector) {
        *residual = RowVector::new(self.rows.centred(), 0.0, self.rows);
        for (&slot, &beta) in self.slots.iter().zip(&self.beta).filter(|(_, beta)| **beta != 0.0) {
            let facts = &self.columns.facts[slot];
            residual.add(&self.columns.columns, slot, facts, -beta, self.rows);
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
        } else {
            measure.held_out += r * r;
        }
    }
    measure
}

impl Measure {
    /// Adds a coefficient's part: `correlation = Σ w x̃ r / W`.
    pub(super) fn add_coefficient(&mut self, penalty: Penalty, beta: f64, correlation: f64) {
        self.nonzeros += u64::from(beta != 0.0);
        if penalty.l1 == 0.0 && penalty.l2 == 0.0 {
            self.free += (correlation * beta).abs();
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
