//! The rotation form: slices of the model travel a ring of shards while data stays put.
//!
//! ```text
//! changes ─▶ Ingest ─▶ Rotate ──▶ changes of the model, certificates
//!  (epochs)             ▲   │
//!                       └───┘ slices to the next shard, summaries and certificates to all
//! ```
//!
//! See [`crate::program::Rotating`] for what is computed and in which order. **Sub-rounds are
//! count-driven**: a shard works once its slice is there and the summaries that its lag asks for
//! have come from every shard; frontiers only begin epochs. Slices are conserved and each is in
//! one place, which is all the flow control there is: memory is that of the model, and in flight
//! as many slices as shards at most are twice there, in the buffers between processes.
//!
//! Shards of one worker pass slices without a message; shards of one process pass pointers;
//! between processes slices go in chunks ([`crate::container`]). A sweep costs two hops beyond its
//! sub-rounds, one for the last summary and one for the certificate.

mod gather;
mod keep;
mod local;
mod operator;
mod packets;
mod ring;
mod state;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use timely::dataflow::operators::{ConnectLoop, Enter, Feedback, Leave};
use timely::dataflow::{Scope, Stream};
use timely::order::{Product, TotalOrder};
use timely::progress::Timestamp;

pub use gather::GatherSlices;
pub use ring::{Ring, RotateOptions};

use super::ingest::{Arrived, ingest};
use super::stage::Inner;
use crate::checkpoint::Keeper;
use crate::program::Rotating;
use crate::scheduler::{Sweeps, Swept};
use keep::Keep;
use packets::{SlicePacket, WordPacket};
use state::State;

/// A rotating model inside a dataflow, at the caller's times.
pub struct Rotated<'scope, T: Timestamp, P: Rotating> {
    /// What each epoch published, where shards and slices are at home.
    pub changes: Stream<'scope, T, Vec<P::Output>>,
    /// Every sweep of each epoch with its certificate, in order, on the worker of shard 0.
    pub certificates: Stream<'scope, T, Vec<Swept<P::Certificate>>>,
}

