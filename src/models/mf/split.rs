//! Ratings held out of training.

use crate::random::{Draws, purpose};

use super::Ratings;

/// Which ratings are held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldOut {
    /// Each with the same probability.
    #[default]
    Random,
    /// The last ones of every user; of ratings without times, or at one time, any.
    User,
    /// The last ones of all; of those at one time any.
    Time,
}

/// Splits ratings into those to learn from and those held out, of the same users and items.
///
/// A `share` below 1 is a share of all ratings ([`HoldOut::Random`]: of each with that probability)
/// or of each user's, rounded down. From 1 on it is a number of ratings: of each user who has more
/// ([`HoldOut::User`]), or of all. Draws are counter-based, keyed by user and item: whether a rating
/// is held out at random does not depend on the others.
///
/// # Errors
/// If there are no times to go by, if the share is not above 0, or a number at random.
///
/// ```
/// use strads::models::mf::{HoldOut, Ratings, hold_out};
///
/// let ratings = Ratings::from_entries([("u", "a", 1.0), ("u", "b", 2.0), ("v", "a", 3.0)])?;
/// let (train, test) = hold_out(&ratings, HoldOut::User, 1.0, 0)?;
/// assert_eq!((train.len(), test.len()), (2, 1)); // v has no more than one
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hold_out(
    ratings: &Ratings,
    how: HoldOut,
    share: f64,
    seed: u64,
) -> Result<(Ratings, Ratings), &'static str> {
    if !(share > 0.0 && share.is_finite()) {
        return Err("expected a share above 0");
    }
    let draws = Draws::new(seed, purpose("hold-out"), 0, 0);
    let held = match (how, ratings.times()) {
        (HoldOut::Random, _) if share >= 1.0 => return Err("expected a share below 1"),
        (HoldOut::Random, _) => at_random(ratings, share, &draws),
        (HoldOut::User, times) => of_users(ratings, times, share, &draws),
        (HoldOut::Time, Some(times)) => latest(ratings, times, share, &draws),
        (HoldOut::Time, None) => return Err("expected ratings with times"),
    };
    Ok((ratings.select(|at| !held[at]), ratings.select(|at| held[at])))
}

/// The draw of a pair.
fn draw(ratings: &Ratings, draws: &Draws, user: usize, at: usize) -> u64 {
    draws.at((user as u64) << 32 | u64::from(ratings.item(at)))
}

fn at_random(ratings: &Ratings, share: f64, draws: &Draws) -> Vec<bool> {
    let below = (share * (1u64 << 53) as f64) as u64;
    let users = 0..ratings.users.len();
    let row =
        |user| ratings.row(user).map(move |at| (draw(ratings, draws, user, at) >> 11) < below);
    users.flat_map(row).collect()
}

/// How many of `count` ratings are held out.
fn number(count: usize, share: f64) -> usize {
    if share < 1.0 { (count as f64 * share) as usize } else { share as usize }
}

fn of_users(ratings: &Ratings, times: Option<&[i64]>, share: f64, draws: &Draws) -> Vec<bool> {
    let mut held = vec![false; ratings.len()];
    for user in 0..ratings.users.len() {
        let row = ratings.row(user);
        let number = number(row.len(), share);
        if number == 0 || number >= row.len() {
            continue;
        }
        let mut order: Vec<(i64, u64, usize)> = row
            .map(|at| (times.map_or(0, |times| times[at]), draw(ratings, draws, user, at), at))
            .collect();
        order.sort_unstable();
        order.iter().rev().take(number).for_each(|&(_, _, at)| held[at] = true);
    }
    held
}

