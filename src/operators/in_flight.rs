//! The keys of rounds that were issued and not yet observed.

use std::collections::VecDeque;

use crate::program::Key;

/// Blocks in the order they were issued, and one bit a key.
pub(super) struct InFlight<K> {
    blocks: VecDeque<Vec<K>>,
    bits: Vec<u64>,
}

impl<K: Key> InFlight<K> {
    pub fn new() -> Self {
        InFlight { blocks: VecDeque::new(), bits: Vec::new() }
    }

    /// The keys of all blocks, the oldest first.
    pub fn keys(&self) -> Vec<K> {
        self.blocks.iter().flatten().copied().collect()
    }

    /// Leaves out of the block what is in flight or named twice, and takes it as issued.
    ///
    /// # Panics
    /// On a key outside `0..universe`: the scheduler is wrong.
    pub fn issue(&mut self, block: &mut Vec<K>, universe: usize) {
        if self.bits.len() < universe.div_ceil(64) {
            self.bits.resize(universe.div_ceil(64), 0);
        }
        block.retain(|&key| {
            assert!(key.index() < universe, "the scheduler named {key:?} of {universe} keys");
            let (word, bit) = self.at(key);
            let free = *word & bit == 0;
            *word |= bit;
            free
        });
        self.blocks.push_back(block.clone());
    }

    /// Takes a round without keys as issued.
    pub fn issue_none(&mut self) {
        self.blocks.push_back(Vec::new());
    }

    /// The oldest round was observed.
    pub fn observed(&mut self) {
        for key in self.blocks.pop_front().unwrap_or_default() {
            let (word, bit) = self.at(key);
            *word &= !bit;
        }
    }

    fn at(&mut self, key: K) -> (&mut u64, u64) {
        (&mut self.bits[key.index() / 64], 1 << (key.index() % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn a_key_is_in_flight_once() {
        let mut flying = InFlight::<u32>::new();
        let mut issue = |keys: &[u32], observed| {
            let mut block = keys.to_vec();
            flying.issue(&mut block, 100);
            (0..observed).for_each(|_| flying.observed());
            (block, flying.keys())
        };
        assert_eq!(issue(&[3, 99, 3], 0), (vec![3, 99], vec![3, 99]));
        assert_eq!(issue(&[99, 64], 1), (vec![64], vec![64]));
        assert_eq!(issue(&[64, 99, 3], 2), (vec![99, 3], vec![]));
        assert_eq!(issue(&[64, 3], 0), (vec![64, 3], vec![64, 3]));
    }
}
