//! Random tasks from a seed.

use super::oracle::{Task, task};

/// A small generator (splitmix64).
#[derive(Clone, Debug)]
pub struct Draw(pub u64);

impl Draw {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// Roughly normal.
    pub fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.unit() - 0.5).sum::<f64>() * 2f64.sqrt()
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }
}

/// What columns look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Independent normal columns.
    Normal,
    /// A common factor in every column: pairwise correlation about 0.9.
    Correlated,
    /// Few entries that are not zero.
    Sparse,
    /// 0, 1 and 2.
    Counts,
    /// All of these in turn, with constant, empty and repeated columns.
    Zoo,
}

pub const DESIGNS: [Design; 5] =
    [Design::Normal, Design::Correlated, Design::Sparse, Design::Counts, Design::Zoo];

fn column(design: Design, rows: usize, common: &[f64], draw: &mut Draw) -> Vec<f64> {
    let entry = |row: usize, draw: &mut Draw| match design {
        Design::Normal | Design::Zoo => draw.normal(),
        Design::Correlated => 3.0 * common[row] + draw.normal() + 2.0,
        Design::Sparse if draw.chance(0.2) => draw.normal() + 0.5,
        Design::Sparse => 0.0,
        Design::Counts => draw.below(3) as f64,
    };
    (0..rows).map(|row| entry(row, draw)).collect()
}

/// A design of some shape.
pub fn columns(design: Design, rows: usize, count: usize, draw: &mut Draw) -> Vec<Vec<f64>> {
    let common: Vec<f64> = (0..rows).map(|_| draw.normal()).collect();
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(count);
    for at in 0..count {
        let made = match (design, at % 8) {
            (Design::Zoo, 1) => vec![0.0; rows],
            (Design::Zoo, 2) => vec![draw.normal(); rows],
            (Design::Zoo, 3) => columns[draw.below(at)].clone(),
            (Design::Zoo, 4) => column(Design::Sparse, rows, &common, draw),
            (Design::Zoo, 5) => column(Design::Counts, rows, &common, draw),
            (Design::Zoo, 6) => column(Design::Correlated, rows, &common, draw),
            _ => column(design, rows, &common, draw),
        };
        columns.push(made);
    }
    columns
}

/// A task with a planted model; λ is a share of λ_max.
pub fn planted(design: Design, rows: usize, count: usize, share: f64, seed: u64) -> Task {
    let mut draw = Draw(seed);
    let columns = columns(design, rows, count, &mut draw);
    let mut response: Vec<f64> = (0..rows).map(|_| 3.0 + draw.normal()).collect();
    for column in &columns {
        if draw.chance(0.3) {
            let beta = 2.0 * draw.normal();
            response.iter_mut().zip(column).for_each(|(y, x)| *y += beta * x);
        }
    }
    at_share(task(columns, response, 0.0), share)
}

/// The task at a share of its λ_max.
pub fn at_share(mut task: Task, share: f64) -> Task {
    let lambda_max = task.lambda_max();
    // A correlation of the size of rounding is none.
    let some = lambda_max > 1e-10 * task.null().sqrt();
    task.lambda = if some { share * lambda_max } else { 1.0 };
    task
}

/// The task with everything that can be asked for, by the bits of `kind`.
pub fn dressed(task: Task, kind: u32, share: f64, draw: &mut Draw) -> Task {
    let mut task = task;
    task.intercept = kind & 1 == 0;
    task.standardize = kind & 2 != 0;
    task.positive = kind & 4 != 0;
    if kind & 8 != 0 {
        task.l1_ratio = 0.2 + 0.7 * draw.unit();
    }
    if kind & 16 != 0 {
        let weight = |draw: &mut Draw| if draw.chance(0.1) { 0.0 } else { 0.2 + 2.0 * draw.unit() };
        let mut weights: Vec<f64> = (0..task.rows()).map(|_| weight(draw)).collect();
        weights[0] = 1.0;
        task.weights = Some(weights);
    }
    if kind & 32 != 0 {
        // The oracle has no dual of columns that are bound on one side and not penalised.
        let free = if task.positive { 0.0 } else { 0.15 };
        let factor =
            |draw: &mut Draw| if draw.chance(free) { 0.0 } else { 0.2 + 2.0 * draw.unit() };
        task.factors = Some(task.columns.iter().map(|_| factor(draw)).collect());
    }
    at_share(task, share)
}
