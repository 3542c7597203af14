//! A shard: some users with their rows and ratings.

use std::ops::Range;

use super::kernels::{self, Line, Sides};
use super::measure::{HELD, Measure, TEST, TRAIN};
use super::plan::{Place, Plan};
use super::row::{ITEM_BIAS, USER_BIAS};
use super::side::{Aligned, First, item_lines, user_lines};
use super::terms::Terms;
use super::tile::{Rating, Tile};
use crate::container::Slice;
use crate::models::mf::Ratings;
use crate::shard::Path;

/// Biases start as means over so many ratings of 0 besides.
pub(super) const SHY: f64 = 10.0;

/// Users, their rows, and their ratings by slice.
pub(super) struct Shard {
    /// Their positions in the plan's order.
    pub users: Range<usize>,
    pub rows: Vec<Aligned>,
    pub width: usize,
    /// `η` and `ηλ` of each user.
    rates: Vec<[f32; 2]>,
    /// By slice: to learn from, held out, of the test.
    tiles: [Vec<Tile>; 3],
    /// What was measured in this sweep.
    pub measure: Measure,
}

impl Shard {
    /// The shard's users, with biases that are their mean ratings.
    pub fn new(number: usize, first: &First<'_>, slices: usize, width: usize) -> Self {
        let plan = first.plan;
        let users = plan.shards[number].clone();
        let mut rows = first.users(&plan.users[users.clone()]);
        let fresh = plan.problem.warm.is_none() && first.options.biases;
        let mut sorter = Sorter::new(plan, slices);
        for (at, &user) in plan.users[users.clone()].iter().enumerate() {
            let mean = sorter.train(at as u32, user);
            if fresh {
                user_lines(&mut rows)[(at + 1) * width - 1][USER_BIAS] = mean as f32;
            }
            if let Some(test) = &plan.problem.test {
                sorter.add(TEST, test, at as u32, user as usize);
            }
        }
        let rates = vec![[0.0; 2]; users.len()];
        let measure = Measure::default();
        Shard { users, rows, width, rates, tiles: sorter.finish(), measure }
    }

    /// Adds what the users' ratings are beyond their biases to the items' biases.
    pub fn refresh(&mut self, slice: usize, items: &mut Slice<f32>) {
        let width = self.width;
        let (users, items) = (user_lines(&mut self.rows), item_lines(items));
        for (user, rating) in self.tiles[TRAIN][slice].iter() {
            let mean = users[(user as usize + 1) * width - 1][USER_BIAS];
            let sum = &mut items[(usize::from(rating.place) + 1) * width - 1][ITEM_BIAS];
            *sum += rating.weight.unwrap_or(1.0) * (rating.value - mean);
        }
    }

    /// Sets how far the users step in an epoch.
    pub fn pace(&mut self, plan: &Plan, terms: &Terms, epoch: u64) {
        let users = &plan.users[self.users.clone()];
        for (rate, &user) in self.rates.iter_mut().zip(users) {
            let own = terms.user(epoch, plan.problem.train.row(user as usize).len());
            *rate = [own.step, own.shrink];
        }
    }

    /// Goes over the ratings of a slice's items once.
    pub fn update(&mut self, path: Path, slice: usize, items: &mut [Line], terms: &Terms) {
        let mut sides = Sides { users: user_lines(&mut self.rows), items, width: self.width };
        kernels::update(path, &self.tiles[TRAIN][slice], &mut sides, &self.rates, &terms.masks);
    }

    /// Measures the ratings of a slice's items: those held out, and if asked for all.
    pub fn certify(&mut self, path: Path, slice: usize, items: &mut [Line], all: bool) {
        let mut sides = Sides { users: user_lines(&mut self.rows), items, width: self.width };
        for kind in [TRAIN, HELD, TEST] {
            if all || kind == HELD {
                let tile = &self.tiles[kind][slice];
                self.measure.squares[kind] += kernels::squares(path, tile, &mut sides);
                self.measure.totals[kind] += tile.total;
            }
        }
    }

    /// Takes the rows, as plain numbers.
    pub fn take_rows(&mut self) -> Vec<f32> {
        bytemuck::cast_slice(&std::mem::take(&mut self.rows)).to_vec()
    }
}

/// Sorts ratings into tiles, user by user.
struct Sorter<'a> {
    plan: &'a Plan,
    draws: crate::random::Draws,
    /// A user's ratings.
    order: Vec<usize>,
    tiles: [Vec<Tile>; 3],
}

impl<'a> Sorter<'a> {
    fn new(plan: &'a Plan, slices: usize) -> Self {
        let tiles = || vec![Tile::default(); slices];
        Sorter { plan, draws: plan.draws(), order: Vec::new(), tiles: [tiles(), tiles(), tiles()] }
    }

    /// Adds a user's training ratings; gives their mean, shrunken.
    fn train(&mut self, row: u32, user: u32) -> f64 {
        let plan = self.plan;
        let scale = Scale::new(plan, &plan.problem.train);
        let (mut sum, mut total) = (0.0, SHY);
        plan.ratings(user, &mut self.order);
        for &at in &self.order {
            let (slice, rating) = scale.rating(at);
            let kind = if plan.is_held(&self.draws, at) { HELD } else { TRAIN };
            self.tiles[kind][slice].push(row, rating);
            if kind == TRAIN {
                let weight = f64::from(rating.weight.unwrap_or(1.0));
                sum += weight * f64::from(rating.value);
                total += weight;
            }
        }
        self.end_runs(TRAIN);
        self.end_runs(HELD);
        sum / total
    }

    fn add(&mut self, kind: usize, ratings: &Ratings, row: u32, user: usize) {
        let scale = Scale::new(self.plan, ratings);
        for at in ratings.row(user) {
            let (slice, rating) = scale.rating(at);
            self.tiles[kind][slice].push(row, rating);
        }
        self.end_runs(kind);
    }

    fn end_runs(&mut self, kind: usize) {
        let blank = self.plan.blank();
        self.tiles[kind].iter_mut().for_each(|tile| tile.end_run(blank));
    }

    fn finish(mut self) -> [Vec<Tile>; 3] {
        let blank = self.plan.blank();
        self.tiles.iter_mut().flatten().for_each(|tile| tile.end(blank));
        self.tiles
    }
}

/// Ratings as tiles have them.
struct Scale<'a> {
    places: &'a [Place],
    items: &'a [u32],
    values: &'a [f32],
    weights: Option<&'a [f32]>,
    mean: f64,
    by: f64,
    weigh: f64,
}

impl<'a> Scale<'a> {
    fn new(plan: &'a Plan, ratings: &'a Ratings) -> Self {
        Scale {
            places: &plan.places,
            items: ratings.item_column(),
            values: ratings.values(),
            weights: ratings.weights(),
            mean: plan.mean,
            by: 1.0 / plan.deviation,
            weigh: 1.0 / plan.weight,
        }
    }

    /// A rating and the slice it belongs to.
    #[inline(always)]
    fn rating(&self, at: usize) -> (usize, Rating) {
        let place = self.places[self.items[at] as usize];
        let value = ((f64::from(self.values[at]) - self.mean) * self.by) as f32;
        let weight = self.weights.map(|weights| (f64::from(weights[at]) * self.weigh) as f32);
        (place.slice as usize, Rating { place: place.row, value, weight })
    }
}
