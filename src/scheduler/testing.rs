//! What the tests of schedulers share.

use super::{Next, Report, Scheduler, View};
use crate::program::Work;

/// Asserts that counts fit weights: chi-square within five deviations of its mean.
pub fn chi_square_fits(counts: &[u64], weights: &[f64]) {
    let draws: u64 = counts.iter().sum();
    let total: f64 = weights.iter().sum();
    let chi_square: f64 = counts
        .iter()
        .zip(weights)
        .map(|(&count, weight)| {
            let expected = draws as f64 * weight / total;
            assert!(expected >= 5.0, "too few draws for a chi-square test");
            (count as f64 - expected).powi(2) / expected
        })
        .sum();
    let freedom = counts.len() as f64 - 1.0;
    let deviations = (chi_square - freedom) / (2.0 * freedom).sqrt();
    assert!(deviations < 5.0, "chi-square {chi_square} at {freedom} degrees of freedom");
}

/// A view of `universe` keys that do not interfere.
pub fn view<'a>(round: u64, universe: usize, in_flight: &'a [u32]) -> View<'a, u32> {
    let coupling = &|_, _| Some(0.0);
    let apart = &|_, _| true;
    View { epoch: 0, round, universe, in_flight, coupling, apart, cost: 1000.0, shards: 1 }
}

/// What a scheduler decides, and its block.
pub fn schedule<S: Scheduler<u32> + ?Sized>(
    scheduler: &mut S,
    view: &View<'_, u32>,
) -> (Next, Vec<u32>) {
    let mut block = Vec::new();
    let next = scheduler.schedule(view, &mut block);
    (next, block)
}

/// Tells a scheduler what became of an update round.
pub fn moved<S: Scheduler<u32> + ?Sized>(scheduler: &mut S, keys: &[u32], moved: &[f32]) {
    scheduler.observe(&Report { round: 0, work: Work::Update, keys, moved, error: None });
}

/// Tells a scheduler what became of a certify round.
pub fn certified<S: Scheduler<u32> + ?Sized>(
    scheduler: &mut S,
    keys: &[u32],
    moved: &[f32],
    error: f64,
) {
    let error = Some(error);
    scheduler.observe(&Report { round: 0, work: Work::Certify, keys, moved, error });
}
