//! Runs of the solver, and ratings to run it on.

use std::sync::{Arc, Mutex};

use strads::cluster::Flags;
use strads::models::mf::{
    Factorisation, Fit, Names, Options, Point, Problem, Ratings, Unordered, ccd,
};
use strads::operators;
use strads::random::{Draws, purpose};

/// Ratings of a planted model of this rank, a part of all pairs, with some noise.
pub fn planted(users: usize, items: usize, rank: usize, part: f64, noise: f64) -> Ratings {
    let mut draws = Draws::new(users as u64, purpose("planted ratings"), items as u64, rank as u64);
    let mut factors = |rows: usize| -> Vec<Vec<f64>> {
        (0..rows).map(|_| (0..rank).map(|_| 2.0 * draws.next_f64() - 0.5).collect()).collect()
    };
    let (w, h) = (factors(users), factors(items));
    let mut unordered = Unordered::default();
    for (user, w) in w.iter().enumerate() {
        for (item, h) in h.iter().enumerate() {
            // Popular items are rated more often.
            let chance = part * if item % 3 == 0 { 2.0 } else { 0.5 };
            let (kept, error) = (draws.next_f64() < chance, draws.next_f64() - 0.5);
            if kept {
                let score: f64 = w.iter().zip(h).map(|(w, h)| w * h).sum();
                unordered.user.push(user as u32);
                unordered.item.push(item as u32);
                unordered.value.push((score + noise * error) as f32);
            }
        }
    }
    ratings(users, items, unordered)
}

/// Ratings by users and items with numbers as names.
pub fn ratings(users: usize, items: usize, unordered: Unordered) -> Ratings {
    let names = |count: usize| Arc::new(Names::sorted((0..count).map(|id| id.to_string())));
    Ratings::new(names(users), names(items), unordered, 1).expect("ratings in order")
}

/// The same with a weight for each.
pub fn weighted(train: &Ratings, weight: impl Fn(usize) -> f32) -> Ratings {
    let entries: Vec<_> = train.iter().collect();
    let unordered = Unordered {
        user: entries.iter().map(|entry| entry.user).collect(),
        item: entries.iter().map(|entry| entry.item).collect(),
        value: entries.iter().map(|entry| entry.value).collect(),
        weight: Some((0..entries.len()).map(weight).collect()),
        time: None,
    };
    ratings(train.users.len(), train.items.len(), unordered)
}

/// What a run gave, and every point on the way.
pub struct Outcome {
    pub fit: Fit,
    pub points: Vec<Point>,
}

impl Outcome {
    pub fn model(&self) -> &Factorisation {
        self.fit.model.as_ref().expect("a model")
    }

    pub fn objective(&self) -> f64 {
        self.fit.point.expect("a measured point").objective
    }
}

/// Options with a penalty a rating, for so many sweeps.
pub fn sweeps(rank: usize, sweeps: u64) -> Options {
    let lambda = Some(0.05);
    Options { rank, lambda, weighted_lambda: true, iterations: Some(sweeps), ..Options::default() }
}

/// Runs on `threads` workers with so many shards.
pub fn run_on(train: &Ratings, options: &Options, threads: usize, shards: usize) -> Outcome {
    let problem = Problem { train: Arc::new(train.clone()), test: None, warm: None };
    run_problem(problem, options, threads, shards)
}

pub fn run_problem(problem: Problem, options: &Options, threads: usize, shards: usize) -> Outcome {
    let points = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&points);
    let engine = operators::Options { shards, ..operators::Options::default() };
    let flags = Flags::threads(threads);
    let watch = move |point: &Point| to.lock().expect("no panic").push(*point);
    let fit = ccd::fit(&flags, b"", problem, options.clone(), engine, watch).expect("a fit");
    let points = points.lock().expect("no panic").clone();
    Outcome { fit, points }
}

pub fn run(train: &Ratings, options: &Options) -> Outcome {
    run_on(train, options, 1, 2)
}

/// The objective of a model, from its definition, in `f64`.
pub fn objective(train: &Ratings, options: &Options, model: &Factorisation) -> f64 {
    let score = |user: usize, item: usize| {
        let products = model.user(user).iter().zip(model.item(item));
        let product: f64 = products.map(|(w, h)| f64::from(*w) * f64::from(*h)).sum();
        model.mean + f64::from(model.user_bias[user]) + f64::from(model.item_bias[item]) + product
    };
    let mut loss = 0.0;
    let mut counts = [vec![0.0; train.users.len()], vec![0.0; train.items.len()]];
    for entry in train.iter() {
        let (user, item) = (entry.user as usize, entry.item as usize);
        counts[0][user] += 1.0;
        counts[1][item] += 1.0;
        let (score, value, weight) =
            (score(user, item), f64::from(entry.value), f64::from(entry.weight));
        loss += match options.implicit {
            None => weight * (value - score).powi(2),
            Some(alpha) => (1.0 + alpha * weight * value) * (1.0 - score).powi(2) - score.powi(2),
        };
    }
    if options.implicit.is_some() {
        let pairs =
            (0..train.users.len()).flat_map(|u| (0..train.items.len()).map(move |i| (u, i)));
        loss += pairs.map(|(user, item)| score(user, item).powi(2)).sum::<f64>();
    }
    let square = |row: &[f32]| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let lambda = options.lambda.expect("a penalty");
    let mut penalty = 0.0;
    for (user, count) in counts[0].iter().enumerate() {
        let each = if options.weighted_lambda { *count } else { 1.0 };
        penalty += each * (square(model.user(user)) + square(&model.user_bias[user..=user]));
    }
    for (item, count) in counts[1].iter().enumerate() {
        let each = if options.weighted_lambda { *count } else { 1.0 };
        penalty += each * (square(model.item(item)) + square(&model.item_bias[item..=item]));
    }
    loss + lambda * penalty
}
