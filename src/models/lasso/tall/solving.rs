//! From the sums of products to coefficients, and from the rows' own sums to certificates.

use super::frame::{Frame, loss};
use super::program::Tall;
use super::solver::{Anchor, Solver};
use crate::models::lasso::certificate::Measure;
use crate::models::lasso::design::Facts;
use crate::models::lasso::lambda::Continuation;
use crate::models::lasso::options::Lambda;
use crate::models::lasso::stages::NULL_GAP;

/// A λ under which every penalised coefficient is zero.
const NULL_LAMBDA: f64 = 1e150;
/// The gap at which a λ on the way to the one asked for is left.
const STAGE_GAP: f64 = 1e-3;
/// The share of the tolerance that a solution by the Gram matrix is left.
const SHARE: f64 = 0.3;

impl Tall {
    /// Takes means and scales anew for the rows that are not held out.
    pub(super) fn state(&mut self) {
        let each = self.sums.len() / self.folds();
        let mut sums = vec![0.0; each];
        for (fold, part) in self.sums.chunks_exact(each).enumerate() {
            if self.held_out != Some(fold) {
                sums.iter_mut().zip(part).for_each(|(to, term)| *to += term);
            }
        }
        let factors = self.data.factors.as_ref().map(|factors| factors.as_slice());
        let frame = Frame::new(&sums, &self.shift, factors, &self.options);
        let mut values = vec![0.0; self.data.columns];
        match self.solver.take() {
            Some(solver) => values = solver.values(),
            None => {
                let warm = self.data.warm.iter().flat_map(|warm| warm.iter());
                warm.for_each(|&(column, value)| values[column as usize] = value);
                let restored = std::mem::take(&mut self.restored.0);
                restored.iter().for_each(|&(column, value)| values[column as usize] = value);
            }
        }
        let mut solver = Solver::new(frame, self.options.clone());
        solver.put(&values);
        self.solver = Some(solver);
        (self.lambda_max, self.solved, self.framed) = (f64::NAN, self.restored.1.take(), true);
    }

    /// Solves for the λ asked for, as far as the Gram matrix tells.
    pub(super) fn solve(&mut self) {
        if !self.framed {
            self.state();
        }
        let Some(mut solver) = self.solver.take() else { return };
        solver.updates = 0;
        let warm = solver.beta.iter().any(|beta| *beta != 0.0);
        let asked = matches!(self.lambda, Lambda::Ratio(_)) || !warm;
        if self.lambda_max.is_nan() && asked {
            self.lambda_max = self.largest(&solver);
        }
        let target = match self.lambda {
            Lambda::Value(lambda) => lambda,
            Lambda::Ratio(ratio) if self.lambda_max > 0.0 => ratio * self.lambda_max,
            // Nothing correlates with the response: any λ keeps all coefficients zero.
            Lambda::Ratio(_) => 1.0,
        };
        let start = match (warm, self.solved) {
            (false, _) => self.lambda_max,
            (true, Some(solved)) => solved,
            (true, None) => target,
        };
        let mut path = Continuation::new(start, target);
        while !path.is_last() {
            solver.solve(path.lambda(), STAGE_GAP);
            path.advance();
        }
        solver.solve(target, SHARE * self.options.tolerance);
        self.solved = Some(target);
        self.measure = self.held_out.map(|fold| self.measured_on(&solver, fold));
        self.solver = Some(solver);
    }

    /// λ_max of the residual that unpenalised columns leave.
    pub(super) fn largest(&self, solver: &Solver) -> f64 {
        let mut null = Solver::new(solver.frame.clone(), self.options.clone());
        if self.data.factors.as_ref().is_some_and(|factors| factors.contains(&0.0)) {
            null.solve(NULL_LAMBDA, NULL_GAP);
        }
        null.lambda_max()
    }

    /// The certificate by the Gram matrix, with the loss on the rows held out.
    pub(super) fn measured_on(&self, solver: &Solver, fold: usize) -> Measure {
        let each = self.sums.len() / self.folds();
        let sums = &self.sums[fold * each..][..each];
        let measure = solver.measure();
        let held_out = loss(sums, &self.shift, &solver.values(), measure.intercept);
        self.told(Measure { held_out, ..measure })
    }

    pub(super) fn told(&self, measure: Measure) -> Measure {
        Measure { target: measure.lambda, lambda_max: self.lambda_max, last: 1, ..measure }
    }

    /// Takes in what the rows say of the coefficients.
    pub(super) fn anchor(&mut self, sums: &[f64]) {
        let Some(mut solver) = self.solver.take() else { return };
        let frame = &solver.frame;
        let (products, extra) = sums.split_at(self.data.columns);
        let [sum, rr, ry, yy] = [extra[0], extra[1], extra[2], extra[3]];
        let correlation = |(product, facts): (&f64, &Facts)| {
            facts.scale * (product - facts.mean * sum) / frame.total
        };
        // What rounding left in the residual's mean goes to the intercept.
        let rest = if self.options.intercept { sum / frame.total } else { 0.0 };
        let anchor = Anchor {
            beta: solver.beta.clone(),
            correlation: products.iter().zip(&frame.facts).map(correlation).collect(),
            rr: rr - rest * sum,
            ry,
            yy,
        };
        solver.anchor(anchor);
        let measure = solver.measure();
        self.measure = Some(self.told(Measure { intercept: measure.intercept + rest, ..measure }));
        self.solver = Some(solver);
    }

    /// Solves again from what the rows said, since that was not good enough: another round has
    /// begun. A certificate that ends an epoch stays true of its coefficients.
    pub(super) fn improve(&mut self) {
        if !std::mem::take(&mut self.improvable) {
            return;
        }
        let Some(mut solver) = self.solver.take() else { return };
        solver.solve(self.last.lambda, SHARE * self.options.tolerance);
        self.measure = self.held_out.map(|fold| self.measured_on(&solver, fold));
        self.solver = Some(solver);
    }
}
