//! What a certify round does on a shard: its share of the duality gap, the columns it proposes for
//! the block, and those it leaves out because they provably stay zero.

use super::certificate::Measure;
use super::design::{Facts, Rows};
use super::options::Options;
use super::penalty::Penalty;
use super::shard::Shard;
use super::vector::RowVector;
use crate::container::Columns;

/// Below this fraction of its bound a column's pull need not be known exactly.
const SLACK: f64 = 0.999;

/// Repairs after which a followed correlation of a column that may matter is taken from its data at
/// the latest: rounding does not pile up over more.
const TURNS: usize = 16;

/// What a certify round needs to know beside the shard.
pub(super) struct Pass<'a> {
    /// The dual point, and the residual it was made from: the same but for unpenalised columns.
    pub dual: &'a RowVector,
    pub residual: &'a RowVector,
    pub rows: &'a Rows,
    pub options: &'a Options,
    pub lambda: f64,
    pub travelled: f64,
    /// The pull over its bound from which a column is proposed, and how many at most.
    pub threshold: f64,
    pub most: usize,
    /// Whether proposals are pulls over bounds for a joint block, or the steps that single
    /// coordinates would take.
    pub joint: bool,
    /// Whether every correlation must be known exactly.
    pub exact: bool,
    /// Whether only columns that may matter need be gone through (see [`super::quiet`]).
    pub repaired: bool,
    /// Counts repairs: what is followed through them is taken anew in turns.
    pub turn: usize,
}

impl Pass<'_> {
    fn penalty(&self, facts: &Facts) -> Penalty {
        facts.penalty(self.lambda, self.options.l1_ratio, self.options.positive)
    }
}

