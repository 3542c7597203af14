//! Ratings as people give them: few items with many ratings, few users who rate much, and below
//! the noise a product of short factors.

use std::collections::HashSet;

use super::draws::{Purpose, below, mix, normal, uniform};

/// Spread of the biases of users and of items, and of the product of their factors.
const SPREAD: [f64; 3] = [0.4, 0.5, 0.6];
/// The rating before biases, factors and noise.
const MIDDLE: f64 = 3.5;
/// The first time, and the time between the first and the last: about ten years of seconds.
const TIMES: (i64, u64) = (1_000_000_000, 315_360_000);

/// Ratings from 1 to 5 with power-law popularities and planted factors.
///
/// The r-th most active user has a share of the ratings that falls as `(r + users/50)^-skew`, at
/// most half of the items; items are drawn with probability falling as `r^-skew`, each at most
/// once a user. A rating is `3.5 + a + b + w·h + noise`, held between 1 and 5, with normal biases
/// `a` and `b` (deviations .4 and .5), normal factors scaled so that their product has deviation
/// .6, and normal noise. Ratings are drawn user by user: memory is that of the item factors and 8
/// bytes a user, whatever the number of ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct RatingDesign {
    /// The number of users.
    pub users: usize,
    /// The number of items.
    pub items: usize,
    /// The number of ratings.
    pub ratings: u64,
    /// The length of the planted factors.
    pub rank: usize,
    /// The noise's standard deviation.
    pub noise: f64,
    /// How unequal users and items are: 0 makes them alike.
    pub skew: f64,
    /// Ratings are multiples of it; 0 leaves them as drawn.
    pub step: f64,
    /// What every draw starts from.
    pub seed: u64,
}

/// One drawn rating; users and items are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rated {
    /// Who rates.
    pub user: usize,
    /// What is rated.
    pub item: usize,
    /// From 1 to 5.
    pub rating: f64,
    /// When: seconds since 1970.
    pub time: i64,
}

impl RatingDesign {
    /// A design of a given number of ratings with the shape of the usual data sets: about 100
    /// ratings a user and twice as many users as items, half-star ratings.
    pub fn usual(ratings: u64, seed: u64) -> Self {
        let users = (ratings / 100).max(1) as usize;
        let items = (users / 2).max(200);
        RatingDesign { users, items, ratings, rank: 10, noise: 0.8, skew: 0.9, step: 0.5, seed }
    }

