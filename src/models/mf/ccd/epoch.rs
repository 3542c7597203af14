//! The beginning of an epoch: ratings come and go, rows are given their places, residuals are taken
//! afresh.

use super::exchange::take;
use super::keys::other;
use super::layout::Rows;
use super::program::{Ccd, ITEMS, USERS};
use super::rows::{self, Account};
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
            return;
        }
        self.begin_sweeps();
        let mean = self.terms.mean;
        self.parts.iter_mut().flatten().for_each(|side| side.reset(mean));
        self.tables.iter_mut().for_each(Table::forget);
        self.fresh = true;
    }

    /// Takes in an epoch's ratings.
    pub(super) fn absorb(&mut self, mut changes: Vec<rows::Change>) {
        let accounts = self.accounts.iter_mut().flatten().flatten();
        accounts.for_each(Account::begin);
        changes.sort_by_key(|change| (change.shard, change.side, change.row));
        for group in changes.chunk_by(|a, b| (a.shard, a.side) == (b.shard, b.side)) {
            let at = group[0].shard as usize - self.local.start;
            let number = usize::from(group[0].side);
            if let Some(accounts) = &mut self.accounts {
                accounts[at][number].absorb(self.shards, group);
            }
        }
    }

    /// A shard's rows, and four numbers: the sum of its users' ratings, their number with copies and
    /// without, and the number of ratings of all rows that would be solved alone.
    pub(super) fn survey(&mut self, shard: usize, effect: &mut Vec<f32>) {
        let rank = self.terms.rank;
        let Some(accounts) = &mut self.accounts else { return };
        let accounts = &mut accounts[shard - self.local.start];
        for (account, rows) in accounts.iter().zip(self.rows) {
            effect.push(f32::from_bits(account.needed(rows, shard) as u32));
        }
        let work: u64 = accounts.iter_mut().map(|account| account.choose(rank)).sum();
        let Account { total, entries, .. } = &accounts[USERS];
        let numbers = [total[0], total[1], *entries as f64, work as f64];
        effect.extend_from_slice(bytemuck::cast_slice(&numbers));
    }

    /// As many rows everywhere as the surveys say, and the mean over all.
    fn settle(&mut self, round: &Round<'_, Self>) {
        let (mut counts, mut total) = ([0, 0], [0.0; 4]);
        for mut survey in round.moves.effects() {
            for (count, needed) in counts.iter_mut().zip(take(&mut survey, 2)) {
                *count = needed.to_bits().max(*count);
            }
            let share: Vec<f64> = bytemuck::pod_collect_to_vec(take(&mut survey, 8));
            total.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        let [sum, weight, entries, work] = total;
        if self.terms.centred && weight > 0.0 {
            let drift = sum / weight - self.terms.mean;
            self.terms.mean = sum / weight;
            self.sums.iter_mut().for_each(|sums| sums.shift(drift));
            self.replica.drift += drift;
        }
        // Sweeps cost many times as much for each rating, but these are all of them.
        self.replica.on = self.trained && work <= entries;
        for number in [USERS, ITEMS] {
            let rows = Rows { count: counts[number] as usize, shards: self.shards };
            self.rows[number] = rows;
            self.replica.grow(number, rows.count);
            self.settle_rows(number, rows);
        }
        self.adopt();
    }

    /// Rows are given their places, those with changes their penalties.
    fn settle_rows(&mut self, number: usize, rows: Rows) {
        let (terms, accounts) = (&self.terms, self.accounts.iter_mut().flatten());
        let parts = self.local.clone().zip(&mut self.parts).zip(accounts).zip(&mut self.sums);
        for (((shard, part), accounts), sums) in parts {
            let (side, account) = (&mut part[number], &mut accounts[number]);
            let changed = account.rows_changed();
            for &row in changed.iter().filter(|&&row| (row as usize) < side.ids.len()) {
                sums.penalty -= terms.penalty_of_row(side, number, row as usize);
            }
            account.settle(terms, side, number, rows, shard);
            for &row in &changed {
                sums.penalty += terms.penalty_of_row(side, number, row as usize);
            }
        }
    }

    /// Sweeps over all ratings are to follow: of a live model these are made tiles.
    fn begin_sweeps(&mut self) {
        self.replica.on = false;
        self.replica.drift = 0.0;
        let Some(accounts) = &mut self.accounts else { return };
        for number in [USERS, ITEMS] {
            if self.tables[number].rows != self.rows[number] {
                self.tables[number] = Table::new(self.rows[number]);
            }
            for (part, accounts) in self.parts.iter_mut().zip(&mut *accounts) {
                let (side, account) = (&mut part[number], &mut accounts[number]);
                account.empty(&self.terms, side, number);
                if !self.tiled {
                    side.tiles = account.tiles(self.rows[other(number)].count);
                }
                account.changed.clear();
                account.touched.clear();
                account.moved = None;
            }
        }
        self.tiled = true;
    }
}
