//! Ratings that come and go: a shard's rows of one side, and what an epoch makes of them.

use std::collections::BTreeMap;

use super::kernels::BLOCK;
use super::layout::Rows;
use super::load::{draw, ones_of};
use super::options::Terms;
use super::program::{Row, USERS};
use super::side::Side;
use super::tiles::{Rated, Tiles, Weighing};

/// A rating that was inserted (or retracted, if `diff` is negative), as one side's shard hears of it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    /// The shard whose row it is.
    pub(super) shard: u32,
    /// The side of that row.
    pub(super) side: u8,
    /// The row's number.
    pub(super) row: u32,
    /// The other side's row.
    pub(super) other: u32,
    /// The rating.
    pub(super) value: f32,
    /// How often it was inserted, less how often it was retracted.
    pub(super) diff: i64,
}

/// A rating of a row. Fewer copies than none: it was retracted before it was inserted, and does not
/// count until it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The other side's row.
    pub other: u32,
    /// The rating.
    pub value: f32,
    /// How often it is there.
    pub copies: i64,
}

/// A rating whose copies changed in the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    /// The shard's row.
    pub row: u32,
    /// The other side's row.
    pub other: u32,
    /// The rating.
    pub value: f32,
    /// Copies that counted, before and after.
    pub copies: [f32; 2],
}

/// Changes of a row since it was last solved for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Touched {
    /// Their number.
    pub changes: u64,
    /// The squared errors of the ratings that came or went, as they were then.
    pub squares: f64,
}

/// What is kept of one side of a shard beside its tiles: 16 bytes a rating, and what was published.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Each row's ratings, by the other row and the value.
    rows: Vec<Vec<Entry>>,
    /// How many of a row's ratings count.
    counts: Vec<u32>,
    /// The rows as they were last published.
    published: BTreeMap<u32, Row>,
    /// The sum of the ratings, and their number, copies counted.
    pub total: [f64; 2],
    /// The number of different ratings that count.
    pub entries: u64,
    /// This epoch's changes.
    pub changed: Vec<Changed>,
    /// Rows with changes that they were not solved for.
    pub touched: BTreeMap<u32, Touched>,
    /// Rows to be published: all of them, if nothing is said.
    pub moved: Option<Vec<u32>>,
    /// Rows that had no ratings before this epoch.
    pub begun: Vec<u32>,
    /// Rows that have no ratings any more.
    pub emptied: Vec<u32>,
    /// Rows that are solved for alone.
    pub solved: Vec<u32>,
    /// Whether this epoch's rows were solved for once.
    pub moving: bool,
}

impl Account {
    /// Nothing has changed in this epoch yet.
    pub fn begin(&mut self) {
        self.changed.clear();
        self.begun.clear();
        self.emptied.clear();
        self.solved.clear();
        self.moving = false;
    }

    /// Takes in an epoch's changes of a side's rows, at a cost that follows their number.
    pub fn absorb(&mut self, shards: usize, changes: &[Change]) {
        for change in changes {
            let row = Rows { count: 0, shards }.place(change.row as usize).1;
            if self.rows.len() <= row {
                self.rows.resize(row + 1, Vec::new());
                self.counts.resize(row + 1, 0);
            }
            let Change { other, value, diff, .. } = *change;
            let [before, after] = adjust(&mut self.rows[row], other, value, diff).map(positive);
            if before == after {
                continue;
            }
            self.total[0] += (after - before) * f64::from(value);
            self.total[1] += after - before;
            self.entries += u64::from(before == 0.0);
            self.entries -= u64::from(after == 0.0);
            self.counts[row] += u32::from(before == 0.0);
            self.counts[row] -= u32::from(after == 0.0);
            let copies = [before as f32, after as f32];
            self.changed.push(Changed { row: row as u32, other, value, copies });
        }
    }

    /// The rows that this epoch changed, ascending.
    pub fn rows_changed(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.changed.iter().map(|changed| changed.row).collect();
        rows.dedup();
        rows
    }

    /// The ratings of a row that count.
    pub fn of(&self, row: u32) -> impl Iterator<Item = Entry> {
        let row = self.rows.get(row as usize).map_or(&[][..], Vec::as_slice);
        row.iter().copied().filter(|entry| entry.copies > 0)
    }

    /// How many ratings of a row count.
    pub fn count(&self, row: u32) -> usize {
        self.counts.get(row as usize).map_or(0, |&count| count as usize)
    }

