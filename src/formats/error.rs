//! What can be wrong with a file that is read.

use std::fmt;
use std::io;

/// Why a file could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file, or one it needs, could not be opened, read or decompressed.
    Io {
        /// The file as the caller named it.
        file: String,
        /// What was attempted: `open`, `read`, `decompress`.
        action: &'static str,
        /// The reason.
        reason: io::Error,
    },
    /// The content is not what the format asks for.
    Content {
        /// The file as the caller named it.
        file: String,
        /// The line, from 1; always 1 in a binary file.
        line: u64,
        /// The byte within the line (of the whole file, if binary), from 1.
        column: u64,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl ReadError {
    /// Whether the file could not be reached or decompressed.
    pub fn is_io(&self) -> bool {
        matches!(self, ReadError::Io { .. })
    }

    /// Whether the content is malformed.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, ReadError::Content { .. })
    }

    pub(super) fn io(file: &str, action: &'static str, reason: io::Error) -> Self {
        ReadError::Io { file: file.to_owned(), action, reason }
    }

    pub(super) fn content(
        file: &str,
        (line, column): (u64, u64),
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (expected, found) = (expected.into(), found.into());
        ReadError::Content { file: file.to_owned(), line, column, expected, found }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io { file, action, reason } => {
                write!(f, "{file}: cannot {action}: {reason}")
            }
            ReadError::Content { file, line, column, expected, found } => {
                write!(f, "{file}:{line}:{column}: expected {expected}, found {found}")
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io { reason, .. } => Some(reason),
            ReadError::Content { .. } => None,
        }
    }
}
