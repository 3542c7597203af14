//! Push: partial results where the data is. In owned form pull and effect follow in place.

use std::collections::VecDeque;
use std::rc::Rc;

use timely::dataflow::Stream;
use timely::dataflow::channels::pact::ParallelizationContract;
use timely::dataflow::channels::pushers::OutputSession;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::options::Form;
use super::outbox::send;
use super::stage::{
    BlockPacket, ClaimPacket, Inner, Kind, MovePacket, PartialPacket, Stage, time_of,
};
use crate::container::{Assembler, Columns, Header, Moves, Packet, Partials};
use crate::program::{Program, Work};

/// What leaves Push: partials for the owners (partial form), deltas and effects for everyone,
/// certificates for everyone.
pub(super) struct Pushed<'scope, T: Timestamp, P: Program> {
    pub partials: Stream<'scope, Inner<T>, PartialPacket<P>>,
    pub moves: Stream<'scope, Inner<T>, MovePacket<P>>,
    pub claims: Stream<'scope, Inner<T>, ClaimPacket<P>>,
}

/// A block that waits for its turn, and what may be sent for it at each output.
type Waiting<T, P> = (BlockPacket<P>, [Capability<Inner<T>>; 3]);

/// Works on every round's block, in order, each with exactly the rounds applied that it must see.
pub(super) fn push<'scope, T, P, C>(
    blocks: Stream<'scope, Inner<T>, BlockPacket<P>>,
    pact: C,
    stage: Rc<Stage<T, P>>,
) -> Pushed<'scope, T, P>
where
    T: Timestamp + TotalOrder,
    P: Program,
    C: ParallelizationContract<Inner<T>, BlockPacket<P>>,
{
    let scope = blocks.scope();
    let mut builder = OperatorBuilder::new("Push".to_owned(), scope);
    let mut input = builder.new_input(blocks, pact);
    builder.set_notify_for(0, FrontierInterest::Never);
    let (mut partials_out, partials) = builder.new_output();
    let (mut moves_out, moves) = builder.new_output();
    let (mut claims_out, claims) = builder.new_output();
    let name = stage.pace.enrol(scope.activator_for(builder.operator_info().address));
    builder.build(move |_| {
        let mut assembler = Assembler::default();
        let mut queue: VecDeque<Waiting<T, P>> = VecDeque::new();
        move |_| {
            input.for_each(|capability, block| {
                if let Some(block) = assembler.accept(std::mem::take(block)) {
                    let time = time_of(&capability);
                    queue.push_back((block, [0, 1, 2].map(|port| capability.delayed(&time, port))));
                }
            });
            let mut partials = partials_out.activate();
            let mut moves = moves_out.activate();
            let mut claims = claims_out.activate();
            while let Some((block, _)) = queue.front() {
                let (serial, kind) = (block.header.serial, Kind::of(block.header));
                let ready = if kind.is_barrier() {
                    stage.pace.may_pass(serial)
                } else {
                    stage.pace.may_decide(serial)
                };
                if !ready {
                    break;
                }
                let Some((block, capabilities)) = queue.pop_front() else { break };
                let [to_partials, to_moves, to_claims] = &capabilities;
                match (kind, stage.options.form) {
                    (Kind::Round(Work::Update), Form::Owned) => {
                        stage.update_owned(&block, to_moves, &mut moves);
                    }
                    (Kind::Round(Work::Update), Form::Partial) => {
                        stage.push_partials(&block, to_partials, &mut partials);
                    }
                    (Kind::Round(Work::Certify), _) => {
                        stage.certify(block.header, to_claims, &mut claims);
                    }
                    _ => {
                        if kind == Kind::Begin {
                            stage.absorb(&to_moves.time().outer);
                        }
                        stage.effects(kind, &block, to_moves, &mut moves);
                    }
                }
                if kind.is_barrier() {
                    stage.pace.passed(serial);
                }
            }
            if !queue.is_empty() {
                stage.pace.wait(name);
            }
        }
    });
    Pushed { partials, moves, claims }
}

