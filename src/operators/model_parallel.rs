//! The extension trait: a program and a scheduler over a stream of changes.

use std::cell::RefCell;
use std::rc::Rc;

use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Concat, ConnectLoop, Enter, Feedback, Leave};
use timely::dataflow::{Scope, Stream};
use timely::order::{Product, TotalOrder};
use timely::progress::Timestamp;

use super::ingest::Arrived;
use super::options::{Form, Options, Scheduling};
use super::pace::Pace;
use super::stage::{ClaimPacket, Inner, Stage};
use super::{effect, ingest, pull, push, schedule, sync};
use crate::container::Broadcast;
use crate::program::Program;
use crate::scheduler::Scheduler;

/// A measured point of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certified<C> {
    /// The round's number within the epoch.
    pub round: u64,
    /// Keys decided in the epoch so far.
    pub updates: u64,
    /// What is known about the model.
    pub certificate: C,
}

/// A model inside a dataflow, at the caller's times.
pub struct Trained<'scope, T: Timestamp, P: Program> {
    /// What of the model changed in each epoch, where the parameters live.
    pub changes: Stream<'scope, T, Vec<P::Output>>,
    /// Every measured point of each epoch, in order, on the worker of shard 0.
    pub certificates: Stream<'scope, T, Vec<Certified<P::Certificate>>>,
}

/// Runs a model-parallel program over a stream of changes.
pub trait ModelParallel<'scope, T: Timestamp, C> {
    /// Runs `program` under `scheduler` in a nested scope of this dataflow: for every epoch (time)
    /// at which some worker has changes, once it is complete, in order.
    ///
    /// Changes are absorbed by the worker they reach: exchange them to the worker of their shard
    /// (see [`super::Placement`]) before. `program` holds this worker's shards; it stays readable
    /// through the caller's clone between steps of the worker. Every worker must call this with
    /// the same options and an equal scheduler.
    ///
    /// The cost of a round beyond the program's own arithmetic is that of four operators and one
    /// hop (owned form with a replicated scheduler), or three to five hops (partial form, central
    /// scheduler).
    ///
    /// # Panics
    /// When a packet from another process is damaged or of another configuration: the computation
    /// cannot go on. [`crate::cluster::execute`] turns this into the end of every process.
    fn model_parallel<P, S>(
        self,
        name: &str,
        options: Options,
        program: Rc<RefCell<P>>,
        scheduler: S,
    ) -> Trained<'scope, T, P>
    where
        P: Program<Change = C>,
        S: Scheduler<P::Key>;
}

impl<'scope, T, C> ModelParallel<'scope, T, C> for Stream<'scope, T, Vec<C>>
where
    T: Timestamp + TotalOrder,
    C: Clone + 'static,
{
    fn model_parallel<P, S>(
        self,
        name: &str,
        options: Options,
        program: Rc<RefCell<P>>,
        scheduler: S,
    ) -> Trained<'scope, T, P>
    where
        P: Program<Change = C>,
        S: Scheduler<P::Key>,
    {
        let outer = self.scope();
        let stage = Rc::new(Stage {
            program,
            pace: Pace::new(options.staleness),
            changes: Arrived::default(),
            index: outer.index(),
            placement: options.placement(outer.peers()),
            options,
        });
        let ticks = ingest::ingest(self, Rc::clone(&stage.changes));
        outer.scoped::<Inner<T>, _, _>(name, |inner: Scope<'_, Inner<T>>| {
            let step = Product::new(Default::default(), 1);
            let (handle, reports) = inner.feedback::<ClaimPacket<P>>(step);
            let blocks =
                schedule::schedule(ticks.enter(inner), reports, Rc::clone(&stage), scheduler);
            let pushed = match options.scheduling {
                Scheduling::Replicated => push::push(blocks, Pipeline, Rc::clone(&stage)),
                Scheduling::Central => push::push(blocks, Broadcast, Rc::clone(&stage)),
            };
            let moves = match options.form {
                Form::Owned => pushed.moves,
                Form::Partial => {
                    let mut decided = pull::pull(pushed.partials, Rc::clone(&stage));
                    if stage.is_guarded() {
                        decided = effect::effect(decided, Rc::clone(&stage));
                    }
                    pushed.moves.concat(decided)
                }
            };
            let synced = sync::sync(moves, pushed.claims, stage);
            synced.reports.connect_loop(handle);
            Trained {
                changes: synced.changes.leave(outer),
                certificates: synced.certificates.leave(outer),
            }
        })
    }
}
