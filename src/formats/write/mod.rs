//! Tables to files that [`read`](super::read) gives back exactly.
//!
//! | format | written as | response |
//! |---|---|---|
//! | svmlight | from index 1, without zeros | the label (0 if there is none) |
//! | mtx | coordinate real general, without zeros | `STEM.response.txt` |
//! | csv, tsv | with the feature names, or `x1` to `xp` | the first column, `y` |
//! | npy | `<f8` in Fortran order | `STEM.response.txt` |
//!
//! `STEM` is the path without `.gz` or `.zst` and without the ending before them; the response
//! file has a number a line. Numbers have the fewest digits that give the same double back. A
//! path that ends in `.gz` or `.zst` is compressed.

mod atomic;
mod binary;
mod columns;
mod text;

use super::format::split_compression;
use super::{Format, Table};
use columns::Columns;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug)]
pub struct WriteError {
    file: String,
    reason: io::Error,
}

impl WriteError {
    fn new(path: &Path, reason: io::Error) -> Self {
        WriteError { file: path.to_string_lossy().into_owned(), reason }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: cannot write: {}", self.file, self.reason)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// Writes a table, all of whose shards must be there, in place of a file. A file is either the
/// old or the new one at any time, also after a crash.
///
/// # Errors
///
/// If a file cannot be written, the table lacks shards, or the format is [`Format::Plink`] or [`Format::Changes`].
pub fn write(path: &Path, format: Format, table: &Table) -> Result<(), WriteError> {
    let columns = Columns::new(table).map_err(|reason| WriteError::new(path, reason))?;
    if matches!(format, Format::Mtx | Format::Npy) && !table.response.is_empty() {
        let beside = response_path(path);
        atomic::replace(&beside, |to| text::response(to, &table.response))
            .map_err(|reason| WriteError::new(&beside, reason))?;
    }
    let written = atomic::replace(path, |to| match format {
        Format::Svmlight => text::svmlight(to, table, &columns),
        Format::Mtx => text::mtx(to, table, &columns),
        Format::Csv => text::separated(to, table, &columns, b','),
        Format::Tsv => text::separated(to, table, &columns, b'\t'),
        Format::Npy => binary::npy(to, table, &columns),
        Format::Plink => Err(invalid("plink is read only")),
        Format::Changes => Err(invalid("changes are no table")),
    });
    written.map_err(|reason| WriteError::new(path, reason))
}

/// Where [`write()`] puts the response of an mtx or npy file.
pub fn response_path(path: &Path) -> PathBuf {
    split_compression(path).0.with_extension("response.txt")
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
