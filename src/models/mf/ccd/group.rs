//! A few rows solved alone: all of their factors, from their ratings and all factors of the others.

use super::kernels::{BLOCK, State};
use super::options::Terms;
use super::side::{Factors, Kind};
use super::solve::{self, Unknowns};
use crate::shard::Path;

/// Times that a row's blocks are gone through.
const TIMES: usize = 2;

/// A row with what its ratings see.
#[derive(Clone, Debug, Default)]
pub(super) struct Alone {
    /// The row's own factors, by block.
    pub x: Vec<Factors>,
    /// Its penalty.
    pub penalty: f32,
    /// What is left of each rating.
    pub residuals: Vec<f32>,
    /// Each rating's weight.
    pub weights: Vec<f32>,
    /// The other rows' factors, by block and rating.
    pub others: Vec<Factors>,
}

impl Alone {
    /// A row with room for so many ratings.
    pub fn new(x: Vec<Factors>, penalty: f32, count: usize) -> Self {
        let others = vec![[0.0; BLOCK]; x.len() * count];
        let room = || Vec::with_capacity(count);
        Alone { x, penalty, residuals: room(), weights: room(), others }
    }

    /// Takes one of the `count` ratings, minus the mean.
    #[inline(always)]
    pub fn push(&mut self, count: usize, value: f32, weight: f32, other: &[Factors]) {
        let at = self.residuals.len();
        for (block, factors) in other.iter().enumerate() {
            self.others[block * count + at] = *factors;
        }
        self.residuals.push(value - product(&self.x, other));
        self.weights.push(weight);
    }

    fn block(&self, block: usize) -> &[Factors] {
        let count = self.residuals.len();
        &self.others[block * count..][..count]
    }

    /// The normal equations in a block.
    #[inline(always)]
    fn state(&self, block: usize) -> State {
        let (mut pull, mut matrix) = ([0.0; BLOCK], [[0.0; BLOCK]; BLOCK]);
        for ((f, &e), &w) in self.block(block).iter().zip(&self.residuals).zip(&self.weights) {
            for (row, f_i) in matrix.iter_mut().zip(f) {
                add(row, &[w * f_i; BLOCK], f);
            }
            add(&mut pull, &[e * w; BLOCK], f);
        }
        let mut state = [pull; 6];
        for (turn, sums) in state[1..].iter_mut().enumerate() {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = matrix[i][(i + turn) % BLOCK];
            }
        }
        state
    }

    /// Takes a block's change off the residuals.
    #[inline(always)]
    fn less(&mut self, block: usize, delta: &Factors) {
        let count = self.residuals.len();
        let others = &self.others[block * count..][..count];
        for (e, f) in self.residuals.iter_mut().zip(others) {
            *e -= dot(f, delta);
        }
    }
}

/// `sum += a · b`, lane by lane.
#[inline(always)]
fn add(sum: &mut Factors, a: &Factors, b: &Factors) {
    for i in 0..BLOCK {
        sum[i] += a[i] * b[i];
    }
}

/// The product of two rows.
#[inline(always)]
pub(super) fn product(a: &[Factors], b: &[Factors]) -> f32 {
    a.iter().zip(b).map(|(a, b)| dot(a, b)).sum()
}

#[inline(always)]
fn dot(a: &Factors, b: &Factors) -> f32 {
    let p: Factors = std::array::from_fn(|i| a[i] * b[i]);
    ((p[0] + p[2]) + (p[1] + p[3])) + ((p[4] + p[6]) + (p[5] + p[7]))
}

/// Moves rows of a side, each for itself, block by block to the minimum over that block.
pub(super) fn solve(path: Path, terms: &Terms, side: usize, rows: &mut [Alone]) {
    let penalties: Vec<f32> = rows.iter().map(|row| row.penalty).collect();
    let mut states: Vec<State> = vec![[[0.0; BLOCK]; 6]; rows.len()];
    let mut delta = vec![[0.0; BLOCK]; rows.len()];
    for block in (0..TIMES).flat_map(|_| 0..terms.blocks()) {
        path.run(
            #[inline(always)]
            || {
                for (state, row) in states.iter_mut().zip(rows.iter()) {
                    *state = row.state(block);
                }
            },
        );
        let mut x: Vec<Factors> = rows.iter().map(|row| row.x[block]).collect();
        let mut unknowns = Unknowns {
            x: &mut x,
            delta: &mut delta,
            penalties: &penalties,
            nonnegative: terms.nonnegative,
            stretch: 1.0,
        };
        match terms.kind(block, side) {
            Kind::Factors { .. } => solve::solve(path, &states, &mut unknowns),
            Kind::Bias(lane) => solve::solve_bias(&states, lane, &mut unknowns),
        };
        path.run(
            #[inline(always)]
            || {
                for ((row, x), delta) in rows.iter_mut().zip(&x).zip(&delta) {
                    row.x[block] = *x;
                    row.less(block, delta);
                }
            },
        );
    }
}
