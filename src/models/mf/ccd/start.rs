//! The model that a factorisation of ratings that come and go begins with.

use super::live::Factors;
use super::program::{Ccd, ITEMS, USERS};
use super::rows::Account;

/// A part of a model to begin with.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Start {
    /// The factors of a user or an item.
    Row(Factors),
    /// By how much a sweep would lower the model's objective, about: see
    /// [`Measure::owed`](super::Measure::owed).
    Owed(f64),
}

impl Ccd {
    /// Rows have their places: those of the model to begin with are put there. Rows without ratings, and
    /// factors beyond the rank, are passed over.
    pub(super) fn adopt(&mut self) {
        for start in std::mem::take(&mut self.start) {
            match start {
                Start::Row(row) => self.adopt_row(&row),
                Start::Owed(owed) => self.owed += owed,
            }
        }
    }

    fn adopt_row(&mut self, row: &Factors) {
        let number = if row.item { ITEMS } else { USERS };
        let (shard, at) = self.rows[number].place(row.id as usize);
        if !self.local.contains(&shard) {
            return;
        }
        let local = shard - self.local.start;
        let rated = |accounts: &Vec<[Account; 2]>| accounts[local][number].count(at as u32) > 0;
        if !self.accounts.as_ref().is_some_and(rated) {
            return;
        }
        let side = &mut self.parts[local][number];
        for (factor, value) in row.factors.iter().enumerate().take(self.terms.rank) {
            let (block, lane) = self.terms.lane(factor);
            side.factors[block][at][lane] = value.0;
        }
        if self.terms.biases {
            side.factors[0][at][number] = row.bias.0;
        }
    }
}
