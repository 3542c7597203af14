//! Checkpoints: the state of a run on disk, from which it goes on as if it had never stopped.
//!
//! ```text
//! DIR/000000000007/part-00000 … part-00003    a shard each, written by the process that has it
//! DIR/000000000007/MANIFEST                   what belongs together; written last
//! ```
//!
//! Every file is written whole or not at all, synced before it is named, and ends with a footer of
//! its length and checksum. A checkpoint counts from the moment its manifest has a name. Whatever
//! interrupts the writing of one (a kill, a full disk), the one before is still there.
//!
//! All processes of a run must see the same directory. Shards are the unit: a run may go on with
//! another number of workers and processes.

mod error;
mod footer;
mod manifest;
mod store;

pub use error::CheckpointError;
pub use manifest::{Identity, Manifest, Part, Progress};
pub use store::{Checkpoint, Store};
