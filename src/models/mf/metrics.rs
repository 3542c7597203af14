//! How good scores and rankings are.

use super::predict::{Row, places};
use super::recommend::{Choice, in_parallel};
use super::{Factorisation, Ratings};
use crate::random::{Draws, purpose};

/// Errors of scores.
///
/// `rmse = √(Σ c e² / Σ c)` and `mae = Σ c |e| / Σ c` over all ratings, with weights `c` and
/// `e = r − score`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Root mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
}

/// What ranks well. All are means over the users that were looked at.
///
/// The *candidates* of a user are all items but those in the training ratings; they are ranked by
/// falling score, of equal ones the first item first. *Relevant* are the candidates that the user
/// rated at least so high in the test ratings. Users without relevant items are not looked at.
///
/// | | |
/// |---|---|
/// | `precision` | relevant items among the first N, over N |
/// | `recall` | relevant items among the first N, over all relevant items |
/// | `ndcg` | `Σ 1/log₂(1 + rank)` over relevant items among the first N, over the most it can be |
/// | `map` | mean, over `min(N, relevant)`, of the precision down to each relevant item among the first N |
/// | `auc` | share of pairs of a relevant and another candidate that scores order rightly, equal scores counting half; 1 if all candidates are relevant |
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Users looked at.
    pub users: usize,
    /// Precision at N.
    pub precision: f64,
    /// Recall at N.
    pub recall: f64,
    /// Normalised discounted cumulative gain at N.
    pub ndcg: f64,
    /// Mean average precision at N.
    pub map: f64,
    /// Area under the receiver operating characteristic.
    pub auc: f64,
}

/// Which rankings are looked at.
#[derive(Clone, Copy, Debug)]
pub struct RankingOptions {
    /// N: how far down a ranking counts.
    pub top: usize,
    /// The lowest rating that is relevant.
    pub relevant: f32,
    /// The most users that are looked at, drawn from those who have test ratings; 0 for all.
    pub users: usize,
    /// Seed of that draw.
    pub seed: u64,
    /// Threads that work; the result is the same for any number.
    pub threads: usize,
}

