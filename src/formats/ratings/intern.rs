//! Names to numbers, by first occurrence; in the end to positions in the order of names.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::str::Utf8Error;

use crate::shard::Names;

/// Distinct names in the order in which they came.
///
/// About `32 + length` bytes a name. The hash is seeded anew every time, so that no file can be
/// made to collide; nothing but time depends on it.
#[derive(Default)]
pub(super) struct Dictionary {
    text: String,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    table: HashTable<u32>,
    last: u32,
}

impl Dictionary {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a name.
    ///
    /// # Errors
    /// If it is not UTF-8.
    #[inline]
    pub fn number(&mut self, hasher: &DefaultHashBuilder, name: &[u8]) -> Result<u32, Utf8Error> {
        // Files are often sorted by user.
        if self.ends.len() > self.last as usize && self.get(self.last as usize) == name {
            return Ok(self.last);
        }
        let hash = hasher.hash_one(name);
        self.last = match self.find(hash, name) {
            Some(at) => at,
            None => self.insert(hash, str::from_utf8(name)?),
        };
        Ok(self.last)
    }

    /// The numbers here of another dictionary's names, made with the same hasher.
    pub fn merge(&mut self, other: &Dictionary) -> Vec<u32> {
        let names = other.hashes.iter().enumerate();
        let number = |(at, &hash): (usize, &u64)| {
            self.find(hash, other.get(at)).unwrap_or_else(|| self.insert(hash, other.text_of(at)))
        };
        names.map(number).collect()
    }

    #[inline]
    fn find(&self, hash: u64, name: &[u8]) -> Option<u32> {
        self.table.find(hash, |&at| self.get(at as usize) == name).copied()
    }

    fn insert(&mut self, hash: u64, name: &str) -> u32 {
        let at = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.table.insert_unique(hash, at, |&at| hashes[at as usize]);
        at
    }

    fn text_of(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    #[inline]
    fn get(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text.as_bytes()[start..self.ends[at]]
    }

    /// The names in order, and the position of each number.
    pub fn sorted(self) -> (Names, Vec<u32>) {
        let mut order: Vec<(usize, u64, u32)> = (0..self.len())
            .map(|at| (self.get(at).len(), prefix(self.get(at)), at as u32))
            .collect();
        order.sort_unstable_by(|a, b| {
            let rest = || self.get(a.2 as usize).cmp(self.get(b.2 as usize));
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(rest)
        });
        let mut names = Names::with_capacity(self.len(), self.text.len());
        let mut positions = vec![0; self.len()];
        for (position, &(_, _, at)) in order.iter().enumerate() {
            names.push(self.text_of(at as usize));
            positions[at as usize] = position as u32;
        }
        (names, positions)
    }
}

/// The first eight bytes as a number that compares as they do.
fn prefix(name: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = name.len().min(8);
    first[..length].copy_from_slice(&name[..length]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_and_sort_by_length_and_bytes() {
        let hasher = DefaultHashBuilder::default();
        let mut dictionary = Dictionary::default();
        let words = ["10", "9", "anna", "9", "é", "10", "", "abcdefghz", "abcdefgha"];
        let numbers: Vec<u32> = words
            .iter()
            .map(|word| dictionary.number(&hasher, word.as_bytes()).ok().unwrap())
            .collect();
        assert_eq!(numbers, [0, 1, 2, 1, 3, 0, 4, 5, 6]);
        assert!(dictionary.number(&hasher, b"\xff").is_err());
        let mut other = Dictionary::default();
        assert!(other.number(&hasher, b"anna").is_ok() && other.number(&hasher, b"new").is_ok());
        assert_eq!(dictionary.merge(&other), [2, 7]);
        let (names, positions) = dictionary.sorted();
        let sorted = ["", "9", "10", "é", "new", "anna", "abcdefgha", "abcdefghz"];
        assert_eq!(names.iter().collect::<Vec<_>>(), sorted);
        assert_eq!(positions, [2, 1, 5, 3, 0, 7, 6, 4]);
        assert_eq!(names, Names::sorted(sorted));
    }
}
