//! Ingest: keeps what arrives by epoch, and tells every worker that an epoch is there.

use std::collections::BTreeMap;
use std::rc::Rc;

use timely::container::NoopBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::stage::Stage;
use crate::container::{Columns, Header, Packet};
use crate::program::Program;

/// Says that some worker has changes of an epoch; the time says which.
pub(super) type Tick = Packet<u8, u8, u8>;

/// Absorbs nothing yet: changes wait in the stage until the scheduler begins their epoch. A tick
/// is sent once the frontier has passed an epoch that this worker has changes of, so when the
/// ticks' frontier passes an epoch, every worker has all of its changes.
pub(super) fn ingest<'scope, T, P>(
    changes: Stream<'scope, T, Vec<P::Change>>,
    stage: Rc<Stage<T, P>>,
) -> Stream<'scope, T, Tick>
where
    T: Timestamp + TotalOrder,
    P: Program,
{
    changes.unary_frontier::<NoopBuilder<Tick>, _, _, _>(Pipeline, "Ingest", move |_, _| {
        let mut epochs: BTreeMap<T, Capability<T>> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, changes| {
                let Some(time) = capability.least().cloned() else { return };
                stage.changes.borrow_mut().entry(time.clone()).or_default().append(changes);
                epochs.entry(time.clone()).or_insert_with(|| capability.delayed(&time, 0));
            });
            while let Some(epoch) = epochs.first_entry() {
                if frontier.less_equal(epoch.key()) {
                    break;
                }
                let capability = epoch.remove();
                let peers = stage.placement.peers();
                let mut tick =
                    Packet::broadcast(peers, Header::default(), Columns::new(), Vec::new());
                output.session_with_builder(&capability).give_container(&mut tick);
            }
        }
    })
}
