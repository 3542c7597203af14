//! What is known of a model: the terms of its objective.

use bytemuck::{Pod, Zeroable};

use crate::program::Certificate;

/// A shard's share of the objective, or, merged, the whole of it. Added up in `f64`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Measure {
    /// The squared errors, as they are weighed.
    pub loss: f64,
    /// The penalty.
    pub penalty: f64,
    /// The squared errors of the ratings there are, not weighed.
    pub squares: f64,
    /// The number of ratings.
    pub ratings: f64,
    /// The objective a sweep before; 0 before the first.
    pub previous: f64,
    /// Sweeps so far.
    pub sweeps: f64,
    /// Not 0 if no sweep was needed, as few ratings came or went: rows were solved for alone.
    pub repaired: f64,
    /// By how much a sweep would lower the objective then, about.
    pub owed: f64,
    /// What is taken off all ratings.
    pub mean: f64,
    /// Not 0 if time is over.
    pub expired: f64,
}

impl Measure {
    /// The objective.
    pub fn objective(&self) -> f64 {
        self.loss + self.penalty
    }

    /// Root mean squared error over the ratings there are; 0 without ratings.
    pub fn rmse(&self) -> f64 {
        if self.ratings > 0.0 { (self.squares / self.ratings).sqrt() } else { 0.0 }
    }
}

impl Certificate for Measure {
    fn merge(&mut self, share: &Self) {
        self.loss += share.loss;
        self.penalty += share.penalty;
        self.squares += share.squares;
        self.ratings += share.ratings;
        self.previous += share.previous;
        self.sweeps += share.sweeps;
        self.repaired += share.repaired;
        self.owed += share.owed;
        self.mean += share.mean;
        self.expired += share.expired;
    }

    /// By which part of itself the last sweep lowered the objective; without one, would lower it.
    fn error(&self) -> f64 {
        let objective = self.objective();
        if self.expired > 0.0 || objective == 0.0 {
            0.0
        } else if self.repaired > 0.0 {
            self.owed / objective
        } else if self.sweeps == 0.0 && !objective.is_nan() {
            f64::INFINITY
        } else {
            (self.previous - objective) / objective
        }
    }
}
