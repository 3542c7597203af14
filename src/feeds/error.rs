//! What can be wrong with a feed.

use std::fmt;
use std::io;

use super::line::Place;

/// A line that is no change. Displays as `SOURCE:LINE:COLUMN: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Where it is.
    pub place: Place,
    /// The column in bytes, counted from 1.
    pub column: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place, self.column, self.why)
    }
}

impl std::error::Error for BadLine {}

/// Why a feed ended. Displays as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedError {
    /// The source cannot be opened or read.
    Source {
        /// Its name.
        name: String,
        /// The system's reason.
        error: io::Error,
    },
    /// A source that is to be gone on with is not the one that was read before, or does not keep
    /// what comes next.
    Other {
        /// Its name.
        name: String,
        /// What was expected, and what was found.
        why: String,
    },
    /// Nobody answers where the source should be; trying again may help.
    Unreachable {
        /// Its name.
        name: String,
        /// What is known of the reason.
        why: String,
    },
    /// A bad line of a feed that is to be read strictly.
    Line(BadLine),
    /// An option makes no sense.
    Usage(String),
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeedError::Source { name, error } => write!(f, "{name}: {error}"),
            FeedError::Other { name, why } => write!(f, "{name}: {why}"),
            FeedError::Unreachable { name, why } => write!(f, "{name}: no answer: {why}"),
            FeedError::Line(bad) => bad.fmt(f),
            FeedError::Usage(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FeedError {}
