//! How well a model explains its corpus.

use bytemuck::{Pod, Zeroable};

use super::gamma::ln_rising;
use super::hyper::Hyper;
use super::shard::{Document, Shard};
use super::slice;
use crate::container::Slice;
use crate::program::Certificate;

/// What is known of the model after a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Measure {
    /// `ln p(w, z)`; not a number in sweeps that do not measure it.
    pub log_likelihood: f64,
    /// Tokens.
    pub tokens: u64,
    /// Tokens that came or went in the epoch.
    pub changed: u64,
    /// Sweeps over all tokens that the model an epoch began with is said to owe, as a share of one.
    pub owed: f64,
    /// The largest s-error of the sweep's sub-rounds (Lee et al., NIPS 2014, section 3.1): with
    /// `s̃_p` the topic totals that shard `p` has at the end of a sub-round and `s` the true ones,
    /// `Σ_p ‖s̃_p − s‖₁ / (P · tokens)`, between 0 and 2.
    pub s_error: f64,
    /// `Σ_k α_k`.
    pub alpha_sum: f64,
    /// β.
    pub beta: f64,
}

impl Certificate for Measure {
    fn merge(&mut self, share: &Self) {
        self.log_likelihood += share.log_likelihood;
        self.tokens += share.tokens;
        self.changed += share.changed;
        self.owed += share.owed;
        self.s_error = self.s_error.max(share.s_error);
        self.alpha_sum = self.alpha_sum.max(share.alpha_sum);
        self.beta = self.beta.max(share.beta);
    }

    /// A sampler is never done.
    fn error(&self) -> f64 {
        f64::INFINITY
    }
}

/// Prior weight of words in topics, beyond β: ascending positions in a slice, codes, weights.
pub(super) type SlicePriors = Vec<(u32, u16, f32)>;

/// `Σ_d ln p(z_d)`: each document's topics, with its mixture integrated out.
pub(super) fn documents(shard: &Shard, documents: &[Document], hyper: &Hyper) -> f64 {
    let alpha_sum = hyper.alpha_sum();
    documents.iter().map(|of| document(shard, of, hyper, alpha_sum)).sum::<f64>()
}

/// `ln p(z_d)` of a document.
pub(super) fn document(shard: &Shard, of: &Document, hyper: &Hyper, alpha_sum: f64) -> f64 {
    if of.tokens == 0 {
        return 0.0;
    }
    let mut counts = 0.0;
    shard.rows.counts(of.row, hyper.alpha.len(), |code, count| {
        counts += ln_rising(hyper.alpha[usize::from(code) - 1], count.into());
    });
    counts - ln_rising(alpha_sum, of.tokens.into())
}

/// The words' part of `ln p(w | z)` for the words of a slice.
pub(super) fn words(slice: &Slice<u32>, priors: &SlicePriors, hyper: &Hyper) -> f64 {
    let row = |word: usize| (word as u32, slice::row(&slice.head, &slice.cells, word));
    (0..slice.head.len()).map(|at| word(row(at), priors, hyper)).sum::<f64>()
}

/// The part of a word, given its position and its row.
pub(super) fn word((position, row): (u32, &[u32]), priors: &SlicePriors, hyper: &Hyper) -> f64 {
    let mut sum = 0.0;
    for (code, count) in slice::counts(row, hyper.alpha.len()) {
        let own = priors.binary_search_by_key(&(position, code), |prior| (prior.0, prior.1));
        let more = own.map_or(0.0, |at| f64::from(priors[at].2));
        sum += ln_rising(hyper.beta + more, count.into());
    }
    sum
}

/// The topics' part of `ln p(w | z)`, given each topic's tokens and `Σ_v β_vk`.
pub(super) fn topics(totals: &[i64], beta_sums: impl Iterator<Item = f64>) -> f64 {
    let rises = totals.iter().zip(beta_sums).map(|(&n, sum)| ln_rising(sum, n.max(0) as u64));
    -rises.sum::<f64>()
}
