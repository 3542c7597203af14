//! Threads and processes: launch flags, start-up, and stopping together.
//!
//! [`Flags`] are the launch flags of every timely program. [`execute`] connects this process with
//! its peers, runs the workers and joins them. A run succeeds or fails as a whole: a panic in any
//! worker, or the loss of any process, ends every process promptly with one line on stderr and one
//! of the exit codes in [`fail`].
//!
//! Start-up is a handshake of a few small messages on each connection: process *i* calls every
//! process below *i* and is called by those above. Both sides prove that they know the secret of
//! the run (HMAC-SHA-256 of fresh nonces) and compare release, name and generation of the run,
//! number of processes and threads, and a digest of the options; connections that are not from a
//! peer of this run are turned away with one line and hold nobody up. A secret is required unless
//! every process is on this host's loopback. Connections can be encrypted.
//!
//! While the computation runs, each process hears a heartbeat of every other. One that stays silent
//! for longer than the peer timeout is named and ends the run.

mod answer;
mod bootstrap;
mod dial;
mod error;
mod execute;
pub mod fail;
mod flags;
mod gather;
mod handshake;
mod hello;
mod hook;
mod hostfile;
mod launch;
mod link;
mod meeting;
mod secret;
mod wire;

pub use error::ClusterError;
pub use execute::execute;
pub use flags::Flags;
pub use gather::gather;
pub use launch::{Launch, die_with_launcher};
