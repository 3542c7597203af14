//! Where packets go: to the worker that holds a shard, or to every worker.

use std::marker::PhantomData;
use std::rc::Rc;

use bytemuck::Pod;
use timely::communication::{Pull, Push};
use timely::dataflow::channels::Message;
use timely::dataflow::channels::pact::{
    DistributorPact, LogPuller, LogPusher, ParallelizationContract,
};
use timely::dataflow::channels::pushers::exchange::Distributor;
use timely::logging::TimelyLogger;
use timely::progress::{Stamp, Timestamp};
use timely::worker::Worker;

use super::Packet;
use crate::operators::Placement;

/// Routes whole packets to the worker that holds the shard they are for.
pub struct ByShard(Placement);

/// The pact that routes whole packets by [`super::Header::to`].
pub fn by_shard(placement: Placement) -> DistributorPact<impl FnOnce(usize) -> ByShard> {
    DistributorPact(move |_peers| ByShard(placement))
}

impl<K: Pod, V: Pod, X: Pod> Distributor<Packet<K, V, X>> for ByShard {
    fn partition<T: Clone, P: Push<Message<T, Packet<K, V, X>>>>(
        &mut self,
        packet: &mut Packet<K, V, X>,
        stamp: &Stamp<T>,
        pushers: &mut [P],
    ) {
        let worker = self.0.worker_of(packet.header.to as usize);
        Message::push_at(packet, stamp.clone(), &mut pushers[worker]);
    }

    fn flush<T: Clone, P: Push<Message<T, Packet<K, V, X>>>>(
        &mut self,
        _stamp: &Stamp<T>,
        _pushers: &mut [P],
    ) {
    }
}

/// Every packet is received by every worker; it is written once for each other process.
///
/// The sender accounts for one record a worker, each receiver for its own.
pub struct Broadcast;

/// The sending end of [`Broadcast`].
pub struct BroadcastPusher<T, C> {
    inner: Box<dyn Push<Message<T, C>>>,
    phantom: PhantomData<T>,
}

impl<T: Clone, K: Pod, V: Pod, X: Pod> Push<Message<T, Packet<K, V, X>>>
    for BroadcastPusher<T, Packet<K, V, X>>
{
    fn push(&mut self, message: &mut Option<Message<T, Packet<K, V, X>>>) {
        if let Some(message) = message {
            message.data.weight = 1;
        }
        self.inner.push(message);
    }
}

impl<T, K, V, X> ParallelizationContract<T, Packet<K, V, X>> for Broadcast
where
    T: Timestamp,
    K: Pod + Send + Sync,
    V: Pod + Send + Sync,
    X: Pod + Send + Sync,
{
    type Pusher = LogPusher<BroadcastPusher<T, Packet<K, V, X>>>;
    type Puller = LogPuller<Box<dyn Pull<Message<T, Packet<K, V, X>>>>>;

    fn connect(
        self,
        worker: &Worker,
        id: usize,
        address: Rc<[usize]>,
        logging: Option<TimelyLogger>,
    ) -> (Self::Pusher, Self::Puller) {
        let (push, pull) = worker.broadcast::<Message<T, Packet<K, V, X>>>(id, address);
        let push = BroadcastPusher { inner: push, phantom: PhantomData };
        // The target in the log is no worker: the message goes to all.
        let push = LogPusher::new(push, worker.index(), usize::MAX, id, logging.clone());
        (push, LogPuller::new(pull, worker.index(), id, logging))
    }
}
