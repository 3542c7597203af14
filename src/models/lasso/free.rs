//! Columns that are not penalised: the residual is kept orthogonal to them, exactly.
//!
//! The certificate builds on that (see [`super::certificate`]). Steps that must lower the objective
//! cannot bring it about: near the optimum the objective falls with the square of what is left to
//! do, and loses it in rounding while it still matters to the dual. So the normal equations are
//! solved, from the correlations themselves, until rounding is all that remains.

use super::block::Block;
use super::factor::Factor;
use super::vector::RowVector;

/// Corrections at most; the second one usually reaches the limit.
const CORRECTIONS: usize = 4;
/// Keeps columns that depend on each other harmless.
const RIDGE: f64 = 1e-13;

/// The factor of the unpenalised columns' correlations, kept while they stay the same.
#[derive(Default)]
pub(super) struct Free {
    slots: Vec<usize>,
    factor: Factor,
}

impl Free {
    /// Solves for the unpenalised coefficients that may move, all others held.
    pub fn settle(&mut self, block: &mut Block<'_>, residual: &mut RowVector) {
        let movable = |&slot: &usize| block.is_free(slot) && block.is_in_support(slot);
        let slots: Vec<usize> = block.members.iter().copied().filter(movable).collect();
        if slots.is_empty() {
            return;
        }
        if slots != self.slots {
            self.factor_of(block, slots);
        }
        let mut best = self.correlations(block, residual);
        for _ in 0..CORRECTIONS {
            let mut direction = best.clone();
            self.factor.solve(&mut direction);
            let sides = |(&slot, step): (&usize, &f64)| (block.beta[slot] + step) > 0.0;
            let lands = self.slots.iter().zip(&direction).all(sides);
            if block.options.positive && !lands {
                return;
            }
            let mut moved = residual.clone();
            for (&slot, &step) in self.slots.iter().zip(&direction) {
                block.add(slot, -step, &mut moved);
            }
            let after = self.correlations(block, &moved);
            if largest(&after) >= largest(&best) {
                return;
            }
            (*residual, best) = (moved, after);
            for (&slot, &step) in self.slots.iter().zip(&direction) {
                block.beta[slot] += step;
            }
        }
    }

    fn correlations(&self, block: &Block<'_>, residual: &RowVector) -> Vec<f64> {
        self.slots.iter().map(|&slot| block.correlation(slot, residual)).collect()
    }

    fn factor_of(&mut self, block: &Block<'_>, slots: Vec<usize>) {
        self.factor = Factor::default();
        self.factor.extend(slots.len(), |row, cells| {
            let column = block.vector(slots[row]);
            let others = cells.iter_mut().zip(&slots);
            others.for_each(|(cell, &other)| *cell = block.correlation(other, &column));
            cells[row] = block.norm(slots[row]) * (1.0 + RIDGE);
        });
        self.slots = slots;
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |all, value| all.max(value.abs()))
}
