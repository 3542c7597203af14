//! Steps and penalties, as the options and the data have them.

use super::plan::Plan;
use super::row::Masks;
use crate::models::mf::Options;

/// Epochs unless told otherwise.
const EPOCHS: f64 = 12.0;
/// The fraction of the usual epochs below which steps do not get longer.
const SHORTEST: f64 = 1.0 / 3.0;
/// A bias is penalised so much less than a factor.
const BIAS: f64 = 0.3;
/// Rows with few ratings are penalised more, up to so many times λ.
const MOST: f64 = 20.0;
/// How fast the steps of a row shrink with its number of ratings.
const CROWDED: f64 = 0.01;
/// The least fraction of the first step that a later one is.
const LEAST: f64 = 0.02;

/// The penalty of a side.
#[derive(Clone, Copy, Debug)]
enum Penalty {
    /// λ for each rating of a row with the mean number of ratings, (n/mean)^−½ times that else.
    Eased { lambda: f64, mean: f64 },
    /// λ a rating.
    Rating(f64),
    /// λ a row.
    Row(f64),
}

impl Penalty {
    /// For each rating of a row with `count`.
    fn of(self, count: usize) -> f64 {
        let count = count.max(1) as f64;
        match self {
            Penalty::Eased { lambda, mean } => lambda * (mean / count).sqrt().min(MOST),
            Penalty::Rating(lambda) => lambda,
            Penalty::Row(lambda) => lambda / count,
        }
    }
}

/// A side's row while it is learned: its step, and its shrinkage a rating.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub step: f32,
    pub shrink: f32,
}

/// Steps and penalties, for normalised ratings.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub epochs: u64,
    pub biases: bool,
    pub masks: Masks,
    step: f64,
    users: Penalty,
    items: Penalty,
    /// The penalty of a bias over that of a factor.
    ease: f64,
}

impl Terms {
    /// The terms of a fit.
    pub fn new(options: &Options, plan: &Plan) -> Self {
        let epochs = options.iterations.unwrap_or(EPOCHS as u64);
        // Fewer epochs want longer steps, up to where they no longer converge.
        let longer = (epochs as f64 / EPOCHS).max(SHORTEST);
        // A penalty of factors on the scale of the ratings is one of factors of normalised ratings
        // over their deviation; biases scale as the ratings do.
        let given = |lambda: f64| match options.weighted_lambda {
            true => Penalty::Rating(lambda / plan.weight / plan.deviation),
            false => Penalty::Row(lambda / plan.weight / plan.deviation),
        };
        let eased = |lambda: f64, mean| {
            let lambda = lambda * longer.powf(0.35);
            Penalty::Eased { lambda, mean }
        };
        let (users, items, ease) = match options.lambda {
            Some(lambda) => (given(lambda), given(lambda), plan.deviation),
            None => (eased(0.046, plan.per_user), eased(0.043, plan.per_item), BIAS),
        };
        Terms {
            epochs,
            biases: options.biases,
            masks: Masks::new(options.biases.then_some(ease as f32)),
            step: 0.1 * longer.powf(-0.4),
            users,
            items,
            ease,
        }
    }

    /// How a user with so many ratings steps in an epoch.
    pub fn user(&self, epoch: u64, count: usize) -> Rate {
        self.rate(self.users, epoch, count)
    }

    /// How an item with so many ratings steps in an epoch.
    pub fn item(&self, epoch: u64, count: usize) -> Rate {
        self.rate(self.items, epoch, count)
    }

    fn rate(&self, penalty: Penalty, epoch: u64, count: usize) -> Rate {
        let part = (1.0 - epoch as f64 / self.epochs.max(1) as f64).max(LEAST);
        let step = self.step * part / (1.0 + CROWDED * count as f64).sqrt();
        // A micro-batch of sixteen shrinks a row to zero at most.
        let shrink = (step * penalty.of(count)).min(1.0 / 16.0);
        Rate { step: step as f32, shrink: shrink as f32 }
    }

    /// The penalty of a user's row with so many ratings, given the square of its factors and its
    /// bias.
    pub fn user_penalty(&self, count: usize, square: f64, bias: f32) -> f64 {
        self.penalty(self.users, count, square, bias)
    }

    /// The same of an item's row.
    pub fn item_penalty(&self, count: usize, square: f64, bias: f32) -> f64 {
        self.penalty(self.items, count, square, bias)
    }

    fn penalty(&self, penalty: Penalty, count: usize, square: f64, bias: f32) -> f64 {
        let bias = if self.biases { f64::from(bias) } else { 0.0 };
        // A row without ratings counts once if rows do.
        let times = match penalty {
            Penalty::Row(_) => count.max(1),
            _ => count,
        };
        times as f64 * penalty.of(count) * (square + self.ease * bias * bias)
    }
}
