//! What shards send each other of a block: factors, changes, shares of Gram matrices.

use super::gram;
use super::kernels::BLOCK;
use super::keys::Place;
use super::program::{Ccd, Moved};
use crate::container::Moves;

impl Ccd {
    /// Sends a shard's part of a block: its key, factors (or their changes), and its share of the
    /// block's rows of the Gram matrix if they are not `known`.
    pub(super) fn send(&self, key: u32, changes: bool, effect: &mut Vec<f32>) {
        let Place { block, side, shard } = self.place(key);
        if block == self.terms.blocks() {
            return self.send_rows(key, changes, effect);
        }
        let part = &self.parts[shard - self.local.start][side];
        effect.push(f32::from_bits(key));
        let rows = if changes { &part.delta } else { &part.factors[block] };
        effect.extend_from_slice(bytemuck::cast_slice(rows));
        if !self.knows(block, side, changes) {
            let share = gram::share(part, block);
            effect.extend_from_slice(bytemuck::cast_slice(&share));
        }
    }

    /// Whether nothing need be sent of a block's rows of the Gram matrix.
    fn knows(&self, block: usize, side: usize, changes: bool) -> bool {
        self.grams.as_ref().is_none_or(|grams| !changes && grams[side].knows(block))
    }

    /// Takes what all shards sent; gives the blocks and sides it was of.
    pub(super) fn receive(
        &mut self,
        moves: &Moves<'_, u32, Moved, f32>,
        changes: bool,
    ) -> Vec<(usize, usize)> {
        let mut effects: Vec<&[f32]> = moves.effects().collect();
        let mut received = Vec::new();
        while effects.first().is_some_and(|effect| !effect.is_empty()) {
            let heads = effects.iter_mut().map(|effect| take(effect, 1)[0].to_bits());
            let key = heads.collect::<Vec<_>>()[0];
            let Place { block, side, .. } = self.place(key);
            let table = &mut self.tables[side];
            let held = table.current.block == Some(block);
            if !changes && !held {
                table.turn(block);
            }
            for (shard, effect) in effects.iter_mut().enumerate() {
                let rows = bytemuck::cast_slice(take(effect, table.rows.local(shard) * BLOCK));
                match changes {
                    true => table.change(shard, rows),
                    // What is held is the same, and says besides how it changed last.
                    false if held => {}
                    false => table.put(shard, rows),
                }
            }
            if !self.knows(block, side, changes) {
                self.receive_gram(block, side, &mut effects);
            }
            received.push((block, side));
        }
        received
    }

    /// Whether a round is about whole rows: see [`super::repair`].
    pub(super) fn is_of_rows(&self, moves: &Moves<'_, u32, Moved, f32>) -> bool {
        let head = moves.effects().next().and_then(|effect| effect.first().copied());
        head.is_some_and(|head| self.place(head.to_bits()).block == self.terms.blocks())
    }

    fn receive_gram(&mut self, block: usize, side: usize, effects: &mut [&[f32]]) {
        let Some(grams) = &mut self.grams else { return };
        let mut sum = vec![0.0; grams[side].share_len()];
        for effect in effects {
            let share: Vec<f64> = bytemuck::pod_collect_to_vec(take(effect, 2 * sum.len()));
            sum.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        grams[side].put(block, &sum);
    }
}

/// The next `count` numbers of an effect.
pub(super) fn take<'a>(effect: &mut &'a [f32], count: usize) -> &'a [f32] {
    let Some((taken, rest)) = effect.split_at_checked(count) else {
        panic!("a shard sent {} numbers instead of {count}: mixed configurations?", effect.len());
    };
    *effect = rest;
    taken
}
