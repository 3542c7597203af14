//! Correlations of the columns that entered the support, with one another.

use super::block::Block;
use super::cost;
use super::design::Facts;
use super::vector::RowVector;

/// Columns beyond the support whose correlations are kept.
const SPARE: usize = 256;
/// Columns that enter together, so that those before them are read once for all.
pub(super) const GROUP: usize = 4;

/// The Gram matrix of all columns that entered the support since it was last forgotten, centred,
/// scaled and weighted as the model has them. Takes `8 s²` bytes for `s` such columns, at most
/// twice the support and 256 more.
#[derive(Default)]
pub(super) struct Gram {
    /// For each slot of the working columns its row of the matrix, if it has one.
    place: Vec<Option<usize>>,
    /// Slots by row.
    entered: Vec<usize>,
    /// Numbers from a row to the next. Both triangles are there.
    stride: usize,
    cells: Vec<f64>,
    /// The stored entries of the columns, by the row of the data, while all of them are sparse.
    lists: Option<Vec<Vec<(u32, f64)>>>,
}

/// What happened to the rows of the columns that all workers hold.
pub(super) struct Repair<'a> {
    /// Facts before and after, by slot.
    pub old: &'a [Facts],
    pub new: &'a [Facts],
    /// The weight of all rows before and after.
    pub totals: (f64, f64),
    /// Rows that came or went, each of weight one.
    pub rows: &'a [(usize, Vec<Entry>)],
}

/// A slot, and its value in a row before and after.
pub(super) type Entry = (usize, f64, f64);

impl Gram {
    /// The row of a slot that entered.
    pub fn place(&self, slot: usize) -> usize {
        self.place[slot].unwrap_or_default()
    }

    /// Whether a slot has entered.
    pub fn holds(&self, slot: usize) -> bool {
        self.place.get(slot).is_some_and(Option::is_some)
    }

    /// The slots that entered, by row.
    pub fn slots(&self) -> &[usize] {
        &self.entered
    }

    /// The correlations of the column at a place with all that entered, by place.
    pub fn row(&self, place: usize) -> &[f64] {
        &self.cells[place * self.stride..][..self.entered.len()]
    }

    /// What it would cost to let the slots in, in nanoseconds; see [`cost`].
    pub fn cost(&self, block: &Block<'_>, slots: &[usize]) -> f64 {
        let (columns, rows) = (&block.columns.columns, block.columns.columns.rows() as f64);
        let of = |&slot: &usize| match columns.is_sparse(slot) {
            true => columns.entries(slot) as f64 * (columns.entries(slot) as f64 / rows).max(0.02),
            false => 0.5 * cost::update(columns, slot),
        };
        slots.len() as f64 * slots.iter().filter(|&&slot| !self.holds(slot)).map(of).sum::<f64>()
    }

    /// Gives every slot its place, and takes the correlations of new ones; `slots` is all of the
    /// support, at least. Others are forgotten only when one enters: places are good until then.
    pub fn enter(&mut self, block: &Block<'_>, slots: &[usize]) {
        for group in self.admit(block, slots).chunks(GROUP) {
            let mut values = Vec::new();
            self.products(block, group, &mut values);
            self.put(group, &values);
        }
    }

    /// Whether [`Gram::admit`] leaves correlations to be taken: those of sparse columns are not
    /// worth it.
    pub fn leaves(&self, block: &Block<'_>, slots: &[usize]) -> bool {
        slots.iter().any(|&slot| !self.holds(slot) && !block.columns.columns.is_sparse(slot))
    }

    /// Gives every slot its place as [`Gram::enter`] does, and gives back those whose correlations
    /// are still to be taken: see [`Gram::products`].
    pub fn admit(&mut self, block: &Block<'_>, slots: &[usize]) -> Vec<usize> {
        if slots.iter().all(|&slot| self.holds(slot)) {
            return Vec::new();
        }
        if self.entered.len() > 2 * slots.len() + SPARE {
            *self = Gram::default();
        }
        self.place.resize(block.beta.len(), None);
        let new: Vec<usize> = slots.iter().filter(|&&slot| !self.holds(slot)).copied().collect();
        self.reserve(self.entered.len() + new.len());
        let columns = &block.columns.columns;
        if self.entered.is_empty() {
            self.lists = Some(vec![Vec::new(); columns.rows()]);
        }
        if !new.iter().all(|&slot| columns.is_sparse(slot)) {
            self.lists = None;
        }
        match self.lists.take() {
            Some(mut lists) => {
                new.iter().for_each(|&slot| self.enter_sparse(block, slot, &mut lists));
                self.lists = Some(lists);
                Vec::new()
            }
            None => {
                new.iter().for_each(|&slot| _ = self.take_place(slot));
                new
            }
        }
    }

    /// How many numbers [`Gram::products`] gives for a group.
    pub fn count(&self, group: &[usize]) -> usize {
        group.len() * group.last().map_or(0, |&slot| self.place(slot) + 1)
    }

