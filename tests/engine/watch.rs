//! A program that checks what it can see against what the staleness says it must.

use std::collections::BTreeSet;
use std::ops::Range;

use strads::container::{Columns, Moves, Partials};
use strads::program::{Program, Round, Work};
use strads::scheduler::{Next, Report, Scheduler, View};

/// Every so many rounds one is a barrier.
const PERIOD: u64 = 9;

/// What a round of an epoch is for.
fn work_of(round: u64) -> Work {
    match (round % PERIOD, (round / PERIOD) % 3) {
        (0, 0) => Work::Refresh,
        (0, 1) => Work::Couple,
        (0, _) => Work::Certify,
        // Two barriers in a row.
        (1, 1) => Work::Refresh,
        _ => Work::Update,
    }
}

/// How many rounds of the epoch are known when what `round` is for is decided.
fn heard_by(round: u64, staleness: u64) -> u64 {
    let barrier = (0..round).rev().find(|&at| work_of(at) != Work::Update);
    round.saturating_sub(staleness).max(barrier.map_or(0, |at| at + 1))
}

/// How many rounds of the epoch must be synced when `round` is worked on.
fn seen_by(round: u64, staleness: u64) -> u64 {
    if work_of(round) == Work::Update { heard_by(round, staleness) } else { round }
}

/// Names the round in the keys: the keys of round `r` are `r·shards..(r+1)·shards`.
pub struct Numbered {
    pub rounds: u64,
    pub observed: u64,
    pub staleness: u64,
}

impl Scheduler<u32> for Numbered {
    fn begin(&mut self, _epoch: u64) {
        // The begin itself is round 0.
        self.observed = 1;
    }

    fn schedule(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
        assert_eq!(self.observed, heard_by(view.round, self.staleness), "rounds observed");
        if view.round >= self.rounds {
            return Next::Finish;
        }
        let shards = view.shards as u32;
        block.extend((0..shards).map(|lane| view.round as u32 * shards + lane));
        match work_of(view.round) {
            Work::Update => Next::Update,
            Work::Refresh => Next::Refresh,
            Work::Couple => Next::Couple,
            Work::Certify => Next::Certify,
        }
    }

    fn observe(&mut self, report: &Report<'_, u32>) {
        assert_eq!((report.round, report.work), (self.observed, work_of(report.round)));
        self.observed += 1;
    }
}

/// The program; `GUARDED` also watches effects in partial form.
pub struct Watch<const GUARDED: bool> {
    pub shards: usize,
    pub staleness: u64,
    pub local: Range<usize>,
    /// Rounds of the epoch that were synced.
    pub synced: u64,
    pub in_flight: BTreeSet<u32>,
    pub faults: Vec<String>,
}

impl<const GUARDED: bool> Watch<GUARDED> {
    fn check(&mut self, what: &str, keys: &[u32]) {
        let round = u64::from(keys[0]) / self.shards as u64;
        let wanted = seen_by(round, self.staleness);
        if self.synced != wanted {
            self.faults.push(format!("{what} of round {round} saw {}, not {wanted}", self.synced));
        }
    }

    fn expect(&mut self, what: &str, as_wanted: bool) {
        if !as_wanted {
            self.faults.push(format!("{what} after {} rounds", self.synced));
        }
    }
}

impl<const GUARDED: bool> Program for Watch<GUARDED> {
    type Change = ();
    type Key = u32;
    type Partial = u32;
    type Delta = u32;
    type Effect = u64;
    type Certificate = ();
    type Output = ();

    const GUARDED: bool = GUARDED;

    fn ingest(&mut self, _changes: &mut Vec<()>) {
        self.synced = 0;
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, u32>) {
        self.check("push", block);
        for &key in block {
            if shard == self.local.start && !self.in_flight.insert(key) {
                self.faults.push(format!("key {key} is in flight twice"));
            }
            partials.push(key, shard as u32);
        }
    }

    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, u32, u32>,
        deltas: &mut Columns<u32, u32>,
    ) {
        for (key, parts) in partials.aligned() {
            self.check("pull", &[key]);
            let from: Vec<u32> = parts.copied().collect();
            let all: Vec<u32> = (0..self.shards as u32).collect();
            self.expect("pull without all partials", from == all || from == [shard as u32]);
            self.expect("a key astray", key as usize % self.shards == shard);
            deltas.push(key, key);
        }
    }

    fn effect(
        &mut self,
        _shard: usize,
        work: Work,
        block: &[u32],
        moves: &Moves<'_, u32, u32, u64>,
        effect: &mut Vec<u64>,
    ) {
        match (work, moves.iter().next()) {
            (Work::Update, Some((key, _))) if GUARDED => {
                let before = u64::from(key) / self.shards as u64;
                self.expect("effect", self.synced == before);
            }
            (Work::Couple, _) => self.check("couple", block),
            (Work::Refresh, _) => {
                self.expect("refresh", work_of(self.synced) == Work::Refresh);
            }
            _ => {}
        }
        effect.push(self.synced);
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        self.expect("sync out of order", round.round == self.synced);
        self.expect("another round", round.work == work_of(round.round));
        let moved: Vec<u32> = round.moves.iter().map(|(key, _)| key).collect();
        if round.work == Work::Update {
            let first = round.round as u32 * self.shards as u32;
            let keys: Vec<u32> = (first..first + self.shards as u32).collect();
            self.expect("not all moves in shard order", moved == keys);
        }
        if round.work != Work::Certify {
            self.expect("not all effects", round.moves.effects().count() == self.shards);
        }
        moved.iter().for_each(|key| {
            self.in_flight.remove(key);
        });
        self.synced += 1;
    }

    fn certificate(&mut self, _shard: usize, _proposals: &mut Columns<u32, f32>) {
        self.expect("certify", work_of(self.synced) == Work::Certify);
    }

    fn publish(&mut self, _shard: usize, _changes: &mut Vec<()>) {}

    fn universe(&self) -> usize {
        1 << 20
    }
}
