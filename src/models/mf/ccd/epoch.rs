//! The beginning of an epoch: ratings come and go, rows are given their places, residuals are taken
//! afresh.

use super::exchange::take;
use super::gram::Gram;
use super::layout::Rows;
use super::program::{Ccd, ITEMS, USERS};
use super::rows;
use super::table::Table;
use crate::program::Round;

impl Ccd {
    /// Residuals as of a model that explains nothing; blocks are to be taken off them. Or, first of
    /// all, everything as it was at a checkpoint.
    pub(super) fn refresh(&mut self, round: &Round<'_, Self>) {
        if self.resume() {
            return;
        }
        if std::mem::take(&mut self.arrived) {
            self.settle(round);
        }
        let mean = self.terms.mean;
        self.parts.iter_mut().flatten().for_each(|side| side.reset(mean));
        self.tables.iter_mut().for_each(Table::forget);
        self.fresh = true;
    }

    /// Takes in an epoch's ratings.
    pub(super) fn absorb(&mut self, mut changes: Vec<rows::Change>) {
        changes.sort_by_key(|change| (change.shard, change.side));
        for group in changes.chunk_by(|a, b| (a.shard, a.side) == (b.shard, b.side)) {
            let at = group[0].shard as usize - self.local.start;
            let number = usize::from(group[0].side);
            if let Some(accounts) = &mut self.accounts {
                accounts[at][number].absorb(&mut self.parts[at][number], self.shards, group);
            }
        }
    }

    /// A shard's rows, and the sum and weight of its users' ratings.
    pub(super) fn survey(&self, shard: usize, effect: &mut Vec<f32>) {
        let part = &self.parts[shard - self.local.start];
        for number in [USERS, ITEMS] {
            let needed = rows::needed(&part[number], self.tables[number].rows, shard);
            effect.push(f32::from_bits(needed as u32));
        }
        effect.extend_from_slice(bytemuck::cast_slice(&rows::total(&part[USERS])));
    }

    /// As many rows everywhere as the surveys say, and the mean over all.
    fn settle(&mut self, round: &Round<'_, Self>) {
        let (mut counts, mut total) = ([0, 0], [0.0, 0.0]);
        for mut survey in round.moves.effects() {
            for (count, needed) in counts.iter_mut().zip(take(&mut survey, 2)) {
                *count = needed.to_bits().max(*count);
            }
            let share: Vec<f64> = bytemuck::pod_collect_to_vec(take(&mut survey, 4));
            total.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        if self.terms.centred && total[1] > 0.0 {
            self.terms.mean = total[0] / total[1];
        }
        for number in [USERS, ITEMS] {
            let rows = Rows { count: counts[number] as usize, shards: self.shards };
            if self.tables[number].rows != rows {
                self.tables[number] = Table::new(rows);
            }
            for (shard, part) in self.local.clone().zip(&mut self.parts) {
                rows::settle(&self.terms, &mut part[number], number, rows, shard);
            }
        }
        self.grams.iter_mut().flatten().for_each(Gram::forget);
    }
}
