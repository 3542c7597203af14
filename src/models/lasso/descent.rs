//! How a block is solved: coordinate passes, and Newton steps once those would cost less.

use super::block::Block;
use super::cost::{self, ROUND};
use super::free::Free;
use super::newton::{Newton, Run};
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
const ACCURACY: f64 = 1e-13;

/// What passes did.
struct Descent {
    updates: u64,
    /// Whether Newton steps are the cheaper way on.
    slow: bool,
}

/// How far the solution of a block has come.
pub(super) struct Solution {
    tolerance: f64,
    /// Coordinate updates so far.
    pub updates: u64,
    looks: usize,
    /// The least gap so far, and Newton runs since then.
    best: f64,
    idle: usize,
    /// What passes have cost since the last Newton run, and in all.
    spent: f64,
    total: f64,
    /// By how much more than at first passes must do.
    more: f64,
    /// The objective after the last Newton run.
    last: f64,
    then: Then,
}

/// What comes next.
enum Then {
    Passes,
    /// Newton steps, because passes are slow.
    Newton(Run),
    /// Newton steps, although the gap is small enough: for little more the support is solved exactly.
    Exact(Run),
    End,
    /// Nothing: the block was solved by correlations alone.
    Known,
}

impl Block<'_> {
    /// Begins to solve the block for [`Block::advance`] to go on with, or does at once what needs
    /// no data. `residual` must be that of the coefficients, here and there.
    pub fn begin(
        &mut self,
        residual: &mut RowVector,
        newton: &mut Newton,
        tolerance: f64,
    ) -> Solution {
        // (How good what is known is will be measured next, with all other columns.)
        let known = newton.solve_known(self, residual);
        Solution {
            tolerance,
            updates: known.unwrap_or_default(),
            looks: 0,
            best: f64::INFINITY,
            idle: 0,
            spent: 0.0,
            total: 0.0,
            more: 1.0,
            last: f64::INFINITY,
            then: if known.is_some() { Then::Known } else { Then::Passes },
        }
    }

    /// Coordinate descent and Newton steps until the gap of the problem restricted to the block
    /// is at most `tolerance · Σ w (y − ȳ)² / 2W`. False if it waits for what `shards` shards take
    /// first: see [`super::division`].
    ///
    /// Passes over the support go on until they have cost half as much as a factorisation would, or
    /// are seen to take longer than that: so at most about three times the cheaper way is spent.
    ///
    /// Unpenalised coefficients are solved for exactly at the end.
    pub fn advance(
        &mut self,
        residual: &mut RowVector,
        newton: &mut Newton,
        free: &mut Free,
        solution: &mut Solution,
        shards: usize,
    ) -> bool {
        loop {
            match &mut solution.then {
                Then::Passes => self.look(residual, newton, free, solution),
                Then::Newton(run) => {
                    if !newton.run(self, residual, run, shards) {
                        return false;
                    }
                    self.judge(residual, free, solution);
                }
                Then::Exact(run) => {
                    if !newton.run(self, residual, run, shards) {
                        return false;
                    }
                    solution.then = Then::End;
                }
                Then::End => break,
                Then::Known => return true,
            }
        }
        self.rebuild(residual);
        free.settle(self, residual);
        true
    }

    /// Passes, and what they say of how to go on.
    fn look(
        &mut self,
        residual: &mut RowVector,
        newton: &Newton,
        free: &mut Free,
        solution: &mut Solution,
    ) {
        if solution.looks == LOOKS {
            solution.then = Then::End;
            return;
        }
        solution.looks += 1;
        let (before, tolerance) = (solution.spent, solution.tolerance);
        let descent = self.descend(residual, newton, solution.more, tolerance, &mut solution.spent);
        solution.total += solution.spent - before;
        solution.updates += descent.updates;
        // Near the end the support is right: for little more it is solved exactly.
        let cheap = || newton.cost(self) <= SHARE * solution.total + ROUND;
        solution.then = if self.measure(residual, free).relative_gap() > tolerance {
            let run = Run { tolerance: (0.1 * tolerance).clamp(1e-13, 1e-3), steps: STEPS };
            if descent.slow { Then::Newton(run) } else { Then::Passes }
        } else if tolerance <= EXACT || tolerance <= NEAR && cheap() {
            Then::Exact(Run { tolerance: ACCURACY, steps: STEPS })
        } else {
            Then::End
        };
    }

    /// How to go on after Newton steps.
    fn judge(&mut self, residual: &mut RowVector, free: &mut Free, solution: &mut Solution) {
        let measure = self.measure(residual, free);
        let gap = measure.relative_gap();
        solution.idle = if gap < 0.9 * solution.best { 0 } else { solution.idle + 1 };
        solution.best = solution.best.min(gap);
        // Where Newton steps do not help, coordinate descent must do more.
        let helps = measure.objective() < solution.last;
        solution.more = if helps { solution.more } else { 2.0 * solution.more };
        solution.last = measure.objective();
        solution.spent = 0.0;
        if solution.idle > 0 {
            self.rebuild(residual);
            self.nudge(residual);
        }
        let enough = gap <= solution.tolerance || solution.idle == PATIENCE;
        solution.then = if enough { Then::End } else { Then::Passes };
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
