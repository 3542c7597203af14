//! Columns that are not penalised: vectors are made orthogonal to them, exactly.
//!
//! A dual point must be orthogonal to every unpenalised column. Coordinate steps cannot bring that
//! about: near the optimum the objective falls with the square of what is left to do, and loses it
//! in rounding while it still matters to the dual. So the normal equations are solved, from the
//! correlations themselves, until rounding is all that remains: for the coefficients when a block
//! has been solved ([`Free::settle`]), and for the dual point of every certificate
//! ([`Free::leave`]), which so is feasible whatever the columns' condition.

use super::block::Block;
use super::design::Rows;
use super::effect::Damaged;
use super::factor::Factor;
use super::vector::RowVector;
use super::working::WorkingColumns;

/// Corrections at most; the second one usually reaches the limit.
const CORRECTIONS: usize = 4;
/// Keeps columns that depend on each other harmless.
const RIDGE: f64 = 1e-13;

/// The unpenalised columns, which every worker holds, and the factor of the correlations of some
/// of them, kept while they stay the same.
#[derive(Default)]
pub(super) struct Free {
    columns: WorkingColumns,
    chosen: Vec<usize>,
    factor: Factor,
}

impl Free {
    /// No columns yet, over so many rows.
    pub fn new(rows: usize) -> Self {
        Free { columns: WorkingColumns::new(rows), ..Free::default() }
    }

    /// Whether every worker holds the column.
    pub fn holds(&self, key: u32) -> bool {
        self.columns.holds(key)
    }

    /// Takes in the columns a shard sent.
    pub fn accept(&mut self, words: &[u64]) -> Result<(), Damaged> {
        self.columns.accept(words)
    }

    /// The memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.columns.bytes()
    }

    /// Solves for the unpenalised coefficients that may move, all others held.
    pub fn settle(&mut self, block: &mut Block<'_>, residual: &mut RowVector) {
        let slot = |at: usize| block.columns.slot(self.columns.key(at));
        let moves = |at: usize| slot(at).is_some_and(|slot| block.is_in_support(slot));
        let chosen: Vec<usize> = (0..self.columns.len()).filter(|&at| moves(at)).collect();
        if chosen.is_empty() {
            return;
        }
        let slots: Vec<usize> = chosen.iter().filter_map(|&at| slot(at)).collect();
        self.choose(chosen, block.rows);
        let (steps, left) = self.project(residual, block.rows);
        let stays = |(&slot, step): (&usize, &f64)| block.beta[slot] + step > 0.0;
        if !block.options.positive || slots.iter().zip(&steps).all(stays) {
            slots.iter().zip(&steps).for_each(|(&slot, step)| block.beta[slot] += step);
            *residual = left;
        }
    }

    /// What the unpenalised columns leave of a vector, if there are any: orthogonal to all of them,
    /// or, where coefficients must not be negative, correlated positively with none.
    pub fn leave(&mut self, vector: &RowVector, rows: &Rows, positive: bool) -> Option<RowVector> {
        if self.columns.len() == 0 {
            return None;
        }
        let all = 0..self.columns.len();
        let pulls = |at: &usize, of: &RowVector| !positive || self.correlation(*at, of, rows) > 0.0;
        let mut chosen: Vec<usize> = all.clone().filter(|at| pulls(at, vector)).collect();
        loop {
            self.choose(chosen.clone(), rows);
            let left = self.project(vector, rows).1;
            let pulls = |at: &usize| self.correlation(*at, &left, rows) > 0.0;
            let more = all.clone().filter(|at| positive && !chosen.contains(at) && pulls(at));
            let count = chosen.len();
            chosen = chosen.iter().copied().chain(more).collect();
            chosen.sort_unstable();
            if chosen.len() == count {
                return Some(left);
            }
        }
    }

    /// The steps that take a vector's projection on the chosen columns off it, and what is left.
    fn project(&self, vector: &RowVector, rows: &Rows) -> (Vec<f64>, RowVector) {
        let (mut steps, mut left) = (vec![0.0; self.chosen.len()], vector.clone());
        let mut rest = self.correlations(&left, rows);
        for _ in 0..CORRECTIONS {
            let mut direction = rest.clone();
            self.factor.solve(&mut direction);
            let mut moved = left.clone();
            for (&at, step) in self.chosen.iter().zip(&direction) {
                moved.add(&self.columns.columns, at, &self.columns.facts[at], -step, rows);
            }
            let after = self.correlations(&moved, rows);
            if self.largest(&after) >= self.largest(&rest) {
                break;
            }
            (left, rest) = (moved, after);
            steps.iter_mut().zip(&direction).for_each(|(sum, step)| *sum += step);
        }
        (steps, left)
    }

    fn correlation(&self, at: usize, vector: &RowVector, rows: &Rows) -> f64 {
        vector.correlation(&self.columns.columns, at, &self.columns.facts[at], rows)
    }

    fn correlations(&self, vector: &RowVector, rows: &Rows) -> Vec<f64> {
        self.chosen.iter().map(|&at| self.correlation(at, vector, rows)).collect()
    }

    /// The largest correlation, in units of the columns' sizes.
    fn largest(&self, correlations: &[f64]) -> f64 {
        let size = |at: usize| self.columns.facts[at].norm.sqrt();
        let each = self.chosen.iter().zip(correlations).map(|(&at, c)| c.abs() / size(at));
        each.fold(0.0, f64::max)
    }

    fn choose(&mut self, chosen: Vec<usize>, rows: &Rows) {
        if chosen == self.chosen {
            return;
        }
        self.factor = Factor::default();
        self.chosen = chosen;
        let WorkingColumns { columns, facts, .. } = &self.columns;
        let chosen = &self.chosen;
        self.factor.extend(chosen.len(), |row, cells| {
            let own = chosen[row];
            let mut column = RowVector::zeros(rows);
            column.add(columns, own, &facts[own], 1.0, rows);
            for (cell, &other) in cells.iter_mut().zip(chosen) {
                *cell = column.correlation(columns, other, &facts[other], rows);
            }
            cells[row] = facts[own].norm * (1.0 + RIDGE);
        });
    }
}
