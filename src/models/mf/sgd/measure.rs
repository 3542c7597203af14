//! What a sweep measures.

use bytemuck::{Pod, Zeroable};

use crate::program::Certificate;

/// Training ratings, those held out from them to see when to stop, and those of the test.
pub(super) const TRAIN: usize = 0;
pub(super) const HELD: usize = 1;
pub(super) const TEST: usize = 2;

/// Errors and penalty of normalised ratings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Measure {
    /// Squared errors, weighted, of each kind of ratings.
    pub squares: [f64; 3],
    /// The weights of the ratings that were measured.
    pub totals: [f64; 3],
    pub penalty: f64,
}

impl Measure {
    /// Whether everything was measured, and not only what tells when to stop.
    pub fn is_full(&self) -> bool {
        self.totals[TRAIN] > 0.0
    }

    /// The objective over all training ratings.
    pub fn objective(&self) -> f64 {
        self.squares[TRAIN] + self.squares[HELD] + self.penalty
    }

    /// Root mean squared error of some kinds of ratings; nothing without such ratings.
    pub fn rmse(&self, kinds: &[usize]) -> Option<f64> {
        let sum = |all: &[f64; 3]| kinds.iter().map(|&kind| all[kind]).sum::<f64>();
        (sum(&self.totals) > 0.0).then(|| (sum(&self.squares) / sum(&self.totals)).sqrt())
    }
}

impl Certificate for Measure {
    fn merge(&mut self, share: &Self) {
        for kind in [TRAIN, HELD, TEST] {
            self.squares[kind] += share.squares[kind];
            self.totals[kind] += share.totals[kind];
        }
        self.penalty += share.penalty;
    }

    fn error(&self) -> f64 {
        self.rmse(&[HELD]).or(self.rmse(&[TRAIN])).unwrap_or(f64::INFINITY)
    }
}
