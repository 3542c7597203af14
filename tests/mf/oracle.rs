//! Coordinate descent over blocks of eight factors in the plainest way: dense, in `f64`, every
//! residual from scratch.

use strads::models::mf::{Options, Ratings};
use strads::random::{Draws, purpose};

const BLOCK: usize = 8;

/// One squared term of the objective.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub user: usize,
    pub item: usize,
    pub target: f64,
    pub weight: f64,
}

/// Factors of users and items, biases among them: block 0 if there are any.
pub struct Oracle {
    pub cells: Vec<Cell>,
    pub sides: [Vec<Vec<f64>>; 2],
    penalties: [Vec<f64>; 2],
    biases: bool,
    nonnegative: bool,
    blocks: usize,
    sweeps: u32,
}

impl Oracle {
    /// The task, with the same first factors as the library's.
    pub fn new(train: &Ratings, options: &Options) -> Oracle {
        let (users, items) = (train.users.len(), train.items.len());
        let mean = if options.centres() { train.mean() } else { 0.0 };
        let lambda = options.lambda.expect("a penalty");
        let mut counts = [vec![0.0; users], vec![0.0; items]];
        let mut cells = Vec::new();
        for entry in train.iter() {
            let (user, item) = (entry.user as usize, entry.item as usize);
            counts[0][user] += 1.0;
            counts[1][item] += 1.0;
            let (value, weight) = (f64::from(entry.value), f64::from(entry.weight));
            cells.push(match options.implicit {
                None => Cell { user, item, target: value - mean, weight },
                Some(alpha) => {
                    Cell { user, item, target: 1.0, weight: 1.0 + alpha * weight * value }
                }
            });
        }
        if options.implicit.is_some() {
            let mut seen = vec![false; users * items];
            cells.iter().for_each(|cell| seen[cell.user * items + cell.item] = true);
            let rest = (0..users * items).filter(|&at| !seen[at]);
            cells.extend(rest.map(|at| Cell {
                user: at / items,
                item: at % items,
                target: 0.0,
                weight: 1.0,
            }));
        }
        let first = usize::from(options.biases) * BLOCK;
        let blocks = options.rank.div_ceil(BLOCK) + usize::from(options.biases);
        let mut sides =
            [vec![vec![0.0; blocks * BLOCK]; users], vec![vec![0.0; blocks * BLOCK]; items]];
        for (id, row) in sides[0].iter_mut().enumerate().filter(|(id, _)| counts[0][*id] > 0.0) {
            let mut draws = Draws::new(options.seed, purpose("first factors"), 0, id as u64);
            for factor in 0..options.rank {
                let draw = draws.next_f64();
                let draw = if mean != 0.0 { 2.0 * draw - 1.0 } else { draw };
                row[first + factor] = 0.1 * draw;
            }
        }
        if options.biases {
            sides[0].iter_mut().for_each(|row| row[1] = 1.0);
            sides[1].iter_mut().for_each(|row| row[0] = 1.0);
        }
        let penalty = |count: &f64| if options.weighted_lambda { lambda * count } else { lambda };
        let penalties = counts.each_ref().map(|counts| counts.iter().map(penalty).collect());
        let (biases, nonnegative) = (options.biases, options.nonnegative);
        Oracle { cells, sides, penalties, biases, nonnegative, blocks, sweeps: 0 }
    }

    pub fn score(&self, user: usize, item: usize) -> f64 {
        self.sides[0][user].iter().zip(&self.sides[1][item]).map(|(w, h)| w * h).sum()
    }

    pub fn objective(&self) -> f64 {
        let error = |cell: &Cell| cell.target - self.score(cell.user, cell.item);
        let loss: f64 = self.cells.iter().map(|cell| cell.weight * error(cell).powi(2)).sum();
        let mut penalty = 0.0;
        for (number, side) in self.sides.iter().enumerate() {
            for (row, penalised) in side.iter().zip(&self.penalties[number]) {
                let one = |at: &usize| !(self.biases && *at == 1 - number);
                penalty +=
                    penalised * (0..row.len()).filter(one).map(|at| row[at].powi(2)).sum::<f64>();
            }
        }
        loss + penalty
    }

