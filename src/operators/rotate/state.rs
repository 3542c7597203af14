//! The rotation of one worker's shards, without the dataflow around it.

use std::cell::RefCell;
use std::rc::Rc;

use super::keep::{self, Keep};
use super::local::{Local, Step};
use super::packets::{Serials, SlicePacket, WordPacket, Words};
use super::ring::Ring;
use crate::checkpoint::CheckpointError;
use crate::cluster::fail;
use crate::container::{Columns, Header, Packet, Slice};
use crate::program::{Certificate, Rotating, Sweep, Turn, Work};
use crate::scheduler::{Sweeps, Swept};

/// What the other workers, or the world, must know.
pub(super) enum Event<P: Rotating> {
    /// A slice goes to a shard of another worker.
    Slice(SlicePacket<P>),
    /// Every worker hears this.
    Word(WordPacket<P>),
    /// A sweep ended.
    Swept(Swept<P::Certificate>),
}

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Work: others should get what came of it before the next step.
    Worked,
    /// A small thing.
    Moved,
    /// Nothing can be done before something arrives, or the next epoch begins.
    Waits,
}

pub(super) struct State<P: Rotating, S> {
    program: Rc<RefCell<P>>,
    scheduler: S,
    ring: Ring,
    serials: Serials,
    locals: Vec<Local<P::Cell>>,
    words: Words<P>,
    epochs: u64,
    /// Sweeps begun, over all epochs.
    sweeps: u64,
    /// The running sweep, while an epoch runs.
    sweep: Option<Sweep>,
    keep: Option<Keep<P::Certificate>>,
}

