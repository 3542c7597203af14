//! Documents as bags of words.
//!
//! [`read_documents`] streams a file as [`read`](super::read) does: in chunks that a number of
//! threads turn into words, and keeps how often each document has each word, 8 bytes a pair. The
//! vocabulary is in the order of the words' letters, or of the vocabulary file.
//!
//! | format | a document | words |
//! |---|---|---|
//! | uci-bow | lines `document word count` | by number, named in a file of their own |
//! | docs | a line, perhaps an identifier and a tab before the text | as Unicode divides text |

mod bagger;
mod bow;
mod docs;
mod format;
mod gathered;
mod interner;
mod options;
mod stopwords;
mod text;
mod tokenise;

pub use bagger::Bagger;
pub use format::CorpusFormat;
pub use options::{CorpusOptions, Frequency};
pub use stopwords::{Stopwords, stopword_languages};

use super::files::Disk;
use super::ordered::{Job, MOST};
use super::stream::Stream;
use crate::shard::Words;

use super::{CHUNK, HEAD, Progress, ReadError, ReadOptions};
use std::path::Path;

/// Documents as bags of numbered words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// The identifiers of the documents, if they have some.
    pub ids: Option<Words>,
    /// The words by number.
    pub vocabulary: Words,
    /// Where the runs of each document end.
    pub ends: Vec<u64>,
    /// The word of each run: ascending within a document.
    pub words: Vec<u32>,
    /// How often the document has the word of each run, at least once.
    pub counts: Vec<u32>,
    /// How many tokens there are, without those left out.
    pub tokens: u64,
    /// How many tokens were left out: stopwords, words too short, too rare or too frequent.
    pub left_out: u64,
    /// How many tokens are none of the known words, if only those were asked for.
    pub unknown: u64,
    /// How many bytes were read, after decompression.
    pub bytes: u64,
}

impl Documents {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A document's words, ascending, with their counts.
    ///
    /// # Panics
    /// If there is no such document.
    pub fn runs(&self, document: usize) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        let start = document.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        let range = start..self.ends[document] as usize;
        let (words, counts) = (&self.words[range.clone()], &self.counts[range]);
        words.iter().copied().zip(counts.iter().copied())
    }
}

/// Reads documents.
///
/// # Errors
///
/// If the file, or its vocabulary, cannot be read or is not what its format asks for; see
/// [`ReadError`]. Of several errors in a file the first is reported.
pub fn read_documents(
    path: &Path,
    options: &CorpusOptions,
    progress: &dyn Progress,
) -> Result<Documents, ReadError> {
    let chunked = chunked(options);
    let job = Job { files: &Disk, options: &chunked, progress, chunk: CHUNK, most: MOST };
    read_job(&job, path, options)
}

/// What the common machinery must know.
pub(super) fn chunked(options: &CorpusOptions) -> ReadOptions {
    ReadOptions { threads: options.threads, ..ReadOptions::default() }
}

pub(super) fn read_job(
    job: &Job,
    path: &Path,
    options: &CorpusOptions,
) -> Result<Documents, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    let named = options.format.or_else(|| CorpusFormat::of_name(path));
    let format = named.unwrap_or_else(|| CorpusFormat::of_content(stream.peek(HEAD)));
    job.progress.begin(stream.size);
    let gathered = match format {
        CorpusFormat::UciBow => bow::read(job, stream, options.vocab.as_deref()),
        CorpusFormat::Docs if options.vocab.is_some() => {
            let expected = "uci-bow, whose words are in a file of their own";
            Err(ReadError::content(&stream.name, (1, 1), expected, format.to_string()))
        }
        CorpusFormat::Docs => docs::read(job, stream, options),
    }?;
    Ok(gathered.select(options))
}
