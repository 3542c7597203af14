//! Random models and ratings for tests.

use std::sync::Arc;

use super::{Factorisation, Names, Ratings};
use crate::random::{Draws, purpose};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, purpose("test"), 0, 0)
}

/// A model whose numbers are uniform between -1 and 1.
pub fn random_model(users: usize, items: usize, rank: usize, seed: u64) -> Factorisation {
    let mut draws = draws(seed);
    let mut column =
        |count: usize| (0..count).map(|_| (draws.next_f64() * 2.0 - 1.0) as f32).collect();
    let names = |count: usize| Arc::new(Names::sorted((0..count).map(|at| at.to_string())));
    Factorisation {
        users: names(users),
        items: names(items),
        rank,
        user_factors: column(users * rank),
        item_factors: column(items * rank),
        user_bias: column(users),
        item_bias: column(items),
        mean: 3.25,
        scale: (1.0, 5.0),
    }
}

/// Each pair is rated with this probability, from 1 to 5.
pub fn random_ratings(users: usize, items: usize, share: f64, seed: u64) -> Ratings {
    let mut draws = draws(seed);
    let mut entries = Vec::new();
    for user in 0..users {
        for item in 0..items {
            if draws.next_f64() < share {
                entries.push((user.to_string(), item.to_string(), 1.0 + draws.below(5) as f32));
            }
        }
    }
    Ratings::from_entries(entries).expect("finite values")
}
