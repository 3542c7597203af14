//! A dense Gaussian design whose columns are correlated in blocks.

use std::ops::Range;

use super::design::{Column, Design};
use super::draws::{Purpose, normal};

/// Dense columns; those of a block share a factor.
///
/// x_ij = √ρ·u_ib + √(1 − ρ)·z_ij with u, z standard normal and b the block of column j: entries
/// have variance 1, columns of one block have correlation ρ, of different blocks 0.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockDesign {
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub columns: usize,
    /// Neighbouring columns that form a block.
    pub block: usize,
    /// The correlation ρ within a block.
    pub correlation: f64,
    /// The number of non-zero coefficients.
    pub planted: usize,
    /// The noise's standard deviation, in units of the root mean square of Xβ.
    pub noise: f64,
    /// What every draw starts from.
    pub seed: u64,
}

impl BlockDesign {
    /// Says what is wrong with the fields, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        let limits = [
            (self.rows <= u32::MAX as usize, "at most 4294967295 rows"),
            (self.block > 0, "at least one column a block"),
            (self.planted <= self.columns, "at most as many planted coefficients as columns"),
            ((0.0..=1.0).contains(&self.correlation), "a correlation between 0 and 1"),
            (
                self.noise >= 0.0 && self.noise.is_finite(),
                "a noise that is finite and not negative",
            ),
        ];
        limits.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, limit)| Err(limit))
    }

    /// A column by itself: a value a row.
    pub fn column(&self, column: usize) -> Vec<f64> {
        let (shared, own) = (self.correlation.sqrt(), (1.0 - self.correlation).sqrt());
        let block = (column / self.block.max(1)) as u64;
        let value = |row: u64| {
            shared * normal(self.seed, Purpose::Block, block, row)
                + own * normal(self.seed, Purpose::Values, column as u64, row)
        };
        (0..self.rows as u64).map(value).collect()
    }
}

impl Design for BlockDesign {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn planted(&self) -> usize {
        self.planted
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn span(&self, range: Range<usize>, see: &mut dyn FnMut(usize, Column)) {
        range.for_each(|column| see(column, Column::Dense(self.column(column))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> BlockDesign {
        let (rows, columns, planted) = (20_000, 12, 4);
        BlockDesign { rows, columns, block: 4, correlation: 0.7, planted, noise: 0.1, seed: 3 }
    }

    #[test]
    fn columns_are_correlated_within_blocks_and_not_between_them() {
        let design = design();
        let columns: Vec<Vec<f64>> = (0..design.columns).map(|j| design.column(j)).collect();
        for j in 0..design.columns {
            for k in 0..design.columns {
                let product: f64 = columns[j].iter().zip(&columns[k]).map(|(a, b)| a * b).sum();
                let expected = match (j == k, j / 4 == k / 4) {
                    (true, _) => 1.0,
                    (_, true) => 0.7,
                    _ => 0.0,
                };
                let found = product / design.rows as f64;
                assert!((found - expected).abs() < 0.04, "columns {j} and {k}: {found}");
            }
        }
    }

    #[test]
    fn shards_hold_the_same_columns_however_many_there_are() {
        let design = BlockDesign { rows: 7, columns: 40, ..design() };
        for shards in [1, 2, 3] {
            for (number, shard) in design.table(shards, &|_| true).shards {
                for local in 0..shard.len() {
                    let column = crate::shard::Layout::new(shards).column(number, local);
                    let found: Vec<f64> = (0..7).map(|row| shard.value(local, row)).collect();
                    assert_eq!(found, design.column(column));
                }
            }
        }
    }

    #[test]
    fn impossible_designs_are_refused() {
        assert_eq!(design().check(), Ok(()));
        assert!(BlockDesign { block: 0, ..design() }.check().is_err());
        assert!(BlockDesign { correlation: 1.1, ..design() }.check().is_err());
    }
}
