//! What a fit gives: factors and biases.

use std::sync::Arc;

use super::Names;

/// A factorisation of named users and items: the score of a pair is
/// `mean + user_bias[u] + item_bias[i] + w_u·h_i`, on the scale of the ratings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factorisation {
    /// Who rates, by row of the user factors.
    pub users: Arc<Names>,
    /// What is rated, by row of the item factors.
    pub items: Arc<Names>,
    /// Length of the factors.
    pub rank: usize,
    /// User factors, row by row: users × rank.
    pub user_factors: Vec<f32>,
    /// Item factors, row by row: items × rank.
    pub item_factors: Vec<f32>,
    /// One bias a user; zeros in a model without biases.
    pub user_bias: Vec<f32>,
    /// One bias an item; zeros in a model without biases.
    pub item_bias: Vec<f32>,
    /// What was taken off all ratings.
    pub mean: f64,
    /// The lowest and the highest rating that the model was trained on.
    pub scale: (f32, f32),
}

impl Factorisation {
    /// The factors of a user.
    ///
    /// # Panics
    /// If there are not so many users.
    pub fn user(&self, user: usize) -> &[f32] {
        &self.user_factors[user * self.rank..][..self.rank]
    }

    /// The factors of an item.
    ///
    /// # Panics
    /// If there are not so many items.
    pub fn item(&self, item: usize) -> &[f32] {
        &self.item_factors[item * self.rank..][..self.rank]
    }
}
