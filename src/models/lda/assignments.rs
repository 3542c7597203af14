//! The topics of all tokens, as the chain left them.

use std::collections::BTreeMap;

use super::keys::Keys;
use super::shard::{Document, Shard};
use super::slice;
use crate::container::Slice;

/// The topic of every token of a corpus: 6 bytes a token and 8 a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    ends: Vec<u64>,
    words: Vec<u32>,
    topics: Vec<u16>,
}

impl Assignments {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A document's tokens: words, ascending, with topics (from 0). Tokens of one word are alike,
    /// and come in the order of their topics.
    ///
    /// # Panics
    /// If there is no such document.
    pub fn document(&self, document: usize) -> impl ExactSizeIterator<Item = (u32, u16)> + '_ {
        let start = document.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        let range = start..self.ends[document] as usize;
        let (words, topics) = (&self.words[range.clone()], &self.topics[range]);
        words.iter().copied().zip(topics.iter().copied())
    }

    /// From what the shards published, in their order. `keys` are those of the words.
    pub(super) fn assemble(shards: BTreeMap<usize, Slice<u32>>, keys: &[u32]) -> Self {
        let mut words = vec![0; keys.iter().max().map_or(0, |key| *key as usize + 1)];
        (0..).zip(keys).for_each(|(word, &key)| words[key as usize] = word);
        let (mut all, mut row) = (Assignments::default(), Vec::new());
        for shard in shards.into_values() {
            for document in 0..shard.head.len() {
                let tokens = slice::pairs(&shard.head, &shard.cells, document);
                row.extend(tokens.map(|(topic, key)| (words[key as usize], topic)));
                row.sort_unstable();
                for (word, topic) in row.drain(..) {
                    all.words.push(word);
                    all.topics.push(topic);
                }
                all.ends.push(all.words.len() as u64);
            }
        }
        all
    }
}

impl Shard {
    /// The tokens of the shard's documents as a slice of pairs: the head is where each document's
    /// pairs end, the cells are codes and keys in turn. Takes 8 bytes a token.
    pub fn assignments(&self, documents: &[Document]) -> Slice<u32> {
        let mut places: Vec<(u32, usize)> = Vec::with_capacity(documents.len());
        let (mut next, mut head) = (Vec::with_capacity(documents.len()), Vec::new());
        let mut end = 0;
        for (at, document) in documents.iter().enumerate() {
            next.push(end as usize);
            end += u64::from(document.tokens);
            head.push(end);
            if document.tokens > 0 {
                places.push((document.row, at));
            }
        }
        places.sort_unstable();
        let mut cells = vec![0; 2 * end as usize];
        let keys = Keys(self.tiles.len());
        for (number, tile) in self.all_tiles() {
            let mut tokens = tile.rows.iter().zip(&tile.topics);
            for (&word, &count) in tile.words.iter().zip(&tile.counts) {
                let key = keys.key(number, word) as u32;
                for (row, &code) in tokens.by_ref().take(count as usize) {
                    let Ok(found) = places.binary_search_by_key(row, |place| place.0) else {
                        continue;
                    };
                    let to = &mut next[places[found].1];
                    cells[2 * *to..][..2].copy_from_slice(&[u32::from(code), key]);
                    *to += 1;
                }
            }
        }
        Slice { head, cells }
    }
}
