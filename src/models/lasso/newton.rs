//! Newton steps on the support: with the signs fixed the problem is a linear system.
//!
//! The Gram matrix of the support is kept column by column and its factor row by row, so a step
//! after few changes costs a triangular solve and one pass over the support. Steps that would
//! carry coefficients across zero are cut by whichever of two candidates is better: the full step
//! with those set to zero, or the exact minimiser along the step. The objective falls with every
//! step; the ridge `ε` (relative to the diagonal) keeps dependent columns and supports larger than
//! the number of rows harmless, and vanishes as steps succeed.

use super::block::Block;
use super::factor::Factor;
use super::guard::line_search;
use super::program::Step;
use super::vector::RowVector;

/// Ridges: at the start, at least, at most.
const START: f64 = 1e-6;
const LEAST: f64 = 1e-12;
const MOST: f64 = 0.3;

/// Columns beyond the support whose correlations are kept.
const SPARE: usize = 256;

/// The support's Gram matrix and factor, kept between blocks while the working columns stay.
///
/// Takes `8 s²` bytes for the `s` columns that entered the support, at most twice the support and
/// 256 more.
pub(super) struct Newton {
    /// The support's slots, in the factor's order.
    order: Vec<usize>,
    /// For each slot of the working columns its row of the Gram matrix, if it has one.
    place: Vec<Option<usize>>,
    /// Slots by row, and the lower triangle.
    entered: Vec<usize>,
    gram: Vec<Vec<f64>>,
    factor: Factor,
    ridge: f64,
    /// The ridge and the l2 weight of λ the factor was made with.
    made: (f64, f64),
}

/// How a run of steps ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The optimality conditions hold on the support, to the tolerance.
    Optimal,
    /// Steps ran out, or the objective no longer fell.
    Stopped,
}

impl Default for Newton {
    fn default() -> Self {
        Newton {
            order: Vec::new(),
            place: Vec::new(),
            entered: Vec::new(),
            gram: Vec::new(),
            factor: Factor::default(),
            ridge: START,
            made: (START, 0.0),
        }
    }
}

impl Newton {
    /// At most `steps` steps, until every gradient on the support is within `tolerance · λ`.
    pub fn run(
        &mut self,
        block: &mut Block<'_>,
        residual: &mut RowVector,
        tolerance: f64,
        steps: usize,
    ) -> Outcome {
        for _ in 0..steps {
            self.follow_support(block);
            let gradients: Vec<f64> =
                self.order.iter().map(|&at| block.gradient(at, residual)).collect();
            let largest = gradients.iter().fold(0.0f64, |a, g| a.max(g.abs()));
            if largest <= tolerance * block.lambda * block.options.l1_ratio.max(1e-3) {
                return Outcome::Optimal;
            }
            let mut direction = gradients;
            self.factor.solve(&mut direction);
            if !self.step(block, residual, &direction) {
                return Outcome::Stopped;
            }
        }
        Outcome::Stopped
    }

    /// Makes order, Gram matrix and factor those of the block's support.
    fn follow_support(&mut self, block: &Block<'_>) {
        let made = (self.ridge, block.lambda * (1.0 - block.options.l1_ratio));
        let mut keep = if self.made == made { self.factor.order() } else { 0 };
        if let Some(first) = self.order.iter().position(|&slot| !block.is_in_support(slot)) {
            keep = keep.min(first);
        }
        let mut known = vec![false; block.beta.len()];
        self.order.retain(|&slot| block.is_in_support(slot));
        self.order.iter().for_each(|&slot| known[slot] = true);
        let new = |slot: &usize| block.is_in_support(*slot) && !known[*slot];
        self.order.extend(block.members.iter().copied().filter(new));
        if self.entered.len() > 2 * self.order.len() + SPARE {
            self.forget_gram();
        }
        // What is small is likely to leave: at the end it takes little of the factor with it.
        self.order[keep..]
            .sort_by(|&a, &b| block.beta[b].abs().total_cmp(&block.beta[a].abs()).then(a.cmp(&b)));
        self.factor.truncate(keep);
        self.made = made;
        let order = std::mem::take(&mut self.order);
        self.enter(block, &order);
        let row_of = |slot: usize| self.place[slot].unwrap_or_default();
        self.factor.extend(order.len(), |row, column| {
            if row == column {
                block.norm(order[row]) * (1.0 + made.0) + block.l2(order[row])
            } else {
                let (a, b) = (row_of(order[row]), row_of(order[column]));
                self.gram[a.max(b)][a.min(b)]
            }
        });
        self.order = order;
    }

