//! Slices to one worker, as at the end of a batch run.

use bytemuck::Pod;
use timely::container::{CapacityContainerBuilder, NoopBuilder};
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::progress::Timestamp;

use crate::container::{Assembler, Header, Packet, Slice, by_shard};
use crate::operators::Placement;

/// Brings numbered slices to one worker.
pub trait GatherSlices<'scope, T: Timestamp, C> {
    /// Sends every slice to worker 0: by pointer within a process, in chunks between processes.
    /// Of each number there may be one slice at a time.
    fn gather_slices(self) -> Stream<'scope, T, Vec<(usize, Slice<C>)>>;
}

impl<'scope, T, C> GatherSlices<'scope, T, C> for Stream<'scope, T, Vec<(usize, Slice<C>)>>
where
    T: Timestamp,
    C: Pod + Send + Sync,
{
    fn gather_slices(self) -> Stream<'scope, T, Vec<(usize, Slice<C>)>> {
        let from = self.scope().index() as u32;
        let placement = Placement::new(1, self.scope().peers());
        let mut assembler = Assembler::default();
        self.unary::<NoopBuilder<Packet<u64, C, u8>>, _, _, _>(Pipeline, "Send", move |_, _| {
            move |input, output| {
                input.for_each(|capability, slices| {
                    for (number, slice) in slices.drain(..) {
                        let header = Header { from, to: 0, serial: number as u64, kind: 0 };
                        for mut chunk in slice.into_packet(header).chunks() {
                            output.session_with_builder(&capability).give_container(&mut chunk);
                        }
                    }
                });
            }
        })
        .unary::<CapacityContainerBuilder<_>, _, _, _>(
            by_shard(placement),
            "Gather",
            move |_, _| {
                move |input, output| {
                    input.for_each(|capability, packet| {
                        if let Some(packet) = assembler.accept(std::mem::take(packet)) {
                            let number = packet.header.serial as usize;
                            output.session(&capability).give((number, Slice::from_packet(packet)));
                        }
                    });
                }
            },
        )
    }
}
