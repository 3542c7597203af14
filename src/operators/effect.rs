//! Effect, in guarded partial form: what all deltas of a round do to each shard's rows.

use std::collections::BTreeMap;
use std::rc::Rc;

use timely::dataflow::Stream;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::outbox::send;
use super::stage::{Gather, Inner, MovePacket, Stage, time_of};
use crate::container::{Assembler, Broadcast, Columns, Moves, Packet};
use crate::program::{Program, Work};

struct Pending<T: Timestamp, P: Program> {
    capability: Capability<Inner<T>>,
    moves: Gather<MovePacket<P>>,
    complete: bool,
}

/// Gathers a round's deltas and sends each local shard's effect of them, measured with exactly
/// the rounds before it applied. The deltas go along, each from its own shard.
pub(super) fn effect<'scope, T, P>(
    moves: Stream<'scope, Inner<T>, MovePacket<P>>,
    stage: Rc<Stage<T, P>>,
) -> Stream<'scope, Inner<T>, MovePacket<P>>
where
    T: Timestamp + TotalOrder,
    P: Program,
{
    let scope = moves.scope();
    let mut builder = OperatorBuilder::new("Effect".to_owned(), scope);
    let mut input = builder.new_input(moves, Broadcast);
    builder.set_notify_for(0, FrontierInterest::Never);
    let (mut output, effects) = builder.new_output();
    let name = stage.pace.enrol(scope.activator_for(builder.operator_info().address));
    builder.build(move |_| {
        let mut assembler = Assembler::default();
        let mut pending: BTreeMap<u64, Pending<T, P>> = BTreeMap::new();
        move |_| {
            input.for_each(|capability, packet| {
                let Some(packet) = assembler.accept(std::mem::take(packet)) else { return };
                let entry = pending.entry(packet.header.serial).or_insert_with(|| Pending {
                    capability: capability.delayed(&time_of(&capability), 0),
                    moves: Gather::new(stage.placement.shards()),
                    complete: false,
                });
                entry.complete = entry.moves.put(packet.header.from, packet);
            });
            let mut session = output.activate();
            // A worker without shards may be past a round before all of its deltas are here.
            let ready = |(&serial, round): (&u64, &Pending<T, P>)| {
                round.complete && stage.pace.next_to_sync() >= serial
            };
            while pending.first_key_value().is_some_and(ready) {
                let Some((_, round)) = pending.pop_first() else { break };
                let parts = round.moves.into_parts();
                for shard in stage.local() {
                    let own = &parts[shard];
                    let mut effect = Vec::new();
                    let all = Moves::new(&parts);
                    let program = &mut *stage.program.borrow_mut();
                    program.effect(shard, Work::Update, &[], &all, &mut effect);
                    let columns =
                        Columns { keys: own.keys().to_vec(), values: own.values().to_vec() };
                    let peers = stage.placement.peers();
                    let packet = Packet::broadcast(peers, own.header, columns, effect);
                    send(&mut session, &round.capability, packet);
                }
            }
            if pending.first_key_value().is_some_and(|(_, round)| round.complete) {
                stage.pace.wait(name);
            }
        }
    });
    effects
}