impl<P, S> State<P, S>
where
    P: Rotating,
    S: Sweeps<P::Certificate>,
{
    pub fn new(
        program: Rc<RefCell<P>>,
        scheduler: S,
        ring: Ring,
        worker: usize,
        keep: Option<Keep<P::Certificate>>,
    ) -> Self {
        State {
            program,
            scheduler,
            ring,
            serials: Serials::new(&ring),
            locals: ring.placement().local(worker).map(Local::new).collect(),
            words: Words::new(ring.shards()),
            epochs: 0,
            sweeps: 0,
            sweep: None,
            keep,
        }
    }

    /// The running sweep, while an epoch runs.
    pub fn sweep(&self) -> Option<Sweep> {
        self.sweep
    }

    /// Begins an epoch with a refresh sweep, or goes on with it after a checkpoint.
    pub fn begin(&mut self, changes: &mut Vec<P::Change>, events: &mut Vec<Event<P>>) {
        self.program.borrow_mut().ingest(changes);
        let before = match self.restore() {
            Ok(before) => before,
            Err(error) => fail::stop(fail::UNUSABLE, error),
        };
        for local in self.locals.iter_mut().filter(|_| self.epochs == 0) {
            let (home, mut program) = (self.ring.home(local.number), self.program.borrow_mut());
            local.held.extend(home.map(|slice| (slice, program.slice(slice))));
        }
        self.scheduler.begin(self.epochs);
        let mut next = Some(Sweep { epoch: self.epochs, number: 0, work: Work::Refresh });
        for swept in before {
            next = self.after(swept, events);
        }
        match next {
            Some(sweep) => self.start(sweep),
            None => fail::stop(fail::UNUSABLE, "the checkpoint is of a run that was over"),
        }
        self.epochs += 1;
    }

    /// Restores the shards of this worker; gives the sweeps before the checkpoint.
    fn restore(&self) -> Result<Vec<Swept<P::Certificate>>, CheckpointError> {
        let Some(from) = self.keep.as_ref().and_then(Keep::from) else { return Ok(Vec::new()) };
        for local in &self.locals {
            keep::restore(&mut *self.program.borrow_mut(), local.number, from)?;
        }
        keep::swept(from)
    }

    /// Takes note of a sweep that has ended; gives the next one.
    fn after(&mut self, swept: Swept<P::Certificate>, events: &mut Vec<Event<P>>) -> Option<Sweep> {
        if let Some(keep) = &mut self.keep {
            keep.push(swept);
        }
        events.push(Event::Swept(swept));
        let Sweep { epoch, number, .. } = swept.sweep;
        let work = self.scheduler.next(&swept)?;
        Some(Sweep { epoch, number: number + 1, work })
    }

    fn start(&mut self, sweep: Sweep) {
        self.sweep = Some(sweep);
        self.locals.iter_mut().for_each(Local::restart);
        self.words.forget(self.serials.summary(self.sweeps, 0));
        self.sweeps += 1;
    }

    /// Takes a slice that came from another worker.
    ///
    /// # Panics
    /// If there is no such slice, or it is not for this worker: a peer of another configuration.
    pub fn receive(&mut self, packet: SlicePacket<P>) {
        let (to, slice) = (packet.header.to as usize, packet.header.kind as usize);
        let known = slice < self.ring.slices();
        let local = self.locals.iter_mut().find(|local| known && local.number == to);
        let local = local.expect("a slice for an unknown shard arrived: mixed configurations?");
        local.held.insert(slice, Slice::from_packet(packet));
    }

    /// Takes what a shard told all.
    pub fn hear(&mut self, packet: WordPacket<P>) {
        self.words.put(packet);
    }

    /// Does the next thing that can be done, the shard that is farthest behind first.
    pub fn step(&mut self, events: &mut Vec<Event<P>>) -> Progress {
        let Some(sweep) = self.sweep else { return Progress::Waits };
        let ready = |at: usize| {
            let step = self.locals[at].step(&self.ring);
            let possible = match step {
                Step::Sync(group) => self.words.get(self.summary(group)).is_some(),
                Step::Work(_) | Step::Certify => true,
                Step::Wait => false,
            };
            possible.then_some((self.locals[at].done, at, step))
        };
        let ready = (0..self.locals.len()).filter_map(ready);
        match ready.min_by_key(|&(done, at, _)| (done, at)) {
            Some((_, at, Step::Work(slice))) => self.work(sweep, at, slice, events),
            Some((_, at, Step::Sync(group))) => self.sync(at, group),
            Some((_, at, _)) => self.certify(sweep, at, events),
            None => self.finish(sweep, events),
        }
    }

    /// The serial of a group's summaries in the running sweep.
    fn summary(&self, group: u64) -> u64 {
        self.serials.summary(self.sweeps - 1, group)
    }

    fn work(
        &mut self,
        sweep: Sweep,
        at: usize,
        index: usize,
        events: &mut Vec<Event<P>>,
    ) -> Progress {
        let local = &mut self.locals[at];
        let Some(mut slice) = local.held.remove(&index) else { return Progress::Waits };
        let (shard, round) = (local.number, local.done);
        local.done += 1;
        let done = local.done;
        self.program.borrow_mut().work(&Turn { sweep, round, shard, slice: index }, &mut slice);
        let next = self.ring.next(shard);
        match self.locals.iter_mut().find(|local| local.number == next) {
            Some(local) => {
                local.held.insert(index, slice);
            }
            None => {
                let serial = (self.sweeps - 1) * self.ring.rounds() + round;
                let (from, to, kind) = (shard as u32, next as u32, index as u32);
                events.push(Event::Slice(slice.into_packet(Header { from, to, serial, kind })));
            }
        }
        if let Some(group) = self.ring.due(done) {
            let mut summary = Vec::new();
            self.program.borrow_mut().summary(shard, &sweep, &mut summary);
            self.tell(shard, self.summary(group), Columns::new(), summary, events);
        }
        Progress::Worked
    }

    fn tell(
        &self,
        shard: usize,
        serial: u64,
        columns: Columns<P::Certificate, u8>,
        summary: Vec<P::Summary>,
        events: &mut Vec<Event<P>>,
    ) {
        let header = Header { from: shard as u32, to: 0, serial, kind: 0 };
        let peers = self.ring.placement().peers();
        events.push(Event::Word(Packet::broadcast(peers, header, columns, summary)));
    }

    fn sync(&mut self, at: usize, group: u64) -> Progress {
        if let Some(parts) = self.words.get(self.summary(group)) {
            let parts: Vec<&[P::Summary]> = parts.iter().map(Packet::extra).collect();
            let local = &mut self.locals[at];
            self.program.borrow_mut().sync(local.number, &parts);
            local.synced += 1;
        }
        Progress::Moved
    }

    fn certify(&mut self, sweep: Sweep, at: usize, events: &mut Vec<Event<P>>) -> Progress {
        let local = &mut self.locals[at];
        local.certified = true;
        let shard = local.number;
        let program = &self.program;
        let share = local.with_home(&self.ring, |slices| {
            program.borrow_mut().certificate(shard, &sweep, slices)
        });
        let mut columns = Columns::new();
        columns.push(share, u8::from(self.scheduler.is_late()));
        let serial = self.serials.certificate(self.sweeps - 1);
        self.tell(shard, serial, columns, Vec::new(), events);
        Progress::Moved
    }

    /// Ends the sweep once every shard's certificate is there, and begins another or none.
    fn finish(&mut self, sweep: Sweep, events: &mut Vec<Event<P>>) -> Progress {
        let Some(parts) = self.words.get(self.serials.certificate(self.sweeps - 1)) else {
            return Progress::Waits;
        };
        let mut shares = parts.iter().flat_map(|part| part.keys());
        let mut certificate = shares.next().copied().unwrap_or_default();
        shares.for_each(|share| certificate.merge(share));
        let late = parts.iter().any(|part| part.values().contains(&1));
        let swept = Swept { sweep, certificate, late };
        self.sweep = None;
        if let Some(next) = self.after(swept, events) {
            self.keep(&sweep);
            self.start(next);
        }
        Progress::Moved
    }

    /// Has the shards of this worker stored, if a checkpoint is due after a sweep. All shards have
    /// ended it: what each has, and the slices at home there, are its state.
    fn keep(&mut self, sweep: &Sweep) {
        let Some(keep) = self.keep.as_ref().filter(|keep| keep.is_due(sweep)) else { return };
        for local in &mut self.locals {
            let (shard, mut state) = (local.number, Vec::new());
            let program = self.program.borrow();
            let stored =
                local.with_home(&self.ring, |slices| program.snapshot(shard, slices, &mut state));
            match stored {
                Ok(()) => keep.part(sweep, shard, state),
                Err(error) => fail::stop(fail::FAILED, format!("shard {shard}: {error}")),
            }
        }
        keep.complete(sweep);
    }

    /// What the world should know at the end of an epoch.
    pub fn publish(&mut self, changes: &mut Vec<P::Output>) {
        let program = &self.program;
        for local in &mut self.locals {
            let shard = local.number;
            local.with_home(&self.ring, |slices| {
                program.borrow_mut().publish(shard, slices, changes);
            });
        }
    }
}
