//! Compact column shards: the data of the keys that live on a shard.

mod columns;
pub mod layout;

pub use columns::ColumnShard;
pub use layout::Layout;
