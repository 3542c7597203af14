//! Which slice of the vocabulary a word lives in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Where a word lives: its slice, and its position there. A word's key is
/// `position · slices + slice`, so that a slice grows at its end when words are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys(pub usize);

impl Keys {
    /// A key's slice.
    pub fn slice(self, key: u32) -> usize {
        key as usize % self.0
    }

    /// A key's position in its slice.
    pub fn position(self, key: u32) -> u32 {
        (key as usize / self.0) as u32
    }

    /// The key at a position of a slice.
    pub fn key(self, slice: usize, position: u32) -> u64 {
        u64::from(position) * self.0 as u64 + slice as u64
    }

    /// Keys for words of known frequencies, by word: slices get as many tokens as each other, as
    /// near as may be, and frequent words stand first in them. Takes `O(V log V)` steps; nothing
    /// if keys do not fit 32 bits.
    pub fn balanced(self, frequencies: &[u64]) -> Option<Vec<u32>> {
        let mut words: Vec<u32> = (0..frequencies.len() as u32).collect();
        words.sort_by_key(|&word| Reverse(frequencies[word as usize]));
        let mut lightest: BinaryHeap<_> = (0..self.0).map(|slice| Reverse((0u64, slice))).collect();
        let mut lengths = vec![0u32; self.0];
        let mut keys = vec![0; frequencies.len()];
        for word in words {
            let Reverse((load, slice)) = lightest.pop()?;
            keys[word as usize] = u32::try_from(self.key(slice, lengths[slice])).ok()?;
            lengths[slice] += 1;
            // Words that never occur are spread, too.
            lightest.push(Reverse((load + frequencies[word as usize].max(1), slice)));
        }
        Some(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn slices_are_balanced_and_keys_differ() {
        let frequencies: Vec<u64> = (1..=1000).map(|rank| 100_000 / (rank + 20)).collect();
        let keys = Keys(8);
        let of = keys.balanced(&frequencies).unwrap();
        let mut loads = [0; 8];
        for (key, frequency) in of.iter().zip(&frequencies) {
            loads[keys.slice(*key)] += frequency;
            assert_eq!(keys.key(keys.slice(*key), keys.position(*key)), u64::from(*key));
        }
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        assert!(most - least <= 100, "{loads:?}");
        let mut sorted = of.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), of.len());
    }
}
