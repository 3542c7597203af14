//! Where users and items go, and what the ratings come to: the same in every process.

use std::ops::Range;
use std::sync::Arc;

use crate::models::mf::{Options, Problem, Ratings};
use crate::operators::Ring;
use crate::random::{Draws, purpose};

const USERS: u64 = purpose("order of users");
const ITEMS: u64 = purpose("order of items");
const ROWS: u64 = purpose("order of a user's ratings");
const HELD: u64 = purpose("ratings held out for stopping");

/// The fraction of the ratings that are held out to see when to stop, unless told how long to go:
/// one in a hundred, but about [`TELLING`], and none where that would be more than one in ten.
const HOLD_OUT: f64 = 0.01;
/// Held-out ratings whose error tells one epoch from the next.
const TELLING: f64 = 2000.0;

/// An item's slice, and its row there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub slice: u32,
    pub row: u16,
}

/// Users and items in random order, so that shards and slices are alike, and the moments of the
/// ratings.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub problem: Problem,
    /// Users in the order of their rows.
    pub users: Vec<u32>,
    /// For each shard its part of `users`.
    pub shards: Vec<Range<usize>>,
    /// Items in the order of their rows.
    pub items: Vec<u32>,
    /// Rows of a slice, one of zeros not counted.
    pub per_slice: usize,
    /// Of each item.
    pub places: Vec<Place>,
    /// Ratings of each item.
    pub counts: Vec<u32>,
    pub mean: f64,
    /// The standard deviation of the ratings; 1 if they are all equal.
    pub deviation: f64,
    /// The mean weight of a rating, and the mean number of ratings of users and items that have
    /// some.
    pub weight: f64,
    pub per_user: f64,
    pub per_item: f64,
    /// The fraction of the ratings that are held out to see when to stop.
    hold: f64,
    seed: u64,
}

impl Plan {
    /// Plans a fit over the shards and slices of a ring.
    pub fn new(problem: Problem, options: &Options, ring: &Ring) -> Self {
        let train = Arc::clone(&problem.train);
        let users = shuffled(train.users.len(), options.seed, USERS);
        let items = shuffled(train.items.len(), options.seed, ITEMS);
        let per_slice = items.len().div_ceil(ring.slices()).max(1);
        let mut places = vec![Place { slice: 0, row: 0 }; items.len()];
        for (at, &item) in items.iter().enumerate() {
            let (slice, row) = ((at / per_slice) as u32, (at % per_slice) as u16);
            places[item as usize] = Place { slice, row };
        }
        let counts = train.item_counts();
        let moments = Moments::of(&train);
        let mean = if options.centres() { moments.mean } else { 0.0 };
        let spread = (moments.square - 2.0 * mean * moments.mean + mean * mean).max(0.0).sqrt();
        let rated = |count: usize| train.len() as f64 / count.max(1) as f64;
        let of_users = (0..users.len()).filter(|&user| !train.row(user).is_empty()).count();
        Plan {
            shards: balanced(&users, &train, ring.shards()),
            users,
            items,
            per_slice,
            places,
            per_item: rated(counts.iter().filter(|&&count| count > 0).count()),
            per_user: rated(of_users),
            counts,
            mean,
            deviation: if spread > 0.0 { spread } else { 1.0 },
            weight: moments.weight,
            hold: if options.iterations.is_none() { held(train.len()) } else { 0.0 },
            seed: options.seed,
            problem,
        }
    }

    /// Whether ratings are held out to see when to stop.
    pub fn holds(&self) -> bool {
        self.hold > 0.0
    }

    /// Whether a rating is held out.
    pub fn is_held(&self, draws: &Draws, at: usize) -> bool {
        self.holds() && draws.at(at as u64) < (self.hold * u64::MAX as f64) as u64
    }

    /// The draws of [`Plan::is_held`].
    pub fn draws(&self) -> Draws {
        Draws::new(self.seed, HELD, 0, 0)
    }

    /// A user's training ratings in random order: popular items come before others in many files,
    /// and steps along users' rows that all end with the same items predict worse.
    pub fn ratings(&self, user: u32, to: &mut Vec<usize>) {
        to.clear();
        to.extend(self.problem.train.row(user as usize));
        shuffle(to, Draws::new(self.seed, ROWS, 0, u64::from(user)));
    }

    /// The items of a slice, in the order of their rows.
    pub fn slice(&self, slice: usize) -> &[u32] {
        let start = (slice * self.per_slice).min(self.items.len());
        &self.items[start..(start + self.per_slice).min(self.items.len())]
    }

    /// The row of zeros behind a slice's items.
    pub fn blank(&self) -> u16 {
        self.per_slice as u16
    }
}

/// The fraction of so many ratings to hold out.
fn held(ratings: usize) -> f64 {
    let fraction = HOLD_OUT.max(TELLING / ratings as f64);
    if fraction <= 0.1 { fraction } else { 0.0 }
}

/// `0..count` in random order.
fn shuffled(count: usize, seed: u64, purpose: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    shuffle(&mut order, Draws::new(seed, purpose, 0, 0));
    order
}

fn shuffle<T>(all: &mut [T], mut draws: Draws) {
    for last in (1..all.len()).rev() {
        all.swap(last, draws.below(last as u64 + 1) as usize);
    }
}

/// Cuts the users so that every shard has about as many ratings.
fn balanced(users: &[u32], train: &Ratings, shards: usize) -> Vec<Range<usize>> {
    let mut cuts = vec![0];
    let mut sum = 0;
    for (at, &user) in users.iter().enumerate() {
        while cuts.len() < shards && sum * shards >= train.len() * cuts.len() {
            cuts.push(at);
        }
        sum += train.row(user as usize).len();
    }
    cuts.resize(shards, users.len());
    let ends = cuts.iter().copied().skip(1).chain([users.len()]);
    cuts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Moments of ratings, weighted.
struct Moments {
    mean: f64,
    square: f64,
    weight: f64,
}

impl Moments {
    fn of(train: &Ratings) -> Self {
        let weights = train.weights();
        let (mut sum, mut square, mut total) = (0.0, 0.0, 0.0);
        for (at, &value) in train.values().iter().enumerate() {
            let (value, weight) =
                (f64::from(value), weights.map_or(1.0, |weights| f64::from(weights[at])));
            sum += weight * value;
            square += weight * value * value;
            total += weight;
        }
        if total > 0.0 {
            let weight = total / train.len() as f64;
            Moments { mean: sum / total, square: square / total, weight }
        } else {
            Moments { mean: 0.0, square: 0.0, weight: 1.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_about_as_many_ratings_and_all_users() {
        let entry = |at: u32| (format!("u{}", at * at % 97), format!("i{}", at % 31), 1.0);
        let train = Ratings::from_entries((0..2000).map(entry)).unwrap();
        let users = shuffled(train.users.len(), 1, USERS);
        for shards in [1, 2, 3, 200] {
            let cut = balanced(&users, &train, shards);
            assert_eq!(cut.len(), shards);
            assert!(cut.iter().cloned().flatten().eq(0..users.len()));
            let ratings = |cut: &Range<usize>| -> usize {
                users[cut.clone()].iter().map(|&user| train.row(user as usize).len()).sum()
            };
            let most = cut.iter().map(ratings).max().unwrap();
            assert!(most <= train.len() / shards + 62, "{shards}: {most}");
        }
        assert_eq!(balanced(&[], &Ratings::default(), 2), [0..0, 0..0]);
    }
}
