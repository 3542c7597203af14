//! Blocks solved without their data: by the correlations of their columns with one another.
//!
//! After few rows have changed, the support and what is near it are those of the epoch before, and
//! so are the columns whose Gram matrix is known ([`super::gram`] follows the rows). Coordinate
//! descent then needs the correlations alone ("covariance updates": Friedman, Hastie and Tibshirani,
//! J. Stat. Softw. 33, 2010, §2.2): a step takes `p` multiplications for `p` columns of the matrix,
//! however many rows there are, and a Newton step `p²`.
//!
//! The residual is then made anew from the coefficients, and everything is taken back if the
//! objective has not fallen: rounding in the matrix can cost time, never the certificate.

use std::cmp::Ordering;

use super::block::Block;
use super::guard::line_search;
use super::newton::{Newton, START};
use super::penalty::Penalty;
use super::program::Step;
use super::vector::RowVector;

/// How often columns whose correlations are not known may be let in.
const ROUNDS: usize = 8;
/// Newton steps at most, and passes of coordinate descent between two of them.
const STEPS: usize = 60;
const PASSES: usize = 8;
/// Passes end early when one moves less than this share of what the first moved.
const SETTLED: f64 = 0.01;
/// How far gradients may be from optimal, in units of λ: this share of the relative gap asked for,
/// but no less than rounding may leave.
const SHARE: f64 = 0.01;
const ACCURACY: f64 = 1e-12;

/// A column of the block: its slot, its row of the Gram matrix, and what steps need of it.
struct Column {
    slot: usize,
    place: usize,
    norm: f64,
    penalty: Penalty,
}

impl Newton {
    /// Solves the block if the correlations of its support are known from an epoch before, and gives
    /// the number of coordinate updates; nothing if it could not be done.
    ///
    /// Of the columns that are not known only those are let in that violate optimality once the
    /// others are solved for. `residual` must be that of the coefficients, and is afterwards; so it is
    /// with the correlations that [`Newton::told`] has.
    pub fn solve_known(&mut self, block: &mut Block<'_>, residual: &mut RowVector) -> Option<u64> {
        let mut told = std::mem::take(&mut self.told);
        let known = |slot: &&usize| self.gram.holds(**slot);
        let (mut slots, mut others): (Vec<usize>, Vec<usize>) =
            block.members.iter().partition(known);
        let unknown = others.iter().any(|&slot| block.is_in_support(slot));
        let free = block.members.iter().any(|&slot| block.facts(slot).factor == 0.0);
        if self.known == 0 || unknown || free {
            return None;
        }
        self.known -= 1;
        told.resize(block.beta.len(), f64::NAN);
        for &slot in &slots {
            if told[slot].is_nan() {
                told[slot] = block.correlation(slot, residual);
            }
        }
        // A ridge that cut steps short before the first pass has done its work.
        self.ridge = self.ridge.min(START);
        let (before, beta) = (block.objective(residual), block.beta.clone());
        let (mut updates, mut moved) = (0, residual.clone());
        for _ in 0..ROUNDS {
            updates += self.descend_known(block, &slots, &mut told);
            block.rebuild(&mut moved);
            let mut enters = |slot: &usize| {
                let (penalty, taken) = (block.penalty(*slot), block.correlation(*slot, &moved));
                told[*slot] = taken;
                penalty.pull(taken) > penalty.l1
            };
            let new: Vec<usize> = others.iter().copied().filter(|slot| enters(slot)).collect();
            if new.is_empty() {
                break;
            }
            others.retain(|slot| !new.contains(slot));
            slots.extend(new);
            self.gram.enter(block, &slots);
        }
        if block.objective(&moved) <= before {
            *residual = moved;
            self.told = told;
            return Some(updates);
        }
        block.beta = beta;
        None
    }

    /// Newton steps and passes of coordinate descent in turn, until nothing is left to do or
    /// Newton steps no longer help. `told` are correlations by slot, those of `slots` among them;
    /// afterwards all that are still known.
    fn descend_known(&mut self, block: &mut Block<'_>, slots: &[usize], told: &mut [f64]) -> u64 {
        let mut c: Vec<f64> = self.gram.slots().iter().map(|&slot| told[slot]).collect();
        let mut columns = Vec::with_capacity(slots.len());
        for &slot in slots {
            let (norm, penalty, place) =
                (block.norm(slot), block.penalty(slot), self.gram.place(slot));
            columns.push(Column { slot, place, norm, penalty });
        }
        let accuracy = ACCURACY.max(SHARE * block.options.tolerance);
        let bound = accuracy * block.lambda * block.options.l1_ratio.max(1e-3);
        let mut updates = 0;
        // The support is nearly right: for most epochs a step of it is all there is to do.
        self.walk_known(block, &mut c);
        for _ in 0..STEPS {
            if off(block, &columns, &c) <= bound {
                break;
            }
            let mut first = 0.0;
            for pass in 0..PASSES {
                let energy = self.pass_known(block, &columns, &mut c);
                updates += columns.len() as u64;
                first = if pass == 0 { energy } else { first };
                if energy <= SETTLED * first {
                    break;
                }
            }
            if off(block, &columns, &c) <= bound || !self.walk_known(block, &mut c) {
                break;
            }
        }
        told.fill(f64::NAN);
        self.gram.slots().iter().zip(c).for_each(|(&slot, c)| told[slot] = c);
        updates
    }

