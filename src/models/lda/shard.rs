//! A shard of documents: their tokens by slice, their topics, and the totals as the shard knows
//! them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::aside::TokenTopics;
use super::corpus::Bags;
use super::keys::Keys;
use super::sampler::{Rows, Tile};

const FULL: &str = "a shard holds 64 GiB of rows at most: use more shards";
const CROWDED: &str = "a shard holds 2^32 − 1 tokens of a word at most: use more shards";

/// A document's row, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// Where its counts are; meaningless for a document without tokens.
    pub row: u32,
    /// Its tokens.
    pub tokens: u32,
}

/// Tokens of a word in a document.
#[derive(Clone, Copy, Debug)]
struct Run {
    slice: usize,
    /// Whether they have no topic yet.
    fresh: bool,
    /// The word's position in the slice.
    word: u32,
    /// The document's row.
    row: u32,
    /// Their topic.
    code: u16,
    count: u32,
}

/// How many tokens of a document have each topic: ascending codes.
fn counts_of(tokens: &TokenTopics) -> Vec<(u16, u32)> {
    let mut counts = BTreeMap::new();
    for &(_, topic, count) in tokens {
        *counts.entry(topic + 1).or_default() += count;
    }
    counts.into_iter().collect()
}

/// A shard of documents. 6 bytes a token, 8 for every word that occurs, and the rows.
#[derive(Debug)]
pub(super) struct Shard {
    topics: usize,
    keys: Keys,
    pub rows: Rows,
    /// The tokens, by slice.
    pub tiles: Vec<Tile>,
    /// Tokens that came since, by slice: at each time they came, a tile. Each tile has at most
    /// half the tokens of the one before.
    recent: Vec<Vec<Tile>>,
    /// Whether the newest tile came in this epoch.
    pub fresh: Vec<bool>,
    /// Positions of words and rows of documents that leave, by slice, until the slice comes by.
    gone: Vec<Vec<(u32, u32)>>,
    /// Positions and codes of tokens that came with topics, and how many, by slice, until the slice
    /// comes by.
    given: Vec<Vec<(u32, u16, u32)>>,
    /// Whether there are tokens in the slice's tiles that are gone.
    holes: Vec<bool>,
    /// Tokens of each topic in the whole corpus, as the shard knows them.
    pub totals: Vec<i64>,
    /// The totals when others last heard of them.
    pub told: Vec<i64>,
}

impl Shard {
    /// A shard without documents.
    pub fn new(topics: usize, slices: usize) -> Self {
        Shard {
            topics,
            keys: Keys(slices),
            rows: Rows::default(),
            tiles: vec![Tile::default(); slices],
            recent: vec![Vec::new(); slices],
            fresh: vec![false; slices],
            gone: vec![Vec::new(); slices],
            given: vec![Vec::new(); slices],
            holes: vec![false; slices],
            totals: vec![0; topics],
            told: vec![0; topics],
        }
    }

