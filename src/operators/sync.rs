//! Sync: applies every round everywhere, in order, once every shard's packet is there.

use std::collections::BTreeMap;
use std::rc::Rc;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::model_parallel::Certified;
use super::outbox::send;
use super::stage::{ClaimPacket, Gather, Inner, Kind, MovePacket, Stage, time_of};
use crate::container::{Assembler, Broadcast, Columns, Header, Moves, Packet};
use crate::program::{Certificate, Program, Round, Work};

/// What leaves Sync: reports for the scheduler, and what the epoch is about.
pub(super) struct Synced<'scope, T: Timestamp, P: Program> {
    pub reports: Stream<'scope, Inner<T>, ClaimPacket<P>>,
    pub changes: Stream<'scope, Inner<T>, Vec<P::Output>>,
    pub certificates: Stream<'scope, Inner<T>, Vec<Certified<P::Certificate>>>,
}

struct Pending<T: Timestamp, P: Program> {
    header: Header,
    capabilities: [Capability<Inner<T>>; 3],
    moves: Gather<MovePacket<P>>,
    claims: Gather<ClaimPacket<P>>,
    complete: bool,
}

/// Applies rounds in order; publishes what changed when an epoch ends.
pub(super) fn sync<'scope, T, P>(
    moves: Stream<'scope, Inner<T>, MovePacket<P>>,
    claims: Stream<'scope, Inner<T>, ClaimPacket<P>>,
    stage: Rc<Stage<T, P>>,
) -> Synced<'scope, T, P>
where
    T: Timestamp + TotalOrder,
    P: Program,
{
    let scope = moves.scope();
    let mut builder = OperatorBuilder::new("Sync".to_owned(), scope);
    let mut moves = builder.new_input(moves, Broadcast);
    let mut claims = builder.new_input(claims, Broadcast);
    builder.set_notify_for(0, FrontierInterest::Never);
    builder.set_notify_for(1, FrontierInterest::Never);
    let (mut reports_out, reports) = builder.new_output();
    let (changes_out, changes) = builder.new_output();
    let (certificates_out, certificates) = builder.new_output();
    let mut changes_out =
        OutputBuilder::<_, CapacityContainerBuilder<Vec<P::Output>>>::from(changes_out);
    let mut certificates_out = OutputBuilder::<
        _,
        CapacityContainerBuilder<Vec<Certified<P::Certificate>>>,
    >::from(certificates_out);
    let name = stage.pace.enrol(scope.activator_for(builder.operator_info().address));
    builder.build(move |_| {
        let mut assemblers = [Assembler::default(), Assembler::default()];
        let mut state = State { stage, pending: BTreeMap::new(), first: 0, updates: 0 };
        move |_| {
            moves.for_each(|capability, packet| {
                if let Some(packet) = assemblers[0].accept(std::mem::take(packet)) {
                    let pending = state.pending(packet.header, &capability);
                    pending.complete = pending.moves.put(packet.header.from, packet);
                }
            });
            claims.for_each(|capability, packet| {
                if let Some(packet) = assemblers[1].accept(std::mem::take(packet)) {
                    let pending = state.pending(packet.header, &capability);
                    pending.complete = pending.claims.put(packet.header.from, packet);
                }
            });
            let mut reports = reports_out.activate();
            let mut changes = changes_out.activate();
            let mut certificates = certificates_out.activate();
            while let Some(round) = state.next_complete() {
                let Pending { header, capabilities, moves, claims, .. } = round;
                let (kind, moves, claims) =
                    (Kind::of(header), moves.into_parts(), claims.into_parts());
                let certificate = merged::<P>(kind, &claims);
                state.apply(header, kind, &moves, certificate.as_ref());
                let [to_reports, to_changes, to_certificates] = &capabilities;
                if kind == Kind::End {
                    let mut published = Vec::new();
                    state.publish(&mut published);
                    changes.session(to_changes).give_iterator(published.into_iter());
                }
                if let (Some(certificate), true) = (certificate, state.reports_certificates()) {
                    certificates
                        .session(to_certificates)
                        .give(state.certified(header.serial, certificate));
                }
                if state.stage.schedules() {
                    let packet = report::<P>(header, &moves, &claims, certificate);
                    send(&mut reports, to_reports, packet);
                }
                state.stage.pace.synced(header.serial);
            }
            if state.pending.first_key_value().is_some_and(|(_, round)| round.complete) {
                state.stage.pace.wait(name);
            }
        }
    });
    Synced { reports, changes, certificates }
}

