//! Documents as bags of words.

use std::fmt;

use crate::shard::Words;

/// Why documents are not a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorpusError {
    /// A document names a word beyond the vocabulary.
    Word {
        /// The document, counted from 0.
        document: u64,
        /// The word.
        word: u32,
        /// The number of words of the vocabulary.
        vocabulary: usize,
    },
    /// Columns are not of one length, or documents do not end where runs do.
    Columns,
    /// A document has more than 2³² − 1 tokens.
    Length {
        /// The document, counted from 0.
        document: u64,
    },
}

impl fmt::Display for CorpusError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CorpusError::Word { document, word, vocabulary } => {
                write!(to, "document {document}: expected a word below {vocabulary}, found {word}")
            }
            CorpusError::Columns => write!(to, "columns: expected ends of runs, found others"),
            CorpusError::Length { document } => {
                write!(to, "document {document}: expected fewer than 2^32 tokens, found more")
            }
        }
    }
}

impl std::error::Error for CorpusError {}

/// Documents over a vocabulary: of each document its runs, a word and how often it occurs.
///
/// 8 bytes a run and 8 a document, beside the vocabulary. Tokens are counted in 64 bits.
///
/// ```
/// use strads::models::lda::Corpus;
///
/// let mut corpus = Corpus::new(["apple", "pear"].into_iter().collect());
/// corpus.push(&[(0, 2), (1, 1)])?;
/// corpus.push(&[(1, 3)])?;
/// assert_eq!((corpus.len(), corpus.tokens()), (2, 6));
/// assert_eq!(corpus.document(1).collect::<Vec<_>>(), [(1, 3)]);
/// # Ok::<(), strads::models::lda::CorpusError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    vocabulary: Words,
    bags: Bags,
    tokens: u64,
}

/// Documents without names: words with counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bags {
    /// Where each document's runs end.
    ends: Vec<u64>,
    words: Vec<u32>,
    counts: Vec<u32>,
}

impl Bags {
    /// Adds a document; runs without tokens are left out.
    pub fn push(&mut self, runs: impl IntoIterator<Item = (u32, u32)>) {
        for (word, count) in runs.into_iter().filter(|(_, count)| *count > 0) {
            self.words.push(word);
            self.counts.push(count);
        }
        self.ends.push(self.words.len() as u64);
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A document's words with their counts.
    pub fn document(&self, document: usize) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        let start = document.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        let runs = start..self.ends[document] as usize;
        let (words, counts) = (&self.words[runs.clone()], &self.counts[runs]);
        words.iter().copied().zip(counts.iter().copied())
    }

    /// The word with the highest number.
    pub fn largest_word(&self) -> Option<u32> {
        self.words.iter().copied().max()
    }

    /// A document's number of tokens.
    pub fn tokens(&self, document: usize) -> u32 {
        self.document(document).map(|(_, count)| count).sum()
    }
}

impl Corpus {
    /// No documents yet.
    pub fn new(vocabulary: Words) -> Self {
        Corpus { vocabulary, ..Corpus::default() }
    }

    /// Takes documents in columns, without copying: where each document's runs end, their words and
    /// their counts, as [`crate::formats::Documents`] has them.
    ///
    /// # Errors
    /// As of [`Corpus::push`], and if the columns do not fit each other.
    pub fn from_columns(
        vocabulary: Words,
        ends: Vec<u64>,
        words: Vec<u32>,
        counts: Vec<u32>,
    ) -> Result<Self, CorpusError> {
        let runs = words.len() as u64;
        let whole = ends.is_sorted() && ends.last().copied().unwrap_or(0) == runs;
        if !whole || words.len() != counts.len() {
            return Err(CorpusError::Columns);
        }
        let bags = Bags { ends, words, counts };
        let mut tokens = 0;
        for document in 0..bags.len() {
            let number = document as u64;
            let length = bags.document(document).map(|(_, count)| u64::from(count)).sum::<u64>();
            if length > u64::from(u32::MAX) {
                return Err(CorpusError::Length { document: number });
            }
            tokens += length;
            let known = vocabulary.len();
            let beyond = |(word, _): &(u32, u32)| *word as usize >= known;
            if let Some((word, _)) = bags.document(document).find(beyond) {
                return Err(CorpusError::Word { document: number, word, vocabulary: known });
            }
        }
        Ok(Corpus { vocabulary, bags, tokens })
    }

    /// Adds a document: words below the vocabulary's size with their counts, in any order. Runs
    /// without tokens are left out; a document may be empty.
    ///
    /// # Errors
    /// If a word is not in the vocabulary, or there are 2³² tokens or more. Nothing is added then.
    pub fn push(&mut self, runs: &[(u32, u32)]) -> Result<(), CorpusError> {
        let (document, vocabulary) = (self.len() as u64, self.vocabulary.len());
        if let Some(&(word, _)) = runs.iter().find(|(word, _)| *word as usize >= vocabulary) {
            return Err(CorpusError::Word { document, word, vocabulary });
        }
        let tokens = runs.iter().map(|(_, count)| u64::from(*count)).sum::<u64>();
        if tokens > u64::from(u32::MAX) {
            return Err(CorpusError::Length { document });
        }
        self.bags.push(runs.iter().copied());
        self.tokens += tokens;
        Ok(())
    }

    /// The names of the words, by number.
    pub fn vocabulary(&self) -> &Words {
        &self.vocabulary
    }

    /// The names of the words, and the documents.
    pub(super) fn into_parts(self) -> (Words, Bags) {
        (self.vocabulary, self.bags)
    }

    /// The documents.
    pub(super) fn bags(&self) -> &Bags {
        &self.bags
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.bags.len()
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.bags.len() == 0
    }

    /// The number of tokens.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// A document's words with their counts.
    ///
    /// # Panics
    /// If there is no such document.
    pub fn document(&self, document: usize) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.bags.document(document)
    }

    /// How often each word occurs.
    pub fn frequencies(&self) -> Vec<u64> {
        let mut frequencies = vec![0; self.vocabulary.len()];
        for (&word, &count) in self.bags.words.iter().zip(&self.bags.counts) {
            frequencies[word as usize] += u64::from(count);
        }
        frequencies
    }
}
