//! The one block of a side that every worker holds whole: what its shards read of the other side.

use super::kernels::{BLOCK, Pair};
use super::layout::Rows;

/// Two blocks of a side, the current one and the one before: for every row its factors and their
/// last change. Takes 128 bytes a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The side's rows.
    pub rows: Rows,
    /// The current block.
    pub current: Held,
    /// The block before.
    pub last: Held,
}

/// A block of a side.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// Which, if any.
    pub block: Option<usize>,
    /// Factors and last change of each row; zeros where a tile begins.
    pub pairs: Vec<Pair>,
    /// Whether the other side has not seen the last change.
    pub fresh: bool,
}

impl Table {
    /// A table of so many rows.
    pub fn new(rows: Rows) -> Self {
        let held = || Held { pairs: vec![[0.0; 2 * BLOCK]; rows.table()], ..Held::default() };
        Table { rows, current: held(), last: held() }
    }

    /// Makes another block the current one, all of its rows zero; the current one is the last.
    pub fn turn(&mut self, block: usize) {
        std::mem::swap(&mut self.current, &mut self.last);
        self.current.block = Some(block);
        self.current.fresh = false;
    }

    /// Takes a shard's factors in the current block.
    pub fn put(&mut self, shard: usize, factors: &[[f32; BLOCK]]) {
        for (local, factors) in factors.iter().enumerate() {
            let pair = &mut self.current.pairs[Rows::row(self.rows.rank(shard, local))];
            pair[..BLOCK].copy_from_slice(factors);
            pair[BLOCK..].fill(0.0);
        }
    }

    /// Takes a shard's changes in the current block.
    pub fn change(&mut self, shard: usize, changes: &[[f32; BLOCK]]) {
        for (local, changes) in changes.iter().enumerate() {
            let pair = &mut self.current.pairs[Rows::row(self.rows.rank(shard, local))];
            let (factors, last) = pair.split_at_mut(BLOCK);
            factors.iter_mut().zip(changes).for_each(|(factor, change)| *factor += change);
            last.copy_from_slice(changes);
        }
        self.current.fresh = true;
    }

    /// The factors in the current block, by rank.
    pub fn factors(&self) -> impl Iterator<Item = [f32; BLOCK]> {
        let pairs = (0..self.rows.count).map(|rank| &self.current.pairs[Rows::row(rank)]);
        pairs.map(|pair| std::array::from_fn(|i| pair[i]))
    }

    /// Scales the current block.
    pub fn scale(&mut self, by: &[f32; BLOCK]) {
        for pair in &mut self.current.pairs {
            for i in 0..BLOCK {
                pair[i] *= by[i];
                pair[BLOCK + i] *= by[i];
            }
        }
    }

    /// The other side has seen all changes.
    pub fn seen(&mut self) {
        self.current.fresh = false;
        self.last.fresh = false;
    }

    /// Forgets which blocks it holds.
    pub fn forget(&mut self) {
        for held in [&mut self.current, &mut self.last] {
            held.block = None;
            held.fresh = false;
        }
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        (self.current.pairs.capacity() + self.last.pairs.capacity()) * size_of::<Pair>()
    }
}
