//! Rows that come and go: where each is kept, and the columns they make.
//!
//! Every row that counts has a place, the same in every column and vector. Columns are made with
//! places to spare, all zero and of weight zero; a new row takes the next one, and a row that goes
//! leaves an empty one behind. Few changes so cost what they touch ([`super::repair`]). Where they
//! are many, where no places are left, or too many are empty, columns are made anew: then what
//! follows from the rows is taken from the data, and rounding cannot pile up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::RowPart;
use super::design::Rows;
use super::program::Lasso;
use super::tally::Tally;
use crate::shard::ColumnShard;

/// Columns are made anew if more than one row in so many changes, or if so many places are spare.
const FEW: usize = 8;
/// Places to spare beside those.
const SPARE: usize = 16;
/// A row without a place.
const NOWHERE: u32 = u32::MAX;

/// What identifies a row in live use.
pub trait RowId: Clone + Ord + 'static {}
impl<I: Clone + Ord + 'static> RowId for I {}

/// The rows there are: their copies and places, the same on every worker. Takes about 40 bytes a
/// row and its identity.
#[derive(Clone, Debug)]
pub(super) struct RowStore<I> {
    rows: BTreeMap<(I, u64), Held>,
    /// Places that were given out since the columns were made, and rows that count.
    used: usize,
    count: usize,
    /// Sums over their responses.
    tally: Tally,
    /// How often rows were repaired.
    pub repairs: usize,
    /// The changes that are to be repaired once the shards' parts are known.
    pub pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    copies: i64,
    place: u32,
}

/// The changes of an epoch.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub rows: Vec<Touched>,
    /// The weight of all rows before.
    pub total: f64,
}

/// A row whose weight changed.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub place: u32,
    pub response: f64,
    pub before: f64,
    pub after: f64,
    /// Positions and values, by local shard.
    pub parts: Vec<Vec<(usize, f64)>>,
}

impl<I> Default for RowStore<I> {
    fn default() -> Self {
        RowStore {
            rows: BTreeMap::new(),
            used: 0,
            count: 0,
            tally: Tally::default(),
            repairs: 0,
            pending: None,
        }
    }
}

/// A row's identity, and a digest that tells rows of the same identity apart.
type Key<I> = (I, u64);

impl<I: RowId> Lasso<I> {
    /// Takes in an epoch's rows; if `anew`, columns are made anew even if the rows are few.
    ///
    /// A row whose copies are negative (retracted before it came) does not count until it is not.
    pub(super) fn absorb_rows(&mut self, parts: Vec<RowPart<I>>, anew: bool) {
        let (keys, mut rows) = self.count_copies(parts);
        let store = &mut self.live;
        let (places, count) = (self.rows.response.len(), store.count);
        let came = rows.iter().filter(|row| row.before == 0.0).count();
        let empty = store.used + rows.len() - came - count;
        let fit = store.used + came <= places && empty * FEW <= 2 * places;
        if fit && !anew && rows.len() * FEW <= count {
            let next = (store.used as u32..).zip(rows.iter_mut().filter(|row| row.before == 0.0));
            next.for_each(|(place, row)| row.place = place);
            let total = self.rows.total;
            if self.change_rows(&rows) {
                for (key, row) in keys.into_iter().zip(&rows) {
                    self.live.settle(key, row.place, row.after);
                }
                return self.patch(total, rows);
            }
        }
        self.remake(keys, rows);
    }

    /// Counts copies, and gives the rows whose weight changes by that, in the order of their keys.
    fn count_copies(&mut self, mut parts: Vec<RowPart<I>>) -> (Vec<Key<I>>, Vec<Touched>) {
        parts.sort_by(|a, b| (&a.id, a.digest, a.shard).cmp(&(&b.id, b.digest, b.shard)));
        let (mut keys, mut rows) = (Vec::<Key<I>>::new(), Vec::<Touched>::new());
        for part in parts {
            let key = (part.id, part.digest);
            // The first local shard counts for all of them, and stands for a worker without any.
            if part.shard == self.local.start {
                let held = self.live.rows.entry(key.clone());
                let held = held.or_insert(Held { copies: 0, place: NOWHERE });
                let before = held.copies.max(0) as f64;
                held.copies += part.diff;
                let after = held.copies.max(0) as f64;
                keys.push(key);
                let parts = vec![Vec::new(); self.local.len()];
                let (place, response) = (held.place, part.response);
                rows.push(Touched { place, response, before, after, parts });
            }
            let local = part.shard.checked_sub(self.local.start);
            let to = rows.last_mut().and_then(|row| row.parts.get_mut(local?));
            if let Some(to) = to {
                let at = |key: u32| self.layout.local(key as usize);
                *to = part.entries.into_iter().map(|(key, value)| (at(key), value)).collect();
            }
        }
        self.live.forget_gone(&keys);
        let changed = |row: &Touched| row.before != row.after;
        let kept: Vec<bool> = rows.iter().map(changed).collect();
        let mut kept_too = kept.clone().into_iter();
        let mut kept = kept.into_iter();
        keys.retain(|_| kept.next().unwrap_or_default());
        rows.retain(|_| kept_too.next().unwrap_or_default());
        (keys, rows)
    }

