//! The sparse, locally correlated design of the STRADS paper's Lasso experiments (Lee et al., NIPS
//! 2014).

use std::ops::Range;

use super::design::{Column, Design};
use super::draws::{Purpose, normal, subset, uniform};

/// How much of its left neighbour's value a copied value keeps: v = KEPT·v' + √(1 − KEPT²)·z, which
/// leaves its variance at 1 however long the chain. The correlation of such neighbours is about
/// KEPT.
const KEPT: f64 = 0.9;

/// Columns with few non-zeros, most of them noisy copies of their left neighbour.
///
/// With probability [`correlation`](Self::correlation) a column takes its left neighbour's rows,
/// and values that are the neighbour's plus noise; otherwise rows (every set equally likely) and
/// standard normal values are drawn afresh. Columns are scaled to unit length afterwards, not
/// centred, so that x_jᵀx_k is the coupling the dynamic schedule compares with its ρ.
///
/// A chain of copies is drawn from its start: expected 1/(1 − correlation) columns back.
#[derive(Clone, Debug, PartialEq)]
pub struct LassoDesign {
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub columns: usize,
    /// Non-zeros a column.
    pub per_column: usize,
    /// The probability that a column copies its left neighbour.
    pub correlation: f64,
    /// The number of non-zero coefficients.
    pub planted: usize,
    /// The noise's standard deviation, in units of the root mean square of Xβ.
    pub noise: f64,
    /// What every draw starts from.
    pub seed: u64,
}

impl LassoDesign {
    /// The paper's design of a given shape: 25 non-zeros a column, copies with probability 0.9, 50
    /// planted coefficients; noise a tenth of the signal.
    pub fn paper(rows: usize, columns: usize, seed: u64) -> Self {
        let (per_column, planted) = (rows.min(25), columns.min(50));
        LassoDesign { rows, columns, per_column, correlation: 0.9, planted, noise: 0.1, seed }
    }

    /// Says what is wrong with the fields, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        let limits = [
            (self.rows <= u32::MAX as usize, "at most 4294967295 rows"),
            (self.per_column <= self.rows, "at most as many non-zeros a column as rows"),
            (self.planted <= self.columns, "at most as many planted coefficients as columns"),
            ((0.0..1.0).contains(&self.correlation), "a correlation of at least 0 and below 1"),
            (
                self.noise >= 0.0 && self.noise.is_finite(),
                "a noise that is finite and not negative",
            ),
        ];
        limits.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, limit)| Err(limit))
    }

    /// A column by itself: ascending rows and their values.
    pub fn column(&self, column: usize) -> (Vec<u32>, Vec<f64>) {
        let chain = self.chain(column);
        let values = chain.values.iter().map(|value| value * chain.scale()).collect();
        (chain.rows, values)
    }

    /// Whether a column is drawn afresh.
    fn is_fresh(&self, column: usize) -> bool {
        column == 0 || uniform(self.seed, Purpose::Fresh, column as u64, 0) >= self.correlation
    }

    /// A column that is drawn afresh.
    fn fresh(&self, column: usize) -> Chain {
        let rows = subset(self.seed, Purpose::Rows, column as u64, self.per_column, self.rows);
        let value = |place| normal(self.seed, Purpose::Values, column as u64, place as u64);
        Chain {
            values: (0..rows.len()).map(value).collect(),
            rows: rows.into_iter().map(|row| row as u32).collect(),
        }
    }

    /// Turns a chain that stands at a column's left neighbour into that column.
    fn advance(&self, chain: &mut Chain, column: usize) {
        if self.is_fresh(column) {
            *chain = self.fresh(column);
            return;
        }
        let share = (1.0 - KEPT * KEPT).sqrt();
        for (place, value) in chain.values.iter_mut().enumerate() {
            let noise = normal(self.seed, Purpose::Values, column as u64, place as u64);
            *value = KEPT * *value + share * noise;
        }
    }

    /// The chain at a column.
    fn chain(&self, column: usize) -> Chain {
        let start = (0..=column).rev().find(|&back| self.is_fresh(back)).unwrap_or(0);
        let mut chain = self.fresh(start);
        (start + 1..=column).for_each(|next| self.advance(&mut chain, next));
        chain
    }
}

