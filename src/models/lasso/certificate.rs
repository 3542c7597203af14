//! The certificate: primal and dual objective, by shares of the shards.

use bytemuck::{Pod, Zeroable};

use super::design::Rows;
use super::penalty::Penalty;
use super::vector::RowVector;
use crate::program::Certificate;

/// A measured point of a fit. All figures are on the scale of the objective, `1/2W Σ w r² + …`.
///
/// The dual objective is the better of two lower bounds, both at what the unpenalised columns leave
/// of the residual, `d` (the residual itself where there are none): a dual point must be orthogonal
/// to these columns. With `θ = s d` feasible after scaling (`|x̃_j·θ|/W − … ≤ λ A f_j` for every
/// column): `(2 s y·d − s² (d·d + 2 W l2)) / 2W`, where the l2 part is taken as rows added to the
/// design. And, where there is an l2 part, the Fenchel dual at `θ = d`:
/// `(2 y·d − d·d) / 2W − Σ (|c_j| − λ A f_j)₊² / 2 λ (1−A) f_j`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Measure {
    /// The stage's λ.
    pub lambda: f64,
    /// The λ that was asked for.
    pub target: f64,
    /// The smallest λ at which all penalised coefficients are zero; NaN if it was not needed.
    pub lambda_max: f64,
    /// The intercept, on the data's own scale.
    pub intercept: f64,
    /// `Σ v (y − b − xβ)²` with the weights `v` of the rows held out.
    pub held_out: f64,
    pub(super) total: f64,
    pub(super) rr: f64,
    pub(super) dd: f64,
    pub(super) dy: f64,
    pub(super) yy: f64,
    pub(super) l1: f64,
    pub(super) l2: f64,
    /// The largest pull over its bound: θ must be scaled down by this.
    pub(super) ratio: f64,
    pub(super) conjugate: f64,
    /// Coefficients that are not zero.
    pub nonzeros: u64,
    /// Columns left out because they provably stay zero.
    pub screened: u64,
    /// Coordinate updates in the epoch so far.
    pub updates: u64,
    /// Rounds of the epoch so far in which the shards only took their parts of a block's solution.
    /// A fit does not count them as rounds: they are steps within one.
    pub couples: u64,
    /// 1 if this is the last stage, the λ that was asked for.
    pub(super) last: u64,
    /// 1 if the epoch ran out of time.
    pub(super) expired: u64,
}

impl Measure {
    /// The primal objective at [`Measure::lambda`].
    pub fn objective(&self) -> f64 {
        if self.total > 0.0 { self.rr / (2.0 * self.total) + self.l1 + self.l2 } else { 0.0 }
    }

    /// The scale of the dual point that makes it feasible, as large as helps.
    pub(super) fn dual_scale(&self) -> f64 {
        let norm = self.dd + 2.0 * self.total * self.l2;
        if norm <= 0.0 {
            return 0.0;
        }
        let bound = if self.ratio > 0.0 { 1.0 / self.ratio } else { f64::INFINITY };
        (self.dy / norm).min(bound).max(0.0)
    }

    /// The dual objective of the scaled residual.
    pub(super) fn scaled_dual(&self) -> f64 {
        let s = self.dual_scale();
        let norm = self.dd + 2.0 * self.total * self.l2;
        if self.total > 0.0 { (2.0 * s * self.dy - s * s * norm) / (2.0 * self.total) } else { 0.0 }
    }

    /// The dual objective: a lower bound of every model's objective.
    pub fn dual_objective(&self) -> f64 {
        let scaled = self.scaled_dual();
        if self.total > 0.0 && self.conjugate.is_finite() {
            let fenchel = (2.0 * self.dy - self.dd) / (2.0 * self.total) - self.conjugate;
            scaled.max(fenchel)
        } else {
            scaled
        }
    }

    /// The duality gap: the objective is at most this far from the best. Never negative
    /// (rounding may leave −1e-17, given as 0). NaN if the data's squares overflow.
    pub fn gap(&self) -> f64 {
        let gap = self.objective() - self.dual_objective();
        if gap < 0.0 { 0.0 } else { gap }
    }

    /// The gap as a fraction of `Σ w (y − ȳ)² / 2W`; of 1 if the response does not vary.
    pub fn relative_gap(&self) -> f64 {
        let scale = self.yy / (2.0 * self.total);
        if scale > 0.0 { self.gap() / scale } else { self.gap() }
    }

    /// Whether the model is as good as was asked for, at the λ that was asked for.
    pub fn is_converged(&self, tolerance: f64) -> bool {
        self.is_last_stage() && self.relative_gap() <= tolerance
    }

    /// Whether this is the λ that was asked for, not a stage on the way.
    pub fn is_last_stage(&self) -> bool {
        self.last == 1
    }
}

impl Certificate for Measure {
    fn merge(&mut self, share: &Self) {
        self.intercept += share.intercept;
        self.held_out += share.held_out;
        self.total += share.total;
        self.rr += share.rr;
        self.dd += share.dd;
        self.dy += share.dy;
        self.yy += share.yy;
        self.l1 += share.l1;
        self.l2 += share.l2;
        self.ratio = self.ratio.max(share.ratio);
        self.conjugate += share.conjugate;
        self.nonzeros += share.nonzeros;
        self.screened += share.screened;
        self.updates += share.updates;
        self.couples += share.couples;
        self.expired += share.expired;
    }

    fn error(&self) -> f64 {
        // Out of time, any model is as good as will be had: the scheduler finishes.
        match (self.expired > 0, self.is_last_stage()) {
            (true, _) => 0.0,
            (false, true) => self.relative_gap(),
            // Not a number stays one, whatever the stage: nothing good will come of it.
            (false, false) if self.gap().is_nan() => f64::NAN,
            (false, false) => f64::INFINITY,
        }
    }
}

/// The part of a certificate that follows from the residual and the dual point alone.
pub(super) fn replica_measure(residual: &RowVector, dual: &RowVector, rows: &Rows) -> Measure {
    let mut measure = Measure { total: rows.total, yy: rows.square, ..Measure::default() };
    for (i, (r, d)) in residual.values().zip(dual.values()).enumerate() {
        let weight = rows.weight(i);
        if weight > 0.0 {
            measure.rr += weight * r * r;
            measure.dd += weight * d * d;
            measure.dy += weight * d * (rows.response[i] - rows.mean);
        }
        if let Some(held_out) = &rows.held_out {
            measure.held_out += held_out[i] * r * r;
        }
    }
    measure
}

impl Measure {
    /// Adds a coefficient's part: `correlation = Σ w x̃ d / W` with the dual point.
    pub(super) fn add_coefficient(&mut self, penalty: Penalty, beta: f64, correlation: f64) {
        self.nonzeros += u64::from(beta != 0.0);
        if penalty.l1 == 0.0 && penalty.l2 == 0.0 {
            return;
        }
        self.l1 += penalty.l1 * beta.abs();
        self.l2 += 0.5 * penalty.l2 * beta * beta;
        self.conjugate += penalty.conjugate(correlation);
        let pull = penalty.pull(correlation - penalty.l2 * beta);
        if pull > 0.0 {
            self.ratio = self.ratio.max(pull / penalty.l1);
        }
    }
}
