//! How a block is solved: coordinate passes, and Newton steps once those would cost less.

use super::block::Block;
use super::cost;
use super::free::Free;
use super::newton::Newton;
use super::vector::RowVector;

/// Newton steps in a row.
const STEPS: usize = 60;
/// Looks at the whole block after which it is given back as it is.
const LOOKS: usize = 1000;
/// Newton runs without progress after which the limit of f64 is taken to be reached.
const PATIENCE: usize = 5;
/// The support is settled when a pass moves this fraction of the energy that the pass over the
/// whole block moved: to solve it better before more columns may enter is wasted.
const SETTLED: f64 = 0.01;
/// Passes at least after Newton steps that did not help, doubled every time.
const LEAST: f64 = 3.0;
/// Passes between two guesses at how many more it takes.
const SPELL: usize = 8;

/// Tolerances from which Newton steps follow if they cost at most this share of what passes did,
/// and how well they solve the support then: solutions are better than was asked, and the whole
/// model is there in fewer rounds.
const NEAR: f64 = 1e-3;
const SHARE: f64 = 0.5;
/// Who asks for this much has them follow at any price.
const EXACT: f64 = 1e-9;
/// Passes before Newton steps cost at most this share of what those would.
const BUDGET: f64 = 0.5;
/// What a round costs at least, in nanoseconds.
const ROUND: f64 = 50e3;
const ACCURACY: f64 = 1e-13;

/// What passes did.
struct Descent {
    updates: u64,
    /// Whether Newton steps are the cheaper way on.
    slow: bool,
}

impl Block<'_> {
    /// Coordinate descent and Newton steps until the gap of the problem restricted to the block
    /// is at most `tolerance · Σ w (y − ȳ)² / 2W`. Gives the number of coordinate updates.
    ///
    /// Passes over the support go on until they have cost half as much as a factorisation would, or
    /// are seen to take longer than that: so at most about three times the cheaper way is spent.
    ///
    /// Unpenalised coefficients are solved for exactly at the end.
    ///
    /// `residual` must be that of the coefficients, and is afterwards.
    pub fn solve(
        &mut self,
        residual: &mut RowVector,
        newton: &mut Newton,
        free: &mut Free,
        tolerance: f64,
    ) -> u64 {
        let (mut updates, mut best, mut idle) = (0, f64::INFINITY, 0);
        let (mut spent, mut more, mut last) = (0.0, 1.0, f64::INFINITY);
        let mut total = 0.0;
        // (How good that is will be measured next, with all other columns.)
        if let Some(known) = newton.solve_known(self, residual) {
            return known;
        }
        for _ in 0..LOOKS {
            let before = spent;
            let descent = self.descend(residual, newton, more, tolerance, &mut spent);
            total += spent - before;
            updates += descent.updates;
            let mut measure = self.measure(residual, free);
            if measure.relative_gap() <= tolerance {
                // Near the end the support is right: for little more it is solved exactly.
                let cheap = || newton.cost(self) <= SHARE * total + ROUND;
                if tolerance <= EXACT || tolerance <= NEAR && cheap() {
                    newton.run(self, residual, ACCURACY, STEPS);
                }
                break;
            }
            if descent.slow {
                newton.run(self, residual, (0.1 * tolerance).clamp(1e-13, 1e-3), STEPS);
                measure = self.measure(residual, free);
                idle = if measure.relative_gap() < 0.9 * best { 0 } else { idle + 1 };
                best = best.min(measure.relative_gap());
                // Where Newton steps do not help, coordinate descent must do more.
                more = if measure.objective() < last { more } else { 2.0 * more };
                last = measure.objective();
                spent = 0.0;
                if idle > 0 {
                    self.rebuild(residual);
                    self.nudge(residual);
                }
            }
            if measure.relative_gap() <= tolerance || idle == PATIENCE {
                break;
            }
        }
        self.rebuild(residual);
        free.settle(self, residual);
        updates
    }

    /// A pass over the whole block, then passes over the support until it is settled or Newton
    /// steps would be cheaper. Adds the cost of the latter to `spent`.
    fn descend(
        &mut self,
        residual: &mut RowVector,
        newton: &Newton,
        more: f64,
        tolerance: f64,
        spent: &mut f64,
    ) -> Descent {
        let (mut updates, first) = self.sweep(residual, true);
        let (cost, budget) = (self.support_cost(), more * BUDGET * newton.cost(self));
        let still = (0.01 * tolerance).powi(2) * self.rows.square / self.rows.total;
        let goal = (SETTLED * first).max(still);
        let (mut energy, mut before) = (first, first);
        // Where Newton steps do not help, the limit of f64 is near: steps of the size of rounding
        // may still find a better place.
        let least = (LEAST * (more - 1.0)) as usize;
        for pass in 1.. {
            if pass <= least {
                let (steps, moved) = self.sweep(residual, false);
                (updates, energy) = (updates + steps, moved);
                continue;
            }
            if energy <= goal {
                // Passes that move nothing get nowhere.
                return Descent { updates, slow: first <= still };
            }
            if *spent > budget {
                break;
            }
            if pass % SPELL == 0 {
                let rate = (energy / before).ln() / SPELL as f64;
                let left = (goal / energy).ln() / rate;
                if rate >= 0.0 || left * cost > 2.0 * budget {
                    break;
                }
                before = energy;
            }
            let (steps, moved) = self.sweep(residual, false);
            (updates, energy) = (updates + steps, moved);
            *spent += cost;
        }
        Descent { updates, slow: true }
    }

    /// Moves coefficients whose columns still pull more than their bound by the least that `f64`
    /// knows. Where a column's numbers are huge its pull jumps with every such step, and coordinate
    /// steps would round to nothing; but only a pull within the bound makes the dual feasible.
    fn nudge(&mut self, residual: &mut RowVector) {
        for index in 0..self.members.len() {
            let slot = self.members[index];
            let (old, penalty) = (self.beta[slot], self.penalty(slot));
            let pull = penalty.pull(self.correlation(slot, residual) - penalty.l2 * old);
            if old != 0.0 && penalty.l1 > 0.0 && pull > penalty.l1 {
                let new = if old > 0.0 { old.next_up() } else { old.next_down() };
                self.add(slot, old - new, residual);
                self.beta[slot] = new;
            }
        }
    }

    /// What a pass over the support costs.
    fn support_cost(&self) -> f64 {
        let support = self.members.iter().filter(|&&slot| self.is_in_support(slot));
        support.map(|&slot| cost::update(&self.columns.columns, slot)).sum()
    }

    /// One pass of coordinate steps over the block, or over its support. Gives their number, and
    /// their energy: the sum of the mean squares by which they changed the fitted values.
    fn sweep(&mut self, residual: &mut RowVector, whole: bool) -> (u64, f64) {
        let (mut steps, mut energy) = (0, 0.0);
        for index in 0..self.members.len() {
            let slot = self.members[index];
            let old = self.beta[slot];
            if !whole && !self.is_in_support(slot) {
                continue;
            }
            let norm = self.norm(slot);
            let gradient = self.correlation(slot, residual);
            let new = self.penalty(slot).minimise(gradient + norm * old, norm);
            steps += 1;
            if new != old {
                self.add(slot, old - new, residual);
                self.beta[slot] = new;
                // In the order that keeps tiny steps of huge columns from vanishing.
                energy += (new - old) * norm * (new - old);
            }
        }
        (steps, energy)
    }
}