/// A run of copies, standing at one of its columns: the values before scaling.
struct Chain {
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl Chain {
    /// What makes the column's length 1.
    fn scale(&self) -> f64 {
        1.0 / self.values.iter().map(|value| value * value).sum::<f64>().sqrt()
    }
}

impl Design for LassoDesign {
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
        if range.is_empty() {
            return;
        }
        let mut chain = self.chain(range.start);
        for column in range.clone() {
            if column > range.start {
                self.advance(&mut chain, column);
            }
            let scale = chain.scale();
            let values = chain.values.iter().map(|value| value * scale).collect();
            see(column, Column::Sparse(chain.rows.clone(), values));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Layout;

    fn cosine(a: &(Vec<u32>, Vec<f64>), b: &(Vec<u32>, Vec<f64>)) -> f64 {
        a.1.iter().zip(&b.1).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn columns_have_the_shape_that_was_asked_for() {
        let design = LassoDesign::paper(1_000, 300, 4);
        assert_eq!(design.check(), Ok(()));
        for j in 0..design.columns {
            let (rows, values) = design.column(j);
            assert_eq!((rows.len(), values.len()), (25, 25));
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(rows.iter().all(|&row| row < 1_000));
            let length: f64 = values.iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn nine_columns_in_ten_copy_their_neighbour() {
        let design = LassoDesign::paper(5_000, 4_000, 11);
        let columns: Vec<_> = (0..design.columns).map(|j| design.column(j)).collect();
        let copies: Vec<_> = columns.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        let share = copies.len() as f64 / columns.len() as f64;
        assert!((share - 0.9).abs() < 0.02, "share of copies {share}");
        let mean =
            copies.iter().map(|pair| cosine(&pair[0], &pair[1])).sum::<f64>() / copies.len() as f64;
        assert!((mean - KEPT).abs() < 0.02, "mean correlation of copies {mean}");
    }

    #[test]
    fn shards_hold_the_same_columns_however_many_there_are() {
        let design = LassoDesign::paper(60, 203, 2);
        for shards in [1, 2, 3, 5] {
            let layout = Layout::new(shards);
            let drawn = design.table(shards, &|shard| shard != 1);
            let numbers: Vec<usize> = drawn.shards.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (0..shards).filter(|&shard| shard != 1).collect::<Vec<_>>());
            assert_eq!(drawn.response, design.response());
            for (number, shard) in &drawn.shards {
                assert_eq!(shard.len(), layout.count(*number, design.columns));
                for local in 0..shard.len() {
                    let (rows, values) = design.column(layout.column(*number, local));
                    for row in 0..design.rows {
                        let place = rows.iter().position(|&at| at as usize == row);
                        let expected = place.map_or(0.0, |place| values[place]);
                        assert_eq!(shard.value(local, row), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn the_response_is_the_planted_signal_plus_the_noise_asked_for() {
        let design = LassoDesign { noise: 0.5, ..LassoDesign::paper(20_000, 2_000, 9) };
        let quiet = LassoDesign { noise: 0.0, ..design.clone() };
        let planted = design.coefficients();
        assert_eq!(planted.len(), 50);
        assert!(planted.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(planted.iter().all(|(_, coefficient)| coefficient.abs() >= 1.0));
        let signal = quiet.response();
        let power = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let noise: Vec<f64> =
            design.response().iter().zip(&signal).map(|(noisy, clean)| noisy - clean).collect();
        let ratio = (power(&noise) / power(&signal)).sqrt();
        assert!((ratio - 0.5).abs() < 0.02, "noise to signal {ratio}");
    }

    #[test]
    fn text_reads_back_as_the_same_numbers() {
        let design = LassoDesign { per_column: 3, ..LassoDesign::paper(20, 30, 1) };
        let mut text = Vec::new();
        design.write_svmlight(&mut text).expect("a vector takes every write");
        let text = String::from_utf8(text).expect("numbers are ASCII");
        let mut columns = vec![(Vec::new(), Vec::new()); design.columns];
        let mut response = Vec::new();
        for (row, line) in text.lines().enumerate() {
            let mut cells = line.split(' ');
            response.push(cells.next().unwrap_or("").parse::<f64>().expect("a response"));
            for (index, value) in cells.filter_map(|cell| cell.split_once(':')) {
                let column = &mut columns[index.parse::<usize>().expect("an index") - 1];
                column.0.push(row as u32);
                column.1.push(value.parse::<f64>().expect("a value"));
            }
        }
        assert_eq!(response, design.response());
        for (j, column) in columns.into_iter().enumerate() {
            assert_eq!(column, design.column(j));
        }
    }

    #[test]
    fn impossible_designs_are_refused_and_empty_ones_are_not() {
        let design = LassoDesign::paper(10, 10, 0);
        assert!(LassoDesign { per_column: 11, ..design.clone() }.check().is_err());
        assert!(LassoDesign { planted: 11, ..design.clone() }.check().is_err());
        assert!(LassoDesign { correlation: 1.0, ..design.clone() }.check().is_err());
        assert!(LassoDesign { noise: f64::NAN, ..design }.check().is_err());
        let empty = LassoDesign::paper(0, 0, 0);
        assert_eq!(empty.check(), Ok(()));
        assert!(empty.table(2, &|_| true).response.is_empty());
    }
}
