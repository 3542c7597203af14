//! The contract of a program whose model rotates: slices of it travel, data stays put.

use std::io;

use bytemuck::Pod;

use super::{Certificate, Work};
use crate::container::Slice;

/// A pass of every slice over every shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The epoch's number, counted from 0 in the order the epochs are run.
    pub epoch: u64,
    /// The sweep's number within its epoch. Sweep 0 is the refresh.
    pub number: u64,
    /// What the sweep is for.
    pub work: Work,
}

/// One meeting of a shard and a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The sweep it belongs to.
    pub sweep: Sweep,
    /// The sub-round within the sweep, `0..slices`.
    pub round: u64,
    /// The shard.
    pub shard: usize,
    /// The slice.
    pub slice: usize,
}

/// One worker's part of a program in **rotation form**: the data of the logical shards placed on
/// this worker, while the model's slices travel the ring of shards.
///
/// In a sweep every shard meets every slice once. In sub-round `c` shard `a` holds slice
/// `(a·m + c) mod S`, where `S` is the number of slices and `m = S / shards`: no two shards ever
/// hold the same slice, so push and pull happen in place, and no update waits for another (Lee et
/// al., NIPS 2014, section 3.1: word-rotation scheduling). A slice that is done goes to shard
/// `a − 1`, which needs it `m` sub-rounds later: with `m ≥ 2` it travels while others are worked
/// on. Slices `a·m .. (a+1)·m` are at home on shard `a`: they are born, certified and published
/// there.
///
/// What cannot travel because every shard needs it all the time (LDA's topic totals) is replicated:
/// each shard tells the others what it changed, in a *summary*, every so many sub-rounds, and hears
/// theirs with an exact lag (see [`crate::operators::RotateOptions`]).
///
/// For each shard the engine calls the methods in one fixed order:
///
/// ```text
/// every sweep:  work (c = 0), work (1), …, each with the syncs that its lag says before it,
///               summary after every sync_every-th sub-round and after the last,
///               the syncs that are left, certificate
/// ```
///
/// so a result is a function of data, options, seed, shards and slices if `work` is one of the
/// turn, the shard's state and the slice. Shards of one worker take turns in no particular order.
pub trait Rotating: 'static {
    /// One change of the data, as it reaches the worker that must absorb it.
    type Change: 'static;
    /// What slices are made of.
    type Cell: Pod + Send + Sync;
    /// An element of what every shard tells all shards.
    type Summary: Pod + Send + Sync;
    /// What is known about the model's quality.
    type Certificate: Certificate;
    /// What leaves the dataflow when an epoch ends.
    type Output: Clone + 'static;

    /// Absorbs the changes of one epoch, all of them at once and in no particular order. The
    /// refresh sweep that follows takes them into the slices.
    fn ingest(&mut self, changes: &mut Vec<Self::Change>);

    /// A slice as it is born, on the worker of its home shard, in the first epoch after `ingest`.
    /// Empty by default.
    fn slice(&mut self, index: usize) -> Slice<Self::Cell> {
        let _ = index;
        Slice::default()
    }

    /// A shard meets a slice: adds and removes what changed ([`Work::Refresh`]), updates both
    /// ([`Work::Update`]), or measures ([`Work::Certify`]).
    fn work(&mut self, turn: &Turn, slice: &mut Slice<Self::Cell>);

    /// What `shard` changed of the replicated state since it was last asked. Nothing by default.
    fn summary(&mut self, shard: usize, sweep: &Sweep, summary: &mut Vec<Self::Summary>) {
        let _ = (shard, sweep, summary);
    }

    /// Tells `shard` the summaries of every shard, in shard order, its own included (which a
    /// program that counts its own changes at once leaves out).
    fn sync(&mut self, shard: usize, summaries: &[&[Self::Summary]]) {
        let _ = (shard, summaries);
    }

    /// Measures the share of `shard` and of the slices at home there, in order, after every sweep.
    /// Nothing is known by default.
    fn certificate(
        &mut self,
        shard: usize,
        sweep: &Sweep,
        slices: &[(usize, Slice<Self::Cell>)],
    ) -> Self::Certificate {
        let _ = (shard, sweep, slices);
        Self::Certificate::default()
    }

    /// What the world should know of `shard` and of the slices at home there, now that an epoch has
    /// ended. Nothing by default.
    fn publish(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<Self::Cell>)],
        changes: &mut Vec<Self::Output>,
    ) {
        let _ = (shard, slices, changes);
    }

    /// Writes a shard with the slices at home there, to be read back by [`Rotating::restore`].
    /// Programs that cannot be stored say so with [`io::ErrorKind::Unsupported`], the default.
    fn snapshot(
        &self,
        shard: usize,
        slices: &[(usize, Slice<Self::Cell>)],
        to: &mut dyn io::Write,
    ) -> io::Result<()> {
        let _ = (shard, slices, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads what [`Rotating::snapshot`] wrote; the slices are then born as they were. Bytes are
    /// not trusted: anything unexpected is an error of kind [`io::ErrorKind::InvalidData`].
    fn restore(&mut self, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
        let _ = (shard, from);
        Err(io::ErrorKind::Unsupported.into())
    }
}
