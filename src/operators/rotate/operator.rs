//! Rotate as a timely operator: slices and words go round through feedback edges.

use std::collections::BTreeMap;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::packets::{SlicePacket, WordPacket};
use super::ring::Ring;
use super::state::{Event, Progress, State};
use crate::container::{Assembler, Broadcast, by_shard};
use crate::operators::ingest::{Arrived, Tick};
use crate::operators::outbox::send;
use crate::operators::stage::{Inner, time_of};
use crate::program::Rotating;
use crate::scheduler::{Sweeps, Swept};

/// What goes round, and what leaves.
pub(super) struct Edges<'scope, T: Timestamp, P: Rotating> {
    pub slices: Stream<'scope, Inner<T>, SlicePacket<P>>,
    pub words: Stream<'scope, Inner<T>, WordPacket<P>>,
    pub changes: Stream<'scope, Inner<T>, Vec<P::Output>>,
    pub certificates: Stream<'scope, Inner<T>, Vec<Swept<P::Certificate>>>,
}

/// Runs the shards of this worker. The operator yields after every piece of work, so that what
/// came of it is on its way while the next is done.
pub(super) fn operator<'scope, T, P, S>(
    ticks: Stream<'scope, Inner<T>, Tick>,
    slices: Stream<'scope, Inner<T>, SlicePacket<P>>,
    words: Stream<'scope, Inner<T>, WordPacket<P>>,
    arrived: Arrived<T, P::Change>,
    ring: Ring,
    state: State<P, S>,
) -> Edges<'scope, T, P>
where
    T: Timestamp + TotalOrder,
    P: Rotating,
    S: Sweeps<P::Certificate>,
{
    let scope = ticks.scope();
    let mut builder = OperatorBuilder::new("Rotate".to_owned(), scope);
    let mut ticks = builder.new_input(ticks, Broadcast);
    let mut slices = builder.new_input(slices, by_shard(ring.placement()));
    let mut words = builder.new_input(words, Broadcast);
    builder.set_notify_for(1, FrontierInterest::Never);
    builder.set_notify_for(2, FrontierInterest::Never);
    let (mut slices_out, slices_going) = builder.new_output();
    let (mut words_out, words_going) = builder.new_output();
    let (changes_out, changes) = builder.new_output();
    let (certificates_out, certificates) = builder.new_output();
    let mut changes_out =
        OutputBuilder::<_, CapacityContainerBuilder<Vec<P::Output>>>::from(changes_out);
    let mut certificates_out = OutputBuilder::<
        _,
        CapacityContainerBuilder<Vec<Swept<P::Certificate>>>,
    >::from(certificates_out);
    let activator = scope.activator_for(builder.operator_info().address);
    let tells = ring.placement().worker_of(0) == scope.index();
    builder.build(move |_| {
        let mut state = state;
        let mut epochs: BTreeMap<T, [Capability<Inner<T>>; 4]> = BTreeMap::new();
        let (mut parts, mut pieces) = (Assembler::default(), Assembler::default());
        let mut events = Vec::new();
        move |frontiers| {
            ticks.for_each(|capability, _| {
                let time = time_of(&capability);
                let at = |port| capability.delayed(&time, port);
                epochs.entry(time.outer.clone()).or_insert_with(|| [0, 1, 2, 3].map(at));
            });
            slices.for_each(|_, packet| {
                if let Some(packet) = parts.accept(std::mem::take(packet)) {
                    state.receive(packet);
                }
            });
            words.for_each(|_, packet| {
                if let Some(packet) = pieces.accept(std::mem::take(packet)) {
                    state.hear(packet);
                }
            });
            let mut slices = slices_out.activate();
            let mut words = words_out.activate();
            let mut changes = changes_out.activate();
            let mut certificates = certificates_out.activate();
            while let Some(mut epoch) = epochs.first_entry() {
                if state.sweep().is_none() {
                    if frontiers[0].less_equal(&Inner::new(epoch.key().clone(), 0)) {
                        break;
                    }
                    let own = arrived.borrow_mut().remove(epoch.key());
                    state.begin(&mut own.unwrap_or_default(), &mut events);
                }
                let progress = state.step(&mut events);
                let [to_slices, to_words, to_changes, to_certificates] = epoch.get_mut();
                for event in events.drain(..) {
                    match event {
                        Event::Slice(packet) => send(&mut slices, to_slices, packet),
                        Event::Word(packet) => send(&mut words, to_words, packet),
                        Event::Swept(swept) if tells => {
                            certificates.session(to_certificates).give(swept);
                        }
                        Event::Swept(_) => {}
                    }
                }
                match (progress, state.sweep()) {
                    (Progress::Waits, _) => break,
                    (Progress::Worked, _) => {
                        activator.activate();
                        break;
                    }
                    (Progress::Moved, Some(_)) => {}
                    (Progress::Moved, None) => {
                        let mut published = Vec::new();
                        state.publish(&mut published);
                        changes.session(to_changes).give_iterator(published.into_iter());
                        epoch.remove();
                    }
                }
            }
        }
    });
    Edges { slices: slices_going, words: words_going, changes, certificates }
}