    /// Changes what belongs to all rows; false, and nothing is changed, if it must be taken anew: what
    /// a response says that hardly varies is a matter of rounding.
    fn change_rows(&mut self, rows: &[Touched]) -> bool {
        let mut tally = self.live.tally;
        rows.iter().for_each(|row| tally.change(row.response, row.before, row.after));
        let varies = self.rows.square > 0.0;
        if !varies || !tally.state(&mut self.rows, self.options.intercept) {
            return false;
        }
        self.live.tally = tally;
        let Rows { response, weights, .. } = &mut self.rows;
        let (response, weights) =
            (Arc::make_mut(response), Arc::make_mut(weights.get_or_insert_default()));
        for row in rows {
            let place = row.place as usize;
            response[place] = if row.after > 0.0 { row.response } else { 0.0 };
            weights[place] = row.after;
        }
        true
    }

    /// Makes columns anew from those there are and the rows that came, in the order of the places
    /// they had and then of their identities.
    fn remake(&mut self, keys: Vec<Key<I>>, rows: Vec<Touched>) {
        let (old, old_weights) = (Arc::clone(&self.rows.response), self.rows.weights.clone());
        let mut weights = old_weights.as_deref().cloned().unwrap_or_default();
        for row in rows.iter().filter(|row| row.before > 0.0) {
            weights[row.place as usize] = row.after;
        }
        let came: Vec<&Touched> = rows.iter().filter(|row| row.before == 0.0).collect();
        let mut to = vec![NOWHERE; weights.len()];
        let stay = || (0..weights.len()).filter(|&place| weights[place] > 0.0);
        stay().zip(0..).for_each(|(place, new)| to[place] = new);
        let (kept, count) = (stay().count(), stay().count() + came.len());
        let places = count + count / FEW + SPARE;
        let columns: Vec<ColumnShard> = (0..self.local.len())
            .map(|local| {
                let new = gather(came.iter().map(|row| row.parts[local].as_slice()), kept);
                let more = |column: usize, rows: &mut Vec<u32>, values: &mut Vec<f64>| {
                    if let Some((new_rows, new_values)) = new.get(column) {
                        rows.extend(new_rows);
                        values.extend(new_values);
                    }
                };
                let to = |row: usize| Some(to[row]).filter(|&place| place != NOWHERE);
                self.shards[local].columns.moved(new.len(), (count, places), to, more)
            })
            .collect();
        let mut response: Vec<f64> = stay().map(|place| old[place]).collect();
        let mut counted: Vec<f64> = stay().map(|place| weights[place]).collect();
        response.extend(came.iter().map(|row| row.response));
        counted.extend(came.iter().map(|row| row.after));
        response.resize(places, 0.0);
        counted.resize(places, 0.0);
        for held in self.live.rows.values_mut().filter(|held| held.place != NOWHERE) {
            held.place = to[held.place as usize];
        }
        let came = keys.into_iter().zip(&rows).filter(|(_, row)| row.before == 0.0);
        for (place, (key, row)) in (kept as u32..).zip(came) {
            self.live.settle(key, place, row.after);
        }
        (self.live.used, self.live.count, self.live.pending) = (count, count, None);
        for (shard, columns) in self.shards.iter_mut().zip(columns) {
            shard.columns = columns;
            shard.moving.get_or_insert_default();
        }
        self.rows = Rows::live(response, counted, self.options.intercept);
        self.live.tally = Tally::of(&self.rows);
        self.restate();
    }
}

impl<I: RowId> RowStore<I> {
    /// Forgets rows of which no copy is left.
    fn forget_gone(&mut self, keys: &[Key<I>]) {
        for key in keys {
            if self.rows.get(key).is_some_and(|held| held.copies == 0) {
                self.rows.remove(key);
            }
        }
    }

    /// Notes the place of a row whose weight changed, if it counts.
    fn settle(&mut self, key: Key<I>, place: u32, weight: f64) {
        if let Some(held) = self.rows.get_mut(&key) {
            held.place = if weight > 0.0 { place } else { NOWHERE };
        }
    }

    /// Counts the places that were given out and the rows that count.
    pub fn recount(&mut self, rows: &[Touched]) {
        let came = rows.iter().filter(|row| row.before == 0.0).count();
        let went = rows.iter().filter(|row| row.after == 0.0).count();
        self.used += came;
        self.repairs = self.repairs.wrapping_add(1);
        self.count = self.count + came - went;
    }
}

/// Rows' entries as columns: rows from `first` on, and values.
fn gather<'a>(
    rows: impl Iterator<Item = &'a [(usize, f64)]>,
    first: usize,
) -> Vec<(Vec<u32>, Vec<f64>)> {
    let mut columns: Vec<(Vec<u32>, Vec<f64>)> = Vec::new();
    for (row, entries) in (first as u32..).zip(rows) {
        for &(position, value) in entries {
            if columns.len() <= position {
                columns.resize_with(position + 1, Default::default);
            }
            columns[position].0.push(row);
            columns[position].1.push(value);
        }
    }
    columns
}
