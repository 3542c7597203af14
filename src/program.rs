//! The contract of a model-parallel program: what is computed where, in one round.
//!
//! The four primitives are those of STRADS (Lee et al., NIPS 2014, section 2): *schedule* picks a
//! block of parameters ([`crate::scheduler`]), *push* computes partial results where the data is,
//! *pull* aggregates them and decides new values where the parameter lives, *sync* makes the new
//! values visible wherever they are read.

use std::fmt::Debug;
use std::hash::Hash;
use std::io;

use bytemuck::Pod;

use crate::container::{Columns, Moves, Partials};

mod rotating;

pub use rotating::{Rotating, Sweep, Turn};

/// Names a parameter. Keys are dense integers `0..universe`, so that schedulers can keep one
/// number a key in a flat array.
pub trait Key: Pod + Ord + Hash + Debug + Send + Sync {
    /// The key's position in `0..universe`.
    fn index(self) -> usize;
    /// The key at a position. Positions beyond the type's range are a caller's error.
    fn from_index(index: usize) -> Self;
}

impl Key for u32 {
    fn index(self) -> usize {
        self as usize
    }
    fn from_index(index: usize) -> Self {
        index as u32
    }
}

impl Key for u64 {
    fn index(self) -> usize {
        self as usize
    }
    fn from_index(index: usize) -> Self {
        index as u64
    }
}

/// What is known about the quality of a model. Shares of different shards merge into the whole's.
pub trait Certificate: Pod + Default + Debug + Send + Sync {
    /// Folds in another shard's share. Called in shard order, on every worker alike.
    fn merge(&mut self, share: &Self);
    /// The figure that stopping rules compare with a tolerance (for convex models the relative
    /// duality gap). Smaller is better; infinite when nothing is known; NaN if the computation
    /// broke down, upon which schedulers finish.
    fn error(&self) -> f64;
}

impl Certificate for () {
    fn merge(&mut self, _share: &Self) {}
    fn error(&self) -> f64 {
        f64::INFINITY
    }
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Recompute derived state (residuals, norms, counts) from the data and the parameters. The
    /// first round of every epoch, right after `ingest`.
    Refresh,
    /// Update a block of parameters: push, pull, effect, sync.
    Update,
    /// Make the keys of a block comparable: whatever [`Program::coupling`] needs to know of them
    /// travels as effect.
    Couple,
    /// Measure the model: certificates and proposals travel, no parameter changes.
    Certify,
}

/// Everything that a round gathered, in shard order, the same on every worker.
pub struct Round<'a, P: Program + ?Sized> {
    /// What the round was for.
    pub work: Work,
    /// The round's number within its epoch.
    pub round: u64,
    /// Keys and deltas of an update round.
    pub moves: Moves<'a, P::Key, P::Delta, P::Effect>,
    /// The merged certificate of a certify round.
    pub certificate: Option<&'a P::Certificate>,
}