    /// Says what is wrong with the fields, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        let most = (self.users as u64).saturating_mul(self.cap());
        let finite = |number: f64| number >= 0.0 && number.is_finite();
        let limits = [
            (self.users <= u32::MAX as usize, "at most 4294967295 users"),
            (self.items <= u32::MAX as usize, "at most 4294967295 items"),
            (self.ratings <= most, "at most one rating for every second pair of user and item"),
            (self.rank <= 1000, "a rank of at most 1000"),
            (finite(self.noise), "a noise that is finite and not negative"),
            (finite(self.skew) && self.skew <= 3.0, "a skew of 0 to 3"),
            (finite(self.step) && self.step <= 4.0, "a step of 0 to 4"),
        ];
        limits.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, limit)| Err(limit))
    }

    /// Calls `see` with every rating, user by user, while it returns true.
    pub fn each(&self, mut see: impl FnMut(Rated) -> bool) {
        let counts = self.counts();
        let items = self.rows(Purpose::Item, self.items);
        let popular = Shuffle::new(self.items, mix(self.seed, Purpose::Popular, 1, 0));
        for (user, &count) in counts.iter().enumerate() {
            let own = self.row(Purpose::User, user);
            for (place, item) in self.chosen(user, count as usize, &popular).into_iter().enumerate()
            {
                let theirs = &items[item * (self.rank + 1)..][..self.rank + 1];
                let rating = self.rating(&own, theirs, user, place);
                let time = below(self.seed, Purpose::Time, user as u64, place as u64, TIMES.1);
                if !see(Rated { user, item, rating, time: TIMES.0 + time as i64 }) {
                    return;
                }
            }
        }
    }

    fn rating(&self, own: &[f32], theirs: &[f32], user: usize, place: usize) -> f64 {
        let noise = normal(self.seed, Purpose::Noise, user as u64, place as u64);
        let product: f64 = own[1..].iter().zip(&theirs[1..]).map(|(w, h)| f64::from(w * h)).sum();
        let biases = SPREAD[0] * f64::from(own[0]) + SPREAD[1] * f64::from(theirs[0]);
        let rating = MIDDLE + biases + product + self.noise * noise;
        let stepped =
            if self.step > 0.0 { (rating / self.step).round() * self.step } else { rating };
        stepped.clamp(1.0, 5.0)
    }

    /// The most ratings of a user.
    fn cap(&self) -> u64 {
        self.items.div_ceil(2) as u64
    }

    /// How many ratings each user has: together exactly as many as asked for.
    fn counts(&self) -> Vec<u64> {
        let order = Shuffle::new(self.users, mix(self.seed, Purpose::Popular, 0, 0));
        let offset = self.users as f64 / 50.0 + 1.0;
        let weights: Vec<f64> =
            (0..self.users).map(|user| (order.at(user) as f64 + offset).powf(-self.skew)).collect();
        let (cap, wanted) = (self.cap() as f64, self.ratings as f64);
        let total = |scale: f64| weights.iter().map(|w| (scale * w).min(cap)).sum::<f64>();
        // The scale at which capped shares add up, by bisection of its logarithm.
        let (mut low, mut high) = (-60.0f64, 60.0f64);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if total(middle.exp2()) < wanted { low = middle } else { high = middle }
        }
        let scale = high.exp2();
        let (mut sum, mut given) = (0.0, 0);
        let mut counts: Vec<u64> = weights
            .iter()
            .map(|weight| {
                sum += (scale * weight).min(cap);
                let until = (sum.round() as u64).min(self.ratings).max(given);
                std::mem::replace(&mut given, until).abs_diff(until).min(self.cap())
            })
            .collect();
        // What rounding has left goes to whoever has room.
        let mut missing = self.ratings.saturating_sub(counts.iter().sum());
        for count in &mut counts {
            let more = missing.min(self.cap() - *count);
            *count += more;
            missing -= more;
        }
        counts
    }

    /// The items a user rates, each once.
    fn chosen(&self, user: usize, count: usize, popular: &Shuffle) -> Vec<usize> {
        let mut seen = HashSet::with_capacity(count);
        let mut chosen = Vec::with_capacity(count);
        let mut tries = 0;
        while chosen.len() < count {
            // Whoever has rated what is popular goes on with anything.
            let spread = tries as usize >= 4 * count + 100;
            let drawn = uniform(self.seed, Purpose::Rated, user as u64, tries);
            tries += 1;
            let rank = if spread { drawn * self.items as f64 } else { self.zipf(drawn) };
            let item = popular.at((rank as usize).min(self.items - 1));
            if seen.insert(item) {
                chosen.push(item);
            }
        }
        chosen
    }

    /// A popularity rank from a uniform number: the inverse of the continuous power law.
    fn zipf(&self, uniform: f64) -> f64 {
        let (most, power) = (self.items as f64 + 1.0, 1.0 - self.skew);
        if power.abs() < 1e-9 {
            return most.powf(uniform) - 1.0;
        }
        (1.0 + uniform * (most.powf(power) - 1.0)).powf(1.0 / power) - 1.0
    }

    /// Bias and factors of one user or item.
    fn row(&self, purpose: Purpose, at: usize) -> Vec<f32> {
        let scale = (SPREAD[2] / (self.rank.max(1) as f64).sqrt()).sqrt();
        let scale = |place: usize| if place == 0 { 1.0 } else { scale };
        let draw = |place| scale(place) * normal(self.seed, purpose, at as u64, place as u64);
        (0..=self.rank).map(|place| draw(place) as f32).collect()
    }

    fn rows(&self, purpose: Purpose, count: usize) -> Vec<f32> {
        (0..count).flat_map(|at| self.row(purpose, at)).collect()
    }
}

