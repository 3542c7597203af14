//! Flat parameter blocks and how they travel.
//!
//! A [`Packet`] holds one block: keys, values and an extra section, each a flat array of
//! plain-old-data. Between threads of one process a packet moves as a pointer; between processes
//! it is written once for each process, little-endian, in chunks of at most [`CHUNK`] bytes, and
//! read in place. Nothing is done for each record.

mod assemble;
mod columns;
mod gathered;
mod packet;
mod pact;
pub(crate) mod plain;
mod slice;
mod wire;

pub use assemble::Assembler;
pub use columns::Columns;
pub use gathered::{Moves, Partials};
pub use packet::{Block, Header, Packet};
pub use pact::{Broadcast, BroadcastPusher, ByShard, by_shard};
pub use slice::Slice;
pub use wire::CHUNK;

#[cfg(target_endian = "big")]
compile_error!("blocks travel as they lie in memory, little-endian");
