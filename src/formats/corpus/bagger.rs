//! Texts to bags of words as they come, one by one.

use super::CorpusOptions;
use super::docs::{Piece, Tokens};
use super::interner::Interner;
use crate::shard::Words;

/// Turns texts into bags of words, which are numbered in the order in which they first come.
///
/// Texts are taken apart as [`read_documents`](super::read_documents) does with the same options,
/// of which formats, frequencies and known words do not apply. Memory: twice that of the words.
///
/// ```
/// use strads::formats::{Bagger, CorpusOptions};
///
/// let mut bagger = Bagger::new(CorpusOptions { min_length: 2, ..CorpusOptions::default() });
/// assert_eq!(bagger.bag("To be, or not to be: a question"), [(0, 2), (1, 2), (2, 1), (3, 1), (4, 1)]);
/// assert_eq!(bagger.number("question"), Some(4));
/// assert_eq!(bagger.number("a"), None);
/// assert_eq!(bagger.vocabulary().get(0), Some("to"));
/// ```
pub struct Bagger {
    options: CorpusOptions,
    piece: Piece,
    kept: Interner,
}

impl Bagger {
    /// No words yet.
    pub fn new(options: CorpusOptions) -> Self {
        Bagger { options, piece: Piece::default(), kept: Interner::default() }
    }

    /// A text's words with their counts, ascending.
    pub fn bag(&mut self, text: &str) -> Vec<(u32, u32)> {
        let Bagger { options, piece, kept } = self;
        Tokens::new(options, piece).document(text);
        piece.ends.clear();
        let words = piece.interner.words();
        let number = |(word, count): (u32, u32)| {
            let (number, _) = kept.intern(words.get(word as usize)?)?;
            Some((number, count))
        };
        let mut bag: Vec<_> = piece.runs.drain(..).filter_map(number).collect();
        bag.sort_unstable();
        bag
    }

    /// The number of a word as it is, the next free one if it is new; none if it is to be left out.
    pub fn number(&mut self, word: &str) -> Option<u32> {
        match self.options.admits(word) {
            true => self.kept.intern(word).map(|(number, _)| number),
            false => None,
        }
    }

    /// The words by number.
    pub fn vocabulary(&self) -> &Words {
        self.kept.words()
    }
}
