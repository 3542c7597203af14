//! Schedule: decides what every round is for, and keeps no more than *s + 1* in flight.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::channels::pushers::OutputSession;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use timely::progress::operate::FrontierInterest;

use super::in_flight::InFlight;
use super::ingest::Tick;
use super::outbox::send;
use super::stage::{BlockPacket, ClaimPacket, Inner, Kind, Stage, time_of};
use crate::container::{Broadcast, Columns, Header, Packet};
use crate::program::{Program, Work};
use crate::scheduler::{Next, Report, Scheduler, View};

/// Emits the blocks of every epoch's rounds, given the epochs and what became of earlier rounds.
pub(super) fn schedule<'scope, T, P, S>(
    ticks: Stream<'scope, Inner<T>, Tick>,
    reports: Stream<'scope, Inner<T>, ClaimPacket<P>>,
    stage: Rc<Stage<T, P>>,
    scheduler: S,
) -> Stream<'scope, Inner<T>, BlockPacket<P>>
where
    T: Timestamp + TotalOrder,
    P: Program,
    S: Scheduler<P::Key>,
{
    let mut builder = OperatorBuilder::new("Schedule".to_owned(), ticks.scope());
    let mut ticks = builder.new_input(ticks, Broadcast);
    let mut reports = builder.new_input(reports, Pipeline);
    builder.set_notify_for(1, FrontierInterest::Never);
    let (mut output, blocks) = builder.new_output();
    builder.build(move |_| {
        let mut waiting: BTreeMap<T, Capability<Inner<T>>> = BTreeMap::new();
        let mut arrived: VecDeque<ClaimPacket<P>> = VecDeque::new();
        let mut state = State::new(stage, scheduler);
        move |frontiers| {
            ticks.for_each(|capability, _| {
                let time = time_of(&capability);
                if state.stage.schedules() {
                    waiting
                        .entry(time.outer.clone())
                        .or_insert_with(|| capability.delayed(&time, 0));
                }
            });
            reports.for_each(|_, report| arrived.push_back(std::mem::take(report)));
            let mut session = output.activate();
            loop {
                if state.running.is_none() {
                    let Some(epoch) = waiting.first_entry() else { break };
                    if frontiers[0].less_equal(&Inner::new(epoch.key().clone(), 0)) {
                        break;
                    }
                    state.begin(epoch.remove(), &mut session);
                } else if state.may_issue() {
                    state.issue(&mut session);
                } else if let Some(report) = arrived.pop_front() {
                    state.observe(&report);
                } else {
                    break;
                }
            }
        }
    });
    blocks
}

struct State<T: Timestamp, P: Program, S> {
    stage: Rc<Stage<T, P>>,
    scheduler: S,
    epochs: u64,
    /// The running epoch's capability, and its first serial.
    running: Option<(Capability<Inner<T>>, u64)>,
    /// The next serial to issue.
    next: u64,
    /// Serials whose reports have been observed.
    observed: u64,
    /// A barrier round is in flight.
    barrier: Option<Kind>,
    in_flight: InFlight<P::Key>,
}

impl<T, P, S> State<T, P, S>
where
    T: Timestamp + TotalOrder,
    P: Program,
    S: Scheduler<P::Key>,
{
    fn new(stage: Rc<Stage<T, P>>, scheduler: S) -> Self {
        State {
            stage,
            scheduler,
            epochs: 0,
            running: None,
            next: 0,
            observed: 0,
            barrier: None,
            in_flight: InFlight::new(),
        }
    }

    fn begin(
        &mut self,
        capability: Capability<Inner<T>>,
        session: &mut OutputSession<'_, Inner<T>, BlockPacket<P>>,
    ) {
        self.running = Some((capability, self.next));
        self.scheduler.begin(self.epochs);
        self.epochs += 1;
        self.in_flight.issue_none();
        self.emit(Kind::Begin, Vec::new(), session);
    }

    /// Issuing comes before observing, so that what the scheduler knows when it decides a round
    /// is exactly what the staleness says.
    fn may_issue(&self) -> bool {
        self.barrier.is_none() && self.next <= self.observed + self.stage.options.staleness
    }

    fn issue(&mut self, session: &mut OutputSession<'_, Inner<T>, BlockPacket<P>>) {
        let in_flight = self.in_flight.keys();
        let mut block = Vec::new();
        let (next, universe) = {
            let program = self.stage.program.borrow();
            let view = View {
                epoch: self.epochs - 1,
                round: self.round(),
                universe: program.universe(),
                in_flight: &in_flight,
                coupling: &|a, b| program.coupling(a, b),
                apart: &|a, b| self.stage.is_apart(a, b),
                cost: program.cost(),
                shards: self.stage.placement.shards(),
            };
            (self.scheduler.schedule(&view, &mut block), view.universe)
        };
        let kind = match next {
            Next::Update => Kind::Round(Work::Update),
            Next::Couple => Kind::Round(Work::Couple),
            Next::Refresh => Kind::Round(Work::Refresh),
            Next::Certify => Kind::Round(Work::Certify),
            Next::Finish => Kind::End,
        };
        if kind == Kind::Round(Work::Update) {
            self.in_flight.issue(&mut block, universe);
        } else {
            let mut seen: HashSet<P::Key> = HashSet::new();
            block.retain(|&key| seen.insert(key));
            self.in_flight.issue_none();
        }
        self.emit(kind, block, session);
    }

    fn emit(
        &mut self,
        kind: Kind,
        block: Vec<P::Key>,
        session: &mut OutputSession<'_, Inner<T>, BlockPacket<P>>,
    ) {
        let round = self.round();
        self.barrier = kind.is_barrier().then_some(kind);
        let header = Header { from: 0, to: 0, serial: self.next, kind: kind.code() };
        let columns = Columns { keys: block, values: Vec::new() };
        // With a replicated scheduler blocks stay on the worker.
        let peers = match self.stage.options.scheduling {
            super::Scheduling::Replicated => 1,
            super::Scheduling::Central => self.stage.placement.peers(),
        };
        self.next += 1;
        if let Some((capability, _)) = &mut self.running {
            let time = Inner::new(capability.time().outer.clone(), round);
            capability.downgrade(&time);
            let packet = Packet::broadcast(peers, header, columns, vec![round]);
            send(session, capability, packet);
        }
    }

    /// The round's number within its epoch.
    fn round(&self) -> u64 {
        self.running.as_ref().map_or(0, |(_, first)| self.next - first)
    }

    fn observe(&mut self, packet: &ClaimPacket<P>) {
        let first = self.running.as_ref().map_or(0, |(_, first)| *first);
        self.observed += 1;
        self.in_flight.observed();
        if self.observed == self.next && self.barrier.take() == Some(Kind::End) {
            self.running = None;
            return;
        }
        let kind = Kind::of(packet.header);
        if let Kind::Round(work) = kind {
            self.scheduler.observe(&Report {
                round: packet.header.serial - first,
                work,
                keys: packet.keys(),
                moved: packet.values(),
                error: error_of::<P>(packet, work),
            });
        }
    }
}

fn error_of<P: Program>(packet: &ClaimPacket<P>, work: Work) -> Option<f64> {
    use crate::program::Certificate;
    (work == Work::Certify).then(|| packet.extra().first().copied().unwrap_or_default().error())
}