    fn forget_gram(&mut self) {
        self.entered.clear();
        self.gram.clear();
        self.place.clear();
    }

    /// Gives every slot its row of the Gram matrix: its column's correlations with those that
    /// entered before.
    fn enter(&mut self, block: &Block<'_>, slots: &[usize]) {
        self.place.resize(block.beta.len(), None);
        for &slot in slots {
            if self.place[slot].is_none() {
                let column = block.vector(slot);
                let row = self.entered.iter().map(|&other| block.correlation(other, &column));
                self.gram.push(row.collect());
                self.place[slot] = Some(self.entered.len());
                self.entered.push(slot);
            }
        }
    }

    /// Takes the step, or a part of it; false if the objective would not fall.
    fn step(&mut self, block: &mut Block<'_>, residual: &mut RowVector, direction: &[f64]) -> bool {
        let old: Vec<f64> = self.order.iter().map(|&at| block.beta[at]).collect();
        let crosses = |at: usize| {
            block.is_bound(self.order[at]) && (old[at] + direction[at]) * old[at] <= 0.0
        };
        let crossing: Vec<usize> = (0..old.len()).filter(|&at| crosses(at)).collect();
        let mut change = RowVector::zeros(block.rows);
        for (&at, &step) in self.order.iter().zip(direction) {
            block.add(at, step, &mut change);
        }
        let before = block.objective(residual);
        if crossing.is_empty() {
            let full: Vec<f64> = old.iter().zip(direction).map(|(old, step)| old + step).collect();
            let mut moved = residual.clone();
            moved.add_vector(-1.0, &change);
            self.ridge = (self.ridge * 0.1).max(LEAST);
            // A ridge that hardly matters is not worth a new factor.
            if self.made.0 <= 1e-3 {
                self.ridge = self.made.0;
            }
            return self.accept(block, residual, before, &[(full, moved)]);
        }
        let mut cut = old.iter().zip(direction).map(|(old, step)| old + step).collect::<Vec<_>>();
        let mut projected = residual.clone();
        projected.add_vector(-1.0, &change);
        for &at in &crossing {
            block.add(self.order[at], cut[at], &mut projected);
            cut[at] = 0.0;
        }
        let searched = self.search(block, residual, &old, direction, &change);
        let length = searched.2;
        let candidates = [(cut, projected), (searched.0, searched.1)];
        let best = self.accept(block, residual, before, &candidates);
        let many = crossing.len() > 4;
        if many && length < 0.3 {
            self.ridge = (self.ridge * 10.0).min(MOST);
        } else if self.made.0 > 1e-3 {
            self.ridge = (self.ridge * 0.3).max(LEAST);
        }
        best
    }

    /// The exact minimiser along the step: coefficients, residual, length.
    fn search(
        &self,
        block: &Block<'_>,
        residual: &RowVector,
        old: &[f64],
        direction: &[f64],
        change: &RowVector,
    ) -> (Vec<f64>, RowVector, f64) {
        let steps: Vec<Step> = (0..old.len())
            .map(|at| block.step(self.order[at], old[at], old[at] + direction[at]))
            .collect();
        let slope = residual.inner(change, block.rows) / block.rows.total;
        let curvature = change.inner(change, block.rows) / block.rows.total;
        let length = line_search(&steps, slope, curvature, block.options.positive);
        let beta = (0..old.len()).map(|at| length.end(at, &steps[at])).collect();
        let mut moved = residual.clone();
        moved.add_vector(-length.t, change);
        (beta, moved, length.t)
    }

    /// Takes the best candidate if the objective falls.
    fn accept(
        &self,
        block: &mut Block<'_>,
        residual: &mut RowVector,
        before: f64,
        candidates: &[(Vec<f64>, RowVector)],
    ) -> bool {
        let old: Vec<f64> = self.order.iter().map(|&at| block.beta[at]).collect();
        let mut best: Option<(f64, usize)> = None;
        for (index, (beta, moved)) in candidates.iter().enumerate() {
            self.order.iter().zip(beta).for_each(|(&at, &beta)| block.beta[at] = beta);
            let after = block.objective(moved);
            if after < before && best.is_none_or(|(least, _)| after < least) {
                best = Some((after, index));
            }
        }
        let chosen = best.map_or(&old, |(_, index)| &candidates[index].0);
        self.order.iter().zip(chosen).for_each(|(&at, &beta)| block.beta[at] = beta);
        match best {
            Some((after, index)) => {
                *residual = candidates[index].1.clone();
                // Falls of the size of rounding are not worth another step.
                before - after > 1e-15 * before
            }
            None => false,
        }
    }
}
