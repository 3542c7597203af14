//! Ingest: keeps what arrives by epoch, and tells every worker that an epoch is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use timely::container::NoopBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use crate::container::{Columns, Header, Packet};

/// Changes that arrived, by epoch, until the epoch begins.
pub(super) type Arrived<T, C> = Rc<RefCell<BTreeMap<T, Vec<C>>>>;

/// Says that some worker has changes of an epoch; the time says which.
pub(super) type Tick = Packet<u8, u8, u8>;

/// Absorbs nothing yet: changes wait in `arrived` until their epoch begins. A tick
/// is sent once the frontier has passed an epoch that this worker has changes of, so when the
/// ticks' frontier passes an epoch, every worker has all of its changes.
pub(super) fn ingest<'scope, T, C>(
    changes: Stream<'scope, T, Vec<C>>,
    arrived: Arrived<T, C>,
) -> Stream<'scope, T, Tick>
where
    T: Timestamp + TotalOrder,
    C: Clone + 'static,
{
    let peers = changes.scope().peers();
    changes.unary_frontier::<NoopBuilder<Tick>, _, _, _>(Pipeline, "Ingest", move |_, _| {
        let mut epochs: BTreeMap<T, Capability<T>> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, changes| {
                let Some(time) = capability.least().cloned() else { return };
                arrived.borrow_mut().entry(time.clone()).or_default().append(changes);
                epochs.entry(time.clone()).or_insert_with(|| capability.delayed(&time, 0));
            });
            while let Some(epoch) = epochs.first_entry() {
                if frontier.less_equal(epoch.key()) {
                    break;
                }
                let capability = epoch.remove();
                let mut tick =
                    Packet::broadcast(peers, Header::default(), Columns::new(), Vec::new());
                output.session_with_builder(&capability).give_container(&mut tick);
            }
        }
    })
}
