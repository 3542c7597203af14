//! The problems that are solved, and a plain sequential oracle.

use super::line_search::soft;

/// A number in `[-1, 1)`, a pure function of the seed and the position.
pub fn draw(seed: u64, position: u64) -> f64 {
    let mut word = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ position.wrapping_add(0x1234_5678);
    for _ in 0..3 {
        word = (word ^ (word >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^= word >> 29;
    }
    (word >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Minimise ½‖y − Xβ‖² + λ‖β‖₁.
#[derive(Clone)]
pub struct Problem {
    /// X, column by column.
    pub columns: Vec<Vec<f64>>,
    pub target: Vec<f64>,
    pub penalty: f64,
}

impl Problem {
    /// Dense columns with a common component, so that parallel steps interfere.
    pub fn new(rows: usize, columns: usize) -> Self {
        let common: Vec<f64> = (0..rows).map(|row| draw(1, row as u64)).collect();
        let value =
            |row: usize, column: usize| common[row] + draw(2 + column as u64, row as u64) * 2.0;
        let columns: Vec<Vec<f64>> =
            (0..columns).map(|column| (0..rows).map(|row| value(row, column)).collect()).collect();
        let mut target: Vec<f64> = (0..rows).map(|row| 0.1 * draw(0, row as u64)).collect();
        for (at, column) in columns.iter().enumerate().step_by(3) {
            let weight = if at % 2 == 0 { 1.0 } else { -0.5 };
            target.iter_mut().zip(column).for_each(|(target, x)| *target += weight * x);
        }
        Problem { columns, target, penalty: 2.0 }
    }

    /// The problem without the columns that are left out (owned form: not arrived yet).
    pub fn with_columns(&self, keep: impl Fn(u32) -> bool) -> Self {
        let mut problem = self.clone();
        for (column, values) in problem.columns.iter_mut().enumerate() {
            if !keep(column as u32) {
                values.fill(0.0);
            }
        }
        problem
    }

    /// The problem without the rows that are left out (partial form: not arrived yet).
    pub fn with_rows(&self, keep: impl Fn(u32) -> bool) -> Self {
        let kept = |values: &[f64]| {
            let rows = values.iter().enumerate().filter(|(row, _)| keep(*row as u32));
            rows.map(|(_, &value)| value).collect::<Vec<f64>>()
        };
        let columns = self.columns.iter().map(|column| kept(column)).collect();
        Problem { columns, target: kept(&self.target), penalty: self.penalty }
    }

    /// What a change of the data carries: a column, or a row with its target at the end.
    pub fn item(&self, rows: bool, id: u32) -> (u32, Vec<f64>) {
        if !rows {
            return (id, self.columns[id as usize].clone());
        }
        let row = id as usize;
        let values = self.columns.iter().map(|column| column[row]);
        (id, values.chain([self.target[row]]).collect())
    }

    pub fn objective(&self, beta: &[f64]) -> f64 {
        let mut residual = self.target.clone();
        for (column, &beta) in self.columns.iter().zip(beta) {
            residual.iter_mut().zip(column).for_each(|(r, x)| *r -= beta * x);
        }
        let norm: f64 = beta.iter().map(|beta| beta.abs()).sum();
        residual.iter().map(|r| r * r).sum::<f64>() / 2.0 + self.penalty * norm
    }

    /// Cyclic coordinate descent until nothing moves.
    pub fn oracle(&self) -> Vec<f64> {
        let mut beta = vec![0.0; self.columns.len()];
        let mut residual = self.target.clone();
        for _ in 0..10_000 {
            let mut moved: f64 = 0.0;
            for (column, beta) in self.columns.iter().zip(&mut beta) {
                let dot: f64 = column.iter().zip(&residual).map(|(x, r)| x * r).sum();
                let norm: f64 = column.iter().map(|x| x * x).sum();
                if norm > 0.0 {
                    let step = soft(norm * *beta + dot, self.penalty) / norm - *beta;
                    residual.iter_mut().zip(column).for_each(|(r, x)| *r -= step * x);
                    *beta += step;
                    moved = moved.max(step.abs());
                }
            }
            if moved < 1e-14 {
                break;
            }
        }
        beta
    }
}
