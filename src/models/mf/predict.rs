//! Scores of pairs of users and items.

use std::sync::Arc;

use super::recommend::in_parallel;
use super::{Factorisation, Names};

/// Neighbouring products that are added up side by side: the order of a sum is the same whatever
/// vectors the machine has.
pub(super) const LANES: usize = 16;

/// What scores are made of on one side: the factors and the bias of a user or an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// As many as the model's rank.
    pub factors: Vec<f32>,
    /// 0 in a model without biases.
    pub bias: f32,
}

impl Factorisation {
    /// The row of a user, or of one who is not known: zeros, with which a score is the mean and the
    /// item's bias.
    pub fn user_row(&self, user: Option<u32>) -> Row {
        let row = |user: u32| Row {
            factors: self.user(user as usize).to_vec(),
            bias: self.user_bias[user as usize],
        };
        user.map_or_else(|| Row { factors: vec![0.0; self.rank], bias: 0.0 }, row)
    }

    /// The score of an item for a user, on the scale of the ratings. Items that are not known score
    /// the mean and the user's bias.
    ///
    /// ```
    /// use strads::models::mf::Factorisation;
    ///
    /// let model = Factorisation {
    ///     rank: 2,
    ///     user_factors: vec![1.0, 2.0],
    ///     item_factors: vec![0.5, -1.0],
    ///     user_bias: vec![0.25],
    ///     item_bias: vec![0.5],
    ///     mean: 3.0,
    ///     ..Factorisation::default()
    /// };
    /// let user = model.user_row(Some(0));
    /// assert_eq!(model.score(&user, Some(0)), 2.25);
    /// assert_eq!(model.score(&user, None), 3.25);
    /// assert_eq!(model.score(&model.user_row(None), Some(0)), 3.5);
    /// ```
    pub fn score(&self, user: &Row, item: Option<u32>) -> f64 {
        let own = self.mean + f64::from(user.bias);
        item.map_or(own, |item| {
            let item = item as usize;
            own + f64::from(self.item_bias[item]) + f64::from(dot(&user.factors, self.item(item)))
        })
    }

    /// The scores of pairs of named users and items, in their order; see [`Factorisation::score`]
    /// for those the model does not know.
    pub fn scores(
        &self,
        users: &Arc<Names>,
        items: &Arc<Names>,
        pairs: &[(u32, u32)],
        threads: usize,
    ) -> Vec<f64> {
        let (users, items) = (places(&self.users, users), places(&self.items, items));
        in_parallel(pairs.len(), threads, |at| {
            let (user, item) = pairs[at];
            self.pair(users[user as usize], items[item as usize])
        })
    }

    /// The score of a pair, either of whom may not be known.
    fn pair(&self, user: Option<u32>, item: Option<u32>) -> f64 {
        let bias =
            |bias: &[f32], at: Option<u32>| at.map_or(0.0, |at| f64::from(bias[at as usize]));
        let product = match (user, item) {
            (Some(user), Some(item)) => dot(self.user(user as usize), self.item(item as usize)),
            _ => 0.0,
        };
        let own = self.mean + bias(&self.user_bias, user);
        own + bias(&self.item_bias, item) + f64::from(product)
    }
}

/// Where the model has each of these names.
pub(super) fn places(known: &Arc<Names>, names: &Arc<Names>) -> Vec<Option<u32>> {
    if known == names {
        return (0..names.len() as u32).map(Some).collect();
    }
    names.iter().map(|name| known.find(name)).collect()
}

/// The product of two vectors of one length.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0] + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_score_as_rows_do() {
        let model = crate::models::mf::testing::random_model(4, 5, 3, 1);
        let names = |names: &[&str]| Arc::new(Names::sorted(names));
        let (users, items) = (names(&["2", "9"]), names(&["0", "4", "x"]));
        let pairs: Vec<(u32, u32)> = (0..2).flat_map(|u| (0..3).map(move |i| (u, i))).collect();
        let expected = pairs.iter().map(|&(user, item)| {
            let user = model.user_row([Some(2), None][user as usize]);
            model.score(&user, [Some(0), Some(4), None][item as usize])
        });
        assert!(model.scores(&users, &items, &pairs, 2).into_iter().eq(expected));
    }

    #[test]
    fn products_of_any_length_are_those_of_plain_sums() {
        for length in [0, 1, 15, 16, 17, 40, 100] {
            let a: Vec<f32> = (0..length).map(|at| (at % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..length).map(|at| (at % 5) as f32 * 0.5).collect();
            let plain: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert_eq!(dot(&a, &b), plain);
        }
    }
}
