//! How documents are to be read.

use super::{CorpusFormat, Stopwords};
use crate::shard::Words;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// How many documents have a word: a number of them, or a share of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frequency {
    /// So many documents.
    Documents(u64),
    /// This share of all documents, from 0 to 1.
    Share(f64),
}

impl Frequency {
    /// The number of documents this is, of so many in all; perhaps not a whole one.
    pub fn of(self, documents: usize) -> f64 {
        match self {
            Frequency::Documents(count) => count as f64,
            Frequency::Share(share) => share * documents as f64,
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frequency::Documents(count) => write!(f, "{count}"),
            Frequency::Share(share) => write!(f, "{share:?}"),
        }
    }
}

/// `5` is a number of documents, `0.05` and `1.0` are shares.
impl FromStr for Frequency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse() {
            return Ok(Frequency::Documents(count));
        }
        match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Frequency::Share(share)),
            _ => Err("expected a number of documents, or a share from 0.0 to 1.0".into()),
        }
    }
}

/// What to read of documents, and which words to keep.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `format` | none | the format, or guessed from the name and the content |
/// | `vocab` | none | uci-bow: a file with a word a line; without it words are named by number |
/// | `stopwords` | none | words to leave out |
/// | `min_df`, `max_df` | 0, all | how many documents a word must and may be in |
/// | `min_length` | 1 | how many letters a word must have |
/// | `ngrams` | 1 | docs: words that come in a row are also taken together, up to so many |
/// | `known` | none | the only words to keep, by the numbers they have there; others are unknown |
/// | `threads` | 1 | how many threads parse |
#[derive(Clone, Debug)]
pub struct CorpusOptions {
    /// The format; guessed from the name and the content if absent.
    pub format: Option<CorpusFormat>,
    /// The words of a uci-bow file, one a line.
    pub vocab: Option<PathBuf>,
    /// Words to leave out. N-grams are made of what is left.
    pub stopwords: Stopwords,
    /// Leave out words of fewer documents.
    pub min_df: Frequency,
    /// Leave out words of more documents.
    pub max_df: Frequency,
    /// Leave out words of fewer letters. N-grams are made of what is left.
    pub min_length: usize,
    /// The most words of an n-gram, at least 1; they are joined by `_`.
    pub ngrams: usize,
    /// The only words to keep, with their numbers; `min_df` and `max_df` are not looked at then.
    pub known: Option<Words>,
    /// How many threads parse, at least one; the result is the same for any number.
    pub threads: usize,
}

impl Default for CorpusOptions {
    fn default() -> Self {
        CorpusOptions {
            format: None,
            vocab: None,
            stopwords: Stopwords::none(),
            min_df: Frequency::Documents(0),
            max_df: Frequency::Share(1.0),
            min_length: 1,
            ngrams: 1,
            known: None,
            threads: 1,
        }
    }
}

impl CorpusOptions {
    /// Whether a word, by itself, may be kept.
    pub(super) fn admits(&self, word: &str) -> bool {
        (self.min_length <= 1 || word.chars().take(self.min_length).count() == self.min_length)
            && !self.stopwords.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_counts_or_shares() {
        let of = |text: &str| text.parse::<Frequency>();
        assert_eq!(of("5"), Ok(Frequency::Documents(5)));
        assert_eq!(of("1.0"), Ok(Frequency::Share(1.0)));
        assert_eq!(of("0.25").unwrap().of(10), 2.5);
        for bad in ["1.5", "-1", "x", "nan", ""] {
            assert!(of(bad).is_err(), "{bad}");
        }
        for text in ["5", "1.0", "0.25"] {
            assert_eq!(of(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn letters_are_counted_not_bytes() {
        let options = CorpusOptions { min_length: 3, ..CorpusOptions::default() };
        assert!(options.admits("öle") && !options.admits("öl"));
    }
}