    /// A sweep of visits to all blocks in turn. The first solves both sides until that gains less than
    /// half of the most that it has gained, at most eight times; later ones once, stepping farther
    /// than the minimum.
    pub fn sweep(&mut self) {
        let before = f64::from(self.sweeps);
        let stretch = (1.0 + before / (before + 3.0)).min(1.7);
        for block in 0..self.blocks {
            let mut most: f64 = 0.0;
            for _ in 0..8 {
                let before = self.objective();
                self.solve(block, 1, stretch);
                self.solve(block, 0, stretch);
                let gain = before - self.objective();
                most = most.max(gain);
                if !(self.biases && block == 0) {
                    self.balance(block);
                }
                if self.sweeps > 0 || gain < 0.5 * most {
                    break;
                }
            }
        }
        self.sweeps += 1;
    }

    fn solve(&mut self, block: usize, side: usize, stretch: f64) {
        let free: Vec<usize> = match self.biases && block == 0 {
            true => vec![side],
            false => (block * BLOCK..(block + 1) * BLOCK).collect(),
        };
        let rows = self.sides[side].len();
        let mut matrices = vec![vec![vec![0.0; free.len()]; free.len()]; rows];
        let mut pulls = vec![vec![0.0; free.len()]; rows];
        for cell in &self.cells {
            let (row, other) = match side {
                0 => (cell.user, &self.sides[1][cell.item]),
                _ => (cell.item, &self.sides[0][cell.user]),
            };
            let error = cell.target - self.score(cell.user, cell.item);
            for (i, &at) in free.iter().enumerate() {
                pulls[row][i] += cell.weight * error * other[at];
                for (j, &with) in free.iter().enumerate() {
                    matrices[row][i][j] += cell.weight * other[at] * other[with];
                }
            }
        }
        for (row, (matrix, pull)) in matrices.iter_mut().zip(&mut pulls).enumerate() {
            let (x, penalty) = (&mut self.sides[side][row], self.penalties[side][row]);
            for (i, &at) in free.iter().enumerate() {
                matrix[i][i] += penalty;
                pull[i] -= penalty * x[at];
            }
            let at = |i: usize| x[free[i]];
            let step = match self.nonnegative {
                false => solved(matrix.clone(), pull.clone()),
                true => bounded(matrix, pull, (0..free.len()).map(at).collect()),
            };
            // Up to where the first factor is zero.
            let ends = free.iter().zip(&step).filter(|(_, step)| self.nonnegative && **step < 0.0);
            let by = ends.fold(stretch, |by, (&at, step)| by.min(-x[at] / step)).max(1.0);
            for (&at, step) in free.iter().zip(step) {
                x[at] += by * step;
                if self.nonnegative {
                    x[at] = x[at].max(0.0);
                }
            }
        }
    }

    fn balance(&mut self, block: usize) {
        for at in block * BLOCK..(block + 1) * BLOCK {
            let squares = |side: usize| -> f64 {
                let rows = self.sides[side].iter().zip(&self.penalties[side]);
                rows.map(|(row, penalty)| penalty * row[at].powi(2)).sum()
            };
            let ratio = (squares(1) / squares(0)).powf(0.25);
            if ratio.is_finite() && ratio > 0.0 {
                self.sides[0].iter_mut().for_each(|row| row[at] *= ratio);
                self.sides[1].iter_mut().for_each(|row| row[at] /= ratio);
            }
        }
    }
}

/// Gaussian elimination; what has no pivot does not move.
fn solved(mut a: Vec<Vec<f64>>, mut y: Vec<f64>) -> Vec<f64> {
    let n = y.len();
    let stuck: Vec<bool> = (0..n).map(|i| a[i][i] <= 0.0).collect();
    for c in (0..n).filter(|&c| !stuck[c]) {
        for i in c + 1..n {
            let factor = a[i][c] / a[c][c];
            let pivot = a[c].clone();
            a[i].iter_mut().zip(&pivot).for_each(|(a, pivot)| *a -= factor * pivot);
            y[i] -= factor * y[c];
        }
    }
    for c in (0..n).rev() {
        let rest: f64 = (c + 1..n).map(|t| a[c][t] * y[t]).sum();
        y[c] = if stuck[c] { 0.0 } else { (y[c] - rest) / a[c][c] };
    }
    y
}

fn bounded(a: &[Vec<f64>], y: &[f64], x: Vec<f64>) -> Vec<f64> {
    let mut d = vec![0.0f64; y.len()];
    for _ in 0..32 {
        for i in 0..y.len() {
            let rest: f64 = (0..y.len()).map(|j| a[i][j] * d[j]).sum();
            if a[i][i] > 0.0 {
                d[i] = (d[i] + (y[i] - rest) / a[i][i]).max(-x[i]);
            }
        }
    }
    d
}
