//! The certificate of [`super::least::Least`].

use bytemuck::{Pod, Zeroable};
use strads::program::Certificate;

/// Shares of what the duality gap is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Gap {
    pub half: f64,
    pub norm: f64,
    /// r·y.
    pub fit: f64,
    /// max |x_j·r|; infinite in partial form, where no shard knows a whole dot product.
    pub steepest: f64,
    pub penalty: f64,
}

impl Gap {
    pub fn objective(&self) -> f64 {
        self.half + self.penalty * self.norm
    }
}

impl Certificate for Gap {
    fn merge(&mut self, share: &Self) {
        self.half += share.half;
        self.norm += share.norm;
        self.fit += share.fit;
        self.steepest = self.steepest.max(share.steepest);
    }
    /// The relative duality gap at the scaled residual (at zero, which always is feasible, if the
    /// scale is unknown).
    fn error(&self) -> f64 {
        let scale = (self.penalty / self.steepest).min(1.0);
        let dual = scale * self.fit - scale * scale * self.half;
        (self.objective() - dual) / self.objective()
    }
}
