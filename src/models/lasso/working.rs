//! The columns that every worker holds, so that blocks can be solved alike on each.
//!
//! Columns are held in their compact form ([`ColumnShard`]); at `n = 500` a two-bit column is 160
//! bytes, an f32 column 2 kB. Columns that left the block are kept until they take up most of the
//! store, so that a column that comes back need not travel again.

use std::collections::HashMap;

use super::design::{Facts, Rows};
use super::effect::{Damaged, take_column};
use super::vector::RowVector;
use crate::shard::ColumnShard;

/// The columns that every worker holds.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkingColumns {
    pub columns: ColumnShard,
    keys: Vec<u32>,
    pub facts: Vec<Facts>,
    slots: HashMap<u32, usize>,
}

impl WorkingColumns {
    pub fn new(rows: usize) -> Self {
        WorkingColumns { columns: ColumnShard::new(rows), ..WorkingColumns::default() }
    }

    pub fn holds(&self, key: u32) -> bool {
        self.slots.contains_key(&key)
    }

    pub fn slot(&self, key: u32) -> Option<usize> {
        self.slots.get(&key).copied()
    }

    pub fn key(&self, slot: usize) -> u32 {
        self.keys[slot]
    }

    pub fn bytes(&self) -> usize {
        self.columns.bytes()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn clear(&mut self) {
        *self = WorkingColumns::new(self.columns.rows());
    }

    /// Takes in the columns a shard sent.
    pub fn accept(&mut self, mut words: &[u64]) -> Result<(), Damaged> {
        while !words.is_empty() {
            let (key, facts) = take_column(&mut words, &mut self.columns)?;
            self.slots.insert(key, self.keys.len());
            self.keys.push(key);
            self.facts.push(facts);
        }
        Ok(())
    }

    /// Sets the value of a row in a column that is here, and gives the one it had.
    pub fn put(&mut self, slot: usize, row: usize, value: f64) -> f64 {
        let old = self.columns.value(slot, row);
        self.columns.put(slot, row, value);
        old
    }

    /// The absolute correlation of two columns, if both are here.
    pub fn coupling(&self, a: u32, b: u32, rows: &Rows) -> Option<f32> {
        let (a, b) = (self.slot(a)?, self.slot(b)?);
        let (left, right) = (&self.facts[a], &self.facts[b]);
        if left.norm == 0.0 || right.norm == 0.0 {
            return Some(0.0);
        }
        let cross = match &rows.weights {
            None => {
                let raw = self.columns.cross(a, &self.columns, b) / rows.total;
                left.scale * right.scale * (raw - left.mean * right.mean)
            }
            Some(_) => {
                let mut vector = RowVector::zeros(rows);
                vector.add(&self.columns, a, left, 1.0, rows);
                vector.correlation(&self.columns, b, right, rows)
            }
        };
        Some((cross.abs() / (left.norm * right.norm).sqrt()).min(1.0) as f32)
    }
}
