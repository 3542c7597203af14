//! Newton steps on the support: with the signs fixed the problem is a linear system.
//!
//! The Gram matrix of the support and its factor are kept and follow the support, so a step after
//! few changes costs a triangular solve and two passes over the support. Steps that would
//! carry coefficients across zero are cut by whichever of two candidates is better: the full step
//! with those set to zero, or the exact minimiser along the step. The objective falls with every
//! step; the ridge `ε` (relative to the diagonal) keeps dependent columns and supports larger than
//! the number of rows harmless, and vanishes as steps succeed.

use super::block::Block;
use super::cost;
use super::factor::Factor;
use super::gram::{Gram, Repair};
use super::guard::line_search;
use super::program::Step;
use super::vector::RowVector;

/// Ridges: at the start, at least, at most.
pub(super) const START: f64 = 1e-6;
const LEAST: f64 = 1e-12;
const MOST: f64 = 0.3;
/// Blocks of an epoch that may be solved by the Gram matrix alone: should rounding keep it from being
/// solved like that, it is solved by the data.
const KNOWN: u32 = 6;
/// The least ridge that shortens steps noticeably.
const DAMPING: f64 = 1e-2;

/// The support's Gram matrix and factor, kept between blocks while the working columns stay.
pub(super) struct Newton {
    /// The support's slots, in the factor's order.
    pub(super) order: Vec<usize>,
    pub(super) gram: Gram,
    pub(super) factor: Factor,
    pub(super) ridge: f64,
    /// The ridge and the l2 weight of λ the factor was made with.
    made: (f64, f64),
    /// How many more blocks of the epoch may be solved by the Gram matrix of the one before, which
    /// followed its rows.
    pub(super) known: u32,
    /// Correlations of columns with the residual by slot, as far as they are known without a look at
    /// the columns; else not a number.
    pub(super) told: Vec<f64>,
    pub(super) stage: Stage,
}

/// How much there is of what the next step needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Order, Gram matrix and factor may be those of another support.
    #[default]
    Before,
    /// The order is right, and the shards take the correlations of these slots.
    Products(Vec<usize>),
    /// The Gram matrix is there, and the shards take the factor's columns up to here.
    Columns(usize),
    /// All of it.
    Ready,
}

/// A run of steps.
pub(super) struct Run {
    /// Steps are taken until every gradient on the support is within this much of λ.
    pub tolerance: f64,
    /// How many more there may be.
    pub steps: usize,
}

impl Default for Newton {
    fn default() -> Self {
        Newton {
            order: Vec::new(),
            gram: Gram::default(),
            factor: Factor::default(),
            ridge: START,
            made: (START, 0.0),
            known: 0,
            told: Vec::new(),
            stage: Stage::Before,
        }
    }
}

impl Newton {
    /// Steps until the optimality conditions hold on the support, steps run out, or the objective
    /// no longer falls. False if it waits for what `shards` shards take: see [`super::division`].
    pub fn run(
        &mut self,
        block: &mut Block<'_>,
        residual: &mut RowVector,
        run: &mut Run,
        shards: usize,
    ) -> bool {
        while run.steps > 0 {
            if !self.prepare(block, shards) {
                return false;
            }
            self.stage = Stage::Before;
            run.steps -= 1;
            let gradients: Vec<f64> =
                self.order.iter().map(|&at| block.gradient(at, residual)).collect();
            let largest = gradients.iter().fold(0.0f64, |a, g| a.max(g.abs()));
            if largest <= run.tolerance * block.lambda * block.options.l1_ratio.max(1e-3) {
                return true;
            }
            let mut direction = gradients;
            self.factor.solve(&mut direction);
            if !self.step(block, residual, &direction) {
                return true;
            }
        }
        true
    }

    /// Follows rows that came or went.
    pub fn repair(&mut self, repair: &Repair<'_>) {
        self.gram.repair(repair);
        self.factor.truncate(0);
        self.known = KNOWN;
    }

