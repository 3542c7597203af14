//! Random problems of every storage form and of every kind that is hard.
//!
//! Scales are powers of two, so that every form holds them exactly: what they try is the range of
//! `f64`, and columns of different size within one problem. Columns and responses go from 2⁻⁴⁹⁸
//! to 2⁴⁹⁸ (1e-150 to 1e150) in all combinations: the objective and its gap are squares of the
//! response, so that at 2⁻⁴⁹⁸ a gap of 1e-10 is 1e-310, just above the end of the range, and at
//! 2⁴⁹⁸ the sum of 60 squares just below the other end. `f32` columns go from 2⁻¹⁰⁰ to 2¹⁰⁰.
//!
//! Means are up to a thousand times the spread, with an intercept and without.

use strads::shard::ColumnShard;

use super::draw::Draw;
use super::judge::Judge;
use super::oracle::{Task, task};
use super::run::{self, Storage};

/// How the columns of a problem are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Wide,
    Narrow,
    Bytes,
    Codes,
    Sparse,
}

pub const FORMS: [Form; 5] = [Form::Wide, Form::Narrow, Form::Bytes, Form::Codes, Form::Sparse];

/// What is hard about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// Nothing: independent columns.
    Plain,
    /// Pairwise correlations of about 0.9.
    Correlated,
    /// Half of the columns repeat others, some of them negated.
    Duplicates,
    /// More coefficients than rows: an l2 part, repeated columns, a small λ.
    Full,
    /// Means far from zero.
    Offset,
    /// Some columns are not penalised, and one of those may stand there twice.
    Free,
    /// Columns whose sizes differ by up to a million.
    Uneven,
    /// Columns and responses of tiny and huge size.
    Scaled,
}

pub const TRAITS: [(Trait, u64); 8] = [
    (Trait::Plain, 15),
    (Trait::Correlated, 15),
    (Trait::Duplicates, 15),
    (Trait::Full, 15),
    (Trait::Offset, 15),
    (Trait::Free, 20),
    (Trait::Uneven, 16),
    (Trait::Scaled, 49),
];

/// What is added to columns whose mean shall be far from zero: one for all columns.
const OFFSETS: [f64; 3] = [8.0, 128.0, 1024.0];

/// The powers of two of columns and of responses.
const POWERS: [i32; 7] = [-498, -332, -66, 0, 66, 332, 498];
const NARROW_POWERS: [i32; 7] = [-100, -66, -33, 0, 33, 66, 100];

impl Form {
    pub fn storage(self) -> Storage {
        match self {
            Form::Wide | Form::Narrow | Form::Bytes => Storage::Dense,
            Form::Codes => Storage::Codes,
            Form::Sparse => Storage::Sparse,
        }
    }

    /// The relative gap that is asked for.
    pub fn gap(self) -> f64 {
        if self == Form::Narrow { 1e-8 } else { 1e-10 }
    }

    /// A task whose columns have values of the form, near those they had. Columns of zeros, and
    /// others that any form could hold, stay as they are.
    pub fn brought(self, mut task: Task) -> Task {
        for column in &mut task.columns {
            match self {
                Form::Wide | Form::Sparse => {}
                Form::Narrow => column.iter_mut().for_each(|x| *x = f64::from(*x as f32)),
                Form::Bytes => to_levels(column, 100.0),
                Form::Codes => to_levels(column, 3.0),
            }
        }
        task
    }

    /// Numbers of the form from numbers of about the size of 1.
    fn column(self, normal: &[f64], draw: &mut Draw) -> Vec<f64> {
        let code = |z: &f64| (100.0 + 40.0 * z).round().clamp(0.0, 255.0) + 0.0;
        let level =
            |z: &f64| f64::from(u8::from(*z > -0.8) + u8::from(*z > 0.2) + u8::from(*z > 1.1));
        let mut column: Vec<f64> = match self {
            Form::Wide => normal.to_vec(),
            Form::Narrow => normal.iter().map(|z| f64::from(*z as f32)).collect(),
            Form::Bytes => normal.iter().map(code).collect(),
            Form::Codes => normal.iter().map(level).collect(),
            Form::Sparse => {
                normal.iter().map(|z| if draw.chance(0.3) { *z } else { 0.0 }).collect()
            }
        };
        if self == Form::Bytes {
            // The distance of neighbouring codes is seen.
            (column[0], column[1]) = (0.0, 1.0);
        }
        column
    }

    /// Whether a shard of such columns holds them in this form.
    pub fn holds(self, shard: &ColumnShard) -> bool {
        let rows = shard.rows();
        let column = 16
            + match self {
                Form::Wide => 8 * rows,
                Form::Narrow => 4 * rows,
                Form::Bytes => 16 + rows,
                Form::Codes => 32 + 64 * rows.div_ceil(256),
                Form::Sparse => return (0..shard.len()).all(|at| shard.is_sparse(at)),
            };
        run::bytes_of(shard) == column * shard.len()
    }
}

/// Rounds to values at even distances from the least, so many distances from end to end.
fn to_levels(column: &mut [f64], count: f64) {
    let least = column.iter().copied().fold(f64::INFINITY, f64::min);
    let range = column.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    if range > 0.0 {
        // A power of two, so that values are exact; and the least a multiple of it.
        let step = 2f64.powf((range / count).log2().ceil());
        column.iter_mut().for_each(|x| *x = (*x / step).round() * step + 0.0);
        // The distance of neighbouring values is seen.
        let least = (least / step).round() * step + 0.0;
        if let Some(next) = column.iter_mut().find(|x| **x > least) {
            *next = least + step;
        }
    }
}

