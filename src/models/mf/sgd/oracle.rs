//! The same fit by plain loops over numbers, for tests.

use std::sync::Arc;

use super::plan::Plan;
use super::terms::Terms;
use crate::models::mf::{Factorisation, Options, Problem};
use crate::operators::Ring;
use crate::random::{Draws, purpose};

/// A user or an item.
#[derive(Clone, Default)]
struct Row {
    factors: Vec<f32>,
    bias: f32,
}

/// The sum of products of sixteen lanes a line, in the order of the kernels: lanes two apart, then
/// four lanes, then eight, then all.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for at in 0..a.len() {
        lanes[at % 16] = a[at].mul_add(b[at], lanes[at % 16]);
    }
    let quarter = |q: usize| {
        let x = &lanes[4 * q..];
        (x[0] + x[2]) + (x[1] + x[3])
    };
    (quarter(0) + quarter(1)) + (quarter(2) + quarter(3))
}

/// A row as the kernels have it: zeros after the factors, then the biases, `own` and `other`.
fn laid_out(row: &Row, [item, user]: [f32; 2]) -> Vec<f32> {
    let length = (row.factors.len() + 4).next_multiple_of(16);
    let mut lanes = row.factors.clone();
    lanes.resize(length, 0.0);
    (lanes[length - 4], lanes[length - 3]) = (item, user);
    lanes
}

fn first(rank: usize, seed: u64, side: &str, id: u32) -> Row {
    let mut draws = Draws::new(seed, purpose(side), 0, u64::from(id));
    let scale = 0.035 * (12.0 / rank as f64).sqrt();
    let factors = (0..rank).map(|_| (scale * (draws.next_f64() - 0.5)) as f32).collect();
    Row { factors, bias: 0.0 }
}

struct Rating {
    item: u32,
    value: f32,
    weight: Option<f32>,
}

/// A fit of so many epochs over the shards and slices of a ring.
pub(super) fn fit(problem: &Problem, options: &Options, ring: &Ring) -> Factorisation {
    let plan = Plan::new(problem.clone(), options, ring);
    let terms = Terms::new(options, &plan);
    let train = Arc::clone(&problem.train);
    let (m, n, rank) = (train.users.len() as u32, train.items.len() as u32, options.rank);
    let mut users: Vec<Row> =
        (0..m).map(|id| first(rank, options.seed, "first factors of users", id)).collect();
    let mut items: Vec<Row> =
        (0..n).map(|id| first(rank, options.seed, "first factors of items", id)).collect();
    let row = |user: u32| -> Vec<Rating> {
        let mut order = Vec::new();
        plan.ratings(user, &mut order);
        order
            .into_iter()
            .map(|at| Rating {
                item: train.item(at),
                value: ((f64::from(train.value(at)) - plan.mean) * (1.0 / plan.deviation)) as f32,
                weight: train.weights().map(|w| (f64::from(w[at]) * (1.0 / plan.weight)) as f32),
            })
            .collect()
    };
    let in_slice = |user: u32, slice: usize| -> Vec<Rating> {
        let mut all = row(user);
        all.retain(|rating| plan.places[rating.item as usize].slice as usize == slice);
        all
    };
    let schedule = |each: &mut dyn FnMut(u32, usize)| {
        for round in 0..ring.slices() as u64 {
            for shard in 0..ring.shards() {
                for &user in &plan.users[plan.shards[shard].clone()] {
                    each(user, ring.slice(shard, round));
                }
            }
        }
    };
    if options.biases {
        for user in 0..m {
            let (mut sum, mut total) = (0.0, 10.0);
            for rating in row(user) {
                let weight = f64::from(rating.weight.unwrap_or(1.0));
                sum += weight * f64::from(rating.value);
                total += weight;
            }
            users[user as usize].bias = (sum / total) as f32;
        }
        schedule(&mut |user, slice| {
            for rating in in_slice(user, slice) {
                let beyond = rating.value - users[user as usize].bias;
                items[rating.item as usize].bias += rating.weight.unwrap_or(1.0) * beyond;
            }
        });
        for (item, count) in items.iter_mut().zip(&plan.counts) {
            item.bias /= (f64::from(*count) + 10.0) as f32;
        }
    }
    for epoch in 0..terms.epochs {
        schedule(&mut |user, slice| {
            let mut ratings = &in_slice(user, slice)[..];
            while !ratings.is_empty() {
                let taken = ratings.len().min(16);
                let count = train.row(user as usize).len();
                let own = terms.user(epoch, count);
                let of = |item: u32| terms.item(epoch, plan.counts[item as usize] as usize);
                step(
                    &mut users[user as usize],
                    &mut items,
                    &ratings[..taken],
                    (own.step, own.shrink),
                    &|item| (of(item).step, of(item).shrink),
                    options.biases.then_some(terms.masks.user_shrinks[13]),
                );
                ratings = &ratings[taken..];
            }
        });
    }
    let scale = plan.deviation;
    let factors = |rows: &[Row]| {
        let all = rows.iter().flat_map(|row| &row.factors);
        all.map(|&x| (f64::from(x) * scale.sqrt()) as f32).collect()
    };
    let biases = |rows: &[Row]| {
        rows.iter().map(|row| (f64::from(row.bias) * scale) as f32).collect::<Vec<_>>()
    };
    Factorisation {
        users: Arc::clone(&train.users),
        items: Arc::clone(&train.items),
        rank,
        user_factors: factors(&users),
        item_factors: factors(&items),
        user_bias: biases(&users),
        item_bias: biases(&items),
        mean: plan.mean,
        scale: train.scale(),
    }
}

/// One micro-batch. Gradients of a user's row are summed over every other rating, then together.
fn step(
    user: &mut Row,
    items: &mut [Row],
    ratings: &[Rating],
    (rate, shrink): (f32, f32),
    of_item: &dyn Fn(u32) -> (f32, f32),
    ease: Option<f32>,
) {
    let w = laid_out(user, [1.0, user.bias]);
    let error = |rating: &Rating| {
        let item = &items[rating.item as usize];
        let left = rating.value - product(&w, &laid_out(item, [item.bias, 1.0]));
        rating.weight.map_or(left, |weight| weight * left)
    };
    let errors: Vec<f32> = ratings.iter().map(error).collect();
    let before = user.clone();
    let rank = before.factors.len();
    let mut gradients = [vec![0.0f32; rank], vec![0.0; rank]];
    let mut of_bias = [0.0f32; 2];
    for (at, (rating, &error)) in ratings.iter().zip(&errors).enumerate() {
        let item = &mut items[rating.item as usize];
        let (rate, shrink) = of_item(rating.item);
        let rate = rate * error;
        let pairs = item.factors.iter_mut().zip(&before.factors);
        for ((h, &w), gradient) in pairs.zip(&mut gradients[at % 2]) {
            *gradient = error.mul_add(*h, *gradient);
            *h = rate.mul_add(w, (1.0 - shrink) * *h);
        }
        of_bias[at % 2] += error;
        if let Some(ease) = ease {
            item.bias = rate.mul_add(1.0, (1.0 - shrink * ease) * item.bias);
        }
    }
    let shrink = shrink * ratings.len() as f32;
    let [even, odd] = gradients;
    for ((w, even), odd) in user.factors.iter_mut().zip(even).zip(odd) {
        *w = rate.mul_add(even + odd, (1.0 - shrink) * *w);
    }
    if let Some(ease) = ease {
        let gradient = of_bias[0] + of_bias[1];
        user.bias = rate.mul_add(gradient, (1.0 - shrink * ease) * before.bias);
    }
}
