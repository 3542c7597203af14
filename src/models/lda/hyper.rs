//! α and β: as they are, and how they are fitted.
//!
//! The fixed point is Minka's for the Dirichlet-multinomial (Minka 2000, "Estimating a Dirichlet
//! distribution", eq. 55), which Wallach (2008) applies to topic models:
//!
//! ```text
//! α_k ← α_k Σ_d [ψ(n_dk + α_k) − ψ(α_k)] / Σ_d [ψ(N_d + A) − ψ(A)]              A = Σ_k α_k
//! β   ← β  Σ_wk [ψ(n_wk + β) − ψ(β)]   / V Σ_k [ψ(n_k + Vβ) − ψ(Vβ)]
//! ```
//!
//! with a Gamma(1.001, 1) prior on each `α_k`, which keeps topics that no document has possible.

use super::gamma::digamma_rise;

/// `shape − 1` and `1 / scale` of the prior of each `α_k`.
const PRIOR: (f64, f64) = (0.001, 1.0);
/// Where concentrations stay.
pub(super) const RANGE: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// Concentrations.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hyper {
    pub alpha: Vec<f64>,
    pub beta: f64,
}

/// Sums that a step takes; those of shards add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sums {
    /// For each topic, over documents.
    pub alpha: Vec<f64>,
    /// Over documents.
    pub documents: f64,
    /// Over words and topics.
    pub words: f64,
}

impl Sums {
    /// No sums yet.
    pub fn new(topics: usize) -> Self {
        Sums { alpha: vec![0.0; topics], ..Sums::default() }
    }

    /// Adds a document's topic.
    pub fn topic(&mut self, hyper: &Hyper, code: u16, count: u32) {
        let topic = usize::from(code) - 1;
        self.alpha[topic] += digamma_rise(hyper.alpha[topic], count.into());
    }

    /// As words, to be sent.
    pub fn words(&self) -> impl Iterator<Item = i64> + '_ {
        let values = self.alpha.iter().chain([&self.documents, &self.words]);
        values.map(|value| value.to_bits() as i64)
    }

    /// Adds sums that were sent.
    pub fn add(&mut self, words: &[i64]) {
        let own = self.alpha.iter_mut().chain([&mut self.documents, &mut self.words]);
        own.zip(words).for_each(|(own, word)| *own += f64::from_bits(*word as u64));
    }
}

impl Hyper {
    /// `Σ_k α_k`.
    pub fn alpha_sum(&self) -> f64 {
        self.alpha.iter().sum()
    }

    /// One step of the fixed point for α.
    pub fn step_alpha(&mut self, sums: &Sums) {
        for (alpha, sum) in self.alpha.iter_mut().zip(&sums.alpha) {
            let next = (*alpha * sum + PRIOR.0) / (sums.documents + PRIOR.1);
            *alpha = next.clamp(*RANGE.start(), *RANGE.end());
        }
    }

    /// One step of the fixed point for β, given the tokens of each topic.
    pub fn step_beta(&mut self, sums: &Sums, totals: &[i64], vocabulary: usize) {
        let vocabulary = vocabulary as f64;
        let rises = totals.iter().map(|&n| digamma_rise(self.beta * vocabulary, n.max(0) as u64));
        let below = vocabulary * rises.sum::<f64>();
        if below > 0.0 {
            self.beta = (self.beta * sums.words / below).clamp(*RANGE.start(), *RANGE.end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hyper, Sums};
    use crate::random::{Draws, purpose};

    /// Draws documents from a Dirichlet-multinomial by Pólya's urn, and finds its α again.
    #[test]
    fn the_fixed_point_finds_the_concentrations_of_an_urn() {
        let truth = [0.2, 1.0, 3.0];
        let mut draws = Draws::new(1, purpose("test"), 0, 0);
        let documents: Vec<[u32; 3]> = (0..4000)
            .map(|_| {
                let mut counts = [0u32; 3];
                for drawn in 0..50 {
                    let mut at = draws.next_f64() * (4.2 + f64::from(drawn));
                    let mass = |k: usize| truth[k] + f64::from(counts[k]);
                    let topic = (0..2).find(|&k| {
                        at -= mass(k);
                        at < 0.0
                    });
                    counts[topic.unwrap_or(2)] += 1;
                }
                counts
            })
            .collect();
        let mut hyper = Hyper { alpha: vec![1.0; 3], beta: 0.1 };
        for _ in 0..200 {
            let mut sums = Sums::new(3);
            for counts in &documents {
                (1..=3).for_each(|code| sums.topic(&hyper, code, counts[usize::from(code) - 1]));
                sums.documents += super::digamma_rise(hyper.alpha_sum(), 50);
            }
            hyper.step_alpha(&sums);
        }
        for (found, truth) in hyper.alpha.iter().zip(truth) {
            assert!((found / truth - 1.0).abs() < 0.1, "{:?}", hyper.alpha);
        }
    }
}
