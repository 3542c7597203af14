//! The sampler of one shard and one slice: against the exact posterior, against a plain sequential
//! sampler, and on every path of this processor.

mod chain;
mod exact;
mod memory;
mod paths;
mod plain;
