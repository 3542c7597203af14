//! How data gets in: loading it, stating the columns anew, refreshing what derives from it.

use std::sync::Arc;

use super::change::Data;
use super::design::Rows;
use super::effect::{damaged, put_vector, sum_vectors};
use super::free::Free;
use super::newton::Newton;
use super::options::Lambda;
use super::program::Lasso;
use super::rows::RowId;
use super::vector::RowVector;
use super::working::WorkingColumns;
use crate::program::Round;

impl<I: RowId> Lasso<I> {
    pub(super) fn load(&mut self, data: Data) {
        self.columns = data.columns;
        self.factors = data.factors;
        self.rows = Rows::new(data.response, data.weights, self.options.intercept);
        for (shard, columns) in data.shards {
            if self.local.contains(&shard) {
                self.shard(shard).columns = columns;
            }
        }
        self.restate();
        self.put(&Arc::clone(&self.warm));
    }

    /// Puts coefficients, on the data's scale, in place of those of their columns.
    pub(super) fn put(&mut self, coefficients: &[(u32, f64)]) {
        for &(key, value) in coefficients {
            let shard = self.layout.shard_of(key as usize);
            if self.local.contains(&shard) {
                let position = self.layout.local(key as usize);
                self.shard(shard).put(position, value);
            }
        }
    }

    /// Takes means, scales and norms anew, keeping coefficients on the data's scale.
    pub(super) fn restate(&mut self) {
        let rows = &self.rows;
        for (shard, local) in self.shards.iter_mut().zip(self.local.clone()) {
            let factor = |position: usize| {
                let column = self.layout.column(local, position);
                let factors = self.factors.as_ref();
                factors.and_then(|factors| factors.get(column)).copied().unwrap_or(1.0)
            };
            shard.restate(rows, &self.options, factor);
        }
        self.working = WorkingColumns::new(rows.response.len());
        self.newton = Newton::default();
        self.free = Free::new(rows.response.len());
        self.solved = None;
        self.lambda_max = f64::NAN;
    }

    /// The share of the shards in what a refresh must know: cost, columns, λ_max, fitted values.
    pub(super) fn refresh_effect(&mut self, shard: usize, effect: &mut Vec<u64>) {
        if let Some(pending) = &self.live.pending {
            return self.repair_effect(pending, shard, effect);
        }
        let (layout, options) = (self.layout, &self.options);
        let shard_index = shard;
        let shard = &self.shards[shard - self.local.start];
        let fitted = shard.fitted(&self.rows);
        // A shard all zero has its response correlations for the first certificate as well.
        let asked = matches!(self.lambda, Lambda::Ratio(_)) || fitted.is_none();
        let needed = asked && self.lambda_max.is_nan();
        let lambda_max = match needed {
            true => shard.lambda_max(&self.rows, options),
            false => f64::NAN,
        };
        let last = shard.columns.len().checked_sub(1);
        let columns = last.map_or(0, |last| layout.column(shard_index, last) + 1);
        effect.extend([shard.cost(), columns as u64, lambda_max.to_bits()]);
        effect.push(u64::from(fitted.is_some()));
        let start = effect.len();
        effect.push(0);
        self.send_free(shard_index, effect);
        effect[start] = (effect.len() - start - 1) as u64;
        if let Some(fitted) = fitted {
            put_vector(&fitted, effect);
        }
    }

    pub(super) fn refresh(&mut self, round: &Round<'_, Self>) {
        self.couples = 0;
        if let Some(pending) = self.live.pending.take() {
            let warm = self.repair(pending, round);
            return self.begin(warm, true);
        }
        let (mut cost, mut warm) = (0u64, false);
        let mut lambda_max = Some(0.0f64);
        let mut columns = self.columns as u64;
        let mut fitted: Vec<&[u64]> = Vec::new();
        for words in round.moves.effects() {
            let [part, width, largest, nonzero, unpenalised, rest @ ..] = words else { damaged() };
            let (unpenalised, vector) =
                rest.split_at_checked(*unpenalised as usize).unwrap_or_else(|| damaged());
            self.free.accept(unpenalised).unwrap_or_else(|_| damaged());
            cost += part;
            columns = columns.max(*width);
            warm |= *nonzero == 1;
            // Of shards that were not all asked nothing is known.
            let largest = Some(f64::from_bits(*largest)).filter(|largest| !largest.is_nan());
            lambda_max = lambda_max.zip(largest).map(|(a, b)| a.max(b));
            fitted.push(vector);
        }
        self.columns = columns as usize;
        if self.lambda_max.is_nan() && !(self.is_joint() && self.has_free()) {
            self.lambda_max = lambda_max.unwrap_or(f64::NAN);
        }
        self.cost = cost as f64 / (columns as f64).max(1.0);
        let mut residual = RowVector::new(self.rows.centred(), 0.0, &self.rows);
        let fitted = sum_vectors(fitted.into_iter(), &self.rows).unwrap_or_else(|_| damaged());
        residual.add_vector(-1.0, &fitted);
        self.conserve(round, &residual);
        self.residual = residual;
        self.at_rest = false;
        if round.round == 0 {
            self.solved = self.restored.take().or(self.solved);
            self.begin(warm, false);
        }
    }

    /// A refreshed residual must be the maintained one, up to rounding.
    pub(super) fn conserve(&self, round: &Round<'_, Self>, fresh: &RowVector) {
        if cfg!(debug_assertions) && round.round > 0 {
            let mut drift = fresh.clone();
            drift.add_vector(-1.0, &self.residual);
            let drift = drift.inner(&drift, &self.rows);
            // A warm start may have left more residual than there is response.
            let scale = self.rows.square.max(fresh.inner(fresh, &self.rows));
            assert!(drift <= 1e-16 * scale, "the residual drifted by {drift:e}");
        }
    }
}
