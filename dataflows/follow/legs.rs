//! Dataflows one after the other: each worker builds the next when the one with the feed does.

use std::cell::Cell;
use std::rc::Rc;

use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::vec::Input;
use timely::dataflow::operators::{Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};
use timely::worker::Worker;

/// Tells every worker of dataflows to build.
pub struct Legs {
    orders: InputHandleVec<u64, ()>,
    heard: Rc<Cell<usize>>,
    probe: ProbeHandle<u64>,
}

impl Legs {
    /// The means to tell: a dataflow that all workers build first.
    pub fn new(worker: &mut Worker) -> Legs {
        let (mut orders, probe) = (InputHandleVec::new(), ProbeHandle::new());
        let heard = Rc::new(Cell::new(0));
        let to = Rc::clone(&heard);
        worker.dataflow::<u64, _, _>(|scope| {
            scope
                .input_from(&mut orders)
                .broadcast()
                .inspect(move |()| to.set(to.get() + 1))
                .probe_with(&probe);
        });
        Legs { orders, heard, probe }
    }

    /// Tells all to build another. For the worker with the feed, which builds it by itself.
    pub fn another(&mut self) {
        self.orders.send(());
        self.orders.flush();
    }

    /// Builds what is ordered until no more can come. For workers without the feed.
    pub fn serve<E>(
        self,
        worker: &mut Worker,
        mut build: impl FnMut(&mut Worker) -> Result<(), E>,
    ) -> Result<(), E> {
        let Legs { orders, heard, probe } = self;
        drop(orders);
        let mut built = 0;
        loop {
            if built < heard.get() {
                build(worker)?;
                built += 1;
            } else if probe.done() {
                return Ok(());
            } else {
                worker.step_or_park(None);
            }
        }
    }
}
