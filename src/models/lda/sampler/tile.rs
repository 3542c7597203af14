//! The tokens of a document shard whose words are of one slice, word by word.

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
    /// Memory taken.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        4 * (self.words.capacity() + self.counts.capacity() + self.rows.capacity())
            + 2 * self.topics.capacity()
    }
}
