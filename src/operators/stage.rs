//! What the operators of one worker share, and the packets between them.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use timely::dataflow::operators::InputCapability;
use timely::order::Product;
use timely::progress::Timestamp;

use super::ingest::Arrived;
use super::options::{Form, Options, Placement, Scheduling};
use super::pace::Pace;
use crate::container::{Header, Packet};
use crate::program::{Program, Work};

/// Time in the nested scope: the caller's epoch, and the round within it.
pub(super) type Inner<T> = Product<T, u64>;
/// Names the keys of a round.
pub(super) type BlockPacket<P> = Packet<<P as Program>::Key, u8, u64>;
/// Partial results for a shard.
pub(super) type PartialPacket<P> = Packet<<P as Program>::Key, <P as Program>::Partial, u8>;
/// Deltas and effect of a shard.
pub(super) type MovePacket<P> =
    Packet<<P as Program>::Key, <P as Program>::Delta, <P as Program>::Effect>;
/// Priorities and a certificate: a shard's share, or a whole round's.
pub(super) type ClaimPacket<P> = Packet<<P as Program>::Key, f32, <P as Program>::Certificate>;

/// What a serial stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An epoch begins: absorb its changes, then refresh.
    Begin,
    /// A round of work.
    Round(Work),
    /// An epoch ends: publish what changed.
    End,
}

impl Kind {
    pub fn code(self) -> u32 {
        match self {
            Kind::Begin => 0,
            Kind::Round(Work::Refresh) => 1,
            Kind::Round(Work::Update) => 2,
            Kind::Round(Work::Couple) => 3,
            Kind::Round(Work::Certify) => 4,
            Kind::End => 5,
        }
    }

    /// # Panics
    /// On a code that no build of this protocol sends.
    pub fn of(header: Header) -> Self {
        match header.kind {
            0 => Kind::Begin,
            1 => Kind::Round(Work::Refresh),
            2 => Kind::Round(Work::Update),
            3 => Kind::Round(Work::Couple),
            4 => Kind::Round(Work::Certify),
            5 => Kind::End,
            code => panic!("a round of unknown kind {code} arrived: mixed builds?"),
        }
    }

    /// Whether the round waits for all before it, and all after wait for it.
    pub fn is_barrier(self) -> bool {
        self != Kind::Round(Work::Update)
    }
}

/// What the operators of one worker share.
pub(super) struct Stage<T: Timestamp, P: Program> {
    pub program: Rc<RefCell<P>>,
    pub pace: Pace,
    pub changes: Arrived<T, P::Change>,
    pub index: usize,
    pub placement: Placement,
    pub options: Options,
}

impl<T: Timestamp, P: Program> Stage<T, P> {
    /// The shards that live on this worker.
    pub fn local(&self) -> Range<usize> {
        self.placement.local(self.index)
    }

    /// The shard a key lives on.
    pub fn shard_of(&self, key: P::Key) -> usize {
        P::shard_of(key, self.placement.shards())
    }

    /// Whether this worker's scheduler is the one (or one of those) that decides.
    pub fn schedules(&self) -> bool {
        match self.options.scheduling {
            Scheduling::Replicated => true,
            Scheduling::Central => self.placement.worker_of(0) == self.index,
        }
    }

    /// The header of what `shard` sends in the round of `like`.
    pub fn header(&self, like: Header, shard: usize) -> Header {
        Header { from: shard as u32, to: 0, ..like }
    }

    /// Whether two keys of a block are decided from the same state.
    pub fn is_apart(&self, a: P::Key, b: P::Key) -> bool {
        let sequential = P::SEQUENTIAL && self.options.form == Form::Owned;
        !sequential || self.shard_of(a) != self.shard_of(b)
    }

    /// Whether sync needs one more hop, for the effects of all deltas on each shard's rows.
    pub fn is_guarded(&self) -> bool {
        self.options.form == Form::Partial && P::GUARDED
    }

    /// Absorbs the changes of the epoch that begins.
    pub fn absorb(&self, time: &T) {
        let mut changes = self.changes.borrow_mut().remove(time).unwrap_or_default();
        self.program.borrow_mut().ingest(&mut changes);
    }
}

/// The time of a message. The engine's messages are each sent under one capability.
pub(super) fn time_of<T: Timestamp>(capability: &InputCapability<T>) -> T {
    capability.stamp().iter().next().cloned().expect("the engine sends under one capability")
}

/// The packets of one round, one of every shard.
pub(super) struct Gather<P> {
    parts: Vec<Option<P>>,
    missing: usize,
}

impl<P> Gather<P> {
    pub fn new(shards: usize) -> Self {
        Gather { parts: (0..shards).map(|_| None).collect(), missing: shards }
    }

    /// Takes a shard's packet; true once all are there.
    ///
    /// # Panics
    /// If the shard does not exist or has sent before: a peer of another configuration.
    pub fn put(&mut self, shard: u32, packet: P) -> bool {
        match self.parts.get_mut(shard as usize) {
            Some(part @ None) => *part = Some(packet),
            _ => panic!("shard {shard} sent twice, or does not exist: mixed configurations?"),
        }
        self.missing -= 1;
        self.missing == 0
    }

    /// The packets in shard order.
    pub fn into_parts(self) -> Vec<P> {
        self.parts.into_iter().flatten().collect()
    }
}
