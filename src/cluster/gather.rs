//! Something of every worker, brought together at the end of a computation.

use std::cell::RefCell;
use std::rc::Rc;

use timely::ExchangeData;
use timely::dataflow::InputHandleVec;
use timely::dataflow::operators::{Exchange, Inspect, Probe, vec::Input};
use timely::worker::Worker;

/// On worker 0 the values of all workers, in their order; nothing on the others. Every worker must
/// call it, as the same dataflow of its sequence.
pub fn gather<T: ExchangeData + Clone>(worker: &mut Worker, value: T) -> Vec<T> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let to = Rc::clone(&seen);
    let mut input = InputHandleVec::new();
    let probe = worker.dataflow::<u64, _, _>(|scope| {
        let values = scope.input_from(&mut input);
        let gathered = values.exchange(|_: &(u64, T)| 0);
        let seen = gathered.inspect(move |one| to.borrow_mut().push(one.clone()));
        seen.probe().0
    });
    input.send((worker.index() as u64, value));
    drop(input);
    worker.step_or_park_while(None, || !probe.done());
    let mut values = std::mem::take(&mut *seen.borrow_mut());
    values.sort_by_key(|(worker, _)| *worker);
    values.into_iter().map(|(_, value)| value).collect()
}
