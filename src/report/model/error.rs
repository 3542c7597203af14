//! What can be wrong with a model file.

use std::path::PathBuf;
use std::{error, fmt, io};

/// A model that cannot be read, written or used.
#[derive(Debug)]
pub enum ModelError {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is damaged, or not a model of ours.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model lacks a tensor it ought to have.
    Missing {
        /// The tensor's name.
        name: String,
        /// The type its elements ought to have.
        kind: &'static str,
    },
    /// The metadata has a field `format`, or a tensor is named `checksum`.
    Reserved,
    /// The model is larger than the format allows (100 MB for metadata and names).
    TooLarge {
        /// What is too large.
        reason: String,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelError::Read { path, source } => {
                write!(f, "cannot read the model {}: {source}", path.display())
            }
            ModelError::Write { path, source } => {
                write!(f, "cannot write the model {}: {source}", path.display())
            }
            ModelError::Unusable { path, reason } => {
                write!(f, "cannot use the model {}: {reason}", path.display())
            }
            ModelError::Missing { name, kind } => {
                write!(f, "the model has no tensor `{name}` of type {kind}")
            }
            ModelError::Reserved => {
                f.write_str("a model's metadata field `format` and tensor `checksum` are reserved")
            }
            ModelError::TooLarge { reason } => write!(f, "the model cannot be stored: {reason}"),
        }
    }
}

impl error::Error for ModelError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ModelError::Read { source, .. } | ModelError::Write { source, .. } => Some(source),
            _ => None,
        }
    }
}
