//! The way to the λ asked for: stages, what is proposed in each, and when the next begins.

use std::time::Instant;

use super::certificate::Measure;
use super::lambda::Continuation;
use super::options::Lambda;
use super::program::Lasso;
use super::rows::RowId;
use super::shard::Shard;

/// Gap at which a stage on the way to the λ asked for is left.
const STAGE_GAP: f64 = 1e-2;
/// Certificates after which a stage on the way is left as it is: it is only a way.
const STAGE_LOOKS: u32 = 25;
/// A λ under which every penalised coefficient is zero, and how well the others are solved then.
const NULL_LAMBDA: f64 = 1e150;
pub(super) const NULL_GAP: f64 = 1e-12;

impl<I: RowId> Lasso<I> {
    /// Sets out for the λ asked for, from where the coefficients are known to be good; `known` says
    /// that what the shards know of their columns still holds.
    pub(super) fn begin(&mut self, warm: bool, known: bool) {
        self.updates = 0;
        self.started = Instant::now();
        // λ_max is that of the residual which unpenalised columns leave: solve for those first.
        let asked = matches!(self.lambda, Lambda::Ratio(_)) || !warm;
        if self.is_joint() && self.has_free() && self.lambda_max.is_nan() && asked {
            self.path = Continuation::new(f64::INFINITY, NULL_LAMBDA);
            self.null = true;
            self.above = NULL_LAMBDA;
            self.enter_stage();
        } else {
            self.set_out(warm);
        }
        self.seen = self.residual.values().collect();
        self.repaired = known;
        if !known {
            // Ways are counted from here.
            self.travelled = 0.0;
            self.shards.iter_mut().for_each(|shard| shard.begin(!warm));
        } else if warm && self.path.is_last() {
            // The model is that of nearly this problem: nothing new is expected to enter.
            self.fresh = false;
        }
        self.at_rest = known && !self.has_free();
    }

    /// Starts the path to the λ asked for.
    pub(super) fn set_out(&mut self, warm: bool) {
        self.null = false;
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
        let start = if self.is_joint() { start } else { target };
        self.path = Continuation::new(start, target);
        self.above = start;
        self.enter_stage();
    }

    pub(super) fn enter_stage(&mut self) {
        self.fresh = true;
        self.looks = 0;
        self.shards.iter_mut().for_each(Shard::unscreen);
    }

    /// Takes the certificate's point anew; its way since the last certify round is added to the way
    /// travelled.
    pub(super) fn travel(&mut self) {
        if self.at_rest {
            return;
        }
        self.at_rest = true;
        self.dual = self.free.leave(&self.residual, &self.rows, self.options.positive);
        let point = self.dual.as_ref().unwrap_or(&self.residual);
        let mut square = 0.0;
        for (i, (value, seen)) in point.values().zip(&mut self.seen).enumerate() {
            square += self.rows.weight(i) * (value - *seen).powi(2);
            *seen = value;
        }
        if self.rows.total > 0.0 {
            self.travelled += (square / self.rows.total).sqrt();
        }
    }

    /// The pull, in units of the bound, from which a column is worth proposing: the strong rule
    /// (Tibshirani et al., JRSS-B 2012) for a stage that has just begun or is about to.
    pub(super) fn threshold(&self) -> f64 {
        let lambda = self.path.lambda();
        let strong = |lambda: f64, above: f64| (2.0 * lambda - above).max(0.3 * lambda);
        let threshold =
            if self.fresh { strong(lambda, self.above) } else { strong(self.path.next(), lambda) };
        (threshold / lambda).min(1.0)
    }

    /// Goes on to the next stage, or screens columns, once the model has been measured.
    pub(super) fn measured(&mut self, measure: &Measure) {
        self.intercept = measure.intercept;
        self.support = measure.nonzeros;
        self.measure = *measure;
        // After a repair so little is looked at that screening would cost more.
        if self.options.screening && self.is_joint() && !self.null && !self.repaired {
            for shard in &mut self.shards {
                shard.screen(measure, &self.options, self.travelled);
            }
        }
        if self.null {
            if !self.fresh || measure.relative_gap() <= NULL_GAP {
                self.lambda_max = measure.ratio * NULL_LAMBDA;
                self.set_out(false);
            }
            return;
        }
        self.looks += 1;
        let reached = measure.relative_gap() <= STAGE_GAP || self.looks >= STAGE_LOOKS;
        if !self.path.is_last() && reached {
            self.above = self.path.lambda();
            self.path.advance();
            self.enter_stage();
        }
        if self.path.is_last() {
            self.solved = Some(self.path.target());
        }
    }
}
