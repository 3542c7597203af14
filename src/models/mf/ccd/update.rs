//! What a round does: blocks gathered, solved, balanced, and what they come to.

use super::kernels::BLOCK;
use super::keys::other;
use super::measure::Measure;
use super::program::{Ccd, ITEMS, USERS};
use crate::program::Round;

impl Ccd {
    /// A shard's share of the measure.
    pub(super) fn measure(&mut self, shard: usize) -> Measure {
        let part = &mut self.parts[shard - self.local.start];
        part[USERS].flush(self.path, &self.tables[ITEMS]);
        let loss = part[USERS].tiles.loss();
        let blocks = 0..self.terms.blocks();
        let penalty = |side: usize| {
            let terms = blocks.clone().map(|block| self.terms.penalty(&part[side], side, block));
            terms.sum::<f64>()
        };
        Measure {
            loss: loss.loss,
            squares: loss.squares,
            ratings: loss.count as f64,
            penalty: penalty(USERS) + penalty(ITEMS),
            ..Measure::default()
        }
    }

    /// Balances a block between the sides: `w·a` and `h/a` have the same products, and with
    /// `a⁴ = Σ λ_j h² / Σ λ_i w²` the least penalty.
    fn balance(&mut self, block: usize, users: &[f64; BLOCK]) {
        let mut by = [1.0f32; BLOCK];
        for (by, (users, items)) in by.iter_mut().zip(users.iter().zip(&self.squares)) {
            let ratio = (items / users).powf(0.25) as f32;
            // Nearly balanced is good enough: the penalty's excess is the square of what is left.
            if ratio.is_finite() && ratio > 0.0 && (ratio - 1.0).abs() > 1e-3 {
                *by = ratio;
            }
        }
        if by == [1.0; BLOCK] {
            return;
        }
        let inverse = by.map(|by| 1.0 / by);
        for (side, by) in [(USERS, by), (ITEMS, inverse)] {
            self.tables[side].scale(&by);
            self.parts.iter_mut().for_each(|part| part[side].scale(block, &by));
            if let Some(grams) = &mut self.grams {
                grams[side].scale(block, &by);
            }
        }
    }

    /// Blocks were gathered, for a visit or for residuals that are taken afresh.
    pub(super) fn gathered(&mut self, round: &Round<'_, Self>) {
        let received = self.receive(&round.moves, false);
        if !self.fresh {
            self.visits += 1;
            return;
        }
        for (block, side) in received {
            let (path, table) = (self.path, &self.tables[side]);
            self.parts.iter_mut().for_each(|part| part[other(side)].explain(path, block, table));
        }
    }

    /// A side was solved in a block.
    pub(super) fn updated(&mut self, round: &Round<'_, Self>) {
        let mut squares = [0.0; BLOCK];
        for (_, moved) in round.moves.iter() {
            squares.iter_mut().zip(moved.squares).for_each(|(sum, share)| *sum += share);
        }
        for (block, side) in self.receive(&round.moves, true) {
            self.tables[other(side)].seen();
            match side {
                ITEMS => self.squares = squares,
                _ if self.terms.is_bias(block) => {}
                _ => self.balance(block, &squares),
            }
        }
    }
}
