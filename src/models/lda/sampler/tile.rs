//! The tokens of a document shard whose words are of one slice, word by word.

/// The document row of a token that is gone; no document has it, for there is no such form.
const GONE: u32 = u32::MAX;

/// Tokens in the order of words, and within a word in the order of document rows: 6 bytes each, and
/// 8 a word.
#[derive(Clone, Debug, Default)]
pub(in crate::models::lda) struct Tile {
    /// Words that occur: ascending positions in the slice.
    pub words: Vec<u32>,
    /// How often each occurs.
    pub counts: Vec<u32>,
    /// The document row of each token.
    pub rows: Vec<u32>,
    /// The topic (a code) of each token; 0 until it has one.
    pub topics: Vec<u16>,
}

impl Tile {
    /// Adds tokens with a code (0 if they have no topic yet) to the last word, or to one after it.
    pub fn push(&mut self, word: u32, row: u32, (code, count): (u16, u32)) {
        match (self.words.last(), self.counts.last_mut()) {
            (Some(&last), Some(tokens)) if last == word => *tokens += count,
            _ => {
                self.words.push(word);
                self.counts.push(count);
            }
        }
        self.rows.resize(self.rows.len() + count as usize, row);
        self.topics.resize(self.rows.len(), code);
    }

    /// One tile of several: a word's tokens in the order of the tiles, but for those that are gone.
    pub fn merged(tiles: &[Tile]) -> Tile {
        let mut places = Vec::new();
        for (number, tile) in tiles.iter().enumerate() {
            let mut end = 0;
            for (&word, &count) in tile.words.iter().zip(&tile.counts) {
                let start = end;
                end += count as usize;
                places.push((word, number, start..end));
            }
        }
        places.sort_by_key(|place| (place.0, place.1));
        let tokens = tiles.iter().map(|tile| tile.rows.len()).sum();
        let mut merged = Tile {
            rows: Vec::with_capacity(tokens),
            topics: Vec::with_capacity(tokens),
            ..Tile::default()
        };
        for of_word in places.chunk_by(|a, b| a.0 == b.0) {
            let before = merged.rows.len();
            for (_, number, range) in of_word {
                let Tile { rows, topics, .. } = &tiles[*number];
                let tokens = rows[range.clone()].iter().zip(&topics[range.clone()]);
                for (&row, &topic) in tokens.filter(|(row, _)| **row != GONE) {
                    merged.rows.push(row);
                    merged.topics.push(topic);
                }
            }
            if merged.rows.len() > before {
                merged.words.push(of_word[0].0);
                merged.counts.push((merged.rows.len() - before) as u32);
            }
        }
        merged
    }

    /// Marks the tokens of some words and document rows, ascending, as gone; `left` hears of each
    /// one's word and code.
    pub fn lose(&mut self, gone: &[(u32, u32)], mut left: impl FnMut(u32, u16)) {
        let (mut end, mut gone) = (0, gone.iter().peekable());
        for (&word, &count) in self.words.iter().zip(&self.counts) {
            let start = end;
            end += count as usize;
            while gone.next_if(|(other, _)| *other < word).is_some() {}
            while let Some(&(_, row)) = gone.next_if(|(other, _)| *other == word) {
                for at in start..end {
                    if self.rows[at] == row {
                        self.rows[at] = GONE;
                        left(word, std::mem::take(&mut self.topics[at]));
                    }
                }
            }
        }
    }

    /// Tokens that are not gone, with their topics.
    #[cfg(any(test, debug_assertions))]
    pub fn present(&self) -> impl Iterator<Item = u16> + '_ {
        let tokens = self.rows.iter().zip(&self.topics);
        tokens.filter(|(row, _)| **row != GONE).map(|(_, topic)| *topic)
    }

    /// Memory taken.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        4 * (self.words.capacity() + self.counts.capacity() + self.rows.capacity())
            + 2 * self.topics.capacity()
    }
}
