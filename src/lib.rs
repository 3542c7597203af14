//! **strads** trains big sparse models *model-parallel*, as iterative timely dataflows, and keeps
//! them true while their data changes.
//!
//! A model is a [`Program`](program::Program) of four primitives — *push* computes partial results
//! where the data is, *pull* decides new values where the parameter lives, *sync* makes them
//! visible — driven by a [`Scheduler`](scheduler::Scheduler) that decides which block of
//! parameters is updated next. The engine in [`operators`] runs both inside the caller's own
//! timely dataflow.
//!
//! The rooms, from the ground up: [`container`] (flat parameter blocks and how they travel),
//! [`program`] and [`scheduler`] (the contracts), [`operators`] (the engine), [`shard`] (compact
//! columns), [`formats`] (files to shards), [`cache`] (what was read before), [`models`] (what is
//! trained), [`report`] (results, logs, model files), [`cluster`] (threads and processes).

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod cache;
pub mod checkpoint;
pub mod cluster;
pub mod container;
pub mod feeds;
pub mod formats;
pub mod generate;
pub mod models;
pub mod operators;
pub mod prelude;
pub mod program;
pub mod random;
pub mod report;
pub mod scheduler;
pub mod shard;