impl Shard {
    /// Adds the shard's share to a certificate, and proposes columns for the block.
    ///
    /// A column's correlation is taken only if it may matter: since it was last taken it has
    /// changed by at most the root of its norm times the way of the dual point.
    pub fn certify(
        &mut self,
        pass: &Pass<'_>,
        key: impl Fn(usize) -> u32,
        measure: &mut Measure,
        proposals: &mut Columns<u32, f32>,
    ) {
        self.at_response = false;
        let mut found: Vec<(f32, u32)> = Vec::new();
        match self.quiet.awake(pass, self.columns.len()) {
            Some(awake) => {
                if awake.len() < self.columns.len() {
                    measure.ratio = measure.ratio.max(SLACK);
                }
                for at in awake {
                    self.look(pass, (at, key(at)), measure, proposals, &mut found);
                    self.settle(at, pass);
                }
            }
            None => {
                for at in 0..self.columns.len() {
                    self.look(pass, (at, key(at)), measure, proposals, &mut found);
                }
            }
        }
        // (After a repair nothing is screened.)
        if !pass.repaired {
            self.certify_screened(pass, measure);
        }
        if found.len() > pass.most {
            found.select_nth_unstable_by(pass.most, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            found.truncate(pass.most);
        }
        found.sort_unstable_by_key(|(_, key)| *key);
        found.into_iter().for_each(|(pull, key)| proposals.push(key, pull));
    }

    /// Adds a column's share to a certificate, and proposes it or finds that it may be.
    fn look(
        &mut self,
        pass: &Pass<'_>,
        (at, key): (usize, u32),
        measure: &mut Measure,
        proposals: &mut Columns<u32, f32>,
        found: &mut Vec<(f32, u32)>,
    ) {
        if self.facts[at].scale == 0.0 || self.screened[at] {
            return;
        }
        let facts = &self.facts[at];
        let (beta, penalty) = (self.beta[at], pass.penalty(facts));
        measure.intercept -= facts.mean * beta * facts.scale;
        let skip = beta == 0.0
            && !pass.exact
            && penalty.l1 > 0.0
            && self.bound(at, pass.travelled) < SLACK * penalty.l1;
        if skip {
            measure.ratio = measure.ratio.max(SLACK);
        } else {
            self.take(at, pass);
            measure.add_coefficient(penalty, beta, self.correlation[at]);
        }
        let facts = &self.facts[at];
        if !pass.joint {
            let pull = self.correlation[at] + facts.norm * beta;
            let step = (penalty.minimise(pull, facts.norm) - beta).abs() as f32;
            if !skip && step > 0.0 {
                proposals.push(key, step);
            }
        } else if beta != 0.0 || facts.factor == 0.0 {
            proposals.push(key, f32::INFINITY);
        } else {
            let pull = penalty.pull(self.correlation[at]) / penalty.l1.max(f64::MIN_POSITIVE);
            if pull >= pass.threshold {
                found.push((pull.min(f64::from(f32::MAX)) as f32, key));
            }
        }
    }

    /// The share of the columns that were left out. That they are zero at the optimum says nothing
    /// of their pull before it is reached: the dual point must be feasible for them, too. Only those
    /// that may pull more than all others are looked at.
    fn certify_screened(&mut self, pass: &Pass<'_>, measure: &mut Measure) {
        for at in 0..self.columns.len() {
            if self.facts[at].scale == 0.0 || !self.screened[at] {
                continue;
            }
            measure.screened += 1;
            let penalty = pass.penalty(&self.facts[at]);
            measure.ratio = measure.ratio.max(SLACK);
            // With an l2 part every pull beyond its bound counts, not only the largest.
            let least = if penalty.l2 > 0.0 { SLACK } else { measure.ratio };
            if self.bound(at, pass.travelled) > least * penalty.l1 {
                self.take(at, pass);
                measure.add_coefficient(penalty, 0.0, self.correlation[at]);
            }
        }
    }

    /// What a column's correlation is at most.
    fn bound(&self, at: usize, travelled: f64) -> f64 {
        let way = self.facts[at].norm.sqrt() * (travelled - self.taken[at]);
        self.correlation[at].abs() + way
    }

    /// Takes a column's correlation anew if it may have changed. Of unpenalised columns it is the
    /// residual's: the dual point has none with them.
    fn take(&mut self, at: usize, pass: &Pass<'_>) {
        let facts = &self.facts[at];
        let free = facts.factor == 0.0;
        let turn = pass.repaired && at % TURNS == pass.turn % TURNS;
        if free || turn || facts.norm.sqrt() * (pass.travelled - self.taken[at]) > 0.0 {
            let vector = if free { pass.residual } else { pass.dual };
            let taken = vector.correlation(&self.columns, at, facts, pass.rows);
            let rounding = pass.exact && pass.rows.is_rounding(taken, facts);
            self.correlation[at] = if rounding { 0.0 } else { taken };
            self.taken[at] = pass.travelled;
        }
    }

    /// Notes up to which way of the residual a column needs no further look.
    fn settle(&mut self, at: usize, pass: &Pass<'_>) {
        let facts = &self.facts[at];
        let l1 = pass.penalty(facts).l1;
        let until = if facts.scale == 0.0 {
            f64::INFINITY
        } else if self.beta[at] == 0.0 && l1 > 0.0 {
            self.taken[at] + (SLACK * l1 - self.correlation[at].abs()) / facts.norm.sqrt()
        } else {
            f64::NEG_INFINITY
        };
        self.quiet.settle(at, until);
    }

    /// Leaves out columns whose coefficient is zero at the optimum: with θ dual feasible and a gap
    /// G every optimal correlation lies within `√(2 (norm + l2) G)` of θ's (Ndiaye et al. 2017).
    pub fn screen(&mut self, measure: &Measure, options: &Options, travelled: f64) {
        let gap = (measure.objective() - measure.scaled_dual()).max(0.0);
        let scale = measure.dual_scale();
        for (at, facts) in self.facts.iter().enumerate() {
            let settled = facts.scale == 0.0 || self.screened[at];
            if self.beta[at] != 0.0 || facts.factor == 0.0 || settled {
                continue;
            }
            let penalty = facts.penalty(measure.lambda, options.l1_ratio, options.positive);
            // Each root on its own: of tiny data the product under one would be zero.
            let radius = (2.0 * (facts.norm + penalty.l2)).sqrt() * gap.sqrt();
            let bound = scale * self.bound(at, travelled) + radius;
            self.screened[at] = bound < SLACK * penalty.l1;
        }
    }
}
