//! What the options come to for the data at hand.

use super::kernels::BLOCK;
use super::program::{ITEMS, Row, USERS};
use super::side::{Factors, Kind, Side};
use crate::models::mf::{Options, Ratings};

/// The terms of the objective, and how factors lie in blocks.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Length of the factors.
    pub rank: usize,
    /// Whether block 0 holds biases: a user's in lane 0, where items have ones, and an item's in
    /// lane 1, where users have ones.
    pub biases: bool,
    /// Whether no factor may be negative.
    pub nonnegative: bool,
    /// α of implicit feedback.
    pub implicit: Option<f64>,
    /// Strength of the penalty.
    pub lambda: f64,
    /// Whether it is for each rating, and not for each row.
    pub weighted: bool,
    /// What is taken off the ratings: their mean, if they are `centred`.
    pub mean: f64,
    /// See `mean`.
    pub centred: bool,
    /// Seed of the first factors.
    pub seed: u64,
    /// Seconds after which a fit is given up.
    pub max_seconds: Option<f64>,
}

impl Terms {
    /// The terms for these ratings.
    pub fn of(options: &Options, train: &Ratings) -> Self {
        let mean = if options.centres() { train.mean() } else { 0.0 };
        Terms { mean, ..Terms::new(options, options.strength(train)) }
    }

    /// The terms with a penalty, before there are ratings.
    pub fn new(options: &Options, lambda: f64) -> Self {
        Terms {
            rank: options.rank,
            biases: options.biases,
            nonnegative: options.nonnegative,
            implicit: options.implicit,
            lambda,
            weighted: options.weighted_lambda,
            mean: 0.0,
            centred: options.centres(),
            seed: options.seed,
            max_seconds: options.max_seconds,
        }
    }

    /// The number of blocks, that of biases included.
    pub fn blocks(&self) -> usize {
        self.rank.div_ceil(BLOCK) + usize::from(self.biases)
    }

    /// Whether a block holds biases.
    pub fn is_bias(&self, block: usize) -> bool {
        self.biases && block == 0
    }

    /// The block and lane of a factor.
    pub fn lane(&self, factor: usize) -> (usize, usize) {
        (factor / BLOCK + usize::from(self.biases), factor % BLOCK)
    }

    /// The penalty of a row with so many ratings.
    pub fn penalty_of(&self, ratings: u32) -> f32 {
        (if self.weighted { self.lambda * f64::from(ratings) } else { self.lambda }) as f32
    }

    /// A block's part of the penalty. Of a block of biases the ones are not penalised.
    pub fn penalty(&self, side: &Side, number: usize, block: usize) -> f64 {
        let squares = side.squares(block);
        if self.is_bias(block) { squares[number] } else { squares.iter().sum() }
    }

    /// A row's part of the penalty.
    pub fn penalty_of_row(&self, side: &Side, number: usize, row: usize) -> f64 {
        let square = |x: f32| f64::from(x) * f64::from(x);
        let of = |(block, factors): (usize, &Vec<Factors>)| match self.is_bias(block) {
            true => square(factors[row][number]),
            false => factors[row].iter().map(|&x| square(x)).sum::<f64>(),
        };
        f64::from(side.penalties[row]) * side.factors.iter().enumerate().map(of).sum::<f64>()
    }

    /// How a block of a side is solved for.
    pub fn kind(&self, block: usize, side: usize) -> Kind {
        match self.is_bias(block) {
            true => Kind::Bias(side),
            false => Kind::Factors { nonnegative: self.nonnegative },
        }
    }

    /// A row as it leaves.
    pub fn row(&self, side: &Side, number: usize, row: usize) -> Row {
        let factor = |factor: usize| {
            let (block, lane) = self.lane(factor);
            side.factors[block][row][lane]
        };
        Row {
            item: number == ITEMS,
            id: side.ids[row],
            factors: (0..self.rank).map(factor).collect(),
            bias: if self.biases { side.factors[0][row][number] } else { 0.0 },
            diff: 1,
        }
    }

    /// The lane of a bias block that is one.
    pub fn ones(number: usize) -> usize {
        USERS + ITEMS - number
    }
}
