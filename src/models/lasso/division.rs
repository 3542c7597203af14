//! What of the joint solve the shards share.
//!
//! Every worker solves the same block, so that none waits for another; but the correlations of the
//! columns that Newton steps need for the first time, and the columns of a large factor, are worth
//! a message. The solution then stops where it needs them. The schedule sees that something must be
//! gathered ([`crate::program::Program::coupling`]) and has a couple round: each shard takes its
//! part, and every worker goes on with those of all. They are the same numbers whoever takes them,
//! so nothing but the time it takes depends on the division.

use super::block::Block;
use super::cost;
use super::descent::Solution;
use super::effect::damaged;
use super::gram::GROUP;
use super::newton::{Newton, Stage};
use super::program::Lasso;
use super::rows::RowId;
use crate::program::Round;

/// A block on the way.
pub(super) struct Divided {
    pub members: Vec<usize>,
    /// By slot, as they are so far.
    pub beta: Vec<f64>,
    pub solution: Solution,
}

impl Newton {
    /// Makes order, Gram matrix and factor those of the block's support: true if they are, false if
    /// the shards must take their parts first.
    pub(super) fn prepare(&mut self, block: &Block<'_>, shards: usize) -> bool {
        if self.stage == Stage::Before {
            self.arrange(block);
            if self.shares_products(block, shards) {
                self.stage = Stage::Products(self.gram.admit(block, &self.order));
            } else {
                self.gram.enter(block, &self.order);
                self.begin_factor(block);
                self.grow(shards);
            }
        }
        self.stage == Stage::Ready
    }

    fn shares_products(&self, block: &Block<'_>, shards: usize) -> bool {
        let count = self.order.iter().filter(|&&slot| !self.gram.holds(slot)).count();
        self.gram.leaves(block, &self.order)
            && cost::pays(self.gram.cost(block, &self.order), count * self.order.len(), shards)
    }

    /// Goes on with the factor as far as it can.
    fn grow(&mut self, shards: usize) {
        self.stage = match self.factor.open(shards) {
            Some(right) => Stage::Columns(right),
            None => {
                self.factor.finish();
                Stage::Ready
            }
        };
    }

    /// Takes the part of one of so many shards.
    fn take(&mut self, block: &Block<'_>, part: (usize, usize), words: &mut Vec<u64>) {
        match &self.stage {
            Stage::Products(slots) => {
                let mut values = Vec::new();
                for group in slots.chunks(GROUP).skip(part.0).step_by(part.1) {
                    self.gram.products(block, group, &mut values);
                }
                words.extend(values.into_iter().map(f64::to_bits));
            }
            &Stage::Columns(right) => self.factor.take(right, part, words),
            Stage::Before | Stage::Ready => {}
        }
    }

    /// Puts in the parts of all shards: nothing if they are not what they should be.
    fn join<'a>(
        &mut self,
        block: &Block<'_>,
        shards: usize,
        parts: impl Iterator<Item = &'a [u64]>,
    ) -> Option<()> {
        match std::mem::take(&mut self.stage) {
            Stage::Products(slots) => {
                let mut parts: Vec<&[u64]> = parts.collect();
                for (at, group) in slots.chunks(GROUP).enumerate() {
                    let words = parts.get_mut(at % shards)?;
                    let (own, rest) = words.split_at_checked(self.gram.count(group))?;
                    let values: Vec<f64> = own.iter().map(|word| f64::from_bits(*word)).collect();
                    self.gram.put(group, &values);
                    *words = rest;
                }
                if parts.iter().any(|words| !words.is_empty()) {
                    return None;
                }
                self.begin_factor(block);
            }
            Stage::Columns(right) => self.factor.close(right, shards, parts)?,
            Stage::Before | Stage::Ready => return None,
        }
        self.grow(shards);
        Some(())
    }
}

impl<I: RowId> Lasso<I> {
    /// The part of a shard in what the block waits for.
    pub(super) fn take_part(&mut self, shard: usize, words: &mut Vec<u64>) {
        let part = (shard, self.layout.shards());
        self.with_block(|block, newton| newton.take(block, part, words));
    }

    /// Takes the parts of all shards, and goes on with the block.
    pub(super) fn join(&mut self, round: &Round<'_, Self>) {
        self.couples += 1;
        self.join_parts(round.moves.effects());
    }

    fn join_parts<'a>(&mut self, parts: impl Iterator<Item = &'a [u64]>) {
        let shards = self.layout.shards();
        match self.with_block(|block, newton| newton.join(block, shards, parts)) {
            Some(Some(())) => self.advance(),
            Some(None) => damaged(),
            None => {}
        }
    }

    /// Solves the block to the end, if there is one: for schedules that never gather.
    pub(super) fn end_alone(&mut self) {
        while self.divided.is_some() {
            let mut parts = vec![Vec::new(); self.layout.shards()];
            for (shard, words) in parts.iter_mut().enumerate() {
                self.take_part(shard, words);
            }
            self.join_parts(parts.iter().map(Vec::as_slice));
        }
    }

    fn with_block<T>(&mut self, act: impl FnOnce(&Block<'_>, &mut Newton) -> T) -> Option<T> {
        let divided = self.divided.as_mut()?;
        let block = Block {
            columns: &self.working,
            rows: &self.rows,
            options: &self.options,
            lambda: self.path.lambda(),
            members: std::mem::take(&mut divided.members),
            beta: std::mem::take(&mut divided.beta),
        };
        let result = act(&block, &mut self.newton);
        (divided.members, divided.beta) = (block.members, block.beta);
        Some(result)
    }

    /// Goes on with the block as far as that needs no others.
    pub(super) fn advance(&mut self) {
        let Some(Divided { members, beta, mut solution }) = self.divided.take() else { return };
        let mut block = Block {
            columns: &self.working,
            rows: &self.rows,
            options: &self.options,
            lambda: self.path.lambda(),
            members,
            beta,
        };
        let (residual, newton, free) = (&mut self.residual, &mut self.newton, &mut self.free);
        let solved = block.advance(residual, newton, free, &mut solution, self.layout.shards());
        let (members, beta) = (block.members, block.beta);
        if !solved {
            self.divided = Some(Divided { members, beta, solution });
            return;
        }
        self.updates += solution.updates;
        for slot in members {
            self.set(self.working.key(slot), beta[slot]);
        }
        self.at_rest = false;
        self.follow_told();
        self.fresh = false;
        self.forget_columns();
    }
}