    /// The number of rows that this side needs over all shards, by the ratings it has.
    pub fn needed(&self, rows: Rows, shard: usize) -> usize {
        let last = self.rows.iter().rposition(|row| !row.is_empty());
        last.map_or(0, |local| rows.rank(shard, local) + 1).max(rows.count)
    }

    /// Gives a shard's side all of its rows, and those with changes their penalties and, if these are
    /// their first ratings, first factors.
    pub fn settle(
        &mut self,
        terms: &Terms,
        side: &mut Side,
        number: usize,
        rows: Rows,
        shard: usize,
    ) {
        let (known, count) = (side.ids.len(), rows.local(shard));
        side.ids.extend((known..count).map(|local| rows.rank(shard, local) as u32));
        side.factors.resize(terms.blocks(), Vec::new());
        side.factors.iter_mut().for_each(|block| block.resize(count, [0.0; BLOCK]));
        side.delta.resize(count, [0.0; BLOCK]);
        side.penalties.resize(count, terms.penalty_of(0));
        self.rows.resize(count, Vec::new());
        self.counts.resize(count, 0);
        (known..count).for_each(|row| ones_of(terms, side, number, row));
        let explicit = usize::from(terms.biases)..terms.blocks();
        for row in self.rows_changed() {
            let (at, ratings) = (row as usize, self.count(row));
            side.penalties[at] = terms.penalty_of(ratings as u32);
            if ratings == 0 {
                self.emptied.push(row);
            } else if !self.published.contains_key(&side.ids[at]) {
                self.begun.push(row);
                let empty = explicit.clone().all(|block| side.factors[block][at] == [0.0; BLOCK]);
                if number == USERS && empty {
                    draw(terms, side, at);
                }
            }
        }
    }

    /// Rows without ratings have no factors.
    pub fn empty(&mut self, terms: &Terms, side: &mut Side, number: usize) {
        for &row in &self.emptied {
            side.factors.iter_mut().for_each(|block| block[row as usize] = [0.0; BLOCK]);
            ones_of(terms, side, number, row as usize);
            self.touched.remove(&row);
        }
    }

    /// All ratings as tiles. Costs a copy of them.
    pub fn tiles(&self, others: usize) -> Tiles {
        let entries = || self.rows.iter().flatten().filter(|entry| entry.copies > 0);
        let weighing = match entries().any(|entry| entry.copies > 1) {
            true => Weighing::Weighted,
            false => Weighing::Plain,
        };
        Tiles::new(self.rows.len(), others, weighing, |put| {
            for local in 0..self.rows.len() as u32 {
                for Entry { other, value, copies } in self.of(local) {
                    put(Rated { local, other, value, weight: copies as f32 });
                }
            }
        })
    }

    /// What changed of a side's rows since it was last asked: old rows with `diff` −1, new ones with
    /// 1. Rows without ratings are none.
    pub fn publish(&mut self, terms: &Terms, side: &Side, number: usize, changes: &mut Vec<Row>) {
        let rows = self.moved.take().unwrap_or_else(|| (0..side.ids.len() as u32).collect());
        for row in rows {
            let id = side.ids[row as usize];
            let some = self.count(row) > 0;
            let new = some.then(|| terms.row(side, number, row as usize));
            if self.published.get(&id) == new.as_ref() {
                continue;
            }
            let old = match &new {
                Some(new) => self.published.insert(id, new.clone()),
                None => self.published.remove(&id),
            };
            changes.extend(old.map(|old| Row { diff: -1, ..old }));
            changes.extend(new);
        }
    }
}

fn positive(copies: i64) -> f64 {
    copies.max(0) as f64
}

/// Changes the copies of a rating; gives how many there were and are.
fn adjust(row: &mut Vec<Entry>, other: u32, value: f32, diff: i64) -> [i64; 2] {
    let key = |entry: &Entry| (entry.other, entry.value.to_bits());
    match row.binary_search_by_key(&(other, value.to_bits()), key) {
        Ok(at) => {
            let before = row[at].copies;
            let after = before.saturating_add(diff);
            row[at].copies = after;
            if after == 0 {
                row.remove(at);
            }
            [before, after]
        }
        Err(at) => {
            row.insert(at, Entry { other, value, copies: diff });
            [0, diff]
        }
    }
}