/// Runs a rotating program over a stream of changes.
pub trait Rotate<'scope, T: Timestamp, C> {
    /// Runs `program` under `scheduler` in a nested scope of this dataflow: for every epoch (time)
    /// at which some worker has changes, once it is complete, in order.
    ///
    /// Changes are absorbed by the worker they reach: exchange them to the worker of their shard
    /// (see [`super::Placement`]) before. Every worker must call this with the same options and an
    /// equal scheduler.
    ///
    /// ```
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// use strads::container::Slice;
    /// use strads::operators::{Rotate, RotateOptions};
    /// use strads::program::{Rotating, Turn, Work};
    /// use strads::scheduler::{Rotation, SweepLimits};
    /// use timely::dataflow::operators::{Inspect, ToStream};
    ///
    /// /// Counts words: slice `s` of the table holds the words that leave the rest `s`.
    /// struct Counts(Vec<usize>);
    ///
    /// impl Rotating for Counts {
    ///     type Change = usize;
    ///     type Cell = u32;
    ///     type Summary = ();
    ///     type Certificate = ();
    ///     type Output = (usize, Slice<u32>);
    ///
    ///     fn ingest(&mut self, words: &mut Vec<usize>) {
    ///         self.0.append(words);
    ///     }
    ///     fn work(&mut self, turn: &Turn, slice: &mut Slice<u32>) {
    ///         slice.cells.resize(5, 0);
    ///         if turn.sweep.work == Work::Refresh {
    ///             for word in self.0.iter().filter(|&word| word % 4 == turn.slice) {
    ///                 slice.cells[word / 4] += 1;
    ///             }
    ///         }
    ///     }
    ///     fn publish(&mut self, _: usize, slices: &mut [(usize, Slice<u32>)], out: &mut Vec<Self::Output>) {
    ///         out.extend(slices.iter().cloned());
    ///     }
    /// }
    ///
    /// timely::execute_directly(|worker| {
    ///     worker.dataflow::<u64, _, _>(|scope| {
    ///         let options = RotateOptions { slices: 4, ..Default::default() };
    ///         let program = Rc::new(RefCell::new(Counts(Vec::new())));
    ///         let sweeps = Rotation::new(SweepLimits { sweeps: 0, ..Default::default() });
    ///         [3, 7, 3, 16].to_stream(scope).rotate("Count", options, program, sweeps).changes.inspect(
    ///             |(index, slice)| assert_eq!(slice.cells[..2], [[0, 0], [0, 0], [0, 0], [2, 1]][*index]),
    ///         );
    ///     });
    /// });
    /// ```
    ///
    /// # Panics
    /// When a packet from another process is damaged or of another configuration: the computation
    /// cannot go on. [`crate::cluster::execute`] turns this into the end of every process.
    fn rotate<P, S>(
        self,
        name: &str,
        options: RotateOptions,
        program: Rc<RefCell<P>>,
        scheduler: S,
    ) -> Rotated<'scope, T, P>
    where
        P: Rotating<Change = C>,
        S: Sweeps<P::Certificate>;

    /// The same, with a checkpoint after every so many sweeps (see [`Keeper::every`]): of every
    /// shard what [`Rotating::snapshot`] writes. A run that goes on from one tells the scheduler of
    /// the sweeps before it, lets them leave as certificates, and ends as if it had never stopped.
    ///
    /// For one epoch, such as a whole file: of changes that keep coming the feed must be stored too.
    /// [`Work::Refresh`](crate::program::Work::Refresh) is not run again; [`Rotating::slice`] gives
    /// slices as they were stored.
    ///
    /// # Panics
    /// As [`Rotate::rotate`]. Ends the process if the checkpoint is not one of the program.
    fn rotate_kept<P, S>(
        self,
        name: &str,
        options: RotateOptions,
        program: Rc<RefCell<P>>,
        scheduler: S,
        keeper: Option<Arc<Keeper>>,
    ) -> Rotated<'scope, T, P>
    where
        P: Rotating<Change = C>,
        S: Sweeps<P::Certificate>;
}

impl<'scope, T, C> Rotate<'scope, T, C> for Stream<'scope, T, Vec<C>>
where
    T: Timestamp + TotalOrder,
    C: Clone + 'static,
{
    fn rotate<P, S>(
        self,
        name: &str,
        options: RotateOptions,
        program: Rc<RefCell<P>>,
        scheduler: S,
    ) -> Rotated<'scope, T, P>
    where
        P: Rotating<Change = C>,
        S: Sweeps<P::Certificate>,
    {
        self.rotate_kept(name, options, program, scheduler, None)
    }

    fn rotate_kept<P, S>(
        self,
        name: &str,
        options: RotateOptions,
        program: Rc<RefCell<P>>,
        scheduler: S,
        keeper: Option<Arc<Keeper>>,
    ) -> Rotated<'scope, T, P>
    where
        P: Rotating<Change = C>,
        S: Sweeps<P::Certificate>,
    {
        let outer = self.scope();
        let ring = options.ring(outer.peers());
        let arrived = Arrived::default();
        let ticks = ingest(self, Rc::clone(&arrived));
        let completes = ring.placement().worker_of(0) == outer.index();
        let keep = keeper.map(|keeper| Keep::new(keeper, completes));
        let state = State::new(program, scheduler, ring, outer.index(), keep);
        outer.scoped::<Inner<T>, _, _>(name, |inner: Scope<'_, Inner<T>>| {
            let step = Product::new(Default::default(), 1);
            let (slices_loop, slices) = inner.feedback::<SlicePacket<P>>(step.clone());
            let (words_loop, words) = inner.feedback::<WordPacket<P>>(step);
            let edges = operator::operator(ticks.enter(inner), slices, words, arrived, ring, state);
            edges.slices.connect_loop(slices_loop);
            edges.words.connect_loop(words_loop);
            Rotated {
                changes: edges.changes.leave(outer),
                certificates: edges.certificates.leave(outer),
            }
        })
    }
}
