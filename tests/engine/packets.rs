//! Packets through real channels: by pointer within a process, by chunks between processes.

use std::cell::RefCell;
use std::rc::Rc;

use strads::container::{Assembler, Broadcast, CHUNK, Columns, Header, Packet, by_shard};
use strads::operators::Placement;
use timely::communication::Config as Communication;
use timely::container::NoopBuilder;
use timely::dataflow::channels::pact::ParallelizationContract;
use timely::dataflow::operators::generic::operator::{Operator, source};

use super::processes::{Place, children};

type Large = Packet<u64, f64, u8>;

/// What a worker received: from whom, whether it is what was sent, whether it lies where it lay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Received {
    from: u32,
    intact: bool,
    in_place: bool,
}

/// The packet of a shard, with the address of its keys as its serial. Its size is the shard's.
fn packet(from: u32, to: u32, peers: usize) -> Large {
    let length = 1 + from as usize * CHUNK / 5;
    let keys: Vec<u64> = (0..length as u64).map(|at| at * 3 + u64::from(from)).collect();
    let values = (0..length).map(|at| (at as f64).sin()).collect();
    let header = Header { from, to, serial: keys.as_ptr() as u64, kind: from + 7 };
    Packet::broadcast(peers, header, Columns { keys, values }, vec![from as u8; 13])
}

fn received(large: Large) -> Received {
    let (from, serial) = (large.header.from, large.header.serial);
    let wanted = packet(from, 0, 1);
    let same_bits = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
    let intact = large.keys() == wanted.keys()
        && large.extra() == wanted.extra()
        && large.header.kind == wanted.header.kind
        && large.values().len() == wanted.values().len()
        && large.values().iter().zip(wanted.values()).all(same_bits);
    let block = large.into_block();
    Received { from, intact, in_place: block.columns.keys.as_ptr() as u64 == serial }
}

/// Every worker sends to the next one, or to all.
fn send<C>(
    communication: Communication,
    to_all: bool,
    pact: fn(Placement) -> C,
) -> Vec<Vec<Received>>
where
    C: ParallelizationContract<u64, Large> + 'static,
{
    let config = timely::Config { communication, worker: Default::default() };
    let guards = timely::execute(config, move |worker| {
        let (index, peers) = (worker.index(), worker.peers());
        let arrived = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&arrived);
        worker.dataflow::<u64, _, _>(|scope| {
            let mut assembler = Assembler::default();
            source::<_, NoopBuilder<Large>, _, _>(scope, "Send", move |capability, _| {
                let mut capability = Some(capability);
                move |output| {
                    let Some(capability) = capability.take() else { return };
                    let (to, copies) = ((index + 1) % peers, if to_all { peers } else { 1 });
                    for mut chunk in packet(index as u32, to as u32, copies).chunks() {
                        output.session_with_builder(&capability).give_container(&mut chunk);
                    }
                }
            })
            .sink(pact(Placement::new(peers, peers)), "Receive", move |(input, _)| {
                input.for_each(|_, chunk| {
                    let whole = assembler.accept(std::mem::take(chunk));
                    sink.borrow_mut().extend(whole);
                });
            });
        });
        while worker.has_dataflows() {
            worker.step_or_park(None);
        }
        arrived.take().into_iter().map(received).collect::<Vec<_>>()
    });
    let arrived = guards.expect("the computation starts").join();
    arrived.into_iter().map(|arrived| arrived.expect("no worker fails")).collect()
}

fn to_next(communication: Communication) -> Vec<Vec<Received>> {
    send(communication, false, by_shard)
}

fn to_all(communication: Communication) -> Vec<Vec<Received>> {
    send(communication, true, |_| Broadcast)
}

#[test]
fn within_a_process_blocks_move_by_pointer() {
    for (to, arrived) in to_next(Communication::Process(4)).into_iter().enumerate() {
        let from = (to as u32 + 3) % 4;
        assert_eq!(arrived, [Received { from, intact: true, in_place: true }]);
    }
}

#[test]
fn every_worker_receives_a_broadcast() {
    for communication in [Communication::Process(3), Communication::ProcessBinary(3)] {
        for mut arrived in to_all(communication) {
            arrived.sort();
            let intact: Vec<_> = arrived.iter().map(|one| (one.from, one.intact)).collect();
            assert_eq!(intact, [(0, true), (1, true), (2, true)]);
        }
    }
}

/// What a process of [`between_processes`] does.
#[test]
fn child_packets() {
    let Some(place) = Place::of_child() else { return };
    for arrived in [to_next(place.next()), to_all(place.next())] {
        for one in arrived.into_iter().flatten() {
            println!("@{} {}", one.from, if one.intact { "intact" } else { "damaged" });
        }
    }
}

#[test]
fn between_processes() {
    let mut lines = Vec::new();
    for child in children("engine::packets::child_packets", 2, 2, 2) {
        assert!(child.succeeded(), "{}", child.stderr);
        lines.extend(child.marked());
    }
    lines.sort();
    let wanted = (0..4).flat_map(|from| vec![format!("@{from} intact"); 5]);
    assert_eq!(lines, wanted.collect::<Vec<_>>());
}
