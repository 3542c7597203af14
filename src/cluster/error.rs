//! What can go wrong before the workers run, and the exit code of each case.

use std::fmt;

use super::fail;

/// Why a computation could not start or did not end well. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterError {
    /// The flags or the hostfile make no sense, or processes were started with different options.
    Usage(String),
    /// Processes that did not answer or call within the connect timeout.
    Unreachable(String),
    /// The system refused something: a port, a thread, a socket.
    Failed(String),
}

impl ClusterError {
    /// The exit code of the process: [`fail::USAGE`], [`fail::LOST`] or [`fail::FAILED`].
    pub fn code(&self) -> i32 {
        match self {
            ClusterError::Usage(_) => fail::USAGE,
            ClusterError::Unreachable(_) => fail::LOST,
            ClusterError::Failed(_) => fail::FAILED,
        }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterError::Usage(why)
            | ClusterError::Unreachable(why)
            | ClusterError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ClusterError {}
