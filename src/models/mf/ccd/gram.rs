//! What all pairs weigh that were not rated, from the Gram matrix of a side: `Σ x xᵀ` over its rows.
//!
//! With weight one on every pair, `Σ_all (w_u·h)² = w_uᵀ (HᵀH) w_u`: no pair needs to be looked at
//! (Hu, Koren, Volinsky, ICDM 2008). Every worker holds both matrices, 8 bytes times the square of
//! the rank each; a block's rows are summed up anew whenever the block changes.

use std::io;

use super::kernels::{BLOCK, State};
use super::side::{Factors, Side};
use crate::container::plain;

/// `XᵀX` of a side.
#[derive(Clone, Debug, Default)]
pub(super) struct Gram {
    blocks: usize,
    entries: Vec<f64>,
    known: Vec<bool>,
}

impl Gram {
    /// Nothing known yet.
    pub fn new(blocks: usize) -> Self {
        let width = blocks * BLOCK;
        Gram { blocks, entries: vec![0.0; width * width], known: vec![false; blocks] }
    }

    /// Whether a block's rows have been summed up.
    pub fn knows(&self, block: usize) -> bool {
        self.known[block]
    }

    /// Writes what is known.
    pub fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let known: Vec<u8> = self.known.iter().map(|&known| u8::from(known)).collect();
        plain::write(&known, to)?;
        plain::write(&self.entries, to)
    }

    /// Reads what [`Gram::write`] wrote of a matrix of the same size.
    pub fn read(&mut self, from: &mut dyn io::Read) -> io::Result<()> {
        let mut known = vec![0u8; self.known.len()];
        plain::read(&mut known, from)?;
        self.known = known.into_iter().map(|known| known != 0).collect();
        plain::read(&mut self.entries, from)
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<f64>()
    }

    /// The numbers of a share.
    pub fn share_len(&self) -> usize {
        BLOCK * self.blocks * BLOCK
    }

    /// Takes a block's rows, the sum of all shards' [`share`].
    pub fn put(&mut self, block: usize, sum: &[f64]) {
        let width = self.blocks * BLOCK;
        for (i, row) in sum.chunks_exact(width).enumerate() {
            let at = block * BLOCK + i;
            for (j, &value) in row.iter().enumerate() {
                self.entries[at * width + j] = value;
                self.entries[j * width + at] = value;
            }
        }
        self.known[block] = true;
    }

    /// The block was scaled.
    pub fn scale(&mut self, block: usize, by: &Factors) {
        let width = self.blocks * BLOCK;
        for (i, &by) in by.iter().enumerate() {
            let at = block * BLOCK + i;
            for j in 0..width {
                self.entries[at * width + j] *= f64::from(by);
                self.entries[j * width + at] *= f64::from(by);
            }
        }
    }

    /// `Σ_ij A_ij B_ij`: the sum of all squared products, of the one side's rows with the other's.
    pub fn product(&self, other: &Gram) -> f64 {
        self.entries.iter().zip(&other.entries).map(|(a, b)| a * b).sum()
    }

    /// Adds to rows' normal equations what all pairs weigh, this being the other side's matrix.
    pub fn add_to(&self, side: &Side, block: usize, states: &mut [State]) {
        let width = self.blocks * BLOCK;
        let entry = |i: usize, j: usize| self.entries[(block * BLOCK + i) * width + j];
        for (row, state) in states.iter_mut().enumerate() {
            let (pulls, curves) = state.split_at_mut(1);
            for (i, pull) in pulls[0].iter_mut().enumerate() {
                let mut all = 0.0;
                for (other, factors) in side.factors.iter().enumerate() {
                    for (j, &x) in factors[row].iter().enumerate() {
                        all += entry(i, other * BLOCK + j) * f64::from(x);
                    }
                }
                *pull -= all as f32;
                for (turn, curve) in curves.iter_mut().enumerate() {
                    curve[i] += entry(i, block * BLOCK + (i + turn) % BLOCK) as f32;
                }
            }
        }
    }
}

/// A shard's share of a block's rows of the Gram matrix.
pub(super) fn share(side: &Side, block: usize) -> Vec<f64> {
    let width = side.factors.len() * BLOCK;
    let mut sums = vec![0.0; BLOCK * width];
    for (other, factors) in side.factors.iter().enumerate() {
        for (x, y) in side.factors[block].iter().zip(factors) {
            for i in 0..BLOCK {
                for j in 0..BLOCK {
                    sums[i * width + other * BLOCK + j] += f64::from(x[i]) * f64::from(y[j]);
                }
            }
        }
    }
    sums
}
