//! What a round does: blocks gathered, solved, balanced, and what they come to.

use super::kernels::BLOCK;
use super::keys::other;
use super::measure::Measure;
use super::program::{Ccd, ITEMS, USERS};
use super::repair;
use super::sums::Sums;
use crate::program::Round;

impl Ccd {
    /// A shard's share of the measure.
    pub(super) fn measure(&mut self, shard: usize) -> Measure {
        let at = shard - self.local.start;
        let part = &mut self.parts[at];
        part[USERS].flush(self.path, &self.tables[ITEMS]);
        let live = self.accounts.is_some();
        let loss = part[USERS].tiles.loss();
        let blocks = 0..self.terms.blocks();
        let penalty = |side: usize| {
            let terms = blocks.clone().map(|block| self.terms.penalty(&part[side], side, block));
            terms.sum::<f64>()
        };
        let penalty = penalty(USERS) + penalty(ITEMS);
        if live {
            let gained = if shard == 0 { repair::gain_of(&mut self.owed) } else { 0.0 };
            self.sums[at] = Sums { penalty, gained, ..part[USERS].tiles.sums() };
        }
        Measure {
            loss: loss.loss,
            squares: loss.squares,
            ratings: loss.count as f64,
            penalty,
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
        if self.is_of_rows(&round.moves) {
            self.receive_rows(round, 2);
            return self.begin_repair();
        }
        let received = self.receive(&round.moves, false);
        if !self.fresh {
            self.visits += 1;
            return;
        }
        // The last measure is taken of the users' residuals alone.
        let last = self.visits > 0;
        self.trained |= last;
        for (block, side) in received {
            let (path, table) = (self.path, &self.tables[side]);
            if self.accounts.is_some() {
                self.replica.take(side, block, table.factors());
            }
            if last && side == USERS {
                continue;
            }
            self.parts.iter_mut().for_each(|part| part[other(side)].explain(path, block, table));
        }
    }

    /// A side was solved in a block.
    pub(super) fn updated(&mut self, round: &Round<'_, Self>) {
        if self.is_of_rows(&round.moves) {
            self.receive_rows(round, 1);
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::models::mf::ccd::group::product;
    use crate::models::mf::ccd::options::Terms;
    use crate::models::mf::ccd::side::Factors;
    use crate::models::mf::testing::random_ratings;
    use crate::models::mf::{Options, Problem};
    use crate::random::{Draws, purpose};

    /// A row's factors, all blocks.
    fn row(ccd: &Ccd, side: usize, row: usize) -> Vec<Factors> {
        ccd.parts[0][side].factors.iter().map(|block| block[row]).collect()
    }

    #[test]
    fn balancing_leaves_predictions_and_lowers_the_penalty() {
        for (weighted_lambda, nonnegative) in [(false, false), (true, false), (true, true)] {
            let train = Arc::new(random_ratings(30, 20, 0.4, 5));
            let options = Options {
                rank: 13,
                lambda: Some(0.3),
                weighted_lambda,
                nonnegative,
                ..Options::default()
            };
            let mut ccd = Ccd::new(Terms::of(&options, &train), 1, 0..1);
            ccd.load(&Problem { train, ..Problem::default() });
            let mut draws = Draws::new(1, purpose("test of balancing"), 0, 0);
            for (side, scale) in [(USERS, 3.0), (ITEMS, 0.2)] {
                for x in ccd.parts[0][side].factors.iter_mut().flatten().flatten() {
                    let draw = draws.next_f64() - if nonnegative { 0.0 } else { 0.5 };
                    *x = (scale * draw) as f32;
                }
            }
            for block in 0..ccd.terms.blocks() {
                let (before, users) = (ccd.clone_rows(), ccd.parts[0][USERS].squares(block));
                ccd.squares = ccd.parts[0][ITEMS].squares(block);
                let penalty = users.iter().chain(&ccd.squares).sum::<f64>();
                ccd.balance(block, &users);
                let least: f64 =
                    users.iter().zip(&ccd.squares).map(|(u, i)| 2.0 * (u * i).sqrt()).sum();
                let sides = ccd.parts[0].iter().map(|side| side.squares(block).iter().sum::<f64>());
                let after = sides.sum::<f64>();
                // The least that any scaling of the two sides against each other gives.
                assert!(after < penalty && (after - least).abs() < 1e-5 * least, "{after} {least}");
                for user in 0..before[USERS].len() {
                    for item in 0..before[ITEMS].len() {
                        let was = product(&before[USERS][user], &before[ITEMS][item]);
                        let is = product(&row(&ccd, USERS, user), &row(&ccd, ITEMS, item));
                        assert!((was - is).abs() < 1e-5 * (1.0 + was.abs()), "{was} {is}");
                    }
                }
                assert!(
                    !nonnegative
                        || ccd.parts[0]
                            .iter()
                            .flat_map(|side| &side.factors[block])
                            .flatten()
                            .all(|x| *x >= 0.0)
                );
            }
        }
    }

    impl Ccd {
        /// The rows of both sides.
        fn clone_rows(&self) -> [Vec<Vec<Factors>>; 2] {
            [USERS, ITEMS].map(|side| {
                (0..self.parts[0][side].ids.len()).map(|at| row(self, side, at)).collect()
            })
        }
    }
}
