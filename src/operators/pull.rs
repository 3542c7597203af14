//! Pull, in partial form: the key's shard aggregates every shard's partials and decides.

use std::collections::BTreeMap;
use std::rc::Rc;

use timely::dataflow::Stream;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::outbox::send;
use super::stage::{Gather, Inner, MovePacket, PartialPacket, Stage, time_of};
use crate::container::{Assembler, Columns, Header, Packet, Partials, by_shard};
use crate::program::Program;

struct Pending<T: Timestamp, P: Program> {
    capability: Capability<Inner<T>>,
    header: Header,
    /// For each local shard what has reached it.
    shards: Vec<Gather<PartialPacket<P>>>,
    /// Local shards that still wait for someone.
    missing: usize,
}

/// Decides each round's keys at their shards once every shard's partials are there, in order.
pub(super) fn pull<'scope, T, P>(
    partials: Stream<'scope, Inner<T>, PartialPacket<P>>,
    stage: Rc<Stage<T, P>>,
) -> Stream<'scope, Inner<T>, MovePacket<P>>
where
    T: Timestamp + TotalOrder,
    P: Program,
{
    let mut builder = OperatorBuilder::new("Pull".to_owned(), partials.scope());
    let mut input = builder.new_input(partials, by_shard(stage.placement));
    builder.set_notify_for(0, FrontierInterest::Never);
    let (mut output, moves) = builder.new_output();
    builder.build(move |_| {
        let mut assembler = Assembler::default();
        let mut pending: BTreeMap<u64, Pending<T, P>> = BTreeMap::new();
        let shards = stage.placement.shards();
        move |_| {
            input.for_each(|capability, packet| {
                let Some(packet) = assembler.accept(std::mem::take(packet)) else { return };
                let header = packet.header;
                let entry = pending.entry(header.serial).or_insert_with(|| Pending {
                    capability: capability.delayed(&time_of(&capability), 0),
                    header,
                    shards: stage.local().map(|_| Gather::new(shards)).collect(),
                    missing: stage.local().len(),
                });
                let local = (header.to as usize).wrapping_sub(stage.local().start);
                match entry.shards.get_mut(local) {
                    Some(gather) => entry.missing -= usize::from(gather.put(header.from, packet)),
                    None => panic!("a partial for shard {} went astray", header.to),
                }
            });
            let mut session = output.activate();
            while pending.first_entry().is_some_and(|entry| entry.get().missing == 0) {
                let Some((serial, round)) = pending.pop_first() else { break };
                for (shard, gather) in stage.local().zip(round.shards) {
                    let mut deltas = Columns::new();
                    let parts = gather.into_parts();
                    stage.program.borrow_mut().pull(shard, &Partials::new(&parts), &mut deltas);
                    let header = stage.header(round.header, shard);
                    let peers = stage.placement.peers();
                    let packet = Packet::broadcast(peers, header, deltas, Vec::new());
                    send(&mut session, &round.capability, packet);
                }
                stage.pace.decided(serial);
            }
        }
    });
    moves
}
