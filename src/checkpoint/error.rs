//! What can be wrong with a checkpoint.

use std::path::PathBuf;
use std::{fmt, io};

/// A checkpoint that cannot be written, or cannot be gone on from. Displays as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refuses.
    System {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The checkpoint is of another run.
    Other {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// A file is damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it shows.
        why: String,
    },
}

impl CheckpointError {
    /// Whether something could not be written, rather than read or believed.
    pub fn is_of_writing(&self) -> bool {
        matches!(self, CheckpointError::System { what, .. } if *what != READ)
    }
}

/// What is tried when something is read.
pub(super) const READ: &str = "read";

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::System { path, what, source } => {
                write!(f, "checkpoint {}: cannot {what}: {source}", path.display())
            }
            CheckpointError::Other { path, what } => {
                write!(f, "checkpoint {}: of another run: {what}", path.display())
            }
            CheckpointError::Damaged { path, why } => {
                write!(f, "checkpoint {}: damaged: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for CheckpointError {}