/// One worker's part of a model-parallel program: the logical shards placed on this worker, and
/// one replica of whatever every shard reads.
///
/// Shards are numbered `0..shards` over all workers and each lives on exactly one. A result must
/// be a function of the data, the options, the seed and the number of shards alone; the engine
/// calls the methods in an order that makes this easy: rounds are seen in order, gathered parts
/// come in shard order, and what a method sees of other rounds is fixed by the staleness.
///
/// In **owned form** a shard holds its keys' data (columns): `push`, `pull` and `effect` of a
/// shard run back to back where the key lives, and what they give travels to every worker once. In
/// **partial form** a shard holds rows: every shard pushes a partial for the block's keys, partials
/// travel to the key's shard for `pull`, its deltas travel to every worker, and if
/// [`Program::GUARDED`] each shard's `effect` of *all* deltas is gathered before `sync`.
pub trait Program: 'static {
    /// One change of the data, as it reaches the worker that must absorb it.
    type Change: 'static;
    /// Names a parameter.
    type Key: Key;
    /// What push computes from local data for a key.
    type Partial: Pod + Send + Sync;
    /// What pull decides for a key.
    type Delta: Pod + Send + Sync;
    /// What sync needs to know beyond the deltas (for example the change of the residual).
    type Effect: Pod + Send + Sync;
    /// What is known about the model's quality.
    type Certificate: Certificate;
    /// What leaves the dataflow when an epoch ends.
    type Output: Clone + 'static;

    /// In partial form: whether `sync` needs the effects of every shard (one more hop a round).
    const GUARDED: bool = false;

    /// In owned form: whether `pull` decides a shard's keys one after the other, each seeing the
    /// steps of those before it, so that keys of one shard need no dependency check.
    const SEQUENTIAL: bool = false;

    /// Absorbs the changes of one epoch, all of them at once and in no particular order.
    fn ingest(&mut self, changes: &mut Vec<Self::Change>);

    /// Partial results of `shard`'s data for the keys of the block. In owned form the block holds
    /// the shard's own keys only.
    fn push(
        &mut self,
        shard: usize,
        block: &[Self::Key],
        partials: &mut Columns<Self::Key, Self::Partial>,
    );

    /// Decides the keys that live on `shard`, from the partials of every shard (owned form: of
    /// this shard alone). A key at a time, or all jointly.
    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, Self::Key, Self::Partial>,
        deltas: &mut Columns<Self::Key, Self::Delta>,
    );

    /// What others must know to apply the round. In owned form `moves` are the shard's own; in
    /// partial form those of every shard. For [`Work::Couple`] `block` names the keys.
    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        block: &[Self::Key],
        moves: &Moves<'_, Self::Key, Self::Delta, Self::Effect>,
        effect: &mut Vec<Self::Effect>,
    ) {
        let _ = (shard, work, block, moves, effect);
    }

    /// Applies a round to this worker's shards and replica.
    fn sync(&mut self, round: &Round<'_, Self>);

    /// Measures this shard's share of the model, and proposes keys with a priority (largest
    /// first is up to the scheduler), for example by violation of optimality. Nothing is known by
    /// default.
    fn certificate(
        &mut self,
        shard: usize,
        proposals: &mut Columns<Self::Key, f32>,
    ) -> Self::Certificate {
        let _ = (shard, proposals);
        Self::Certificate::default()
    }

    /// What of `shard`'s parameters changed since it was last asked. Called when an epoch ends.
    /// Nothing by default.
    fn publish(&mut self, shard: usize, changes: &mut Vec<Self::Output>) {
        let _ = (shard, changes);
    }

    /// Writes the parameters of a shard, to be read back by [`Program::restore`]. Programs that
    /// cannot be stored say so with [`io::ErrorKind::Unsupported`], the default.
    fn snapshot(&self, shard: usize, to: &mut dyn io::Write) -> io::Result<()> {
        let _ = (shard, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads what [`Program::snapshot`] wrote. Bytes are not trusted: anything unexpected is an
    /// error of kind [`io::ErrorKind::InvalidData`].
    fn restore(&mut self, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
        let _ = (shard, from);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The number of keys, once an epoch has been refreshed; the same on every worker.
    fn universe(&self) -> usize;

    /// The shard a key lives on: a pure function of its arguments.
    fn shard_of(key: Self::Key, shards: usize) -> usize {
        key.index() % shards
    }

    /// How much a delta moved its key, as priority schedulers see it.
    fn priority(delta: &Self::Delta) -> f32 {
        let _ = delta;
        1.0
    }

    /// How strongly two keys interfere, in `[0, 1]` (for linear models the absolute correlation of
    /// their columns), or nothing if one of them must be gathered first ([`Work::Couple`]).
    fn coupling(&self, a: Self::Key, b: Self::Key) -> Option<f32> {
        let _ = (a, b);
        Some(0.0)
    }

    /// Arithmetic of one key's update in nanoseconds, a deterministic estimate from the data's
    /// shape; the automatic block width rests on it. See [`crate::scheduler::width`].
    fn cost(&self) -> f64 {
        1000.0
    }
}
