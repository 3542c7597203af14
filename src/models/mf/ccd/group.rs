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
    /// Takes a rating, minus the mean, of a row with these factors; `blocks` come later, by
    /// [`Alone::turn`].
    pub fn push(&mut self, value: f32, weight: f32, other: &[Factors]) {
        self.residuals.push(value - product(&self.x, other));
        self.weights.push(weight);
        self.others.extend_from_slice(other);
    }

    /// From ratings by block to blocks by rating.
    pub fn turn(&mut self) {
        let (blocks, count) = (self.x.len(), self.residuals.len());
        let turned = (0..blocks).flat_map(|block| (0..count).map(move |at| at * blocks + block));
        self.others = turned.map(|at| self.others[at]).collect();
    }

    fn block(&self, block: usize) -> &[Factors] {
        let count = self.residuals.len();
        &self.others[block * count..][..count]
    }

    /// The normal equations in a block.
    #[inline(always)]
    fn state(&self, block: usize) -> State {
        let mut state = [[0.0; BLOCK]; 6];
        for ((f, &e), &w) in self.block(block).iter().zip(&self.residuals).zip(&self.weights) {
            let mut weighed = *f;
            weighed.iter_mut().for_each(|x| *x *= w);
            add(&mut state[0], &weighed, &[e; BLOCK]);
            add(&mut state[1], &weighed, f);
            add(&mut state[2], &weighed, &turned::<1>(f));
            add(&mut state[3], &weighed, &turned::<2>(f));
            add(&mut state[4], &weighed, &turned::<3>(f));
            add(&mut state[5], &weighed, &turned::<4>(f));
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

/// Lane `i` is what lane `i + S` was.
#[inline(always)]
fn turned<const S: usize>(f: &Factors) -> Factors {
    let twice = [*f, *f];
    let mut turned = [0.0; BLOCK];
    turned.copy_from_slice(&twice.as_flattened()[S..S + BLOCK]);
    turned
}

/// The product of two rows.
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
    for block in (0..TIMES).flat_map(|_| 0..terms.blocks()) {
        let states: Vec<State> = path.run(
            #[inline(always)]
            || rows.iter().map(|row| row.state(block)).collect(),
        );
        let mut x: Vec<Factors> = rows.iter().map(|row| row.x[block]).collect();
        let mut delta = vec![[0.0; BLOCK]; rows.len()];
        let mut unknowns = Unknowns {
            x: &mut x,
            delta: &mut delta,
            penalties: &penalties,
            nonnegative: terms.nonnegative,
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
