//! One side (users, or items) of a shard: its rows' ratings, factors, and what is pending.

use super::kernels::{BLOCK, State, Term};
use super::layout::Rows;
use super::solve::{self, Unknowns};
use super::table::Table;
use super::tiles::Tiles;
use crate::shard::Path;

/// Eight factors of a row.
pub(super) type Factors = [f32; BLOCK];

/// The rows of one side that live on a shard.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// The number of each row, by which it is known outside.
    pub ids: Vec<u32>,
    /// Each row's penalty.
    pub penalties: Vec<f32>,
    /// Factors, by block and row.
    pub factors: Vec<Vec<Factors>>,
    /// The rows' last changes, and the block they belong to while the residuals lack them.
    pub delta: Vec<Factors>,
    /// See `delta`.
    pub pending: Option<usize>,
    /// The rows' ratings.
    pub tiles: Tiles,
}

/// How a block is solved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Eight factors at once, none negative if so asked.
    Factors {
        /// Whether no factor may become negative.
        nonnegative: bool,
    },
    /// One bias, in this lane; the other side's lane is one.
    Bias(usize),
}

impl Side {
    /// Sums up the rows' normal equations in the other side's current block, after bringing the
    /// residuals up to date. One pass over the ratings.
    pub fn push(&mut self, path: Path, block: usize, other: &Table, states: &mut Vec<State>) {
        states.clear();
        states.resize(self.ids.len(), [[0.0; BLOCK]; 6]);
        let here = self.pending == Some(block);
        let current = Term {
            table: &other.current.pairs,
            x: &self.factors[block],
            delta: here.then_some(&self.delta[..]),
            fresh: other.current.fresh,
        };
        let last = self.pending.filter(|&before| before != block).map(|before| Term {
            table: &other.last.pairs,
            x: &self.factors[before],
            delta: Some(&self.delta),
            fresh: other.last.fresh,
        });
        self.tiles.accumulate(path, other.rows, current, last, states);
        self.pending = None;
    }

    /// Solves for the rows' factors in a block, with steps of `stretch` times the way; the change is
    /// pending then. Gives by how much the objective falls.
    pub fn pull(
        &mut self,
        path: Path,
        block: usize,
        (kind, stretch): (Kind, f32),
        states: &[State],
    ) -> f64 {
        let mut unknowns = Unknowns {
            x: &mut self.factors[block],
            delta: &mut self.delta,
            penalties: &self.penalties,
            nonnegative: matches!(kind, Kind::Factors { nonnegative: true }),
            stretch,
        };
        self.pending = Some(block);
        match kind {
            Kind::Factors { .. } => solve::solve(path, states, &mut unknowns),
            Kind::Bias(lane) => solve::solve_bias(states, lane, &mut unknowns),
        }
    }

    /// Brings the residuals up to date by what is pending, all of which is in the current block.
    pub fn flush(&mut self, path: Path, other: &Table) {
        let Some(block) = self.pending.take() else { return };
        let term = Term {
            table: &other.current.pairs,
            x: &self.factors[block],
            delta: Some(&self.delta),
            fresh: other.current.fresh,
        };
        self.tiles.subtract(path, other.rows, term);
    }

    /// Takes a whole block off the residuals, for residuals taken afresh.
    pub fn explain(&mut self, path: Path, block: usize, other: &Table) {
        let x = &self.factors[block];
        let term = Term { table: &other.current.pairs, x, delta: Some(x), fresh: false };
        self.tiles.subtract(path, other.rows, term);
    }

    /// Residuals as of a model that explains nothing but the mean.
    pub fn reset(&mut self, mean: f64) {
        self.pending = None;
        self.tiles.reset(mean);
    }

    /// Scales a block.
    pub fn scale(&mut self, block: usize, by: &Factors) {
        let pending = self.pending == Some(block);
        let changes = self.delta.iter_mut().filter(|_| pending);
        for factors in self.factors[block].iter_mut().chain(changes) {
            factors.iter_mut().zip(by).for_each(|(factor, by)| *factor *= by);
        }
    }

    /// `Σ penalty · x²` of each factor of a block.
    pub fn squares(&self, block: usize) -> [f64; BLOCK] {
        let mut squares = [0.0; BLOCK];
        for (x, &penalty) in self.factors[block].iter().zip(&self.penalties) {
            for (square, &x) in squares.iter_mut().zip(x) {
                *square += f64::from(penalty) * f64::from(x) * f64::from(x);
            }
        }
        squares
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        let factors: usize = self.factors.iter().map(Vec::capacity).sum();
        4 * (self.ids.capacity() + self.penalties.capacity())
            + (factors + self.delta.capacity()) * size_of::<Factors>()
            + self.tiles.bytes()
    }
}

/// Where the ids of a side are: the rank of each.
pub(super) fn ranks(order: &[u32], count: usize) -> Vec<u32> {
    let mut ranks = vec![u32::MAX; count];
    order.iter().zip(0..).for_each(|(&id, rank)| ranks[id as usize] = rank);
    ranks
}

/// The ids of a shard's rows.
pub(super) fn ids_of(order: &[u32], rows: Rows, shard: usize) -> Vec<u32> {
    (0..rows.local(shard)).map(|local| order[rows.rank(shard, local)]).collect()
}
