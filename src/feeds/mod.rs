//! Data that keeps coming: lines of changes, cut into epochs.
//!
//! ```text
//! a file that grows ┐            (bounded)              (one at a time)
//! standard input    ├─▶ lines ─▶ queue ─▶ changes ─▶ epochs ─▶ the dataflow
//! a TCP port        │
//! a Kafka topic     ┘
//! ```
//!
//! Each line is one JSON object: a change, or the end of an epoch, `{"op":"commit"}`. A model that
//! is slow slows the feed down: lines wait in their file or socket, and no more than
//! twice [`Options::max_pending`] changes, of lines of at most twice 256 MiB, wait in memory, whatever
//! the source; besides 1,024 lines of at most 64 MiB together that are not yet understood.

mod cutting;
mod epochs;
mod error;
mod feed;
mod follow;
#[cfg(feature = "kafka")]
mod kafka;
mod line;
mod lines;
mod listen;
mod queue;
mod table;

pub use epochs::Epoch;
pub use error::{BadLine, FeedError};
pub use feed::{Feed, Next, Options, Source};
#[cfg(feature = "kafka")]
pub use kafka::{Address as KafkaAddress, Partition as KafkaPartition};
pub use line::{Change, Line, Place, Position};
pub use table::{Effect, Table};
