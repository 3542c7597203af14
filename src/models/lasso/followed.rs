//! Correlations that are followed through a solved block, so that no column need be looked at again.
//!
//! After few rows have changed, shards know the correlations of the columns that matter with the
//! residual ([`super::repair`]). They tell them before a block is solved; what becomes of them
//! follows from the Gram matrix ([`super::known`]), and the next certificate need not take them.

use super::design::Facts;
use super::effect::damaged;
use super::program::Lasso;
use super::rows::RowId;

/// Means over spreads up to which the Gram matrix, which follows rows by its sums, is exact enough
/// for a certificate.
const LEVEL: f64 = 1e3;

impl<I: RowId> Lasso<I> {
    /// What a shard knows of the columns in the Gram matrix: a number for each, in the order of the
    /// slots. Nothing where blocks are solved by the data.
    pub(super) fn tell(&self, shard: usize, effect: &mut Vec<u64>) {
        if self.is_told() {
            let own = &self.shards[shard - self.local.start];
            effect.extend(self.told_slots(shard, self.working.len()).map(|slot| {
                let at = self.layout.local(self.working.key(slot) as usize);
                let known = self.at_rest && own.taken[at] == self.travelled;
                (if known { own.correlation[at] } else { f64::NAN }).to_bits()
            }));
        }
    }

    /// Takes what a shard told of the first `held` slots, and gives the words after it.
    pub(super) fn take_told<'a>(
        &mut self,
        shard: usize,
        held: usize,
        mut words: &'a [u64],
    ) -> &'a [u64] {
        if shard == 0 {
            self.newton.told.clear();
        }
        if self.is_told() {
            let mut told = std::mem::take(&mut self.newton.told);
            told.resize(held, f64::NAN);
            for slot in self.told_slots(shard, held) {
                let (&word, rest) = words.split_first().unwrap_or_else(|| damaged());
                (told[slot], words) = (f64::from_bits(word), rest);
            }
            self.newton.told = told;
        }
        words
    }

    /// Gives the shards here what is known of their columns once the block is solved.
    pub(super) fn follow_told(&mut self) {
        let told = std::mem::take(&mut self.newton.told);
        if !self.is_followed() || told.is_empty() {
            return;
        }
        self.travel();
        let travelled = self.travelled;
        for (slot, correlation) in told.into_iter().enumerate().filter(|(_, c)| !c.is_nan()) {
            let key = self.working.key(slot) as usize;
            let shard = self.layout.shard_of(key);
            if self.local.contains(&shard) {
                let at = self.layout.local(key);
                self.shard(shard).know(at, correlation, travelled);
            }
        }
    }

    fn is_told(&self) -> bool {
        self.newton.known > 0 && self.is_followed()
    }

    fn is_followed(&self) -> bool {
        let level = |facts: &Facts| facts.mean.abs() * facts.scale <= LEVEL * facts.norm.sqrt();
        let is_level = |&slot: &usize| self.working.facts.get(slot).is_some_and(level);
        self.repaired && self.newton.gram.slots().iter().all(is_level)
    }

    /// The slots of a shard's columns in the Gram matrix, ascending.
    fn told_slots(&self, shard: usize, held: usize) -> impl Iterator<Item = usize> + '_ {
        (0..held).filter(move |&slot| {
            let own = || self.layout.shard_of(self.working.key(slot) as usize) == shard;
            self.newton.gram.holds(slot) && own()
        })
    }
}
