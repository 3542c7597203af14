//! What every synthetic regression has: columns, planted coefficients, a noisy response, and the
//! ways out of it (column shards, svmlight text).

use std::io::{self, Write};
use std::ops::Range;

use super::draws::{Purpose, normal, subset};
use crate::shard::{ColumnShard, Layout, layout};

/// One column of a design.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Ascending rows and their values; every other row is zero.
    Sparse(Vec<u32>, Vec<f64>),
    /// A value a row.
    Dense(Vec<f64>),
}

impl Column {
    /// Calls `see` with every stored row and value, rows ascending.
    pub fn each(&self, mut see: impl FnMut(usize, f64)) {
        match self {
            Column::Sparse(rows, values) => {
                rows.iter().zip(values).for_each(|(&row, &value)| see(row as usize, value));
            }
            Column::Dense(values) => {
                values.iter().enumerate().for_each(|(row, &value)| see(row, value));
            }
        }
    }
}

/// The shards that were asked for, and the response of every row.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Each kept shard with its number, ascending; columns are placed by [`Layout`].
    pub shards: Vec<(usize, ColumnShard)>,
    /// The response, one number a row.
    pub response: Vec<f64>,
}

/// A synthetic linear regression y = Xβ + noise.
pub trait Design {
    /// The number of rows.
    fn rows(&self) -> usize;

    /// The number of columns.
    fn columns(&self) -> usize;

    /// The number of non-zero coefficients.
    fn planted(&self) -> usize;

    /// The noise's standard deviation, in units of the root mean square of Xβ (of 1 if nothing is
    /// planted).
    fn noise(&self) -> f64;

    /// What every draw starts from.
    fn seed(&self) -> u64;

    /// Draws the columns of a range in order and shows them to `see`.
    fn span(&self, range: Range<usize>, see: &mut dyn FnMut(usize, Column));

    /// The planted columns, ascending, and their coefficients: every set of columns is equally
    /// likely, a coefficient is ±(1 + |z|) with z standard normal.
    fn coefficients(&self) -> Vec<(usize, f64)> {
        let chosen = subset(self.seed(), Purpose::Planted, 0, self.planted(), self.columns());
        let size = |column: usize| {
            let draw = normal(self.seed(), Purpose::Coefficient, column as u64, 0);
            draw + 1f64.copysign(draw)
        };
        chosen.into_iter().map(|column| (column, size(column))).collect()
    }

    /// The response y = Xβ + σz of every row, σ as [`Design::noise`] says, without intercept.
    fn response(&self) -> Vec<f64> {
        let mut response = vec![0.0; self.rows()];
        for (column, coefficient) in self.coefficients() {
            self.span(column..column + 1, &mut |_, column| {
                column.each(|row, value| response[row] += coefficient * value);
            });
        }
        let square: f64 = response.iter().map(|signal| signal * signal).sum();
        let scale = if square > 0.0 { (square / response.len() as f64).sqrt() } else { 1.0 };
        for (row, signal) in response.iter_mut().enumerate() {
            *signal += self.noise() * scale * normal(self.seed(), Purpose::Noise, row as u64, 0);
        }
        response
    }

    /// The shards, of `shards` in all, that `keep` asks for, and the whole response.
    fn table(&self, shards: usize, keep: &dyn Fn(usize) -> bool) -> Generated {
        let placement = Layout::new(shards);
        let kept = (0..placement.shards()).filter(|&shard| keep(shard));
        let shards = kept.map(|shard| (shard, self.shard(placement, shard))).collect();
        Generated { shards, response: self.response() }
    }

    /// The columns of one shard.
    fn shard(&self, placement: Layout, shard: usize) -> ColumnShard {
        let mut drawn = ColumnShard::new(self.rows());
        for local in (0..placement.count(shard, self.columns())).step_by(layout::RUN) {
            let first = placement.column(shard, local);
            let range = first..(first + layout::RUN).min(self.columns());
            self.span(range, &mut |_, column| match column {
                Column::Sparse(rows, values) => drawn.push_sparse(&rows, &values),
                Column::Dense(values) => drawn.push_dense(&values),
            });
        }
        drawn
    }

    /// Writes the rows as svmlight text, response first, columns counted from 1, every number in
    /// the shortest form that reads back as the same bits. Holds all stored values in memory, 16
    /// bytes each, since columns are what is drawn and rows are what is written.
    fn write_svmlight(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut cells: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.rows()];
        self.span(0..self.columns(), &mut |index, column| {
            column.each(|row, value| cells[row].push((index, value)));
        });
        for (response, cells) in self.response().into_iter().zip(cells) {
            write!(to, "{response}")?;
            for (index, value) in cells {
                write!(to, " {}:{value}", index + 1)?;
            }
            writeln!(to)?;
        }
        Ok(())
    }
}
