//! One shard's columns, coefficients, and what is known of their correlations.

use std::io::{self, Read, Write};

use super::certificate::Measure;
use super::cost;
use super::design::{Facts, Rows};
use super::moving::Moving;
use super::options::Options;
use super::penalty::Penalty;
use super::program::{Coefficient, Parameter, Step};
use super::vector::RowVector;
use crate::container::Columns;
use crate::shard::{ColumnShard, Weights};

/// Below this fraction of its bound a column's pull need not be known exactly.
const SLACK: f64 = 0.999;

/// The columns that live on a shard. Coefficients are on the model's scale (see [`Facts`]).
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    pub columns: ColumnShard,
    pub facts: Vec<Facts>,
    pub beta: Vec<f64>,
    /// What was last published, on the data's scale.
    pub(super) published: Vec<f64>,
    /// Positions that may have changed since; all of them if not kept.
    pub(super) changed: Option<Vec<usize>>,
    /// `Σ w x̃ r / W` when it was last taken, and how far the residual had travelled then.
    pub(super) correlation: Vec<f64>,
    pub(super) taken: Vec<f64>,
    pub(super) screened: Vec<bool>,
    /// Whether the correlations are those of the response: no column has moved yet.
    pub(super) at_response: bool,
    /// What is kept of the columns while rows come and go; nothing in a batch fit.
    pub(super) moving: Option<Moving>,
    /// The sum of the round's steps, while one is being decided.
    pub step: Option<RowVector>,
}

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
}

impl Pass<'_> {
    fn penalty(&self, facts: &Facts) -> Penalty {
        facts.penalty(self.lambda, self.options.l1_ratio, self.options.positive)
    }
}

impl Shard {
    /// Takes the columns' facts anew; coefficients keep their value on the data's scale.
    pub fn restate(&mut self, rows: &Rows, options: &Options, factor: impl Fn(usize) -> f64) {
        let count = self.columns.len();
        let known = self.published.len().max(count);
        self.published.resize(known, 0.0);
        let old: Vec<f64> = (0..self.beta.len()).map(|at| self.value(at)).collect();
        let cold = self.beta.iter().all(|&beta| beta == 0.0);
        let response = RowVector::new(rows.centred(), 0.0, rows);
        self.forget();
        // One look at every column, while it is in the cache, for all that is first to be known.
        self.facts.clear();
        let weights = rows.weights.as_ref().map(|weights| Weights::new(weights));
        if let Some(moving) = &mut self.moving {
            moving.clear(rows.mean);
        }
        for at in 0..count {
            let facts = Facts::of(&self.columns, at, rows, weights, options, factor(at));
            if let Some(moving) = &mut self.moving {
                let response = response.product(&self.columns, at, facts.sum);
                moving.push(&facts, rows.total, response, options);
            }
            if cold {
                self.correlation[at] = response.correlation(&self.columns, at, &facts, rows);
            }
            self.facts.push(facts);
        }
        if cold {
            self.taken.fill(0.0);
            self.at_response = true;
        }
        self.beta = (0..count)
            .map(|at| {
                let scale = self.facts[at].scale;
                let value = old.get(at).copied().unwrap_or(0.0);
                if scale > 0.0 { value / scale } else { 0.0 }
            })
            .collect();
        self.screened = vec![false; count];
        self.changed = None;
    }

    /// A coefficient on the data's scale.
    pub(super) fn value(&self, position: usize) -> f64 {
        self.beta[position] * self.facts[position].scale
    }

    /// Sets a coefficient on the data's scale; without effect on columns that do not vary.
    pub fn put(&mut self, position: usize, value: f64) {
        if let Some(facts) = self.facts.get(position).filter(|facts| facts.scale > 0.0) {
            let beta = value / facts.scale;
            self.set(position, beta);
            self.at_response = false;
        }
    }

    /// Sets a coefficient on the model's scale.
    pub fn set(&mut self, position: usize, beta: f64) {
        if self.beta[position] != beta {
            self.beta[position] = beta;
            if let Some(changed) = &mut self.changed {
                changed.push(position);
            }
        }
    }

    /// Sets out with nothing known of the columns, unless it still is of the residual at hand:
    /// `fresh` says that this is the response.
    pub fn begin(&mut self, fresh: bool) {
        if !(fresh && self.at_response) {
            self.forget();
        }
    }

    /// Forgets all correlations.
    fn forget(&mut self) {
        self.at_response = false;
        self.correlation = vec![0.0; self.columns.len()];
        self.taken = vec![f64::NEG_INFINITY; self.columns.len()];
    }

    /// Lets screened columns back in.
    pub fn unscreen(&mut self) {
        self.screened.fill(false);
    }

    /// Arithmetic of one update of every column, in nanoseconds.
    pub fn cost(&self) -> u64 {
        (0..self.columns.len()).map(|at| cost::update(&self.columns, at)).sum::<f64>() as u64
    }

    /// The shard's part of the fitted values; nothing if all its coefficients are zero.
    pub fn fitted(&self, rows: &Rows) -> Option<RowVector> {
        let mut fitted = None;
        for (at, &beta) in self.beta.iter().enumerate().filter(|(_, beta)| **beta != 0.0) {
            fitted.get_or_insert_with(|| RowVector::zeros(rows)).add(
                &self.columns,
                at,
                &self.facts[at],
                beta,
                rows,
            );
        }
        fitted
    }

