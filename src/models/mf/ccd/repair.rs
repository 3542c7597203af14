//! What an epoch of few changes does instead of sweeps: the rows that they touch are solved alone.
//!
//! Every worker of a live model holds all factors, `4 · 8 · blocks` bytes a row, so that a row can be
//! solved by the shard that has its ratings, and its new factors are all that travels. The objective
//! is kept by what each change and each move does to it.
//!
//! **What is left.** A rating that comes or goes matters to a row by its leverage, about
//! `rank / ratings of the row`: rows for which that is below [`LEAST`] wait, and what solving for
//! them would bring is counted as owed. A row that moves, by which the objective falls by `g`, moves
//! the minimum of those it meets, by about as much again times their leverages: [`RIPPLE`] `· g` is
//! owed for these. Once more is owed than the tolerance times the objective, sweeps over everything
//! follow, and nothing is owed any more. Only rows that one rating matters much to (see [`AGAIN`]) are
//! solved for again after others have moved.

use super::exchange::take;
use super::group::{self, Alone, product};
use super::kernels::BLOCK;
use super::keys::other;
use super::measure::Measure;
use super::program::{Ccd, ITEMS, USERS};
use super::rows::{Account, Changed};
use super::side::{Factors, Side};
use super::sums::Sums;
use crate::program::Round;

/// The leverage below which a change does not have its row solved for.
const LEAST: f64 = 1.0 / 32.0;

/// What part of the gain of rows solved alone a sweep over all rows would gain once more.
const RIPPLE: f64 = 0.25;

/// The leverage from which on a row is solved for once more after those it meets have moved.
const AGAIN: f64 = 0.25;

/// Rows that are solved together: few, so that what their ratings see stays in a core's cache.
const GROUP: usize = 4;

/// The gain of rows solved alone by which as much would be owed; that is not owed any more then.
pub(super) fn gain_of(owed: &mut f64) -> f64 {
    std::mem::take(owed) / RIPPLE
}

/// All factors of both sides, and what the repairs of an epoch need to know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    /// Factors by row and block.
    sides: [Vec<Factors>; 2],
    blocks: usize,
    /// Whether this epoch is to be repaired.
    pub on: bool,
    /// By how much the mean has moved since the last sweep.
    pub drift: f64,
}

impl Replica {
    /// Of no rows yet.
    pub fn new(blocks: usize) -> Self {
        Replica { blocks, ..Replica::default() }
    }

    /// A row.
    fn row(&self, side: usize, row: usize) -> &[Factors] {
        &self.sides[side][row * self.blocks..][..self.blocks]
    }

    fn put(&mut self, side: usize, row: usize, block: usize, factors: Factors) {
        self.sides[side][row * self.blocks + block] = factors;
    }

    /// Rows there is room for.
    fn rows(&self, side: usize) -> usize {
        self.sides[side].len() / self.blocks.max(1)
    }

    /// Makes room for more rows.
    pub fn grow(&mut self, side: usize, rows: usize) {
        self.sides[side].resize(rows * self.blocks, [0.0; BLOCK]);
    }

    /// Takes a block of all rows.
    pub fn take(&mut self, side: usize, block: usize, rows: impl Iterator<Item = Factors>) {
        rows.enumerate().for_each(|(row, factors)| self.put(side, row, block, factors));
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.sides.iter().map(|side| side.capacity() * size_of::<Factors>()).sum()
    }
}

impl Account {
    /// Chooses the rows that this epoch's changes are worth solving for (see [`LEAST`]); gives how
    /// many ratings they have.
    pub fn choose(&mut self, rank: usize) -> u64 {
        let mut work = 0;
        let mut solved = Vec::new();
        for changed in self.changed.chunk_by(|a, b| a.row == b.row) {
            let row = changed[0].row;
            let waiting = self.touched.get(&row).map_or(0, |touched| touched.changes);
            let (changes, count) = (waiting + changed.len() as u64, self.count(row));
            if count > 0 && changes as f64 * rank as f64 >= LEAST * count as f64 {
                solved.push(row);
                work += count as u64;
            }
        }
        self.solved = solved;
        work
    }

    /// What solving for the rows that wait would gain, about.
    fn owed(&self, rank: usize) -> f64 {
        let leverage = |row: u32| self.leverage(row, rank).min(1.0);
        self.touched.iter().map(|(&row, touched)| leverage(row) * touched.squares).sum()
    }

    /// What one rating matters to a row, about.
    fn leverage(&self, row: u32, rank: usize) -> f64 {
        rank as f64 / self.count(row).max(1) as f64
    }

    /// Rows are about to be solved for: the first time in an epoch all that were chosen, then those
    /// to which it matters that one they meet has moved (see [`AGAIN`]).
    fn once_more(&mut self, rank: usize) {
        if std::mem::replace(&mut self.moving, true) {
            let mut solved = std::mem::take(&mut self.solved);
            solved.retain(|&row| self.leverage(row, rank) >= AGAIN);
            self.solved = solved;
        }
    }
}

impl Ccd {
    /// Sends a shard's rows: those that begin, or those that were just solved for.
    pub(super) fn send_rows(&self, key: u32, changes: bool, effect: &mut Vec<f32>) {
        let place = self.place(key);
        let at = place.shard - self.local.start;
        effect.push(f32::from_bits(key));
        let Some(account) = self.accounts.as_ref().map(|all| &all[at][place.side]) else { return };
        let on = self.replica.on;
        let rows = if changes { &account.solved } else { &account.begun };
        let rows = if on { &rows[..] } else { &[] };
        let side = &self.parts[at][place.side];
        effect.push(f32::from_bits(rows.len() as u32));
        for &row in rows {
            effect.push(f32::from_bits(side.ids[row as usize]));
            side.factors.iter().for_each(|block| effect.extend_from_slice(&block[row as usize]));
        }
    }