/// The errors of a model's scores; nothing without ratings (or with weights that are all 0). Users
/// and items are matched by name: those the model does not know score as [`Factorisation::score`]
/// has it.
pub fn errors(model: &Factorisation, ratings: &Ratings, threads: usize) -> Option<Errors> {
    let items: Vec<Option<u32>> = places(&model.items, &ratings.items);
    let users: Vec<Option<u32>> = places(&model.users, &ratings.users);
    let of_user = |user: usize| {
        let row = model.user_row(users[user]);
        let mut sums = [0.0; 3];
        for at in ratings.row(user) {
            let weight = ratings.weights().map_or(1.0, |weights| f64::from(weights[at]));
            let score = model.score(&row, items[ratings.item(at) as usize]);
            let error = f64::from(ratings.value(at)) - score;
            let terms = [weight, weight * error * error, weight * error.abs()];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        sums
    };
    let [weight, square, size] = sum(in_parallel(ratings.users.len(), threads, of_user));
    (weight > 0.0).then(|| Errors { rmse: (square / weight).sqrt(), mae: size / weight })
}

/// Adds up in order.
fn sum<const N: usize>(parts: Vec<[f64; N]>) -> [f64; N] {
    parts.into_iter().fold([0.0; N], |mut sums, part| {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sums
    })
}

/// How a model ranks what users rated in `test`, among what they did not rate in `train`. Takes
/// `O(n (k + log n))` a user for `n` items.
pub fn ranking(
    model: &Factorisation,
    train: &Ratings,
    test: &Ratings,
    options: RankingOptions,
) -> Ranking {
    let users = drawn(test, &options);
    let of_user = |at: usize| {
        let user = users[at];
        let seen = &train.item_column()[train.row(user)];
        let is_relevant = |at: &usize| test.value(*at) >= options.relevant;
        let relevant: Vec<u32> = test
            .row(user)
            .filter(is_relevant)
            .map(|at| test.item(at))
            .filter(|item| seen.binary_search(item).is_err())
            .collect();
        let row = model.user_row(Some(user as u32));
        if relevant.is_empty() {
            [0.0; 6]
        } else {
            ranked(model, &row, seen, &relevant, options.top)
        }
    };
    let [users, rest @ ..] = sum(in_parallel(users.len(), options.threads, of_user));
    let [precision, recall, ndcg, map, auc] = rest.map(|sum| sum / f64::max(users, 1.0));
    Ranking { users: users as usize, precision, recall, ndcg, map, auc }
}

/// The users to look at, in order.
fn drawn(test: &Ratings, options: &RankingOptions) -> Vec<usize> {
    let mut users: Vec<usize> =
        (0..test.users.len()).filter(|&user| !test.row(user).is_empty()).collect();
    if options.users > 0 && users.len() > options.users {
        let draws = Draws::new(options.seed, purpose("ranked users"), 0, 0);
        users.sort_by_cached_key(|&user| draws.at(user as u64));
        users.truncate(options.users);
        users.sort_unstable();
    }
    users
}

/// 1 (for the user), then precision, recall, ndcg, map and auc.
fn ranked(
    model: &Factorisation,
    user: &Row,
    seen: &[u32],
    relevant: &[u32],
    top: usize,
) -> [f64; 6] {
    let choice = |item: u32| Choice { item, score: model.score(user, Some(item)) };
    let mut wanted: Vec<Choice> = relevant.iter().map(|&item| choice(item)).collect();
    wanted.sort();
    // How many other candidates come before each relevant item; and of pairs, how many halves are
    // right.
    let mut before = vec![0usize; wanted.len() + 1];
    let (mut halves, mut others) = (0u64, 0u64);
    let mut seen = seen.iter().copied().peekable();
    let mut relevant = relevant.iter().copied().peekable();
    for item in 0..model.item_bias.len() as u32 {
        let is_seen = seen.next_if(|&other| other == item).is_some();
        let is_relevant = relevant.next_if(|&other| other == item).is_some();
        if is_seen || is_relevant {
            continue;
        }
        let other = choice(item);
        before[wanted.partition_point(|relevant| *relevant < other)] += 1;
        let above = wanted.partition_point(|relevant| relevant.score > other.score);
        let level = wanted.partition_point(|relevant| relevant.score >= other.score);
        halves += (above + level) as u64;
        others += 1;
    }
    let (mut hits, mut gain, mut ideal, mut precisions, mut passed) = (0, 0.0, 0.0, 0.0, 0);
    for (place, others) in before[..wanted.len()].iter().enumerate() {
        passed += others;
        let rank = passed + place + 1;
        if rank <= top {
            hits += 1;
            gain += 1.0 / (1.0 + rank as f64).log2();
            precisions += f64::from(hits) / rank as f64;
        }
        if place < top {
            ideal += 1.0 / (2.0 + place as f64).log2();
        }
    }
    let count = wanted.len() as f64;
    let pairs = 2 * others * wanted.len() as u64;
    let auc = if pairs > 0 { halves as f64 / pairs as f64 } else { 1.0 };
    let most = count.min(top as f64).max(1.0);
    let precision = f64::from(hits) / top.max(1) as f64;
    let ndcg = if ideal > 0.0 { gain / ideal } else { 0.0 };
    [1.0, precision, f64::from(hits) / count, ndcg, precisions / most, auc]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::testing::{random_model, random_ratings};
    use crate::models::mf::{HoldOut, hold_out};

    /// By the definitions, one after the other, from the whole ranking.
    fn naive(
        model: &Factorisation,
        seen: &[u32],
        relevant: &[u32],
        user: u32,
        top: usize,
    ) -> [f64; 6] {
        let row = model.user_row(Some(user));
        let score = |item: u32| model.score(&row, Some(item));
        let mut candidates: Vec<u32> =
            (0..model.items.len() as u32).filter(|item| !seen.contains(item)).collect();
        candidates.sort_by(|&a, &b| score(b).partial_cmp(&score(a)).unwrap().then(a.cmp(&b)));
        let is_hit = |at: usize| candidates.get(at).is_some_and(|item| relevant.contains(item));
        let hits_to = |end: usize| (0..end).filter(|&at| is_hit(at)).count() as f64;
        let gain = |at: usize| 1.0 / ((at + 2) as f64).log2();
        let found: f64 = (0..top).filter(|&at| is_hit(at)).map(gain).sum();
        let ideal: f64 = (0..top.min(relevant.len())).map(gain).sum();
        let precisions: f64 =
            (0..top).filter(|&at| is_hit(at)).map(|at| hits_to(at + 1) / (at + 1) as f64).sum();
        let others: Vec<u32> =
            candidates.iter().copied().filter(|item| !relevant.contains(item)).collect();
        let mut right = 0.0;
        for &good in relevant {
            for &other in &others {
                right += match score(good).partial_cmp(&score(other)).unwrap() {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        [
            1.0,
            hits_to(top) / top as f64,
            hits_to(top) / relevant.len() as f64,
            found / ideal,
            precisions / top.min(relevant.len()) as f64,
            if others.is_empty() { 1.0 } else { right / (others.len() * relevant.len()) as f64 },
        ]
    }

    #[test]
    fn rankings_are_measured_as_defined() {
        let all = random_ratings(30, 25, 0.4, 2);
        let (train, test) = hold_out(&all, HoldOut::Random, 0.3, 2).unwrap();
        let mut model = random_model(30, 25, 3, 7);
        // Some items score alike.
        (model.users, model.items) = (all.users.clone(), all.items.clone());
        let twin = model.item(3).to_vec();
        [4, 11, 17].into_iter().for_each(|item| {
            model.item_factors[item * 3..][..3].copy_from_slice(&twin);
            model.item_bias[item] = model.item_bias[3];
        });
        for (top, relevant) in [(1, 1.0), (5, 3.0), (40, 1.0)] {
            let mut parts = Vec::new();
            for user in 0..30 {
                let wanted: Vec<u32> = test
                    .row(user)
                    .filter(|&at| test.value(at) >= relevant)
                    .map(|at| test.item(at))
                    .collect();
                if !wanted.is_empty() {
                    let seen = &train.item_column()[train.row(user)];
                    parts.push(naive(&model, seen, &wanted, user as u32, top));
                }
            }
            let [users, rest @ ..] = sum(parts);
            let options = RankingOptions { top, relevant, users: 0, seed: 0, threads: 2 };
            let found = ranking(&model, &train, &test, options);
            assert_eq!(found.users, users as usize);
            let figures = [found.precision, found.recall, found.ndcg, found.map, found.auc];
            for (figure, expected) in figures.into_iter().zip(rest) {
                assert!((figure - expected / users).abs() < 1e-12, "{found:?}");
            }
            let few = RankingOptions { users: 4, threads: 1, ..options };
            assert!(ranking(&model, &train, &test, few).users <= 4);
        }
    }

    #[test]
    fn errors_are_those_of_plain_sums() {
        let ratings = random_ratings(20, 15, 0.5, 3);
        let mut model = random_model(20, 15, 17, 4);
        (model.users, model.items) = (ratings.users.clone(), ratings.items.clone());
        let (mut square, mut size) = (0.0, 0.0);
        for rating in ratings.iter() {
            let (user, item) = (rating.user as usize, rating.item as usize);
            let product: f64 = (0..17)
                .map(|k| f64::from(model.user(user)[k]) * f64::from(model.item(item)[k]))
                .sum();
            let biases = f64::from(model.user_bias[user]) + f64::from(model.item_bias[item]);
            let error = f64::from(rating.value) - model.mean - biases - product;
            square += error * error;
            size += error.abs();
        }
        let found = errors(&model, &ratings, 3).unwrap();
        assert!((found.rmse - (square / ratings.len() as f64).sqrt()).abs() < 1e-6);
        assert!((found.mae - size / ratings.len() as f64).abs() < 1e-6);
        assert_eq!(errors(&model, &ratings.select(|_| false), 1), None);
    }
}
