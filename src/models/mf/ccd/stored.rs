//! What a checkpoint of a batch fit holds: after the measure at the end of a sweep, everything that
//! the next sweep goes on from, to the bit.
//!
//! A shard's part holds its factors and residuals, what is pending, and its rows of the blocks that
//! every worker has whole; a worker that goes on reads those of all shards. Residuals are stored as
//! they are (8 bytes a rating over both sides): taken afresh they would differ in their last bits.
//! Of the schedule the visits so far are stored, and told to the policy again.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::slice::from_mut;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use serde_json::{Value, json};

use super::kernels::{BLOCK, Pair};
use super::layout::Rows;
use super::measure::Measure;
use super::program::{Ccd, Shard};
use super::side::{Factors, Side};
use super::table::{Held, Table};
use crate::checkpoint::{Checkpoint, CheckpointError, Keeper, Progress};
use crate::cluster::fail;
use crate::container::plain;
use crate::report::hex;

/// A visit to a block, as the policy saw it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub(super) struct Visit {
    /// The round in which the block was chosen.
    pub round: u64,
    /// The block.
    pub block: u32,
    /// By how much the objective fell.
    pub gain: f32,
}

/// A measured point.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Measured {
    /// The round that measured.
    pub round: u64,
    /// What it found.
    pub measure: Measure,
}

/// A fit up to a measure.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// All measures, in order.
    pub measured: Vec<Measured>,
    /// All visits, in order.
    pub visits: Vec<Visit>,
}

impl History {
    fn notes(&self) -> Value {
        let (measured, visits) =
            (bytemuck::cast_slice(&self.measured), bytemuck::cast_slice(&self.visits));
        json!({ "measured": hex::of(measured), "visits": hex::of(visits) })
    }

    /// What was written with a checkpoint.
    ///
    /// # Errors
    /// If it is not there.
    pub fn of(from: &Checkpoint) -> Result<History, CheckpointError> {
        let lost = || from.damaged("expected the sweeps so far".into());
        let bytes = |name| {
            let text = from.manifest.notes.get(name).and_then(Value::as_str);
            text.and_then(hex::bytes).ok_or_else(lost)
        };
        let (measured, visits) = (bytes("measured")?, bytes("visits")?);
        let history = History { measured: all(&measured), visits: all(&visits) };
        match history.measured.last() {
            Some(last) if last.measure.sweeps as u64 == from.manifest.progress.round => Ok(history),
            _ => Err(lost()),
        }
    }
}

fn all<T: Pod>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
}

/// The checkpoints of a fit, as its program knows them.
pub(super) struct Keep {
    keeper: Arc<Keeper>,
    /// Whether this worker has them completed.
    completes: bool,
    /// Shared with the schedule, which adds the visits.
    history: Rc<RefCell<History>>,
    /// Rounds before the checkpoint that the fit goes on from.
    before: u64,
    /// The sweep of the newest checkpoint.
    newest: u64,
    /// The fit has yet to go on from its checkpoint.
    waits: bool,
}

impl Keep {
    pub fn new(keeper: Arc<Keeper>, completes: bool, history: Rc<RefCell<History>>) -> Self {
        let last = history.borrow().measured.last().copied();
        Keep {
            before: last.map_or(0, |last| last.round),
            newest: last.map_or(0, |last| last.measure.sweeps as u64),
            waits: keeper.from().is_some(),
            keeper,
            completes,
            history,
        }
    }
}

impl Ccd {
    /// Keeps checkpoints.
    pub(super) fn kept(mut self, keep: Option<Keep>) -> Self {
        self.keep = keep;
        self
    }

    /// Goes on from a checkpoint, if there is one and that has not been done yet; says whether.
    pub(super) fn resume(&mut self) -> bool {
        let Some(mut keep) = self.keep.take() else { return false };
        let waited = std::mem::take(&mut keep.waits);
        if let Some(from) = keep.keeper.from().filter(|_| waited)
            && let Err(error) = self.restore_all(from)
        {
            fail::stop(fail::UNUSABLE, error);
        }
        self.keep = Some(keep);
        waited
    }

    /// A measure was taken: has the shards of this worker written, if that is due.
    pub(super) fn measured(&mut self, round: u64, measure: &Measure) {
        let Some(mut keep) = self.keep.take() else { return };
        let sweep = measure.sweeps as u64;
        let measured = Measured { round: keep.before + round, measure: *measure };
        keep.history.borrow_mut().measured.push(measured);
        if sweep > keep.newest && sweep.is_multiple_of(keep.keeper.every()) {
            keep.newest = sweep;
            for (shard, part) in self.local.clone().zip(&self.parts) {
                let mut state = Vec::new();
                match self.write(shard, part, &mut state) {
                    Ok(()) => keep.keeper.part(sweep, shard, state),
                    Err(error) => fail::stop(fail::FAILED, format!("shard {shard}: {error}")),
                }
            }
            if keep.completes {
                let progress = Progress { epoch: 0, round: sweep };
                keep.keeper.complete(sweep, progress, keep.history.borrow().notes());
            }
        }
        self.keep = Some(keep);
    }