type Session<'a, T, C> = OutputSession<'a, Inner<T>, C>;

impl<T: Timestamp + TotalOrder, P: Program> Stage<T, P> {
    /// Owned form: push, pull and effect of each local shard, back to back.
    fn update_owned(
        &self,
        block: &BlockPacket<P>,
        capability: &Capability<Inner<T>>,
        moves: &mut Session<'_, T, MovePacket<P>>,
    ) {
        let mut own: Vec<Vec<P::Key>> = vec![Vec::new(); self.local().len()];
        for &key in block.keys() {
            let shard = self.shard_of(key);
            if self.local().contains(&shard) {
                own[shard - self.local().start].push(key);
            }
        }
        let program = &mut *self.program.borrow_mut();
        for (shard, own) in self.local().zip(own) {
            let (mut partials, mut deltas) = (Columns::new(), Columns::new());
            program.push(shard, &own, &mut partials);
            let partials = [Packet::new(block.header, partials, Vec::new())];
            program.pull(shard, &Partials::new(&partials), &mut deltas);
            let header = self.header(block.header, shard);
            let decided = [Packet::new(header, deltas, Vec::new())];
            let mut effect = Vec::new();
            program.effect(shard, Work::Update, &own, &Moves::new(&decided), &mut effect);
            let [decided] = decided;
            let deltas = decided.into_block().columns;
            let packet = Packet::broadcast(self.placement.peers(), header, deltas, effect);
            send(moves, capability, packet);
        }
        self.pace.decided(block.header.serial);
    }

    /// Partial form: each local shard's partials, to the shards of the keys; one packet to every
    /// shard, empty or not.
    fn push_partials(
        &self,
        block: &BlockPacket<P>,
        capability: &Capability<Inner<T>>,
        session: &mut Session<'_, T, PartialPacket<P>>,
    ) {
        let shards = self.placement.shards();
        for shard in self.local() {
            let mut partials = Columns::new();
            self.program.borrow_mut().push(shard, block.keys(), &mut partials);
            let mut by_shard = vec![Columns::new(); shards];
            for (key, partial) in partials.keys.into_iter().zip(partials.values) {
                by_shard[self.shard_of(key)].push(key, partial);
            }
            for (to, partials) in by_shard.into_iter().enumerate() {
                let header = Header { to: to as u32, ..self.header(block.header, shard) };
                send(session, capability, Packet::new(header, partials, Vec::new()));
            }
        }
        if self.local().is_empty() {
            self.pace.decided(block.header.serial);
        }
    }

    fn certify(
        &self,
        header: Header,
        capability: &Capability<Inner<T>>,
        claims: &mut Session<'_, T, ClaimPacket<P>>,
    ) {
        for shard in self.local() {
            let mut proposals = Columns::new();
            let share = self.program.borrow_mut().certificate(shard, &mut proposals);
            let header = self.header(header, shard);
            let peers = self.placement.peers();
            send(claims, capability, Packet::broadcast(peers, header, proposals, vec![share]));
        }
    }

    /// Rounds without deltas: what the others must know of each local shard.
    fn effects(
        &self,
        kind: Kind,
        block: &BlockPacket<P>,
        capability: &Capability<Inner<T>>,
        moves: &mut Session<'_, T, MovePacket<P>>,
    ) {
        for shard in self.local() {
            let mut effect = Vec::new();
            let work = match kind {
                Kind::Begin => Some(Work::Refresh),
                Kind::Round(work) => Some(work),
                Kind::End => None,
            };
            if let Some(work) = work {
                let none = Moves::new(&[]);
                self.program.borrow_mut().effect(shard, work, block.keys(), &none, &mut effect);
            }
            let header = self.header(block.header, shard);
            let peers = self.placement.peers();
            send(moves, capability, Packet::broadcast(peers, header, Columns::new(), effect));
        }
    }
}