    /// Takes rows that all shards sent; gives the side of the last.
    pub(super) fn receive_rows(&mut self, round: &Round<'_, Self>, sides: usize) -> usize {
        let mut side = USERS;
        for mut effect in round.moves.effects() {
            for _ in 0..sides {
                side = self.place(take(&mut effect, 1)[0].to_bits()).side;
                let count = take(&mut effect, 1)[0].to_bits();
                for _ in 0..count {
                    let row = take(&mut effect, 1)[0].to_bits() as usize;
                    let rows = self.replica.rows(side);
                    assert!(row < rows, "a shard sent row {row} of {rows}: mixed configurations?");
                    for block in 0..self.terms.blocks() {
                        let mut factors = [0.0; BLOCK];
                        factors.copy_from_slice(take(&mut effect, BLOCK));
                        self.replica.put(side, row, block, factors);
                    }
                }
            }
        }
        side
    }

    /// All workers know the rows that begin: what the changes do to the objective is summed up, and
    /// rows without ratings are emptied.
    pub(super) fn begin_repair(&mut self) {
        let Some(accounts) = &mut self.accounts else { return };
        if !self.replica.on {
            return;
        }
        let (terms, replica) = (&self.terms, &self.replica);
        for ((part, accounts), sums) in self.parts.iter_mut().zip(accounts).zip(&mut self.sums) {
            for number in [USERS, ITEMS] {
                let (side, account) = (&mut part[number], &mut accounts[number]);
                for Changed { row, other: to, value, copies } in account.changed.drain(..) {
                    let own = replica.row(number, side.ids[row as usize] as usize);
                    let explained = product(own, replica.row(other(number), to as usize));
                    let error = (f64::from(value) - terms.mean) as f32 - explained;
                    let touched = account.touched.entry(row).or_default();
                    touched.changes += 1;
                    touched.squares += f64::from(error) * f64::from(error);
                    if number == USERS {
                        sums.add(error, copies[0], -1.0);
                        sums.add(error, copies[1], 1.0);
                    }
                }
                for &row in &account.emptied {
                    sums.penalty -= terms.penalty_of_row(side, number, row as usize);
                }
                account.empty(terms, side, number);
                account.moved = Some([&account.begun[..], &account.emptied].concat());
            }
        }
    }

    /// Solves for a shard's rows of a side; gives by how much the objective falls, or infinity if
    /// there is too much to do.
    pub(super) fn repair(&mut self, shard: usize, number: usize) -> f64 {
        let at = shard - self.local.start;
        let Some(accounts) = self.accounts.as_mut().filter(|_| self.replica.on) else {
            return f64::INFINITY;
        };
        let before = self.sums[at];
        let (side, account) = (&mut self.parts[at][number], &mut accounts[at][number]);
        account.once_more(self.terms.rank);
        for rows in account.solved.chunks(GROUP) {
            let (replica, mean) = (&self.replica, self.terms.mean);
            let mut group = Vec::with_capacity(GROUP);
            let sums = &mut self.sums[at];
            for &row in rows {
                sums.penalty -= self.terms.penalty_of_row(side, number, row as usize);
                let (alone, moments) = self.path.run(
                    #[inline(always)]
                    || alone(replica, mean, side, account, number, row),
                );
                sums.take(&moments, -1.0);
                group.push(alone);
            }
            group::solve(self.path, &self.terms, number, &mut group);
            for (alone, &row) in group.iter().zip(rows) {
                for (block, x) in side.factors.iter_mut().zip(&alone.x) {
                    block[row as usize] = *x;
                }
                sums.penalty += self.terms.penalty_of_row(side, number, row as usize);
                let moments = self.path.run(
                    #[inline(always)]
                    || Sums::of(&alone.residuals, &alone.weights),
                );
                sums.take(&moments, 1.0);
            }
        }
        account.touched.retain(|row, _| account.solved.binary_search(row).is_err());
        if let Some(moved) = &mut account.moved {
            moved.extend(&account.solved);
            moved.sort_unstable();
            moved.dedup();
        }
        let after = &mut self.sums[at];
        let gain = before.weighed[2] + before.penalty - after.weighed[2] - after.penalty;
        after.gained += gain.max(0.0);
        gain
    }

    /// A shard's share of the measure after a repair.
    pub(super) fn repaired(&self, shard: usize) -> Measure {
        let at = shard - self.local.start;
        let sums = &self.sums[at];
        let waiting: f64 = self.accounts.as_ref().map_or(0.0, |accounts| {
            accounts[at].iter().map(|account| account.owed(self.terms.rank)).sum()
        });
        let drift = self.replica.drift * self.replica.drift * sums.weighed[0];
        Measure {
            loss: sums.weighed[2],
            squares: sums.plain[2],
            ratings: sums.plain[0],
            penalty: sums.penalty,
            owed: RIPPLE * sums.gained + waiting + drift,
            ..Measure::default()
        }
    }
}

/// A row with its ratings, and their moments.
#[inline(always)]
fn alone(
    replica: &Replica,
    mean: f64,
    side: &Side,
    account: &Account,
    number: usize,
    row: u32,
) -> (Alone, Sums) {
    let (at, count) = (row as usize, account.count(row));
    let x = side.factors.iter().map(|block| block[at]).collect();
    let mut alone = Alone::new(x, side.penalties[at], count);
    for entry in account.of(row) {
        let value = (f64::from(entry.value) - mean) as f32;
        let other = replica.row(other(number), entry.other as usize);
        alone.push(count, value, entry.copies as f32, other);
    }
    let moments = Sums::of(&alone.residuals, &alone.weights);
    (alone, moments)
}
