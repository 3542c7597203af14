//! Counter-based random draws: pure functions of what they are for.

use crate::random::Draws;

/// What a draw is for. Distinct purposes give independent streams from one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether a column starts a new chain.
    Fresh = 1,
    /// The rows of a column.
    Rows,
    /// The values of a column.
    Values,
    /// Which coefficients are planted.
    Planted,
    /// The size of a planted coefficient.
    Coefficient,
    /// The noise of a response.
    Noise,
    /// What the columns of a block share.
    Block,
    /// Which users and items have many ratings.
    Popular,
    /// The items a user rates.
    Rated,
    /// Factors and bias of a user.
    User,
    /// Factors and bias of an item.
    Item,
    /// When a rating was made.
    Time,
}

/// 64 random bits for the counter `(a, b)`.
pub(super) fn mix(seed: u64, purpose: Purpose, a: u64, b: u64) -> u64 {
    const DESIGN: u64 = crate::random::purpose("synthetic design");
    Draws::new(seed, DESIGN, purpose as u64, a).at(b)
}

/// A number in `[0, 1)`, uniform to 53 bits.
pub(super) fn uniform(seed: u64, purpose: Purpose, a: u64, b: u64) -> f64 {
    (mix(seed, purpose, a, b) >> 11) as f64 / (1u64 << 53) as f64
}

/// A whole number in `0..bound`; the bias is below `bound / 2^64`. Nothing is in `0..0`: gives 0.
pub(super) fn below(seed: u64, purpose: Purpose, a: u64, b: u64, bound: u64) -> u64 {
    ((u128::from(mix(seed, purpose, a, b)) * u128::from(bound)) >> 64) as u64
}

/// A standard normal number, by the method of Box and Muller.
pub(super) fn normal(seed: u64, purpose: Purpose, a: u64, b: u64) -> f64 {
    let bits = mix(seed, purpose, a, b);
    // Half a step up keeps the logarithm's argument above zero.
    let radius = ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let angle = (crate::random::mix(!bits) >> 11) as f64 / (1u64 << 53) as f64;
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// `count` distinct numbers of `0..bound` in ascending order, every subset equally likely (Floyd's
/// algorithm); all of them if `count` is not smaller.
pub(super) fn subset(
    seed: u64,
    purpose: Purpose,
    a: u64,
    count: usize,
    bound: usize,
) -> Vec<usize> {
    let mut chosen = std::collections::BTreeSet::new();
    for last in bound.saturating_sub(count)..bound {
        let drawn = below(seed, purpose, a, last as u64, last as u64 + 1) as usize;
        if !chosen.insert(drawn) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_moments_of_a_standard_normal() {
        let count = 100_000;
        let draws: Vec<f64> = (0..count).map(|i| normal(7, Purpose::Values, i, 3)).collect();
        let moment = |power: i32| draws.iter().map(|x| x.powi(power)).sum::<f64>() / count as f64;
        assert!(moment(1).abs() < 0.02, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.03, "variance {}", moment(2));
        assert!(moment(3).abs() < 0.1, "third moment {}", moment(3));
        assert!((moment(4) - 3.0).abs() < 0.2, "fourth moment {}", moment(4));
    }

    #[test]
    fn purposes_and_counters_give_unrelated_draws() {
        let base = mix(0, Purpose::Rows, 0, 0);
        assert_ne!(base, mix(1, Purpose::Rows, 0, 0));
        assert_ne!(base, mix(0, Purpose::Values, 0, 0));
        assert_ne!(mix(0, Purpose::Rows, 1, 0), mix(0, Purpose::Rows, 0, 1));
    }

    #[test]
    fn subsets_are_distinct_and_evenly_spread() {
        let mut hits = [0u32; 20];
        for key in 0..4_000 {
            let drawn = subset(5, Purpose::Rows, key, 5, 20);
            assert_eq!(drawn.len(), 5);
            assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            drawn.into_iter().for_each(|row| hits[row] += 1);
        }
        assert!(hits.iter().all(|&count| (850..1_150).contains(&count)), "{hits:?}");
        assert_eq!(subset(5, Purpose::Rows, 0, 9, 4), [0, 1, 2, 3]);
    }
}
