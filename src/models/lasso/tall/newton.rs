//! Newton steps on the support of a problem that is a Gram matrix.
//!
//! With the signs fixed the problem is a linear system. A step goes as far as the objective falls,
//! but to where the first coefficient reaches zero at most; that one leaves the support, and the
//! next step goes on without it. So the objective falls with every step.

use super::solver::{Solver, add};
use crate::models::lasso::factor::Factor;

/// The share of the diagonal added to it, which keeps dependent columns harmless.
const RIDGE: f64 = 1e-10;
/// Gradients below this share of the largest that could matter are rounding.
const ROUNDING: f64 = 1e-16;

/// The support's factor, kept while it serves.
#[derive(Clone, Debug, Default)]
pub(super) struct Newton {
    order: Vec<usize>,
    factor: Factor,
    /// The l2 weight of λ the factor was made with.
    made: f64,
}

impl Newton {
    /// At most `steps` steps, until the gradient vanishes or the objective no longer falls.
    pub fn run(&mut self, solver: &mut Solver, steps: usize) {
        for _ in 0..steps {
            self.follow(solver);
            let mut direction: Vec<f64> =
                self.order.iter().map(|&at| gradient(solver, at)).collect();
            let norm = |at: usize| solver.frame.facts[at].norm.sqrt() * solver.spread();
            let small = |(&at, g): (&usize, &f64)| g.abs() <= ROUNDING * norm(at);
            if self.order.iter().zip(&direction).all(small) {
                return;
            }
            let gradients = direction.clone();
            self.factor.solve(&mut direction);
            if !self.step(solver, &gradients, &direction) {
                return;
            }
        }
    }

    /// Makes order and factor those of the support.
    fn follow(&mut self, solver: &Solver) {
        let made = solver.lambda * (1.0 - solver.options.l1_ratio);
        let left = self.order.iter().position(|&at| !solver.is_in_support(at));
        let same = if self.made == made { self.factor.order() } else { 0 };
        self.factor.truncate(left.map_or(same, |left| left.min(same)));
        self.made = made;
        self.order.retain(|&at| solver.is_in_support(at));
        let mut known = vec![false; solver.beta.len()];
        self.order.iter().for_each(|&at| known[at] = true);
        self.order.extend((0..known.len()).filter(|&at| !known[at] && solver.is_in_support(at)));
        let order = &self.order;
        self.factor.extend(order.len(), |row, cells| {
            let products = solver.frame.row(order[row]);
            cells.iter_mut().zip(order).for_each(|(cell, &at)| *cell = products[at]);
            cells[row] = cells[row] * (1.0 + RIDGE) + solver.penalty(order[row]).l2;
        });
    }

    /// Goes along the direction; false if the objective would not fall.
    fn step(&self, solver: &mut Solver, gradients: &[f64], direction: &[f64]) -> bool {
        let mut change = vec![0.0; solver.beta.len()];
        let (mut slope, mut curvature) = (0.0, 0.0);
        let (mut length, mut first) = (f64::INFINITY, None);
        for ((&at, &step), gradient) in self.order.iter().zip(direction).zip(gradients) {
            add(step, solver.frame.row(at), &mut change);
            slope += gradient * step;
            let penalty = solver.penalty(at);
            curvature += penalty.l2 * step * step;
            let bound = solver.options.positive || penalty.l1 > 0.0;
            let to_zero = -solver.beta[at] / step;
            if bound && to_zero > 0.0 && to_zero < length {
                (length, first) = (to_zero, Some(at));
            }
        }
        curvature +=
            self.order.iter().zip(direction).map(|(&at, step)| change[at] * step).sum::<f64>();
        let best = slope / curvature;
        if slope.is_nan() || slope <= 0.0 || best.is_nan() || best <= 0.0 {
            return false;
        }
        let length = if best < length { best } else { length };
        if !length.is_finite() {
            return false;
        }
        for (&at, step) in self.order.iter().zip(direction) {
            let reaches = first == Some(at) && length < best;
            solver.beta[at] = if reaches { 0.0 } else { solver.beta[at] + length * step };
        }
        add(-length, &change, &mut solver.correlation);
        true
    }
}

/// How the objective falls along a coefficient of the support.
fn gradient(solver: &Solver, at: usize) -> f64 {
    let (penalty, beta) = (solver.penalty(at), solver.beta[at]);
    let sign = if beta == 0.0 { 0.0 } else { beta.signum() };
    solver.correlation[at] - penalty.l1 * sign - penalty.l2 * beta
}