struct State<T: Timestamp, P: Program> {
    stage: Rc<Stage<T, P>>,
    pending: BTreeMap<u64, Pending<T, P>>,
    /// The serial the running epoch began with, and the keys updated since.
    first: u64,
    updates: u64,
}

impl<T: Timestamp + TotalOrder, P: Program> State<T, P> {
    fn pending(
        &mut self,
        header: Header,
        capability: &InputCapability<Inner<T>>,
    ) -> &mut Pending<T, P> {
        let shards = self.stage.placement.shards();
        self.pending.entry(header.serial).or_insert_with(|| {
            let time = time_of(capability);
            Pending {
                header,
                capabilities: [0, 1, 2].map(|port| capability.delayed(&time, port)),
                moves: Gather::new(shards),
                claims: Gather::new(shards),
                complete: false,
            }
        })
    }

    fn next_complete(&mut self) -> Option<Pending<T, P>> {
        let (&serial, pending) = self.pending.first_key_value()?;
        (pending.complete && self.stage.pace.may_sync(serial))
            .then(|| self.pending.pop_first().map(|(_, pending)| pending))?
    }

    fn apply(
        &mut self,
        header: Header,
        kind: Kind,
        moves: &[MovePacket<P>],
        certificate: Option<&P::Certificate>,
    ) {
        let work = match kind {
            Kind::Begin => {
                self.first = header.serial;
                self.updates = 0;
                Work::Refresh
            }
            Kind::Round(work) => work,
            Kind::End => return,
        };
        self.updates += moves.iter().map(|part| part.keys().len() as u64).sum::<u64>();
        self.stage.program.borrow_mut().sync(&Round {
            work,
            round: header.serial - self.first,
            moves: Moves::new(moves),
            certificate,
        });
    }

    fn publish(&self, changes: &mut Vec<P::Output>) {
        for shard in self.stage.local() {
            self.stage.program.borrow_mut().publish(shard, changes);
        }
    }

    /// Certificates are the same everywhere; the worker of shard 0 tells them.
    fn reports_certificates(&self) -> bool {
        self.stage.placement.worker_of(0) == self.stage.index
    }

    fn certified(&self, serial: u64, certificate: P::Certificate) -> Certified<P::Certificate> {
        Certified { round: serial - self.first, updates: self.updates, certificate }
    }
}

/// The whole round's certificate, merged in shard order.
fn merged<P: Program>(kind: Kind, claims: &[ClaimPacket<P>]) -> Option<P::Certificate> {
    (kind == Kind::Round(Work::Certify)).then(|| {
        let share = |part: &ClaimPacket<P>| part.extra().first().copied().unwrap_or_default();
        let mut shares = claims.iter().map(share);
        let mut whole = shares.next().unwrap_or_default();
        shares.for_each(|share| whole.merge(&share));
        whole
    })
}

/// What the scheduler hears of a round: every moved or proposed key, in shard order.
fn report<P: Program>(
    header: Header,
    moves: &[MovePacket<P>],
    claims: &[ClaimPacket<P>],
    certificate: Option<P::Certificate>,
) -> ClaimPacket<P> {
    let mut columns = Columns::new();
    for part in moves {
        columns.keys.extend_from_slice(part.keys());
        columns.values.extend(part.values().iter().map(P::priority));
    }
    for part in claims {
        columns.keys.extend_from_slice(part.keys());
        columns.values.extend_from_slice(part.values());
    }
    Packet::new(header, columns, certificate.into_iter().collect())
}
