//! Dataflows one after the other: each worker builds the next when the one with the feed does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::vec::Input;
use timely::dataflow::operators::{Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};
use timely::worker::Worker;

/// Tells every worker of dataflows to build.
pub struct Legs {
    orders: InputHandleVec<u64, u64>,
    heard: Rc<RefCell<VecDeque<u64>>>,
    probe: ProbeHandle<u64>,
}

impl Legs {
    /// The means to tell: a dataflow that all workers build first.
    pub fn new(worker: &mut Worker) -> Legs {
        let (mut orders, probe) = (InputHandleVec::new(), ProbeHandle::new());
        let heard = Rc::new(RefCell::new(VecDeque::new()));
        let to = Rc::clone(&heard);
        worker.dataflow::<u64, _, _>(|scope| {
            scope
                .input_from(&mut orders)
                .broadcast()
                .inspect(move |number| to.borrow_mut().push_back(*number))
                .probe_with(&probe);
        });
        Legs { orders, heard, probe }
    }

    /// Tells all to build another, of this number. For the worker with the feed, which builds it by
    /// itself.
    pub fn another(&mut self, number: u64) {
        self.orders.send(number);
        self.orders.flush();
    }

    /// Builds what is ordered until no more can come. For workers without the feed.
    pub fn serve<E>(
        self,
        worker: &mut Worker,
        mut build: impl FnMut(&mut Worker, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let Legs { orders, heard, probe } = self;
        drop(orders);
        loop {
            let ordered = heard.borrow_mut().pop_front();
            if let Some(number) = ordered {
                build(worker, number)?;
            } else if probe.done() {
                return Ok(());
            } else {
                worker.step_or_park(None);
            }
        }
    }
}