    /// What the next step costs before it is solved for, in nanoseconds (see [`cost`]): the rows
    /// that the Gram matrix and the factor lack.
    pub fn cost(&self, block: &Block<'_>) -> f64 {
        let support: Vec<usize> =
            block.members.iter().copied().filter(|&slot| block.is_in_support(slot)).collect();
        let same = self.made == self.wanted(block);
        let stays = |&&slot: &&usize| same && block.is_in_support(slot);
        let kept = self.order[..self.factor.order()].iter().take_while(stays).count();
        cost::factorisation(kept, support.len()) + self.gram.cost(block, &support)
    }

    /// The ridge and the l2 weight of the matrix to be solved.
    fn wanted(&self, block: &Block<'_>) -> (f64, f64) {
        (self.ridge, block.lambda * (1.0 - block.options.l1_ratio))
    }

    /// Makes order, Gram matrix and factor those of the block's support.
    pub(super) fn follow_support(&mut self, block: &Block<'_>) {
        self.arrange(block);
        self.gram.enter(block, &self.order);
        self.begin_factor(block);
        self.factor.finish();
    }

    /// Makes the order that of the block's support, and leaves of the factor what holds for it.
    pub(super) fn arrange(&mut self, block: &Block<'_>) {
        let made = self.wanted(block);
        if self.made != made {
            self.factor.truncate(0);
        }
        self.made = made;
        self.drop_left(block);
        let keep = self.factor.order();
        let mut known = vec![false; block.beta.len()];
        self.order.iter().for_each(|&slot| known[slot] = true);
        let new = |slot: &usize| block.is_in_support(*slot) && !known[*slot];
        self.order.extend(block.members.iter().copied().filter(new));
        // What is small is likely to leave: at the end it takes little of the factor with it.
        self.order[keep..]
            .sort_by(|&a, &b| block.beta[b].abs().total_cmp(&block.beta[a].abs()).then(a.cmp(&b)));
    }

    /// Gives the factor the matrix of the order's columns, once the Gram matrix has them.
    pub(super) fn begin_factor(&mut self, block: &Block<'_>) {
        let (order, gram, ridge) = (&self.order, &self.gram, self.made.0);
        let places: Vec<usize> = order.iter().map(|&slot| gram.place(slot)).collect();
        self.factor.begin(order.len(), |row, cells| {
            let products = gram.row(places[row]);
            cells.iter_mut().zip(&places).for_each(|(cell, &place)| *cell = products[place]);
            cells[row] = block.norm(order[row]) * (1.0 + ridge) + block.l2(order[row]);
        });
    }

    /// Takes what left the support out of order and factor: by rotations where that costs less
    /// than the factor of all that comes after the first of them.
    fn drop_left(&mut self, block: &Block<'_>) {
        let gone: Vec<usize> =
            (0..self.order.len()).filter(|&at| !block.is_in_support(self.order[at])).collect();
        let factored = self.factor.order();
        let within = gone.partition_point(|&at| at < factored);
        if let Some(&first) = gone[..within].first() {
            let rotations: f64 =
                gone[..within].iter().map(|&at| cost::rotations(factored - at)).sum();
            if rotations < cost::factorisation(first, factored) {
                gone[..within].iter().rev().for_each(|&at| self.factor.remove(at));
            } else {
                self.factor.truncate(first);
            }
        }
        self.order.retain(|&slot| block.is_in_support(slot));
    }

    /// Takes the step, or a part of it; false if the objective would not fall.
    fn step(&mut self, block: &mut Block<'_>, residual: &mut RowVector, direction: &[f64]) -> bool {
        let old: Vec<f64> = self.order.iter().map(|&at| block.beta[at]).collect();
        let crosses = |at: usize| {
            // (The product of both would vanish if they are tiny.)
            let new = old[at] + direction[at];
            let stays = new > 0.0 && old[at] > 0.0 || new < 0.0 && old[at] < 0.0;
            block.is_bound(self.order[at]) && !stays
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
            // Less than this would change nothing but the factor.
            self.ridge = (self.ridge * 10.0).clamp(DAMPING, MOST);
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
