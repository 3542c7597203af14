//! Sending packets, in chunks where they are large.

use bytemuck::Pod;
use timely::dataflow::channels::pushers::OutputSession;
use timely::dataflow::operators::Capability;
use timely::progress::Timestamp;

use crate::container::Packet;

/// Sends a packet at a capability's time.
pub(super) fn send<T, K, V, X>(
    session: &mut OutputSession<'_, T, Packet<K, V, X>>,
    capability: &Capability<T>,
    packet: Packet<K, V, X>,
) where
    T: Timestamp,
    K: Pod + Send + Sync,
    V: Pod + Send + Sync,
    X: Pod + Send + Sync,
{
    for mut chunk in packet.chunks() {
        session.give(capability, &mut chunk);
    }
}