fn latest(ratings: &Ratings, times: &[i64], share: f64, draws: &Draws) -> Vec<bool> {
    let mut held = vec![false; ratings.len()];
    let number = number(ratings.len(), share).min(ratings.len());
    let users = 0..ratings.users.len();
    let mut order: Vec<(i64, u64, usize)> = users
        .flat_map(|user| ratings.row(user).map(move |at| (user, at)))
        .map(|(user, at)| (times[at], draw(ratings, draws, user, at), at))
        .collect();
    order.sort_unstable();
    order.iter().rev().take(number).for_each(|&(_, _, at)| held[at] = true);
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::{Names, Unordered};
    use std::sync::Arc;

    fn ratings(users: u32, items: u32, times: bool) -> Ratings {
        let pairs: Vec<(u32, u32)> = (0..users)
            .flat_map(|user| (0..items).map(move |item| (user, item)))
            .filter(|(user, item)| (user * 7 + item * 3) % 5 != 0 && user % 10 != 9 || *item == 0)
            .collect();
        let names = |count: u32| Arc::new(Names::sorted((0..count).map(|at| at.to_string())));
        let unordered = Unordered {
            user: pairs.iter().map(|pair| pair.0).collect(),
            item: pairs.iter().map(|pair| pair.1).collect(),
            value: vec![1.0; pairs.len()],
            weight: None,
            time: times
                .then(|| pairs.iter().map(|(u, i)| i64::from((u * 31 + i * 17) % 50)).collect()),
        };
        Ratings::new(names(users), names(items), unordered, 1).unwrap()
    }

    fn pairs(ratings: &Ratings) -> Vec<(u32, u32)> {
        ratings.iter().map(|entry| (entry.user, entry.item)).collect()
    }

    #[test]
    fn every_rating_is_on_one_side() {
        let all = ratings(50, 20, true);
        for (how, share) in [
            (HoldOut::Random, 0.2),
            (HoldOut::User, 0.2),
            (HoldOut::User, 1.0),
            (HoldOut::User, 3.0),
            (HoldOut::Time, 0.2),
            (HoldOut::Time, 7.0),
        ] {
            let (train, test) = hold_out(&all, how, share, 4).unwrap();
            let mut both = [pairs(&train), pairs(&test)].concat();
            both.sort_unstable();
            assert_eq!(both, pairs(&all));
            assert!(!test.is_empty());
            assert_eq!(hold_out(&all, how, share, 4), Ok((train, test)));
        }
        assert!(hold_out(&all, HoldOut::Random, 1.0, 0).is_err());
        assert!(hold_out(&all, HoldOut::User, 0.0, 0).is_err());
        assert!(hold_out(&all, HoldOut::User, f64::NAN, 0).is_err());
        assert!(hold_out(&ratings(5, 5, false), HoldOut::Time, 0.5, 0).is_err());
    }

    #[test]
    fn users_lose_their_last_ratings_and_keep_one() {
        let all = ratings(50, 20, true);
        let (train, test) = hold_out(&all, HoldOut::User, 2.0, 1).unwrap();
        for user in 0..50 {
            let count = all.row(user).len();
            assert_eq!(test.row(user).len(), if count > 2 { 2 } else { 0 });
            let times = |side: &Ratings| -> Vec<i64> {
                side.row(user).map(|at| side.times().unwrap()[at]).collect()
            };
            let last = times(&train).into_iter().max();
            assert!(times(&test).into_iter().all(|time| Some(time) >= last));
        }
        let (_, half) = hold_out(&all, HoldOut::User, 0.5, 1).unwrap();
        assert!((0..50).all(|user| half.row(user).len() == all.row(user).len() / 2));
    }

    #[test]
    fn nothing_in_training_is_later_than_what_is_held_out() {
        let all = ratings(50, 20, true);
        let (train, test) = hold_out(&all, HoldOut::Time, 0.25, 1).unwrap();
        assert_eq!(test.len(), all.len() / 4);
        assert!(train.times().unwrap().iter().max() <= test.times().unwrap().iter().min());
    }

    #[test]
    fn at_random_about_the_share_is_held_out_and_each_for_itself() {
        let all = ratings(400, 50, false);
        let (train, test) = hold_out(&all, HoldOut::Random, 0.1, 9).unwrap();
        let share = test.len() as f64 / all.len() as f64;
        assert!((share - 0.1).abs() < 0.01, "{share}");
        // Of the ratings that are left, the same ones are held out.
        let some = all.select(|at| at % 3 != 0);
        let (_, less) = hold_out(&some, HoldOut::Random, 0.1, 9).unwrap();
        let kept: Vec<_> =
            pairs(&some).into_iter().filter(|pair| pairs(&test).contains(pair)).collect();
        assert_eq!(pairs(&less), kept);
        assert_ne!(hold_out(&all, HoldOut::Random, 0.1, 10).unwrap().0, train);
    }
}
