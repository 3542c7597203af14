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
//! **Exactness.** A run that keeps checkpoints sets out anew at each of them: whatever derives from
//! the state that is stored is taken anew from it, and random draws are keyed by the checkpoint's
//! number. Checkpoints come after a count of rounds, sweeps or epochs, never of seconds. So a run
//! that was interrupted goes on with the very bits of one that was not; and one that keeps
//! checkpoints may differ, within its tolerance, from one that keeps none.

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