/// A permutation of `0..count`: multiplication by a number without common divisors, and a shift.
struct Shuffle {
    count: u64,
    factor: u64,
    shift: u64,
}

impl Shuffle {
    fn new(count: usize, draw: u64) -> Self {
        let count = count.max(1) as u64;
        let (factor, shift) = (draw >> 32, (draw & 0xffff_ffff) % count);
        let coprime = (0..).map(|more| (factor + more) % count).find(|&f| divisor(f, count) == 1);
        Shuffle { count, factor: coprime.unwrap_or(1), shift }
    }

    fn at(&self, place: usize) -> usize {
        ((u128::from(self.factor) * place as u128 + u128::from(self.shift))
            % u128::from(self.count)) as usize
    }
}

/// The greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if a == 0 { b } else { divisor(b % a, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(design: &RatingDesign) -> Vec<Rated> {
        let mut all = Vec::new();
        design.each(|rated| {
            all.push(rated);
            true
        });
        all
    }

    #[test]
    fn as_many_ratings_as_asked_for_and_no_pair_twice() {
        for design in [
            RatingDesign::usual(20_000, 3),
            RatingDesign { users: 7, items: 9, ..RatingDesign::usual(35, 1) },
            RatingDesign { users: 40, items: 50, skew: 0.0, ..RatingDesign::usual(900, 1) },
            RatingDesign { users: 40, items: 50, skew: 1.0, ..RatingDesign::usual(1000, 1) },
            RatingDesign { users: 1, items: 1, rank: 0, ..RatingDesign::usual(1, 2) },
            RatingDesign { users: 0, items: 0, ..RatingDesign::usual(0, 2) },
        ] {
            assert_eq!(design.check(), Ok(()));
            let all = all(&design);
            assert_eq!(all.len() as u64, design.ratings);
            let pairs: HashSet<_> = all.iter().map(|rated| (rated.user, rated.item)).collect();
            assert_eq!(pairs.len(), all.len());
            assert!(all.is_sorted_by_key(|rated| rated.user));
            assert!(all.iter().all(|rated| rated.user < design.users && rated.item < design.items));
            let steps =
                |rated: &Rated| (1.0..=5.0).contains(&rated.rating) && rated.rating % 0.5 == 0.0;
            assert!(all.iter().all(steps));
        }
        let crowded = RatingDesign { users: 10, items: 10, ..RatingDesign::usual(51, 1) };
        assert!(crowded.check().is_err());
    }

    #[test]
    fn popularity_falls_as_a_power() {
        let design = RatingDesign { users: 5000, items: 2000, ..RatingDesign::usual(50_000, 5) };
        let all = all(&design);
        let mut items = vec![0; 2000];
        all.iter().for_each(|rated| items[rated.item] += 1);
        items.sort_unstable_by(|a, b| b.cmp(a));
        let ratio = f64::from(items[4]) / f64::from(items[99]);
        assert!((8.0..20.0).contains(&ratio), "5th over 100th item: {ratio}");
    }

    #[test]
    fn what_is_planted_explains_all_but_the_noise() {
        let design = RatingDesign { step: 0.0, noise: 0.0, ..RatingDesign::usual(50_000, 8) };
        let noisy = RatingDesign { noise: 0.3, ..design.clone() };
        let pairs: Vec<(f64, f64)> = all(&design)
            .iter()
            .zip(all(&noisy))
            .map(|(clean, noisy)| (clean.rating, noisy.rating))
            .filter(|(clean, noisy)| [clean, noisy].into_iter().all(|x| (1.01..4.99).contains(x)))
            .collect();
        let square: f64 = pairs.iter().map(|(clean, noisy)| (clean - noisy).powi(2)).sum();
        let noise = (square / pairs.len() as f64).sqrt();
        assert!((noise - 0.3).abs() < 0.02, "noise {noise}");
    }
}
