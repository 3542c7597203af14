//! One shard's columns, coefficients, and what is known of their correlations.

use std::io::{self, Read, Write};

use super::cost;
use super::design::{Facts, Rows};
use super::moving::Moving;
use super::options::Options;
use super::program::{Coefficient, Parameter, Step};
use super::quiet::Quiet;
use super::vector::RowVector;
use crate::shard::{ColumnShard, Weights};

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
    /// Which columns need no look, while few rows change.
    pub(super) quiet: Quiet,
    /// The sum of the round's steps, while one is being decided.
    pub step: Option<RowVector>,
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
            self.quiet.wake(position);
        }
    }

    /// A column's correlation is known without a look at it.
    pub fn know(&mut self, position: usize, correlation: f64, travelled: f64) {
        self.correlation[position] = correlation;
        self.taken[position] = travelled;
        self.quiet.wake(position);
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
        self.quiet = Quiet::default();
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
