//! The factorisation as a model-parallel program in owned form.

use std::ops::Range;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};

use super::gram::{self, Gram};
use super::kernels::{BLOCK, State};
use super::keys::{Place, other};
use super::layout::Rows;
use super::load::Footprint;
use super::measure::Measure;
use super::options::Terms;
use super::rows::{self, Account};
use super::side::{Kind, Side};
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
    accounts: Option<Vec<[Account; 2]>>,
    grams: Option<[Gram; 2]>,
    pub(super) states: Vec<State>,
    /// The items' `squares` of the last round.
    squares: [f64; BLOCK],
    /// An epoch's ratings were taken in, and rows have not been settled since.
    arrived: bool,
    /// Blocks are taken off fresh residuals.
    fresh: bool,
    visits: u64,
    objective: f64,
    started: Instant,
}

impl Ccd {
    /// A model without data, for the shards `local` of `shards`.
    pub(super) fn new(terms: Terms, shards: usize, local: Range<usize>) -> Self {
        let grams = terms.implicit.map(|_| [0, 1].map(|_| Gram::new(terms.blocks())));
        Ccd {
            terms,
            shards,
            parts: local.clone().map(|_| Shard::default()).collect(),
            local,
            path: Path::best(),
            tables: Default::default(),
            accounts: None,
            grams,
            states: Vec::new(),
            squares: [0.0; BLOCK],
            arrived: false,
            fresh: false,
            visits: 0,
            objective: 0.0,
            started: Instant::now(),
        }
    }

    /// A model of ratings that come and go.
    pub(super) fn live(terms: Terms, shards: usize, local: Range<usize>) -> Self {
        let accounts = local.clone().map(|_| Default::default()).collect();
        let rows = Rows { count: 0, shards };
        let tables = [0, 1].map(|_| Table::new(rows));
        Ccd { accounts: Some(accounts), tables, ..Ccd::new(terms, shards, local) }
    }

    /// Bytes taken.
    pub(super) fn footprint(&self) -> Footprint {
        let sides = self.parts.iter().flatten().map(Side::bytes).sum::<usize>();
        let grams = self.grams.iter().flatten().map(Gram::bytes).sum::<usize>();
        let tables = self.tables.iter().map(Table::bytes).sum::<usize>();
        let own = sides + self.states.capacity() * size_of::<State>();
        Footprint { own, held: tables + grams }
    }

    fn place(&self, key: u32) -> Place {
        Place::of(key, self.shards)
    }

    /// A shard's share of the measure.
    fn measure(&mut self, shard: usize) -> Measure {
        let part = &mut self.parts[shard - self.local.start];
        part[USERS].flush(self.path, &self.tables[ITEMS]);
        let loss = part[USERS].tiles.loss();
        let blocks = 0..self.terms.blocks();
        let penalty = |side: usize| {
            let terms = blocks.clone().map(|block| self.terms.penalty(&part[side], side, block));
            terms.sum::<f64>()
        };
        Measure {
            loss: loss.loss,
            squares: loss.squares,
            ratings: loss.count as f64,
            penalty: penalty(USERS) + penalty(ITEMS),
            ..Measure::default()
        }
    }

    /// Sends a shard's part of a block: its key, factors (or their changes), and its share of the
    /// block's rows of the Gram matrix if they are not `known`.
    fn send(&self, key: u32, changes: bool, effect: &mut Vec<f32>) {
        let Place { block, side, shard } = self.place(key);
        let part = &self.parts[shard - self.local.start][side];
        effect.push(f32::from_bits(key));
        let rows = if changes { &part.delta } else { &part.factors[block] };
        effect.extend_from_slice(bytemuck::cast_slice(rows));
        if !self.knows(block, side, changes) {
            let share = gram::share(part, block);
            effect.extend_from_slice(bytemuck::cast_slice(&share));
        }
    }

    /// Whether nothing need be sent of a block's rows of the Gram matrix.
    fn knows(&self, block: usize, side: usize, changes: bool) -> bool {
        self.grams.as_ref().is_none_or(|grams| !changes && grams[side].knows(block))
    }

