//! What travels: slices from shard to shard, summaries and certificates from every shard to all.

use std::collections::BTreeMap;

use super::ring::Ring;
use crate::container::{Header, Packet};
use crate::operators::stage::Gather;
use crate::program::Rotating;

/// A slice on its way.
pub(super) type SlicePacket<P> = Packet<u64, <P as Rotating>::Cell, u8>;
/// What a shard tells all: a summary, or at the end of a sweep a certificate and whether the
/// shard's worker says that it is late.
pub(super) type WordPacket<P> = Packet<<P as Rotating>::Certificate, u8, <P as Rotating>::Summary>;

/// Serials of what shards tell all: of each sweep its groups' summaries, then the certificates.
#[derive(Clone, Copy)]
pub(super) struct Serials {
    groups: u64,
}

impl Serials {
    pub fn new(ring: &Ring) -> Self {
        Serials { groups: ring.groups() }
    }

    /// The summaries of a group of a sweep, counted over all epochs.
    pub fn summary(self, sweep: u64, group: u64) -> u64 {
        sweep * (self.groups + 1) + group
    }

    /// The certificates of a sweep.
    pub fn certificate(self, sweep: u64) -> u64 {
        self.summary(sweep, self.groups)
    }
}

/// What shards told, by serial, until it has been heard.
pub(super) struct Words<P: Rotating> {
    shards: usize,
    gathering: BTreeMap<u64, Gather<WordPacket<P>>>,
    complete: BTreeMap<u64, Vec<WordPacket<P>>>,
    /// Serials before this one have been heard.
    heard: u64,
}

impl<P: Rotating> Words<P> {
    pub fn new(shards: usize) -> Self {
        let (gathering, complete) = (BTreeMap::new(), BTreeMap::new());
        Words { shards, gathering, complete, heard: 0 }
    }

    /// Takes what a shard told.
    pub fn put(&mut self, packet: WordPacket<P>) {
        let Header { serial, from, .. } = packet.header;
        if serial < self.heard {
            return;
        }
        let shards = self.shards;
        let gather = self.gathering.entry(serial).or_insert_with(|| Gather::new(shards));
        if gather.put(from, packet)
            && let Some(gather) = self.gathering.remove(&serial)
        {
            self.complete.insert(serial, gather.into_parts());
        }
    }

    /// What all shards told, in shard order, once it is all there.
    pub fn get(&self, serial: u64) -> Option<&[WordPacket<P>]> {
        self.complete.get(&serial).map(Vec::as_slice)
    }

    /// Forgets what was told before a serial.
    pub fn forget(&mut self, serial: u64) {
        self.heard = serial;
        self.gathering = self.gathering.split_off(&serial);
        self.complete = self.complete.split_off(&serial);
    }
}
