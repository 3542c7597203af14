//! The engine: schedule, push, pull and sync as timely operators in a nested scope.
//!
//! ```text
//! changes ─▶ Ingest ─▶ Schedule ─▶ Push ─▶ Pull ─▶ (Effect) ─▶ Sync ─▶ changes of the model, certificates
//!  (epochs)               ▲                                     │
//!                         └───────────── feedback ──────────────┘         time = (epoch, round)
//! ```
//!
//! In owned form Push, Pull and Effect are one operator: nothing travels between them.
//!
//! **Rounds are count-driven**: a round is complete when a packet of every shard is there, empty
//! ones included. Frontiers close epochs and shut the dataflow down. **Staleness is exact**: with
//! staleness *s* a round is scheduled, pushed and pulled with exactly the rounds up to *t − 1 − s*
//! applied (`pace` holds the operators of a worker to it), so a result never depends on which
//! message came first. The staleness is also the flow control: no more than *s + 1* rounds are
//! ever in flight.
//!
//! A third form, *rotation* ([`Rotate`]), in which slices of the model travel a ring of shards while
//! data stays put, uses the same packets and pacts; its operator lies in `rotate`.

mod effect;
mod in_flight;
mod ingest;
mod model_parallel;
mod options;
mod outbox;
mod pace;
mod pull;
mod push;
mod rotate;
mod schedule;
mod stage;
mod sync;

pub use model_parallel::{Certified, ModelParallel, Trained};
pub use options::{Form, Options, Placement, Scheduling};
pub use rotate::{GatherSlices, Ring, Rotate, RotateOptions, Rotated};
