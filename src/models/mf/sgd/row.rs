//! What a row of a user or an item holds.
//!
//! Factors, zeros up to a whole number of lines but four numbers, then an item's bias (1 in users'
//! rows), a user's bias (1 in items' rows), and in items' rows the step `η` and `ηλ`: the product
//! of two rows is their score, biases and all.

use super::kernels::{LANES, Line};

/// Lanes of the last line.
pub(super) const ITEM_BIAS: usize = 12;
pub(super) const USER_BIAS: usize = 13;
pub(super) const RATE: usize = 14;
pub(super) const SHRINK: usize = 15;

/// Lines of a row.
pub(super) fn width(rank: usize) -> usize {
    (rank + LANES - ITEM_BIAS).div_ceil(LANES)
}

/// What of the last line is learned, and how much of it is penalised.
#[derive(Clone, Debug)]
pub(super) struct Masks {
    pub user_moves: Line,
    pub item_moves: Line,
    pub user_shrinks: Line,
    pub item_shrinks: Line,
}

impl Masks {
    /// With `shrink` the penalty of a bias over that of a factor; nothing if there are no biases.
    pub fn new(shrink: Option<f32>) -> Self {
        let mask = |lane: usize, value: f32| {
            let mut line = [1.0; LANES];
            line[ITEM_BIAS..].fill(0.0);
            line[lane] = value;
            line
        };
        let moves = f32::from(u8::from(shrink.is_some()));
        let shrink = shrink.unwrap_or(0.0);
        Masks {
            user_moves: mask(USER_BIAS, moves),
            item_moves: mask(ITEM_BIAS, moves),
            user_shrinks: mask(USER_BIAS, shrink),
            item_shrinks: mask(ITEM_BIAS, shrink),
        }
    }
}

/// The squared length of a row's first `rank` numbers.
pub(super) fn square(row: &[Line], rank: usize) -> f64 {
    row.as_flattened()[..rank].iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}