    /// The correlations of up to [`GROUP`] columns that were admitted together, written out as
    /// vectors over the rows, with one column after the other up to their own: the same numbers
    /// whoever takes them.
    pub fn products(&self, block: &Block<'_>, group: &[usize], values: &mut Vec<f64>) {
        let vectors: [RowVector; GROUP] = std::array::from_fn(|at| match group.get(at) {
            Some(&slot) => block.vector(slot),
            None => RowVector::default(),
        });
        let last = group.last().map_or(0, |&slot| self.place(slot) + 1);
        for &slot in &self.entered[..last] {
            if group.len() == GROUP {
                values.extend(block.correlations(slot, vectors.each_ref()));
            } else {
                let each = vectors[..group.len()].iter();
                values.extend(each.map(|vector| block.correlation(slot, vector)));
            }
        }
    }

    /// Takes what [`Gram::products`] gave for the group.
    pub fn put(&mut self, group: &[usize], values: &[f64]) {
        let places: Vec<usize> = group.iter().map(|&slot| self.place(slot)).collect();
        for (other, values) in values.chunks_exact(group.len()).enumerate() {
            places.iter().zip(values).for_each(|(&place, &value)| self.set(place, other, value));
        }
    }

    /// Follows rows that came, went or changed; facts are given by slot.
    pub fn repair(&mut self, repair: &Repair<'_>) {
        let count = self.entered.len();
        let facts = |of: &[Facts]| self.entered.iter().map(|&slot| of[slot]).collect::<Vec<_>>();
        let (old, new) = (facts(repair.old), facts(repair.new));
        if old.iter().chain(&new).any(|facts| facts.scale == 0.0) {
            *self = Gram::default();
            return;
        }
        self.restate(&old, &new, repair.totals);
        for (row, entries) in repair.rows {
            let place = |&(slot, _, _): &Entry| self.place.get(slot).copied().flatten();
            let held: Vec<Entry> = entries
                .iter()
                .filter_map(|entry| Some((place(entry)?, entry.1, entry.2)))
                .collect();
            for &(a, before, after) in &held {
                let cells = &mut self.cells[a * self.stride..][..count];
                let scale = new[a].scale / repair.totals.1;
                held.iter().for_each(|&(b, was, is)| {
                    cells[b] += scale * new[b].scale * (after * is - before * was);
                });
            }
            if let Some(lists) = &mut self.lists {
                lists[*row].clear();
                let came = held.iter().filter(|entry| entry.2 != 0.0);
                lists[*row].extend(came.map(|&(place, _, after)| (place as u32, after)));
            }
        }
    }

    /// Makes the matrix that of the same sums over the rows with other facts, given by place.
    fn restate(&mut self, old: &[Facts], new: &[Facts], (from, to): (f64, f64)) {
        let pairs = || old.iter().zip(new);
        let growth: Vec<f64> = pairs().map(|(old, new)| new.scale / old.scale).collect();
        let before: Vec<f64> = pairs().map(|(old, new)| old.mean * new.scale).collect();
        let after: Vec<f64> = new.iter().map(|new| new.mean * new.scale).collect();
        let share = from / to;
        for a in 0..new.len() {
            let cells = &mut self.cells[a * self.stride..][..new.len()];
            let (growing, was, is) = (growth[a] * share, before[a] * share, after[a]);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    let facts = growth.iter().zip(&before).zip(&after);
                    for (cell, ((growth, before), after)) in cells.iter_mut().zip(facts) {
                        *cell = *cell * (growing * growth) + (was * before - is * after);
                    }
                },
            );
        }
    }

    fn reserve(&mut self, order: usize) {
        if order > self.stride {
            let (old, count) = (self.stride, self.entered.len());
            let stride = order + order / 2 + 8;
            let mut cells = vec![0.0; stride * stride];
            for row in 0..count {
                cells[row * stride..][..count].copy_from_slice(&self.cells[row * old..][..count]);
            }
            (self.stride, self.cells) = (stride, cells);
        }
    }

    fn take_place(&mut self, slot: usize) -> usize {
        let place = self.entered.len();
        self.place[slot] = Some(place);
        self.entered.push(slot);
        place
    }

    fn set(&mut self, a: usize, b: usize, value: f64) {
        self.cells[a * self.stride + b] = value;
        self.cells[b * self.stride + a] = value;
    }

    /// Lets a sparse column in among sparse columns: over its own rows only.
    fn enter_sparse(&mut self, block: &Block<'_>, slot: usize, lists: &mut [Vec<(u32, f64)>]) {
        let place = self.take_place(slot);
        let mut sums = vec![0.0; place + 1];
        block.columns.columns.for_each(slot, |row, value| {
            lists[row].push((place as u32, value));
            let weighted = block.rows.weight(row) * value;
            for &(other, value) in &lists[row] {
                sums[other as usize] += weighted * value;
            }
        });
        let own = block.facts(slot);
        for (other, sum) in sums.into_iter().enumerate() {
            let facts = block.facts(self.entered[other]);
            let centred = sum / block.rows.total - own.mean * facts.mean;
            self.set(place, other, own.scale * facts.scale * centred);
        }
    }
}