    fn restore_all(&mut self, from: &Checkpoint) -> Result<(), CheckpointError> {
        for shard in 0..self.shards {
            let state = from.state(shard)?;
            let read = self.read(shard, &mut &state[..]);
            let blocks = self.terms.blocks();
            let held = self.tables.iter().flat_map(|table| [&table.current, &table.last]);
            let known = held.filter_map(|held| held.block).all(|block| block < blocks);
            let read = read.and_then(|()| match known {
                true => Ok(()),
                false => Err(plain::invalid(format!("expected blocks below {blocks}, found more"))),
            });
            read.map_err(|error| from.damaged(format!("shard {shard}: {error}")))?;
        }
        self.fresh = false;
        Ok(())
    }

    fn write(&self, shard: usize, part: &Shard, to: &mut dyn io::Write) -> io::Result<()> {
        plain::write(&[self.visits, self.objective.to_bits()], to)?;
        plain::write(&self.squares, to)?;
        for table in &self.tables {
            write_table(table, shard, to)?;
        }
        // Both matrices are the same on every worker.
        for gram in self.grams.iter().flatten().filter(|_| shard == 0) {
            gram.write(to)?;
        }
        part.iter().try_for_each(|side| write_side(side, to))
    }

    fn read(&mut self, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
        let mut clock = [0; 2];
        plain::read(&mut clock, from)?;
        (self.visits, self.objective) = (clock[0], f64::from_bits(clock[1]));
        plain::read(&mut self.squares, from)?;
        for table in &mut self.tables {
            read_table(table, shard, from)?;
        }
        for gram in self.grams.iter_mut().flatten().filter(|_| shard == 0) {
            gram.read(from)?;
        }
        match self.local.contains(&shard) {
            true => {
                let part = &mut self.parts[shard - self.local.start];
                part.iter_mut().try_for_each(|side| read_side(side, from))
            }
            false => Ok(()),
        }
    }
}

/// A shard's rows of the blocks that every worker has.
fn write_table(table: &Table, shard: usize, to: &mut dyn io::Write) -> io::Result<()> {
    for held in [&table.current, &table.last] {
        plain::write(&[place(held.block), u64::from(held.fresh)], to)?;
        let rows = (0..table.rows.local(shard)).map(|at| Rows::row(table.rows.rank(shard, at)));
        let pairs: Vec<Pair> = rows.map(|row| held.pairs[row]).collect();
        plain::write(&pairs, to)?;
    }
    Ok(())
}

fn read_table(table: &mut Table, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
    let rows = table.rows;
    let mut pairs: Vec<Pair> = vec![[0.0; 2 * BLOCK]; rows.local(shard)];
    for held in [&mut table.current, &mut table.last] {
        let mut state = [0; 2];
        plain::read(&mut state, from)?;
        plain::read(&mut pairs, from)?;
        let Held { block, pairs: all, fresh } = held;
        (*block, *fresh) = (block_at(state[0]), state[1] != 0);
        for (at, pair) in pairs.iter().enumerate() {
            all[Rows::row(rows.rank(shard, at))] = *pair;
        }
    }
    Ok(())
}

fn write_side(side: &Side, to: &mut dyn io::Write) -> io::Result<()> {
    plain::write(&[place(side.pending)], to)?;
    plain::write(&side.delta, to)?;
    side.factors.iter().try_for_each(|block: &Vec<Factors>| plain::write(block, to))?;
    side.tiles.residuals().try_for_each(|residuals| plain::write(residuals, to))
}

fn read_side(side: &mut Side, from: &mut dyn io::Read) -> io::Result<()> {
    let mut pending = 0;
    plain::read(from_mut(&mut pending), from)?;
    side.pending = block_at(pending).filter(|block| *block < side.factors.len());
    plain::read(&mut side.delta, from)?;
    side.factors.iter_mut().try_for_each(|block| plain::read(block, from))?;
    side.tiles.residuals_mut().try_for_each(|residuals| plain::read(residuals, from))
}

/// A block's number plus one, 0 for none.
fn place(block: Option<usize>) -> u64 {
    block.map_or(0, |block| block as u64 + 1)
}

fn block_at(place: u64) -> Option<usize> {
    place.checked_sub(1).map(|block| block as usize)
}
