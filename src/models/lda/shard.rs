//! A shard of documents: their tokens by slice, their topics, and the totals as the shard knows
//! them.

use std::collections::HashSet;
use std::ops::Range;

use super::corpus::Bags;
use super::keys::Keys;
use super::sampler::{Rows, Tile};

/// A document's row, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// Where its counts are; meaningless for a document without tokens.
    pub row: u32,
    /// Its tokens.
    pub tokens: u32,
}

/// A shard of documents. 6 bytes a token, 8 for every word that occurs, and the rows.
#[derive(Debug)]
pub(super) struct Shard {
    topics: usize,
    keys: Keys,
    pub rows: Rows,
    /// The tokens, by slice.
    pub tiles: Vec<Tile>,
    /// Whether the tile has tokens without a topic.
    pub fresh: Vec<bool>,
    /// Tokens of each topic in the whole corpus, as the shard knows them.
    pub totals: Vec<i64>,
    /// The totals when others last heard of them.
    pub told: Vec<i64>,
    /// Rows whose documents were removed; their tokens leave when their slice comes by.
    dead: HashSet<u32>,
}

impl Shard {
    /// A shard without documents.
    pub fn new(topics: usize, slices: usize) -> Self {
        Shard {
            topics,
            keys: Keys(slices),
            rows: Rows::default(),
            tiles: vec![Tile::default(); slices],
            fresh: vec![false; slices],
            totals: vec![0; topics],
            told: vec![0; topics],
            dead: HashSet::new(),
        }
    }

    /// Adds documents, whose tokens have no topics yet. `key` gives a word's key, below `universe`.
    /// Takes time proportional to all tokens of the shard.
    ///
    /// # Errors
    /// If the shard is full: see [`Rows::take`].
    pub fn insert(
        &mut self,
        bags: &Bags,
        range: Range<usize>,
        universe: usize,
        key: impl Fn(u32) -> u32,
    ) -> Result<Vec<Document>, String> {
        let mut next = vec![0u64; universe];
        let mut lengths = Vec::with_capacity(range.len());
        for document in range.clone() {
            bags.document(document).for_each(|(word, count)| {
                next[key(word) as usize] += u64::from(count);
            });
            lengths.push(bags.tokens(document));
        }
        self.rows.reserve(&lengths, self.topics);
        for slice in 0..self.tiles.len() {
            self.widen(slice, &mut next)?;
        }
        let mut documents = Vec::with_capacity(range.len());
        for (document, tokens) in range.zip(lengths) {
            if tokens == 0 {
                documents.push(Document { row: 0, tokens });
                continue;
            }
            let row = self
                .rows
                .take(tokens, self.topics)
                .ok_or("a shard holds 64 GiB of rows at most: use more shards")?;
            documents.push(Document { row, tokens });
            for (word, count) in bags.document(document) {
                let key = key(word);
                let start = next[key as usize] as usize;
                next[key as usize] += u64::from(count);
                self.tiles[self.keys.slice(key)].rows[start..start + count as usize].fill(row);
            }
        }
        Ok(documents)
    }

