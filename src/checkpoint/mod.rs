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
//!
//! **Exactness.** Checkpoints come after a count of rounds, sweeps or epochs, never of seconds, and a
//! run that goes on gives the very bits of one that was not interrupted. Either a checkpoint has all
//! that a run is, or the run itself sets out anew at each of its checkpoints, from no more than they
//! have: whatever derives from it is taken anew, and draws are keyed by the checkpoint's number.

mod error;
mod footer;
mod keeper;
mod manifest;
mod saver;
mod store;

pub use error::CheckpointError;
pub use keeper::{Keeper, Settings};
pub use manifest::{Identity, Manifest, Part, Progress};
pub use store::{Checkpoint, Store};
