//! What a shard's rows contribute: means, products of columns, products with the residual.

use std::sync::Arc;

use super::frame::Frame;
use crate::models::lasso::folds::Folds;
use crate::shard::gram::{Products, TILE, tiles};
use crate::shard::{BLOCK, RowShard};

/// Numbers that a pass with coefficients gives beside one a column: `Σ w r`, `Σ w r²`,
/// `Σ w r (y − mean)`, `Σ w (y − mean)²`.
pub(super) const EXTRA: usize = 4;

/// What belongs to all rows of the table: 8 to 20 bytes a row, once a process.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// One finite response a row.
    pub response: Arc<Vec<f64>>,
    /// Row weights, if they are not one each.
    pub weights: Option<Arc<Vec<f64>>>,
    /// The fold each row is held out in, if there are any.
    pub folds: Option<Arc<Folds>>,
}

/// A shard's rows, and where they are in the table.
pub(super) struct Part<'a> {
    pub table: &'a Table,
    pub rows: &'a RowShard,
    pub shard: usize,
    pub shards: usize,
}

impl Part<'_> {
    fn start(&self, block: usize) -> usize {
        RowShard::start(self.shard, block, self.shards)
    }

    fn weights(&self, block: usize, rows: usize) -> Option<&[f64]> {
        let start = self.start(block);
        self.table.weights.as_ref().map(|weights| &weights[start..start + rows])
    }

    fn response(&self, block: usize, rows: usize) -> &[f64] {
        let start = self.start(block);
        &self.table.response[start..start + rows]
    }

    /// `Σ w x` by column, of the response, and `Σ w`.
    pub fn totals(&self) -> Vec<f64> {
        let count = self.rows.columns();
        let mut totals = vec![0.0; count + 2];
        for (at, block) in self.rows.blocks().iter().enumerate() {
            let ones = vec![1.0; block.rows()];
            let weights = self.weights(at, block.rows()).unwrap_or(&ones);
            for (column, total) in totals[..count].iter_mut().enumerate() {
                *total += block.dot(column, weights);
            }
            let response = self.response(at, block.rows());
            totals[count] += weights.iter().zip(response).map(|(w, y)| w * y).sum::<f64>();
            totals[count + 1] += weights.iter().sum::<f64>();
        }
        totals
    }

    /// `Σ w z z'` of the columns and the response, each less its shift, and ones: one set of sums
    /// for each fold, one after another.
    pub fn gram(&self, shift: &[f64]) -> Vec<f64> {
        let (count, order) = (self.rows.columns(), self.rows.columns() + 2);
        let folds = self.table.folds.as_ref();
        let each = tiles(order) * TILE;
        let mut sums = vec![0.0; each * folds.map_or(1, |folds| folds.count())];
        let mut products = Products::new(order, self.table.weights.is_some());
        let mut values = vec![0.0; order * BLOCK];
        let all: Vec<u32> = (0..BLOCK as u32).collect();
        for (at, block) in self.rows.blocks().iter().enumerate() {
            let rows = block.rows();
            for (column, shift) in shift[..count].iter().enumerate() {
                let to = &mut values[column * BLOCK..][..rows];
                to.fill(-shift);
                block.for_each(column, |row, value| to[row] = value - shift);
            }
            let to = values[count * BLOCK..].iter_mut();
            to.zip(self.response(at, rows)).for_each(|(to, y)| *to = y - shift[count]);
            values[(count + 1) * BLOCK..][..rows].fill(1.0);
            let weights = self.weights(at, rows);
            match folds {
                None => products.add(&values, BLOCK, &all[..rows], weights, &mut sums),
                Some(folds) => {
                    let start = self.start(at);
                    for (fold, sums) in sums.chunks_exact_mut(each).enumerate() {
                        let is_in = |row: &u32| folds.of(start + *row as usize) == fold;
                        let own: Vec<u32> = (0..rows as u32).filter(is_in).collect();
                        products.add(&values, BLOCK, &own, weights, sums);
                    }
                }
            }
        }
        sums
    }

    /// `Σ w x r` by column, and what [`EXTRA`] says, with the residual of coefficients on the
    /// model's scale.
    pub fn residual(&self, frame: &Frame, beta: &[f64]) -> Vec<f64> {
        let count = self.rows.columns();
        let support: Vec<(usize, f64)> = (0..count)
            .filter(|&at| beta[at] != 0.0)
            .map(|at| (at, beta[at] * frame.facts[at].scale))
            .collect();
        let mut sums = vec![0.0; count + EXTRA];
        let (mut centred, mut residual) = (Vec::new(), Vec::new());
        for (at, block) in self.rows.blocks().iter().enumerate() {
            let response = self.response(at, block.rows());
            centred.clear();
            match frame.square == 0.0 {
                true => centred.resize(block.rows(), 0.0),
                false => centred.extend(response.iter().map(|y| y - frame.mean)),
            }
            residual.clone_from(&centred);
            let mut offset = 0.0;
            for &(column, value) in &support {
                let mean = frame.facts[column].mean;
                block.axpy(column, -value, mean, &mut residual);
                if block.is_sparse(column) {
                    offset += value * mean;
                }
            }
            residual.iter_mut().for_each(|r| *r += offset);
            let mut extra = [0.0; EXTRA];
            let weights = self.weights(at, block.rows());
            for (row, (r, y)) in residual.iter_mut().zip(&centred).enumerate() {
                let weight = weights.map_or(1.0, |weights| weights[row]);
                let weighted = weight * *r;
                let terms = [weighted, weighted * *r, weighted * y, weight * y * y];
                extra.iter_mut().zip(terms).for_each(|(to, term)| *to += term);
                *r = weighted;
            }
            let (products, rest) = sums.split_at_mut(count);
            for (column, sum) in products.iter_mut().enumerate() {
                *sum += block.dot(column, &residual);
            }
            rest.iter_mut().zip(extra).for_each(|(to, term)| *to += term);
        }
        sums
    }
}
