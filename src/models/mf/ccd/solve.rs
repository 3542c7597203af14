//! The 8 × 8 systems of rows, sixteen rows at a time, a row a lane.

// Plain loops over lanes are what gets inlined and vectorised for every unit.
#![allow(clippy::needless_range_loop)]

use super::kernels::{BLOCK, State};
use crate::shard::Path;

/// Rows that are solved together.
const LANES: usize = 16;

/// A pivot below this part of its diagonal is rounding, and its factor stays as it is.
const PIVOT: f32 = 1e-6;

/// The most sweeps over a row's eight factors, if none may be negative.
const SWEEPS: usize = 32;

type Lanes = [f32; LANES];

/// What is solved for: rows of one side, in one block.
pub(super) struct Unknowns<'a> {
    /// The rows' factors.
    pub x: &'a mut [[f32; BLOCK]],
    /// Where their changes go.
    pub delta: &'a mut [[f32; BLOCK]],
    /// The rows' penalties.
    pub penalties: &'a [f32],
    /// Whether no factor may become negative.
    pub nonnegative: bool,
    /// How far rows move, as a multiple of the way to the minimum: below 2.
    pub stretch: f32,
}

/// Moves every row to the minimum of the objective over its block, all else fixed, or so much farther;
/// or, if rounding would have the objective rise, nowhere. Gives by how much the objective falls, and
/// takes the normal equations.
pub(super) fn solve(path: Path, states: &[State], unknowns: &mut Unknowns<'_>) -> f64 {
    let mut gain = 0.0;
    let mut start = 0;
    while start < states.len() {
        let end = (start + LANES).min(states.len());
        let mut group = Unknowns {
            x: &mut unknowns.x[start..end],
            delta: &mut unknowns.delta[start..end],
            penalties: &unknowns.penalties[start..end],
            nonnegative: unknowns.nonnegative,
            stretch: unknowns.stretch,
        };
        let states = &states[start..end];
        let gains = path.run(
            #[inline(always)]
            || group_of_rows(states, &mut group),
        );
        gain += gains[..end - start].iter().map(|&gain| f64::from(gain)).sum::<f64>();
        start = end;
    }
    gain
}

/// Moves the one free factor `lane` of every row (a bias). Gives by how much the objective falls.
pub(super) fn solve_bias(states: &[State], lane: usize, unknowns: &mut Unknowns<'_>) -> f64 {
    let mut gain = 0.0;
    let rows = unknowns.x.iter_mut().zip(unknowns.delta.iter_mut()).zip(unknowns.penalties);
    for (state, ((x, delta), &penalty)) in states.iter().zip(rows) {
        let (pull, curve) = (state[0][lane] - penalty * x[lane], state[1][lane] + penalty);
        let step = if curve > 0.0 { unknowns.stretch * pull / curve } else { 0.0 };
        *delta = [0.0; BLOCK];
        delta[lane] = step;
        x[lane] += step;
        gain += f64::from(step * (2.0 - unknowns.stretch) * pull);
    }
    gain
}

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> Lanes {
    let mut lanes = [0.0; LANES];
    for l in 0..LANES {
        lanes[l] = f(l);
    }
    lanes
}

/// `a − b·c`.
#[inline(always)]
fn less(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
    lanes(|l| a[l] - b[l] * c[l])
}

#[inline(always)]
fn group_of_rows(states: &[State], group: &mut Unknowns<'_>) -> Lanes {
    let zero = [0.0; LANES];
    let (mut matrix, mut pull, mut x) = ([[zero; BLOCK]; BLOCK], [zero; BLOCK], [zero; BLOCK]);
    for (l, state) in states.iter().enumerate() {
        let penalty = group.penalties[l];
        for i in 0..BLOCK {
            x[i][l] = group.x[l][i];
            pull[i][l] = state[0][i] - penalty * x[i][l];
            for turn in 0..=BLOCK / 2 {
                let j = (i + turn) % BLOCK;
                matrix[i.max(j)][i.min(j)][l] = state[turn + 1][i];
            }
            matrix[i][i][l] += penalty;
        }
    }
    let mut steps = match group.nonnegative {
        false => factorised(matrix, pull),
        true => bounded(&matrix, &pull, &x),
    };
    stretch(&mut steps, &x, group);
    let gains = gain(&matrix, &pull, &steps);
    for step in &mut steps {
        // What is not a number is no gain either.
        *step = lanes(|l| if gains[l] > 0.0 { step[l] } else { 0.0 });
    }
    for (l, (x, delta)) in group.x.iter_mut().zip(group.delta.iter_mut()).enumerate() {
        for i in 0..BLOCK {
            delta[i] = steps[i][l];
            x[i] += steps[i][l];
            debug_assert!(!group.nonnegative || x[i] >= 0.0, "a factor is {}", x[i]);
        }
    }
    lanes(|l| if gains[l] > 0.0 { gains[l] } else { 0.0 })
}