    /// Fills an empty shard with documents, whose tokens have no topics yet. `key` gives a word's
    /// key, below `universe`. Takes no memory beside that of the tokens but 8 bytes a key.
    ///
    /// # Errors
    /// If the shard is full: see [`Rows::take`].
    pub fn fill(
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
            let row = self.rows.take(tokens, self.topics).ok_or(FULL)?;
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

    /// Makes room in an empty tile: `next` holds the number of tokens of every key, and afterwards
    /// where they go.
    fn widen(&mut self, slice: usize, next: &mut [u64]) -> Result<(), String> {
        let keys = || (slice..next.len()).step_by(self.keys.0);
        let tokens = keys().map(|key| next[key]).sum::<u64>() as usize;
        let words = keys().filter(|key| next[*key] > 0).count();
        self.fresh[slice] = tokens > 0;
        let tile = &mut self.tiles[slice];
        (tile.rows, tile.topics) = (vec![0; tokens], vec![0; tokens]);
        (tile.words, tile.counts) = (Vec::with_capacity(words), Vec::with_capacity(words));
        let mut end = 0;
        for (position, key) in (0..).zip((slice..next.len()).step_by(self.keys.0)) {
            let start = end;
            end += next[key];
            if next[key] > 0 {
                let count = u32::try_from(next[key]).map_err(|_| CROWDED)?;
                tile.words.push(position);
                tile.counts.push(count);
            }
            next[key] = start;
        }
        Ok(())
    }

    /// Adds documents. Their tokens have the topics given for the document, if there are any, else
    /// none yet. Words are their own keys. Takes time proportional to the tokens of the documents and, over many times, to their number times the
    /// logarithm of the number of times.
    ///
    /// # Errors
    /// If the shard is full: see [`Rows::take`].
    pub fn add(&mut self, bags: &Bags, topics: &[TokenTopics]) -> Result<Vec<Document>, String> {
        let mut documents = Vec::with_capacity(bags.len());
        let mut runs: Vec<Run> = Vec::new();
        let keys = self.keys;
        let mut run = |word, row, code, count| {
            let (slice, word) = (keys.slice(word), keys.position(word));
            runs.push(Run { slice, fresh: code == 0, word, row, code, count });
        };
        for document in 0..bags.len() {
            let tokens = bags.tokens(document);
            let row = match tokens {
                0 => 0,
                _ => self.rows.take(tokens, self.topics).ok_or(FULL)?,
            };
            documents.push(Document { row, tokens });
            match topics.get(document).filter(|tokens| !tokens.is_empty()) {
                Some(tokens) => {
                    tokens.iter().for_each(|&(word, topic, n)| run(word, row, topic + 1, n));
                    self.rows.put(row, self.topics, &counts_of(tokens));
                }
                None => bags.document(document).for_each(|(word, n)| run(word, row, 0, n)),
            }
        }
        // Those with topics come first: the newest tile is of those without.
        runs.sort_by_key(|run| (run.slice, run.fresh, run.word));
        for runs in runs.chunk_by(|a, b| (a.slice, a.fresh) == (b.slice, b.fresh)) {
            self.add_tile(runs);
        }
        Ok(documents)
    }

    /// Adds tokens of a slice, with topics or without.
    fn add_tile(&mut self, runs: &[Run]) {
        let Some(&Run { slice, fresh, .. }) = runs.first() else { return };
        let mut tile = Tile::default();
        for run in runs {
            tile.push(run.word, run.row, (run.code, run.count));
            if !fresh {
                self.totals[usize::from(run.code) - 1] += i64::from(run.count);
                self.given[slice].push((run.word, run.code, run.count));
            }
        }
        self.fold(slice);
        self.recent[slice].push(tile);
        self.fresh[slice] |= fresh;
    }

    /// The tokens of a slice that came with topics since this was last asked: ascending positions
    /// and codes, and how many.
    pub fn given(&mut self, slice: usize) -> Vec<(u32, u16, u32)> {
        let mut given = std::mem::take(&mut self.given[slice]);
        given.sort_unstable();
        given.dedup_by(|next, first| {
            let same = (next.0, next.1) == (first.0, first.1);
            if same {
                first.2 += next.2;
            }
            same
        });
        given
    }

    /// Merges the smallest tiles of a slice until each has at most half the tokens of the one
    /// before: a token is merged as often as its tile can double.
    fn fold(&mut self, slice: usize) {
        let (base, recent) = (&mut self.tiles[slice], &mut self.recent[slice]);
        while let Some(last) = recent.pop() {
            let before = recent.last_mut().unwrap_or(&mut *base);
            if before.rows.len() > 2 * last.rows.len() {
                recent.push(last);
                return;
            }
            *before = Tile::merged(&[std::mem::take(before), last]);
        }
    }

    /// Brings all tokens of a slice into its one tile, for a sweep over them.
    pub fn settle(&mut self, slice: usize) {
        let recent = std::mem::take(&mut self.recent[slice]);
        if self.holes[slice] || !recent.is_empty() {
            let mut tiles = vec![std::mem::take(&mut self.tiles[slice])];
            tiles.extend(recent);
            self.tiles[slice] = Tile::merged(&tiles);
            self.holes[slice] = false;
        }
    }

    /// All tiles, each with the number of its slice.
    pub fn all_tiles(&self) -> impl Iterator<Item = (usize, &Tile)> {
        let slices = self.tiles.iter().zip(&self.recent).enumerate();
        slices.flat_map(|(slice, (tile, recent))| {
            std::iter::once(tile).chain(recent).map(move |tile| (slice, tile))
        })
    }

    /// The tokens of a slice that came last, with the totals and the rows.
    pub fn newest(&mut self, slice: usize) -> (&mut [i64], &mut Rows, &mut Tile) {
        let tile = self.recent[slice].last_mut().unwrap_or(&mut self.tiles[slice]);
        (&mut self.totals, &mut self.rows, tile)
    }

    /// Removes a document, given its words: its tokens leave when [`Shard::retract`] comes to their
    /// slices.
    pub fn remove(&mut self, document: Document, words: impl Iterator<Item = u32>) {
        for word in words {
            let gone = (self.keys.position(word), document.row);
            self.gone[self.keys.slice(word)].push(gone);
        }
    }

    /// Takes the tokens of removed documents out of a slice's tiles and the totals; `left` hears of
    /// each word's position and code. Positions that lose tokens are given back, ascending.
    pub fn retract(&mut self, slice: usize, mut left: impl FnMut(u32, u16)) -> Vec<u32> {
        let mut gone = std::mem::take(&mut self.gone[slice]);
        gone.sort_unstable();
        gone.dedup();
        if !gone.is_empty() {
            self.holes[slice] = true;
            let totals = &mut self.totals;
            for tile in self.recent[slice].iter_mut().chain([&mut self.tiles[slice]]) {
                tile.lose(&gone, |word, code| {
                    totals[usize::from(code) - 1] -= 1;
                    left(word, code);
                });
            }
        }
        gone.into_iter().map(|(word, _)| word).collect()
    }

    /// Gives the rows of removed documents back, once all slices have been by.
    pub fn bury(&mut self, documents: impl IntoIterator<Item = Document>) {
        for document in documents.into_iter().filter(|document| document.tokens > 0) {
            self.rows.give(document.row, document.tokens, self.topics);
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

    /// Debug builds: the tokens of a slice are in its tiles' counts, and all tokens in the totals.
    #[cfg(any(test, debug_assertions))]
    pub fn check(&self, slice: usize) {
        let mut present = 0;
        for tile in self.recent[slice].iter().chain([&self.tiles[slice]]) {
            let tokens: usize = tile.counts.iter().map(|count| *count as usize).sum();
            assert_eq!((tile.rows.len(), tile.topics.len()), (tokens, tokens));
            assert!(tile.present().all(|code| (1..=self.topics).contains(&usize::from(code))));
            present += tile.present().count();
        }
        assert!(self.totals.iter().sum::<i64>() >= present as i64);
    }

    /// Memory taken.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.tiles.iter().map(Tile::bytes).sum::<usize>() + 16 * self.topics
    }
}
