//! Words to numbers, in the order in which they first come.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::shard::Words;

/// Numbers for words: as [`Words`], and about 7 bytes a word to find them.
#[derive(Default)]
pub(super) struct Interner {
    words: Words,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    pub fn words(&self) -> &Words {
        &self.words
    }

    pub fn into_words(self) -> Words {
        self.words
    }

    /// The number of a word, if it has one.
    pub fn find(&self, word: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(word);
        self.table.find(hash, |&at| self.words.get(at as usize) == Some(word)).copied()
    }

    /// The number of a word, the next free one if it is new; and whether it is new. Numbers are
    /// all used once there are 2³² − 1 words: none is left then.
    pub fn intern(&mut self, word: &str) -> Option<(u32, bool)> {
        let hash = self.hasher.hash_one(word);
        let Interner { words, table, hasher } = self;
        if let Some(&at) = table.find(hash, |&at| words.get(at as usize) == Some(word)) {
            return Some((at, false));
        }
        let number = u32::try_from(words.len()).ok().filter(|&number| number < u32::MAX)?;
        words.push(word);
        let hash_of = |&at: &u32| hasher.hash_one(words.get(at as usize).unwrap_or_default());
        table.insert_unique(hash, number, hash_of);
        Some((number, true))
    }
}

impl From<&Words> for Interner {
    /// Numbers as the words have them; of equal words the first counts.
    fn from(words: &Words) -> Self {
        let mut interner = Interner { words: words.clone(), ..Interner::default() };
        let Interner { words, table, hasher } = &mut interner;
        let word_at = |at: u32| words.get(at as usize).unwrap_or_default();
        for (number, word) in (0..u32::MAX).zip(words.iter()) {
            let hash = hasher.hash_one(word);
            if table.find(hash, |&at| word_at(at) == word).is_none() {
                table.insert_unique(hash, number, |&at| hasher.hash_one(word_at(at)));
            }
        }
        interner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_first_coming() {
        let mut interner = Interner::default();
        let numbers: Vec<_> =
            ["b", "a", "b", "", "a"].iter().map(|word| interner.intern(word).unwrap()).collect();
        assert_eq!(numbers, [(0, true), (1, true), (0, false), (2, true), (1, false)]);
        assert_eq!((interner.find("a"), interner.find("c")), (Some(1), None));
        let again = Interner::from(interner.words());
        assert_eq!((again.find(""), again.find("c")), (Some(2), None));
    }
}
