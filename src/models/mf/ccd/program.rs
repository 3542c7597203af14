//! The factorisation as a model-parallel program in owned form.

use std::ops::Range;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};

use super::gram::Gram;
use super::kernels::{BLOCK, State};
use super::keys::{Place, other};
use super::layout::Rows;
use super::load::Footprint;
use super::measure::Measure;
use super::options::Terms;
use super::pace;
use super::repair::Replica;
use super::rows::{self, Account};
use super::side::Side;
use super::start::Start;
use super::stored::Keep;
use super::sums::Sums;
use super::table::Table;
use crate::container::{Columns, Moves, Partials};
use crate::models::mf::Problem;
use crate::program::{Program, Round, Work};
use crate::shard::Path;

/// The sides' numbers.
pub(super) const USERS: usize = 0;
pub(super) const ITEMS: usize = 1;

/// A change of the data.
#[derive(Clone, Debug)]
pub enum Change {
    /// The ratings of a batch fit, all of them on every worker.
    Problem(Problem),
    /// A rating that came or went, on the worker of its user's or its item's shard.
    Rating(rows::Change),
    /// Of the model that ratings that come and go begin with, on the worker whose shard it is for.
    Start(Start),
}

/// A row of factors, as it leaves the dataflow.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Whether it is an item's, and not a user's.
    pub item: bool,
    /// Whose it is.
    pub id: u32,
    /// The factors.
    pub factors: Vec<f32>,
    /// The bias.
    pub bias: f32,
    /// 1 for a row of the model, −1 for one that was.
    pub diff: i8,
}

/// What pull decided for a block of a shard's rows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Moved {
    /// By how much the objective falls.
    pub gain: f64,
    /// `Σ penalty · x²` of each factor, after the move.
    pub squares: [f64; BLOCK],
}

/// Both sides of a shard.
pub(super) type Shard = [Side; 2];

/// One worker's part of a factorisation.
pub struct Ccd {
    pub(super) terms: Terms,
    pub(super) shards: usize,
    pub(super) local: Range<usize>,
    pub(super) path: Path,
    pub(super) parts: Vec<Shard>,
    pub(super) tables: [Table; 2],
    /// Of ratings that come and go, by local shard and side.
    pub(super) accounts: Option<Vec<[Account; 2]>>,
    /// The rows of each side, of ratings that come and go.
    pub(super) rows: [Rows; 2],
    /// All factors, if ratings come and go.
    pub(super) replica: Replica,
    /// By local shard, if ratings come and go.
    pub(super) sums: Vec<Sums>,
    /// Whether there are factors from an epoch before, and whether its ratings are those in tiles.
    pub(super) trained: bool,
    /// See `trained`.
    pub(super) tiled: bool,
    pub(super) grams: Option<[Gram; 2]>,
    pub(super) states: Vec<State>,
    /// The items' `squares` of the last round.
    pub(super) squares: [f64; BLOCK],
    /// An epoch's ratings were taken in, and rows have not been settled since.
    pub(super) arrived: bool,
    /// Blocks are taken off fresh residuals.
    pub(super) fresh: bool,
    pub(super) visits: u64,
    pub(super) objective: f64,
    started: Instant,
    pub(super) keep: Option<Keep>,
    /// The model to begin with, until rows have their places.
    pub(super) start: Vec<Start>,
    /// What a sweep would gain that the model it begins with is said to owe; shard 0's to tell.
    pub(super) owed: f64,
}

impl Ccd {
    /// A model without data, for the shards `local` of `shards`.
    pub(super) fn new(terms: Terms, shards: usize, local: Range<usize>) -> Self {
        let grams = terms.implicit.map(|_| [0, 1].map(|_| Gram::new(terms.blocks())));
        Ccd {
            terms,
            shards,
            parts: local.clone().map(|_| Shard::default()).collect(),
            sums: vec![Sums::default(); local.len()],
            local,
            path: Path::best(),
            tables: Default::default(),
            accounts: None,
            rows: [Rows { count: 0, shards }; 2],
            replica: Replica::default(),
            trained: false,
            tiled: false,
            grams,
            states: Vec::new(),
            squares: [0.0; BLOCK],
            arrived: false,
            fresh: false,
            visits: 0,
            objective: 0.0,
            started: Instant::now(),
            keep: None,
            start: Vec::new(),
            owed: 0.0,
        }
    }

    /// A model of ratings that come and go, `trained` if they come with one.
    pub(super) fn live(terms: Terms, shards: usize, local: Range<usize>, trained: bool) -> Self {
        let accounts = local.clone().map(|_| Default::default()).collect();
        let tables = [0, 1].map(|_| Table::new(Rows { count: 0, shards }));
        let replica = Replica::new(terms.blocks());
        let accounts = Some(accounts);
        Ccd { accounts, replica, tables, trained, ..Ccd::new(terms, shards, local) }
    }