fn power_of_two(power: i32) -> f64 {
    2f64.powi(power)
}

fn scale(column: &mut [f64], power: i32) {
    column.iter_mut().for_each(|x| *x *= power_of_two(power));
}

/// Numbers of about the size of 1.
fn normals(kind: Trait, rows: usize, common: &[f64], draw: &mut Draw) -> Vec<f64> {
    let correlated = kind == Trait::Correlated;
    let number = |row: usize, draw: &mut Draw| {
        if correlated { 0.95 * common[row] + 0.3 * draw.normal() } else { draw.normal() }
    };
    (0..rows).map(|row| number(row, draw)).collect()
}

fn columns(form: Form, kind: Trait, rows: usize, count: usize, draw: &mut Draw) -> Vec<Vec<f64>> {
    let common: Vec<f64> = (0..rows).map(|_| draw.normal()).collect();
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(count);
    let offset = OFFSETS[draw.below(3)];
    let repeats = matches!(kind, Trait::Duplicates | Trait::Full);
    for at in 0..count {
        if repeats && at % 2 == 1 {
            let mut copy = columns[draw.below(at)].clone();
            if at % 4 == 3 {
                copy.iter_mut().for_each(|x| *x = 0.0 - *x);
            }
            columns.push(copy);
            continue;
        }
        let mut column = form.column(&normals(kind, rows, &common, draw), draw);
        match kind {
            // Zeros of sparse columns stay zeros.
            Trait::Offset if form != Form::Sparse => {
                column.iter_mut().for_each(|x| *x += offset);
                if form == Form::Narrow {
                    column.iter_mut().for_each(|x| *x = f64::from(*x as f32));
                }
            }
            Trait::Uneven => scale(&mut column, draw.below(21) as i32 - 10),
            _ => {}
        }
        columns.push(column);
    }
    columns
}

/// A share of λ_max from 1/1.5 to 1/1000, ends included now and then.
fn share(draw: &mut Draw) -> f64 {
    match draw.below(6) {
        0 => 1.0 / 1.5,
        1 => 1.0 / 1000.0,
        _ => 1.5f64.recip() * (1.5f64 / 1000.0).powf(draw.unit()),
    }
}

/// What is asked for beside the columns.
fn options(task: Task, kind: Trait, draw: &mut Draw) -> Task {
    let mut task = task;
    task.intercept = draw.chance(0.5);
    task.standardize = draw.chance(0.3);
    task.positive = draw.chance(0.25);
    if kind == Trait::Full || draw.chance(0.3) {
        task.l1_ratio = 0.2 + 0.7 * draw.unit();
    }
    if draw.chance(0.4) {
        let weight = |draw: &mut Draw| if draw.chance(0.1) { 0.0 } else { 0.2 + 2.0 * draw.unit() };
        let mut weights: Vec<f64> = (0..task.rows()).map(|_| weight(draw)).collect();
        weights[..4].fill(1.0);
        task.weights = Some(weights);
    }
    if draw.chance(0.3) {
        task.factors = Some(task.columns.iter().map(|_| 0.2 + 2.0 * draw.unit()).collect());
    }
    if kind == Trait::Free {
        let mut factors = task.factors.take().unwrap_or_else(|| vec![1.0; task.columns.len()]);
        let count = 1 + draw.below(3);
        factors.iter_mut().take(count).for_each(|factor| *factor = 0.0);
        if count > 1 && draw.chance(0.3) {
            task.columns[1] = task.columns[0].clone();
        }
        (task.factors, task.positive) = (Some(factors), false);
    }
    task
}

/// The problem of a seed.
pub fn problem(form: Form, kind: Trait, seed: u64) -> Task {
    let mut draw = Draw(seed ^ ((form as u64) << 32) ^ ((kind as u64) << 40));
    let (rows, count) = match kind {
        Trait::Full => (8 + draw.below(18), 100 + draw.below(51)),
        _ => (8 + draw.below(53), 1 + draw.below(150)),
    };
    let mut columns = columns(form, kind, rows, count, &mut draw);
    let mut response: Vec<f64> = (0..rows).map(|_| 2.0 + draw.normal()).collect();
    for column in &columns {
        if draw.chance(0.2) {
            let size = column.iter().fold(0.0f64, |size, x| size.max(x.abs()));
            let beta = if size > 0.0 { 2.0 * draw.normal() / size } else { 0.0 };
            response.iter_mut().zip(column).for_each(|(y, x)| *y += beta * x);
        }
    }
    if kind == Trait::Scaled {
        let powers = if form == Form::Narrow { NARROW_POWERS } else { POWERS };
        let (of_columns, of_response) = (seed as usize % 7, seed as usize / 7 % 7);
        columns.iter_mut().for_each(|column| scale(column, powers[of_columns]));
        scale(&mut response, POWERS[of_response]);
    }
    let mut task = options(task(columns, response, 1.0), kind, &mut draw);
    let lambda_max = Judge::new(&task).lambda_max();
    task.lambda = if lambda_max > 0.0 { share(&mut draw) * lambda_max } else { 1.0 };
    task
}