    /// Takes what all shards sent; gives the blocks and sides it was of.
    fn receive(
        &mut self,
        moves: &Moves<'_, u32, Moved, f32>,
        changes: bool,
    ) -> Vec<(usize, usize)> {
        let mut effects: Vec<&[f32]> = moves.effects().collect();
        let mut received = Vec::new();
        while effects.first().is_some_and(|effect| !effect.is_empty()) {
            let heads = effects.iter_mut().map(|effect| take(effect, 1)[0].to_bits());
            let key = heads.collect::<Vec<_>>()[0];
            let Place { block, side, .. } = self.place(key);
            let table = &mut self.tables[side];
            let held = table.current.block == Some(block);
            if !changes && !held {
                table.turn(block);
            }
            for (shard, effect) in effects.iter_mut().enumerate() {
                let rows = bytemuck::cast_slice(take(effect, table.rows.local(shard) * BLOCK));
                match changes {
                    true => table.change(shard, rows),
                    // What is held is the same, and says besides how it changed last.
                    false if held => {}
                    false => table.put(shard, rows),
                }
            }
            if !self.knows(block, side, changes) {
                self.receive_gram(block, side, &mut effects);
            }
            received.push((block, side));
        }
        received
    }

    fn receive_gram(&mut self, block: usize, side: usize, effects: &mut [&[f32]]) {
        let Some(grams) = &mut self.grams else { return };
        let mut sum = vec![0.0; grams[side].share_len()];
        for effect in effects {
            let share: Vec<f64> = bytemuck::pod_collect_to_vec(take(effect, 2 * sum.len()));
            sum.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        grams[side].put(block, &sum);
    }

    /// Balances a block between the sides: `w·a` and `h/a` have the same products, and with
    /// `a⁴ = Σ λ_j h² / Σ λ_i w²` the least penalty.
    fn balance(&mut self, block: usize, users: &[f64; BLOCK]) {
        let mut by = [1.0f32; BLOCK];
        for (by, (users, items)) in by.iter_mut().zip(users.iter().zip(&self.squares)) {
            let ratio = (items / users).powf(0.25) as f32;
            // Nearly balanced is good enough: the penalty's excess is the square of what is left.
            if ratio.is_finite() && ratio > 0.0 && (ratio - 1.0).abs() > 1e-3 {
                *by = ratio;
            }
        }
        if by == [1.0; BLOCK] {
            return;
        }
        let inverse = by.map(|by| 1.0 / by);
        for (side, by) in [(USERS, by), (ITEMS, inverse)] {
            self.tables[side].scale(&by);
            self.parts.iter_mut().for_each(|part| part[side].scale(block, &by));
            if let Some(grams) = &mut self.grams {
                grams[side].scale(block, &by);
            }
        }
    }

    /// Blocks were gathered, for a visit or for residuals that are taken afresh.
    fn gathered(&mut self, round: &Round<'_, Self>) {
        let received = self.receive(&round.moves, false);
        if !self.fresh {
            self.visits += 1;
            return;
        }
        for (block, side) in received {
            let (path, table) = (self.path, &self.tables[side]);
            self.parts.iter_mut().for_each(|part| part[other(side)].explain(path, block, table));
        }
    }

    /// A side was solved in a block.
    fn updated(&mut self, round: &Round<'_, Self>) {
        let mut squares = [0.0; BLOCK];
        for (_, moved) in round.moves.iter() {
            squares.iter_mut().zip(moved.squares).for_each(|(sum, share)| *sum += share);
        }
        for (block, side) in self.receive(&round.moves, true) {
            self.tables[other(side)].seen();
            match side {
                ITEMS => self.squares = squares,
                _ if self.terms.is_bias(block) => {}
                _ => self.balance(block, &squares),
            }
        }
    }

    /// Residuals as of a model that explains nothing; blocks are to be taken off them.
    fn refresh(&mut self, round: &Round<'_, Self>) {
        if std::mem::take(&mut self.arrived) {
            self.settle(round);
        }
        let mean = self.terms.mean;
        self.parts.iter_mut().flatten().for_each(|side| side.reset(mean));
        self.tables.iter_mut().for_each(Table::forget);
        self.fresh = true;
    }

    /// Takes in an epoch's ratings.
    fn absorb(&mut self, mut changes: Vec<rows::Change>) {
        changes.sort_by_key(|change| (change.shard, change.side));
        for group in changes.chunk_by(|a, b| (a.shard, a.side) == (b.shard, b.side)) {
            let at = group[0].shard as usize - self.local.start;
            let number = usize::from(group[0].side);
            if let Some(accounts) = &mut self.accounts {
                accounts[at][number].absorb(&mut self.parts[at][number], self.shards, group);
            }
        }
    }

    /// A shard's rows, and the sum and weight of its users' ratings.
    fn survey(&self, shard: usize, effect: &mut Vec<f32>) {
        let part = &self.parts[shard - self.local.start];
        for number in [USERS, ITEMS] {
            let needed = rows::needed(&part[number], self.tables[number].rows, shard);
            effect.push(f32::from_bits(needed as u32));
        }
        effect.extend_from_slice(bytemuck::cast_slice(&rows::total(&part[USERS])));
    }

    /// As many rows everywhere as the surveys say, and the mean over all.
    fn settle(&mut self, round: &Round<'_, Self>) {
        let (mut counts, mut total) = ([0, 0], [0.0, 0.0]);
        for mut survey in round.moves.effects() {
            for (count, needed) in counts.iter_mut().zip(take(&mut survey, 2)) {
                *count = needed.to_bits().max(*count);
            }
            let share: Vec<f64> = bytemuck::pod_collect_to_vec(take(&mut survey, 4));
            total.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        if self.terms.centred && total[1] > 0.0 {
            self.terms.mean = total[0] / total[1];
        }
        for number in [USERS, ITEMS] {
            let rows = Rows { count: counts[number] as usize, shards: self.shards };
            if self.tables[number].rows != rows {
                self.tables[number] = Table::new(rows);
            }
            for (shard, part) in self.local.clone().zip(&mut self.parts) {
                rows::settle(&self.terms, &mut part[number], number, rows, shard);
            }
        }
        self.grams.iter_mut().flatten().for_each(Gram::forget);
    }

    fn is_late(&self) -> bool {
        let limit = self.terms.max_seconds;
        limit.is_some_and(|limit| self.started.elapsed().as_secs_f64() > limit)
    }
}

/// The next `count` numbers of an effect.
fn take<'a>(effect: &mut &'a [f32], count: usize) -> &'a [f32] {
    let Some((taken, rest)) = effect.split_at_checked(count) else {
        panic!("a shard sent {} numbers instead of {count}: mixed configurations?", effect.len());
    };
    *effect = rest;
    taken
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
            }
        }
        self.absorb(ratings);
        self.arrived = self.accounts.is_some();
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, u8>) {
        let Some(&key) = block.first() else { return };
        let Place { block, side, .. } = self.place(key);
        let part = &mut self.parts[shard - self.local.start];
        part[side].push(self.path, block, &self.tables[other(side)], &mut self.states);
        if let Some(grams) = &self.grams {
            grams[other(side)].add_to(&part[side], block, &mut self.states);
        }
        partials.push(key, 0);
    }

    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, u32, u8>,
        deltas: &mut Columns<u32, Moved>,
    ) {
        let Some(&key) = partials.parts().flat_map(|(keys, _)| keys).next() else { return };
        let Place { block, side, .. } = self.place(key);
        let kind = match self.terms.is_bias(block) {
            true => Kind::Bias(side),
            false => Kind::Factors { nonnegative: self.terms.nonnegative },
        };
        let part = &mut self.parts[shard - self.local.start][side];
        let gain = part.pull(self.path, block, kind, &self.states);
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
            }
        }
    }

    fn certificate(&mut self, shard: usize, _proposals: &mut Columns<u32, f32>) -> Measure {
        let mut measure = self.measure(shard);
        if shard == 0 {
            let all = self.grams.as_ref().map_or(0.0, |[users, items]| users.product(items));
            measure.loss += all;
            measure.previous = self.objective;
            measure.sweeps = (self.visits / self.terms.blocks() as u64) as f64;
            measure.expired = f64::from(u8::from(self.is_late()));
        }
        measure
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<Row>) {
        let at = shard - self.local.start;
        for (number, side) in self.parts[at].iter().enumerate() {
            match &mut self.accounts {
                Some(accounts) => accounts[at][number].publish(&self.terms, side, number, changes),
                None => {
                    let rows = 0..side.ids.len();
                    changes.extend(rows.map(|row| self.terms.row(side, number, row)));
                }
            }
        }
    }

    fn universe(&self) -> usize {
        2 * self.terms.blocks() * self.shards
    }

    fn shard_of(key: u32, shards: usize) -> usize {
        key as usize % shards
    }

    fn priority(moved: &Moved) -> f32 {
        moved.gain as f32
    }
}