    /// Bytes taken.
    pub(super) fn footprint(&self) -> Footprint {
        let sides = self.parts.iter().flatten().map(Side::bytes).sum::<usize>();
        let grams = self.grams.iter().flatten().map(Gram::bytes).sum::<usize>();
        let tables = self.tables.iter().map(Table::bytes).sum::<usize>();
        let own = sides + self.states.capacity() * size_of::<State>();
        Footprint { own, held: tables + grams + self.replica.bytes() }
    }

    pub(super) fn place(&self, key: u32) -> Place {
        Place::of(key, self.shards)
    }

    fn is_late(&self) -> bool {
        let limit = self.terms.max_seconds;
        limit.is_some_and(|limit| self.started.elapsed().as_secs_f64() > limit)
    }
}

impl Program for Ccd {
    type Change = Change;
    type Key = u32;
    /// Nothing: normal equations stay on the shard.
    type Partial = u8;
    type Delta = Moved;
    type Effect = f32;
    type Certificate = Measure;
    type Output = Row;

    fn ingest(&mut self, changes: &mut Vec<Change>) {
        self.started = Instant::now();
        self.visits = 0;
        let mut ratings = Vec::new();
        for change in changes.drain(..) {
            match change {
                Change::Problem(problem) => self.load(&problem),
                Change::Rating(change) => ratings.push(change),
                Change::Start(start) => self.start.push(start),
            }
        }
        self.absorb(ratings);
        self.arrived = self.accounts.is_some();
        self.tiled &= !self.arrived;
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, u8>) {
        let Some(&key) = block.first() else { return };
        let Place { block, side, .. } = self.place(key);
        partials.push(key, 0);
        if block == self.terms.blocks() {
            return;
        }
        let part = &mut self.parts[shard - self.local.start];
        part[side].push(self.path, block, &self.tables[other(side)], &mut self.states);
        if let Some(grams) = &self.grams {
            grams[other(side)].add_to(&part[side], block, &mut self.states);
        }
    }

    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, u32, u8>,
        deltas: &mut Columns<u32, Moved>,
    ) {
        let Some(&key) = partials.parts().flat_map(|(keys, _)| keys).next() else { return };
        let Place { block, side, .. } = self.place(key);
        if block == self.terms.blocks() {
            let gain = self.repair(shard, side);
            deltas.push(key, Moved { gain, ..Moved::default() });
            return;
        }
        let kind = self.terms.kind(block, side);
        let stretch = pace::stretch(self.visits.div_ceil(self.terms.blocks() as u64));
        let part = &mut self.parts[shard - self.local.start][side];
        let gain = part.pull(self.path, block, (kind, stretch), &self.states);
        deltas.push(key, Moved { gain, squares: part.squares(block) });
    }

    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        block: &[u32],
        _moves: &Moves<'_, u32, Moved, f32>,
        effect: &mut Vec<f32>,
    ) {
        match work {
            Work::Refresh if self.arrived => self.survey(shard, effect),
            Work::Refresh | Work::Certify => {}
            Work::Couple | Work::Update => {
                for &key in block.iter().filter(|&&key| self.place(key).shard == shard) {
                    self.send(key, work == Work::Update, effect);
                }
            }
        }
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        match (round.work, round.certificate) {
            (Work::Refresh, _) => self.refresh(round),
            (Work::Couple, _) => self.gathered(round),
            (Work::Update, _) => self.updated(round),
            (Work::Certify, measure) => {
                self.objective = measure.map_or(f64::NAN, Measure::objective);
                self.fresh = false;
                if let Some(measure) = measure {
                    self.measured(round.round, measure);
                }
            }
        }
    }

    fn certificate(&mut self, shard: usize, _proposals: &mut Columns<u32, f32>) -> Measure {
        let repaired = self.replica.on;
        let mut measure = if repaired { self.repaired(shard) } else { self.measure(shard) };
        if shard == 0 {
            let all = self.grams.as_ref().map_or(0.0, |[users, items]| users.product(items));
            measure.loss += all;
            measure.previous = self.objective;
            measure.sweeps = (self.visits / self.terms.blocks() as u64) as f64;
            measure.repaired = f64::from(u8::from(repaired));
            measure.mean = self.terms.mean;
            measure.expired = f64::from(u8::from(self.is_late()));
        }
        measure
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<Row>) {
        let at = shard - self.local.start;
        for (number, side) in self.parts[at].iter_mut().enumerate() {
            match &mut self.accounts {
                Some(accounts) => accounts[at][number].publish(&self.terms, side, number, changes),
                // A batch fit has one epoch: what leaves is not needed here any more.
                None => {
                    let side = std::mem::take(side);
                    let rows = 0..side.ids.len();
                    changes.extend(rows.map(|row| self.terms.row(&side, number, row)));
                }
            }
        }
    }

    fn universe(&self) -> usize {
        // The last are those of whole rows: see `repair`.
        2 * (self.terms.blocks() + usize::from(self.accounts.is_some())) * self.shards
    }

    fn shard_of(key: u32, shards: usize) -> usize {
        key as usize % shards
    }

    fn priority(moved: &Moved) -> f32 {
        moved.gain as f32
    }
}
