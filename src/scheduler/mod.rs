//! Who is updated next: the *schedule* primitive, one file a policy.
//!
//! A scheduler is a deterministic state machine. It is asked for the next block and told what
//! became of earlier ones; what it has been told when it is asked is fixed by the staleness alone,
//! so the same decisions are taken wherever it runs.

pub mod width;

mod certified;
mod couplings;
mod dynamic;
mod policy;
mod priority;
mod rotation;
mod round_robin;
#[cfg(test)]
pub(crate) mod testing;
mod tree;
mod uniform;

pub use certified::{Certified, Stopping};
pub use dynamic::Dynamic;
pub use policy::{Policy, PolicyOptions, UnknownPolicy, build};
pub use priority::{Priority, Source};
pub use rotation::{Rotation, SweepLimits, Sweeps, Swept};
pub use round_robin::RoundRobin;
pub use tree::WeightTree;
pub use uniform::Random;
pub use width::Width;

use crate::program::Work;

/// What a scheduler wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Update the keys of the block.
    Update,
    /// Gather what is needed to compare the keys of the block, then ask again.
    Couple,
    /// Recompute derived state.
    Refresh,
    /// Measure the model.
    Certify,
    /// The epoch is done.
    Finish,
}

/// What a scheduler may look at when it is asked.
pub struct View<'a, K> {
    /// The epoch's number, counted from 0 in the order the epochs are run.
    pub epoch: u64,
    /// The round's number within the epoch.
    pub round: u64,
    /// The number of keys: `0..universe`.
    pub universe: usize,
    /// Keys of update rounds not yet observed. The engine leaves them out of a new block.
    pub in_flight: &'a [K],
    /// How strongly two keys interfere, or nothing if one must be gathered first.
    pub coupling: &'a dyn Fn(K, K) -> Option<f32>,
    /// Whether two keys of one block would be decided apart, from the same state. Keys that one
    /// shard decides one after the other see each other's steps and cannot interfere.
    pub apart: &'a dyn Fn(K, K) -> bool,
    /// Arithmetic of one key's update in nanoseconds (see [`crate::program::Program::cost`]).
    pub cost: f64,
    /// The number of logical shards.
    pub shards: usize,
}

/// What became of a round.
pub struct Report<'a, K> {
    /// The round's number within the epoch.
    pub round: u64,
    /// What it was for.
    pub work: Work,
    /// Update rounds: the keys that were decided. Certify rounds: proposed keys. In shard order.
    pub keys: &'a [K],
    /// For each key how much it moved, or the priority it was proposed with.
    pub moved: &'a [f32],
    /// Certify rounds: the merged certificate's error.
    pub error: Option<f64>,
}

/// Who is updated next.
pub trait Scheduler<K>: 'static {
    /// A new epoch's data has arrived; the first call of every epoch.
    fn begin(&mut self, epoch: u64) {
        let _ = epoch;
    }

    /// Decides the next round and fills `block` (empty on entry) for [`Next::Update`] and
    /// [`Next::Couple`]. Keys in flight and duplicates are dropped by the engine.
    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next;

    /// Hears what became of a round. Rounds are reported in order, each once.
    fn observe(&mut self, report: &Report<'_, K>);
}

impl<K, S: Scheduler<K> + ?Sized> Scheduler<K> for Box<S>
where
    Box<S>: 'static,
{
    fn begin(&mut self, epoch: u64) {
        (**self).begin(epoch)
    }
    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        (**self).schedule(view, block)
    }
    fn observe(&mut self, report: &Report<'_, K>) {
        (**self).observe(report)
    }
}
