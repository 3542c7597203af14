//! Keys at random, all alike.

use std::collections::HashMap;

use super::width::Width;
use super::{Next, Report, Scheduler, View};
use crate::program::Key;
use crate::random::{Draws, purpose};

const PURPOSE: u64 = purpose("uniform block");

/// Distinct keys that are not in flight, each set of them as likely as any other: the baseline arm
/// of Lee et al. 2014 (*Lasso-RR*), the schedule of Shotgun (Bradley et al. 2011). A block is a
/// function of seed, epoch, round and the keys in flight, at O(width) a block. Never finishes
/// unless there are no keys.
#[derive(Clone, Debug)]
pub struct Random {
    width: Width,
    seed: u64,
    /// The moved part of a permutation that starts out as the identity.
    permutation: HashMap<usize, usize>,
}

impl Random {
    /// Blocks of `width` keys.
    pub fn new(width: Width, seed: u64) -> Self {
        Random { width, seed, permutation: HashMap::new() }
    }
}

impl<K: Key> Scheduler<K> for Random {
    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        if view.universe == 0 {
            return Next::Finish;
        }
        let landing = Landing::new(view);
        let free = view.universe - landing.gaps.len();
        let width = self.width.keys(view.cost, view.shards, view.universe).min(free);
        let mut draws = Draws::new(self.seed, PURPOSE, view.epoch, view.round);
        self.permutation.clear();
        // The first steps of a Fisher-Yates shuffle of `0..free`.
        for step in 0..width {
            let other = step + draws.below((free - step) as u64) as usize;
            let here = self.permutation.get(&step).copied().unwrap_or(step);
            let drawn = self.permutation.insert(other, here).unwrap_or(other);
            // Of a step that draws itself nothing is looked up again.
            block.push(K::from_index(landing.key(drawn)));
        }
        Next::Update
    }

    fn observe(&mut self, _report: &Report<'_, K>) {}
}

/// The keys that are not in flight, as if they were numbered without gaps.
struct Landing {
    /// For each key in flight, in order, how many keys before it are not in flight.
    gaps: Vec<usize>,
}

impl Landing {
    fn new<K: Key>(view: &View<'_, K>) -> Self {
        let mut gaps: Vec<usize> = view.in_flight.iter().map(|key| key.index()).collect();
        gaps.retain(|&key| key < view.universe);
        gaps.sort_unstable();
        gaps.dedup();
        for (before, gap) in gaps.iter_mut().enumerate() {
            *gap -= before;
        }
        Landing { gaps }
    }

    fn key(&self, number: usize) -> usize {
        number + self.gaps.partition_point(|&gap| gap <= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::testing::{chi_square_fits, schedule, view};

    fn block(width: usize, seed: u64, view: &View<'_, u32>) -> Vec<u32> {
        schedule(&mut Random::new(Width::Fixed(width), seed), view).1
    }

    #[test]
    fn every_ordered_block_is_as_likely() {
        let mut counts = vec![0u64; 6 * 6 * 6];
        for round in 0..20_000 {
            let drawn = block(3, 1, &view(round, 6, &[]));
            counts[drawn.iter().fold(0, |sum, &key| sum * 6 + key as usize)] += 1;
        }
        counts.retain(|&count| count > 0);
        assert_eq!(counts.len(), 6 * 5 * 4);
        chi_square_fits(&counts, &[1.0; 120]);
    }

    #[test]
    fn keys_in_flight_are_left_out_and_the_rest_stays_uniform() {
        let in_flight = [7, 0, 3, 4, 7, 99];
        let mut counts = vec![0u64; 10];
        for round in 0..20_000 {
            for key in block(2, 1, &view(round, 10, &in_flight)) {
                counts[key as usize] += 1;
            }
        }
        for key in [0, 3, 4, 7] {
            assert_eq!(counts[key], 0);
        }
        counts.retain(|&count| count > 0);
        chi_square_fits(&counts, &[1.0; 6]);
    }

    #[test]
    fn wide_blocks_are_permutations_of_what_is_free() {
        for seed in 0..50 {
            let mut drawn = block(100, seed, &view(0, 20, &[5, 6]));
            drawn.sort_unstable();
            let expected: Vec<u32> = (0..20).filter(|key| ![5, 6].contains(key)).collect();
            assert_eq!(drawn, expected);
        }
        assert!(block(4, 0, &view(0, 2, &[0, 1])).is_empty());
        let mut policy = Random::new(Width::Fixed(4), 0);
        assert_eq!(schedule(&mut policy, &view(0, 0, &[])), (Next::Finish, vec![]));
    }

    #[test]
    fn a_block_depends_on_its_place_alone() {
        let mut policy = Random::new(Width::Fixed(8), 3);
        schedule(&mut policy, &view(0, 1000, &[]));
        let drawn = schedule(&mut policy, &view(1, 1000, &[])).1;
        assert_eq!(drawn, block(8, 3, &view(1, 1000, &[])));
        assert_ne!(drawn, block(8, 4, &view(1, 1000, &[])));
        assert_ne!(drawn, block(8, 3, &view(2, 1000, &[])));
        assert_ne!(drawn, block(8, 3, &View { epoch: 1, ..view(1, 1000, &[]) }));
    }
}
