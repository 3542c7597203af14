//! Ratings that come and go: a shard's rows, and what an epoch makes of them.

use std::collections::{BTreeMap, HashMap};

use super::kernels::BLOCK;
use super::layout::Rows;
use super::load::{draw, ones};
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

/// By other row and value, how often a rating is there. Fewer than never: it was retracted before it
/// was inserted, and does not count until it is there.
type Counted = BTreeMap<(u32, u32), i64>;

/// What is kept of one side of a shard beside its ratings.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Rows' ratings that are there fewer than zero times.
    debts: BTreeMap<u32, Counted>,
    /// The rows as they were last published.
    published: BTreeMap<u32, Row>,
}

impl Account {
    /// Takes in an epoch's changes of a side's rows. Costs a copy of all of the side's ratings.
    pub fn absorb(&mut self, side: &mut Side, shards: usize, changes: &[Change]) {
        let local = |change: &Change| Rows { count: 0, shards }.place(change.row as usize).1 as u32;
        let mut changed: HashMap<u32, Counted> = HashMap::new();
        for change in changes {
            let row = changed.entry(local(change)).or_insert_with(|| {
                let mut row = self.debts.remove(&local(change)).unwrap_or_default();
                for tile in 0..side.tiles.len() {
                    for rated in side.tiles.row(tile, local(change) as usize) {
                        row.insert((rated.other, rated.value.to_bits()), rated.weight as i64);
                    }
                }
                row
            });
            *row.entry((change.other, change.value.to_bits())).or_default() += change.diff;
        }
        // Rows in order, so that the ratings' order does not depend on the map.
        let changed: BTreeMap<u32, Counted> = changed.into_iter().collect();
        for (&local, row) in &changed {
            let debts: Counted = row.iter().filter(|(_, count)| **count < 0).map(own).collect();
            if !debts.is_empty() {
                self.debts.insert(local, debts);
            }
        }
        side.tiles = merged(side, &changed);
    }

    /// What changed of a side's rows since it was last asked: old rows with `diff` −1, new ones with
    /// 1. Rows without ratings are none.
    pub fn publish(&mut self, terms: &Terms, side: &Side, number: usize, changes: &mut Vec<Row>) {
        let counts = side.tiles.counts(side.ids.len());
        for (row, &count) in counts.iter().enumerate() {
            let id = side.ids[row];
            let new = (count > 0).then(|| terms.row(side, number, row));
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

fn own((&key, &count): (&(u32, u32), &i64)) -> ((u32, u32), i64) {
    (key, count)
}

/// The ratings of a side, those of the changed rows in their stead.
fn merged(side: &Side, changed: &BTreeMap<u32, Counted>) -> Tiles {
    let counted = || changed.values().flatten().filter(|(_, count)| **count > 0);
    let others = counted().map(|((other, _), _)| *other as usize + 1).max().unwrap_or(0);
    let others = others.max(Rows::rank_of(side.tiles.len(), 1));
    let last = changed.keys().next_back().map_or(0, |&local| local as usize + 1);
    let rows = side.ids.len().max(last);
    let stay = |local: &usize| !changed.contains_key(&(*local as u32));
    let kept: Vec<usize> = (0..side.ids.len()).filter(stay).collect();
    let twice = counted().any(|(_, &count)| count > 1)
        || (0..side.tiles.len()).any(|tile| {
            kept.iter().any(|&row| side.tiles.row(tile, row).any(|rated| rated.weight != 1.0))
        });
    let weighing = if twice { Weighing::Weighted } else { Weighing::Plain };
    Tiles::new(rows, others, weighing, |put| {
        for tile in 0..side.tiles.len() {
            kept.iter().for_each(|&row| side.tiles.row(tile, row).for_each(&mut *put));
        }
        for (&local, row) in changed {
            for (&(other, bits), &count) in row.iter().filter(|(_, count)| **count > 0) {
                let (value, weight) = (f32::from_bits(bits), count as f32);
                put(Rated { local, other, value, weight });
            }
        }
    })
}

/// The number of rows that a shard's side needs over all shards, by the ratings it has.
pub(super) fn needed(side: &Side, rows: Rows, shard: usize) -> usize {
    let counts = side.tiles.counts(side.tiles.rows());
    let last = counts.iter().rposition(|&count| count > 0);
    last.map_or(0, |local| rows.rank(shard, local) + 1).max(rows.count)
}

/// The sum of a side's ratings, and how many there are, weighed.
pub(super) fn total(side: &Side) -> [f64; 2] {
    let mut total = [0.0; 2];
    for tile in 0..side.tiles.len() {
        for rated in (0..side.tiles.rows()).flat_map(|row| side.tiles.row(tile, row)) {
            total[0] += f64::from(rated.weight) * f64::from(rated.value);
            total[1] += f64::from(rated.weight);
        }
    }
    total
}

/// Gives a shard's side all of its rows, first factors where there are ratings for the first time,
/// and none where there are no ratings any more.
pub(super) fn settle(terms: &Terms, side: &mut Side, number: usize, rows: Rows, shard: usize) {
    let count = rows.local(shard);
    side.ids = (0..count).map(|local| rows.rank(shard, local) as u32).collect();
    side.factors.resize(terms.blocks(), Vec::new());
    side.factors.iter_mut().for_each(|block| block.resize(count, [0.0; BLOCK]));
    side.delta.resize(count, [0.0; BLOCK]);
    side.tiles.grow(count);
    let counts = side.tiles.counts(count);
    side.penalties = counts.iter().map(|&count| terms.penalty_of(count)).collect();
    let explicit = usize::from(terms.biases)..terms.blocks();
    for (row, &count) in counts.iter().enumerate() {
        if count == 0 {
            side.factors.iter_mut().for_each(|block| block[row] = [0.0; BLOCK]);
        } else if number == USERS
            && explicit.clone().all(|block| side.factors[block][row] == [0.0; BLOCK])
        {
            draw(terms, side, row);
        }
    }
    ones(terms, side, number);
}