    /// Newton steps until one need not be cut short; false if the first does not help. Columns that
    /// become zero on the way stay so, or they would be let in and out again in turn.
    fn walk_known(&mut self, block: &mut Block<'_>, c: &mut [f64]) -> bool {
        for step in 0..STEPS {
            match self.step_known(block, c) {
                None => return step > 0,
                Some(true) => return true,
                Some(false) => {}
            }
        }
        true
    }

    /// A step of every column. Gives the mean square by which they moved the fitted values.
    fn pass_known(&self, block: &mut Block<'_>, columns: &[Column], c: &mut [f64]) -> f64 {
        let mut energy = 0.0;
        for column in columns {
            let (old, norm) = (block.beta[column.slot], column.norm);
            let new = column.penalty.minimise(c[column.place] + norm * old, norm);
            if new != old {
                add(c, old - new, self.gram.row(column.place));
                block.beta[column.slot] = new;
                energy += (new - old) * norm * (new - old);
            }
        }
        energy
    }

    /// A Newton step on the support, as far as the objective falls. Gives whether it was the full
    /// step; nothing if the objective does not fall.
    fn step_known(&mut self, block: &mut Block<'_>, c: &mut [f64]) -> Option<bool> {
        self.follow_support(block);
        let gradient = |&slot: &usize| {
            let (penalty, beta) = (block.penalty(slot), block.beta[slot]);
            c[self.gram.place(slot)] - penalty.l1 * beta.signum() - penalty.l2 * beta
        };
        let mut direction: Vec<f64> = self.order.iter().map(gradient).collect();
        self.factor.solve(&mut direction);
        let steps: Vec<Step> = self
            .order
            .iter()
            .zip(&direction)
            .map(|(&slot, step)| block.step(slot, block.beta[slot], block.beta[slot] + step))
            .collect();
        let full = self.way(&steps, c, |_, step| step.new);
        // (The product of both would vanish if they are tiny.)
        let stays = |step: &Step| step.old > 0.0 && step.new > 0.0 || step.old.max(step.new) < 0.0;
        let best = if steps.iter().all(stays) {
            full
        } else {
            let length = line_search(&steps, full.slope, full.curvature, block.options.positive);
            let searched = self.way(&steps, c, |at, step| length.end(at, step));
            // Or the full step, with those coefficients set to zero that would change their sign.
            let cut = self.way(&steps, c, |_, step| if stays(step) { step.new } else { 0.0 });
            if cut.gain > searched.gain { cut } else { searched }
        };
        if best.gain.partial_cmp(&0.0) != Some(Ordering::Greater) {
            return None;
        }
        self.order.iter().zip(&best.ends).for_each(|(&slot, &end)| block.beta[slot] = end);
        add(c, -1.0, &best.change);
        Some(best.ends.iter().zip(&steps).all(|(end, step)| *end == step.new))
    }

    /// Where steps of the support lead that end as `end` says.
    fn way(&self, steps: &[Step], c: &[f64], end: impl Fn(usize, &Step) -> f64) -> Way {
        let ends: Vec<f64> = steps.iter().enumerate().map(|(at, step)| end(at, step)).collect();
        let mut change = vec![0.0; c.len()];
        let places: Vec<usize> = self.order.iter().map(|&slot| self.gram.place(slot)).collect();
        let (mut slope, mut penalty) = (0.0, 0.0);
        for ((step, &end), &place) in steps.iter().zip(&ends).zip(&places) {
            add(&mut change, end - step.old, self.gram.row(place));
            slope += c[place] * (end - step.old);
            penalty += step.l1 * (end.abs() - step.old.abs())
                + 0.5 * step.l2 * (end - step.old) * (end + step.old);
        }
        let along = steps.iter().zip(&ends).zip(&places);
        let curvature = along.map(|((step, end), &place)| change[place] * (end - step.old)).sum();
        Way { ends, slope, curvature, gain: slope - 0.5 * curvature - penalty, change }
    }
}

/// Steps of the support, taken together.
struct Way {
    ends: Vec<f64>,
    /// What they take from the correlations.
    change: Vec<f64>,
    /// `Σ w r d / W` and `Σ w d² / W` of the change `d` of the fitted values.
    slope: f64,
    curvature: f64,
    /// By how much the objective falls.
    gain: f64,
}

/// By how much the worst column of the block misses its optimality condition.
fn off(block: &Block<'_>, columns: &[Column], c: &[f64]) -> f64 {
    let miss = |column: &Column| {
        let Penalty { l1, l2, .. } = column.penalty;
        let beta = block.beta[column.slot];
        let gradient = c[column.place] - l2 * beta;
        match beta == 0.0 {
            true => column.penalty.pull(gradient) - l1,
            false => (gradient - l1 * beta.signum()).abs(),
        }
    };
    columns.iter().map(miss).fold(0.0, f64::max)
}

/// Adds `step` times a row of the matrix; multiplied and added apart, so that the bits are the same
/// on every processor.
fn add(to: &mut [f64], step: f64, row: &[f64]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || to.iter_mut().zip(row).for_each(|(to, from)| *to += step * from),
    );
}