    /// The largest pull of the response, over factor and l1 ratio.
    pub fn lambda_max(&self, rows: &Rows, options: &Options) -> f64 {
        let response = RowVector::new(rows.centred(), 0.0, rows);
        let mut largest = 0.0f64;
        for (at, facts) in self.facts.iter().enumerate().filter(|(_, facts)| facts.factor > 0.0) {
            let correlation = match (self.at_response, &self.moving) {
                (true, _) => self.correlation[at],
                (_, Some(moving)) => moving.correlation(at, facts, rows),
                _ => response.correlation(&self.columns, at, facts, rows),
            };
            let correlation = if rows.is_rounding(correlation, facts) { 0.0 } else { correlation };
            let pull = facts.penalty(1.0, 1.0, options.positive).pull(correlation);
            largest = largest.max(pull / (facts.factor * options.l1_ratio));
        }
        largest
    }

    /// A step that leads nowhere: it tells the others where a coefficient is.
    pub fn stay(&self, position: usize) -> Step {
        Step { old: self.beta[position], new: self.beta[position], l1: 0.0, l2: 0.0 }
    }

    /// A coordinate step from the gradient the round was pushed with and the shard's own earlier
    /// steps of the round.
    pub fn decide(
        &mut self,
        position: usize,
        gradient: f64,
        lambda: f64,
        rows: &Rows,
        options: &Options,
    ) -> Step {
        self.at_response = false;
        let facts = &self.facts[position];
        let own = self
            .step
            .as_ref()
            .map_or(0.0, |step| step.correlation(&self.columns, position, facts, rows));
        let old = self.beta[position];
        let penalty = facts.penalty(lambda, options.l1_ratio, options.positive);
        let new = match facts.scale > 0.0 {
            true => penalty.minimise(gradient - own + facts.norm * old, facts.norm),
            false => 0.0,
        };
        if new != old {
            self.step.get_or_insert_with(|| RowVector::zeros(rows)).add(
                &self.columns,
                position,
                facts,
                new - old,
                rows,
            );
        }
        Step { old, new, l1: penalty.l1, l2: penalty.l2 }
    }

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
        let mut found: Vec<(f32, u32)> = Vec::new();
        self.at_response = false;
        for at in 0..self.columns.len() {
            if self.facts[at].scale == 0.0 || self.screened[at] {
                continue;
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
                    proposals.push(key(at), step);
                }
            } else if beta != 0.0 || facts.factor == 0.0 {
                proposals.push(key(at), f32::INFINITY);
            } else {
                let pull = penalty.pull(self.correlation[at]) / penalty.l1.max(f64::MIN_POSITIVE);
                if pull >= pass.threshold {
                    found.push((pull.min(f64::from(f32::MAX)) as f32, key(at)));
                }
            }
        }
        self.certify_screened(pass, measure);
        if found.len() > pass.most {
            found.select_nth_unstable_by(pass.most, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            found.truncate(pass.most);
        }
        found.sort_unstable_by_key(|(_, key)| *key);
        found.into_iter().for_each(|(pull, key)| proposals.push(key, pull));
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
        if free || facts.norm.sqrt() * (pass.travelled - self.taken[at]) > 0.0 {
            let vector = if free { pass.residual } else { pass.dual };
            let taken = vector.correlation(&self.columns, at, facts, pass.rows);
            let rounding = pass.exact && pass.rows.is_rounding(taken, facts);
            self.correlation[at] = if rounding { 0.0 } else { taken };
            self.taken[at] = pass.travelled;
        }
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

    /// What changed since it was last published.
    pub fn publish(&mut self, changes: &mut Vec<Coefficient>, key: impl Fn(usize) -> u32) {
        let all = (0..self.published.len()).collect();
        let mut changed = self.changed.replace(Vec::new()).unwrap_or(all);
        changed.sort_unstable();
        changed.dedup();
        for at in changed {
            let new = if at < self.beta.len() { self.value(at) } else { 0.0 };
            let old = self.published[at];
            if new != old {
                changes.push(Coefficient { parameter: Parameter::Column(key(at)), old, new });
                self.published[at] = new;
            }
        }
    }

    /// Positions and values (data's scale) of the coefficients that are not zero.
    pub fn snapshot(&self, to: &mut dyn Write) -> io::Result<()> {
        let stored: Vec<usize> = (0..self.beta.len()).filter(|&at| self.beta[at] != 0.0).collect();
        to.write_all(&(stored.len() as u64).to_le_bytes())?;
        for at in stored {
            to.write_all(&(at as u64).to_le_bytes())?;
            to.write_all(&self.value(at).to_le_bytes())?;
        }
        Ok(())
    }

    /// Reads what `snapshot` wrote, for the same columns.
    pub fn restore(&mut self, from: &mut dyn Read) -> io::Result<()> {
        let mut word = [0; 8];
        from.read_exact(&mut word)?;
        self.beta.fill(0.0);
        self.changed = None;
        for _ in 0..u64::from_le_bytes(word) {
            from.read_exact(&mut word)?;
            let at = usize::try_from(u64::from_le_bytes(word)).unwrap_or(usize::MAX);
            from.read_exact(&mut word)?;
            let value = f64::from_le_bytes(word);
            let facts = self.facts.get(at).filter(|facts| facts.scale > 0.0 && value.is_finite());
            match facts {
                Some(facts) => self.set(at, value / facts.scale),
                None => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(())
    }
}