    /// Makes room in a tile for new tokens after a word's old ones: `next` holds the number of new
    /// tokens of every key, and afterwards where they go.
    fn widen(&mut self, slice: usize, next: &mut [u64]) -> Result<(), String> {
        let more = (slice..next.len()).step_by(self.keys.0).map(|key| next[key]).sum::<u64>();
        if more == 0 {
            return Ok(());
        }
        self.fresh[slice] = true;
        let old = std::mem::take(&mut self.tiles[slice]);
        let tokens = old.rows.len() + more as usize;
        let mut new = Tile {
            words: Vec::new(),
            counts: Vec::new(),
            rows: Vec::with_capacity(tokens),
            topics: Vec::with_capacity(tokens),
        };
        let (mut place, mut from) = (0, 0);
        for (position, key) in (slice..next.len()).step_by(self.keys.0).enumerate() {
            let had = match old.words.get(place) {
                Some(&word) if word as usize == position => {
                    place += 1;
                    old.counts[place - 1] as usize
                }
                _ => 0,
            };
            let count = had as u64 + next[key];
            if count == 0 {
                continue;
            }
            new.words.push(position as u32);
            new.counts.push(
                u32::try_from(count).map_err(
                    |_| "a shard holds 2^32 − 1 tokens of a word at most: use more shards",
                )?,
            );
            new.rows.extend_from_slice(&old.rows[from..from + had]);
            new.topics.extend_from_slice(&old.topics[from..from + had]);
            from += had;
            let start = new.rows.len() as u64;
            new.rows.resize(new.rows.len() + next[key] as usize, 0);
            new.topics.resize(new.rows.len(), 0);
            next[key] = start;
        }
        new.words.shrink_to_fit();
        new.counts.shrink_to_fit();
        self.tiles[slice] = new;
        Ok(())
    }

    /// Removes a document: its tokens leave when [`Shard::retract`] comes to their slices.
    pub fn remove(&mut self, document: Document) {
        if document.tokens > 0 {
            self.dead.insert(document.row);
        }
    }

    /// Whether documents were removed.
    pub fn is_shrinking(&self) -> bool {
        !self.dead.is_empty()
    }

    /// Takes the tokens of removed documents out of a tile and the totals; `left` hears of each
    /// word's position and code.
    pub fn retract(&mut self, slice: usize, mut left: impl FnMut(u32, u16)) {
        let (tile, dead) = (&mut self.tiles[slice], &self.dead);
        let (mut from, mut to) = (0, 0);
        for (&word, count) in tile.words.iter().zip(&mut tile.counts) {
            let end = from + *count as usize;
            let start = to;
            for at in from..end {
                let (row, code) = (tile.rows[at], tile.topics[at]);
                if !dead.contains(&row) {
                    (tile.rows[to], tile.topics[to]) = (row, code);
                    to += 1;
                } else if code != 0 {
                    self.totals[usize::from(code) - 1] -= 1;
                    left(word, code);
                }
            }
            *count = (to - start) as u32;
            from = end;
        }
        tile.rows.truncate(to);
        tile.topics.truncate(to);
        let mut counts = tile.counts.iter();
        tile.words.retain(|_| counts.next().is_some_and(|count| *count > 0));
        tile.counts.retain(|count| *count > 0);
    }

    /// Gives the rows of removed documents back, once all slices have been by.
    pub fn bury(&mut self, documents: impl IntoIterator<Item = Document>) {
        for document in documents {
            if self.dead.remove(&document.row) {
                self.rows.give(document.row, document.tokens, self.topics);
            }
        }
    }

    /// How the totals moved here since this was last asked.
    pub fn tell(&mut self) -> impl Iterator<Item = i64> + '_ {
        self.totals.iter().zip(&mut self.told).map(|(total, told)| {
            let moved = total - *told;
            *told = *total;
            moved
        })
    }

    /// Takes in how the totals moved elsewhere.
    pub fn hear(&mut self, moved: &[i64]) {
        for ((total, told), moved) in self.totals.iter_mut().zip(&mut self.told).zip(moved) {
            *total += moved;
            *told += moved;
        }
    }

    /// Debug builds: the tokens of a tile are in its counts, and all tokens in the totals.
    #[cfg(any(test, debug_assertions))]
    pub fn check(&self, slice: usize) {
        let tile = &self.tiles[slice];
        let tokens: usize = tile.counts.iter().map(|count| *count as usize).sum();
        assert_eq!((tile.rows.len(), tile.topics.len()), (tokens, tokens));
        assert!(tile.topics.iter().all(|code| (1..=self.topics).contains(&usize::from(*code))));
        assert!(self.totals.iter().sum::<i64>() >= tokens as i64);
    }

    /// Memory taken.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.tiles.iter().map(Tile::bytes).sum::<usize>() + 16 * self.topics
    }
}
