//! What an update round does: a joint block, or single steps under the guard.

use super::block::Block;
use super::division::Divided;
use super::effect::{damaged, put_column, sum_vectors};
use super::guard::line_search;
use super::newton::Newton;
use super::program::{Lasso, Step};
use super::rows::RowId;
use super::stages::NULL_GAP;
use crate::program::Round;

/// Gap to which blocks of a stage on the way are solved: below the whole stage's.
const STAGE_BLOCK_GAP: f64 = 3e-3;
/// The last stage's blocks are solved to this fraction of the tolerance.
const BLOCK_SHARE: f64 = 0.3;
/// While the whole model's gap is large, blocks need not be solved much better than that.
const AHEAD: f64 = 0.03;
/// Bytes of replicated columns at which those of no use to the block are forgotten.
const STORE: usize = 64 << 20;

impl<I: RowId> Lasso<I> {
    /// Holds the columns that a couple round gathered; forgets all others first if they are many.
    pub(super) fn hold(&mut self, round: &Round<'_, Self>) {
        if self.working.bytes() > STORE {
            self.working.clear();
        }
        for words in round.moves.effects() {
            self.working.accept(words).unwrap_or_else(|_| damaged());
        }
    }

    /// Solves the round's block jointly, alike on every worker; or goes as far as that needs nothing
    /// that the shards share: see [`super::division`].
    pub(super) fn solve_block(&mut self, round: &Round<'_, Self>) {
        let held = self.working.len();
        for (shard, words) in round.moves.effects().enumerate() {
            let columns = self.take_told(shard, held, words);
            self.working.accept(columns).unwrap_or_else(|_| damaged());
        }
        let (mut members, mut beta) = (Vec::new(), vec![0.0; self.working.len()]);
        for (key, step) in round.moves.iter() {
            let slot = self.working.slot(key).unwrap_or_else(|| damaged());
            members.push(slot);
            beta[slot] = step.old;
        }
        let tolerance = match self.path.is_last() {
            true if self.null => NULL_GAP,
            // What was measured is the gap at the λ before.
            _ if self.fresh => STAGE_BLOCK_GAP.max(BLOCK_SHARE * self.options.tolerance),
            true => (BLOCK_SHARE * self.options.tolerance)
                .max(AHEAD * self.measure.relative_gap().min(1.0)),
            false => STAGE_BLOCK_GAP,
        };
        let mut block = Block {
            columns: &self.working,
            rows: &self.rows,
            options: &self.options,
            lambda: self.path.lambda(),
            members,
            beta,
        };
        let solution = block.begin(&mut self.residual, &mut self.newton, tolerance);
        let (members, beta) = (block.members, block.beta);
        self.divided = Some(Divided { members, beta, solution });
        self.advance();
    }

    /// Applies single steps decided apart, as far along their sum as the objective falls.
    pub(super) fn step(&mut self, round: &Round<'_, Self>) {
        let sum = sum_vectors(round.moves.effects(), &self.rows).unwrap_or_else(|_| damaged());
        let (keys, steps): (Vec<u32>, Vec<Step>) = round.moves.iter().unzip();
        let slope = self.residual.inner(&sum, &self.rows) / self.rows.total;
        let curvature = sum.inner(&sum, &self.rows) / self.rows.total;
        let length = line_search(&steps, slope, curvature, self.options.positive);
        self.residual.add_vector(-length.t, &sum);
        self.at_rest = false;
        for (at, (key, step)) in keys.into_iter().zip(&steps).enumerate() {
            self.set(key, length.end(at, step));
        }
        self.updates += steps.len() as u64;
    }

    pub(super) fn set(&mut self, key: u32, beta: f64) {
        let shard = self.layout.shard_of(key as usize);
        if self.local.contains(&shard) {
            let position = self.layout.local(key as usize);
            self.shard(shard).set(position, beta);
        }
    }

    pub(super) fn forget_columns(&mut self) {
        if self.working.bytes() > STORE && self.working.len() as u64 > 4 * self.support.max(1) {
            self.working.clear();
            self.newton = Newton::default();
        }
    }

    /// A shard's unpenalised columns, if the others do not hold them yet.
    pub(super) fn send_free(&self, shard: usize, effect: &mut Vec<u64>) {
        if !self.has_free() {
            return;
        }
        let own = &self.shards[shard - self.local.start];
        for (at, facts) in own.facts.iter().enumerate() {
            let key = self.layout.column(shard, at) as u32;
            if facts.factor == 0.0 && facts.scale > 0.0 && !self.free.holds(key) {
                put_column(key, facts, &own.columns, at, effect);
            }
        }
    }

    /// The columns of a shard's keys that the others do not hold yet.
    pub(super) fn send_columns(&self, shard: usize, keys: &[u32], effect: &mut Vec<u64>) {
        let index = shard - self.local.start;
        for &key in keys {
            let position = self.layout.local(key as usize);
            let own = self.layout.shard_of(key as usize) == shard;
            if let (true, false, Some(facts)) =
                (own, self.working.holds(key), self.shards[index].facts.get(position))
            {
                put_column(key, facts, &self.shards[index].columns, position, effect);
            }
        }
    }
}