/// Has steps go farther, if no factor may become negative up to where the first one is zero.
#[inline(always)]
fn stretch(steps: &mut [Lanes; BLOCK], x: &[Lanes; BLOCK], group: &Unknowns<'_>) {
    let mut by = [group.stretch; LANES];
    if group.nonnegative {
        for i in 0..BLOCK {
            by = lanes(|l| {
                let falls = x[i][l] + group.stretch * steps[i][l] < 0.0;
                if falls { by[l].min(-x[i][l] / steps[i][l]).max(1.0) } else { by[l] }
            });
        }
    }
    for i in 0..BLOCK {
        let least = if group.nonnegative { x[i].map(|x| -x) } else { [f32::MIN; LANES] };
        steps[i] = lanes(|l| (by[l] * steps[i][l]).max(least[l]));
    }
}

/// The solution of `A d = y` by `A = L D Lᵀ`; the lower triangle of `A` is given.
#[inline(always)]
fn factorised(mut a: [[Lanes; BLOCK]; BLOCK], mut y: [Lanes; BLOCK]) -> [Lanes; BLOCK] {
    let mut inverse = [[0.0; LANES]; BLOCK];
    let diagonal: [Lanes; BLOCK] = std::array::from_fn(|i| a[i][i]);
    for c in 0..BLOCK {
        let pivot = a[c][c];
        inverse[c] =
            lanes(|l| if pivot[l] > PIVOT * diagonal[c][l] { 1.0 / pivot[l] } else { 0.0 });
        for i in c + 1..BLOCK {
            let factor = lanes(|l| a[i][c][l] * inverse[c][l]);
            for t in c + 1..=i {
                a[i][t] = less(a[i][t], factor, a[t][c]);
            }
            y[i] = less(y[i], factor, y[c]);
        }
    }
    for c in (0..BLOCK).rev() {
        let mut left = y[c];
        for i in c + 1..BLOCK {
            left = less(left, a[i][c], y[i]);
        }
        y[c] = lanes(|l| left[l] * inverse[c][l]);
    }
    y
}

/// The least of `½ dᵀAd − y·d` with `x + d ≥ 0`, one coordinate after the other, from `d = 0`.
#[inline(always)]
fn bounded(a: &[[Lanes; BLOCK]; BLOCK], y: &[Lanes; BLOCK], x: &[Lanes; BLOCK]) -> [Lanes; BLOCK] {
    let mut d = [[0.0; LANES]; BLOCK];
    for _ in 0..SWEEPS {
        let before = d;
        for i in 0..BLOCK {
            let mut left = y[i];
            for j in 0..BLOCK {
                left = less(left, a[i.max(j)][i.min(j)], d[j]);
            }
            d[i] = lanes(|l| {
                let curve = a[i][i][l];
                let step = if curve > 0.0 { d[i][l] + left[l] / curve } else { d[i][l] };
                step.max(-x[i][l])
            });
        }
        if d == before {
            break;
        }
    }
    d
}

/// `2 y·d − dᵀAd`.
#[inline(always)]
fn gain(a: &[[Lanes; BLOCK]; BLOCK], y: &[Lanes; BLOCK], d: &[Lanes; BLOCK]) -> Lanes {
    let mut gain = [0.0; LANES];
    for i in 0..BLOCK {
        let mut row = lanes(|l| y[i][l] + y[i][l]);
        for j in 0..BLOCK {
            row = less(row, a[i.max(j)][i.min(j)], d[j]);
        }
        gain = lanes(|l| gain[l] + row[l] * d[i][l]);
    }
    gain
}
