//! Files of numeric tables to shards of columns or rows, and of documents to words: one file a
//! format.
//!
//! [`read`] streams a file (plain, `.gz`, `.zst`, or `-` for standard input) in chunks that a
//! number of threads parse, and keeps only the columns (or rows) of the shards that are asked for.
//! Memory beside the result: what the kept columns' entries take as indices and values, and a few
//! chunks. The result does not depend on the number of threads or on the size of the chunks.
//!
//! Numbers are decimal and must be finite. Lines may end in CR LF; the last one need not end; a
//! UTF-8 byte order mark is passed over.
//!
//! | format | response | index base |
//! |---|---|---|
//! | svmlight | the label | `--base` |
//! | mtx | a file of its own | 1, or `--base` |
//! | csv, tsv | a named column | |
//! | npy | a file of its own | |
//! | plink | the last column of the `.fam` | |
//!
//! A response file, if one is named, takes the place of the response above in every format.
//!
//! [`read_ratings`] reads ratings of items by users.
//!
//! Documents are read by [`read_documents`]: `uci-bow` and `docs`.
//!
//! [`write()`] writes what [`read`] reads, but for plink.

mod by_row;
mod corpus;
mod csv;
mod cursor;
mod dense;
mod error;
mod files;
mod format;
#[doc(hidden)]
pub mod fuzzing;
mod genotypes;
mod mtx;
mod npy;
mod options;
mod ordered;
mod plink;
mod progress;
mod ratings;
mod response;
mod sparse;
mod stream;
mod svmlight;
mod table;
mod write;

pub use corpus::{
    Bagger, CorpusFormat, CorpusOptions, Documents, Frequency, Stopwords, read_documents,
    stopword_languages,
};
pub use error::ReadError;
pub use format::Format;
pub use options::{Base, Parts, ReadOptions, Storage};
pub use progress::Progress;
pub use ratings::{RatingFile, RatingOptions, Separator, read_ratings};
pub use table::Table;
pub use write::{WriteError, response_path, write};

use ordered::{Job, MOST};
use std::path::{Path, PathBuf};
use stream::Stream;

/// About how many bytes are read at a time: enough to amortise the hand-over, little enough to
/// stay in a cache while it is parsed.
const CHUNK: usize = 1 << 20;

/// How much of a file is looked at to guess its format.
const HEAD: usize = 1 << 12;

/// Reads a file and keeps the columns of some shards.
///
/// # Errors
///
/// If the file, or one it needs, cannot be read or is not what its format asks for; see
/// [`ReadError`]. Of several errors in a file the first is reported.
pub fn read(
    path: &Path,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<Table, ReadError> {
    read_job(&Job { files: &files::Disk, options, progress, chunk: CHUNK, most: MOST }, path)
}

/// The files that [`read`] would read: the data, what a `.bed` has beside it, and the response.
///
/// # Errors
///
/// If the data cannot be opened, or its format is not known.
pub fn sources(path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
    let files = &files::Disk;
    let job = Job { files, options, progress: &(), chunk: CHUNK, most: MOST };
    let mut sources = vec![path.to_owned()];
    if format(&job, path, &mut Stream::open(files, path)?)? == Format::Plink {
        sources.extend(plink::companions(files, path));
    }
    sources.extend(options.response.clone());
    Ok(sources)
}

fn read_job(job: &Job, path: &Path) -> Result<Table, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    let format = format(job, path, &mut stream)?;
    let separated = matches!(format, Format::Csv | Format::Tsv);
    if job.options.target.is_some() && job.options.response.is_none() && !separated {
        let expected = "csv or tsv, whose columns have names";
        return Err(ReadError::content(&stream.name, (1, 1), expected, format.to_string()));
    }
    job.progress.begin(stream.size);
    let dense = separated || format == Format::Npy;
    if let (Parts::Rows, false) = (job.options.parts, dense) {
        let options =
            ReadOptions { parts: Parts::Columns, shards: 1, keep: 0..1, ..job.options.clone() };
        let table = table(&Job { options: &options, ..*job }, path, stream, format)?;
        return Ok(table.into_rows(job.options));
    }
    table(job, path, stream, format)
}

fn table(job: &Job, path: &Path, stream: Stream, format: Format) -> Result<Table, ReadError> {
    let mut table = match format {
        Format::Svmlight => svmlight::read(job, stream),
        Format::Mtx => mtx::read(job, stream),
        Format::Csv => csv::read(job, stream, b','),
        Format::Tsv => csv::read(job, stream, b'\t'),
        Format::Npy => npy::read(job, stream),
        Format::Plink => plink::read(job, path, stream),
        Format::Changes => {
            let (expected, found) = ("a table", "changes, which only live models take");
            Err(ReadError::content(&stream.name, (1, 1), expected, found))
        }
    }?;
    match &job.options.response {
        Some(response) if format != Format::Plink => {
            let read = response::read(job, response, table.rows, false)?;
            table.response = read.values;
            table.bytes += read.bytes;
        }
        _ => {}
    }
    if job.options.need_response && table.response.is_empty() {
        let expected = "a response file, since the format has no response";
        return Err(ReadError::content(&path.to_string_lossy(), (1, 1), expected, "none"));
    }
    Ok(table)
}

fn format(job: &Job, path: &Path, stream: &mut Stream) -> Result<Format, ReadError> {
    let guess = job.options.format.or_else(|| Format::of_name(path));
    guess.or_else(|| Format::of_content(stream.peek(HEAD))).ok_or_else(|| {
        let expected = "svmlight, mtx, csv, tsv, npy or plink";
        let found = if stream.peek(1).is_empty() { "an empty file" } else { "something else" };
        ReadError::content(&stream.name, (1, 1), expected, found)
    })
}
