//! Items laid out side by side, so that a user's scores of several are found at once: to the bit
//! those that products of one row after the other give.

use crate::models::mf::predict::LANES;

/// Items side by side.
pub(super) const WIDE: usize = 8;

/// One number of each item of a group.
type Lanes = [f32; WIDE];

/// Bounds on scores are this much larger than in exact arithmetic, for all the rounding in both.
const ROUNDING: f64 = 1.001;

/// By how much at most scores are larger than items' norms, for a user's sum of squares: the root of
/// that and of 1, for the bias.
#[inline(always)]
pub(super) fn stretch(squares: f32) -> f64 {
    (f64::from(squares) + 1.0).sqrt() * ROUNDING
}

/// Rows of items, in groups of [`WIDE`], by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    rank: usize,
    /// By group and factor.
    factors: Vec<Lanes>,
    /// By group; −∞ where there is no item.
    biases: Vec<Lanes>,
    /// By group, of factors and bias together; −∞ where there is no item.
    norms: Vec<Lanes>,
}

impl Shelf {
    /// Puts an item into a slot, or takes it out. All items have as many factors.
    pub fn set(&mut self, slot: usize, row: Option<(&[f32], f32)>) {
        let (group, lane) = (slot / WIDE, slot % WIDE);
        if let Some((factors, _)) = row {
            self.rank = factors.len();
            if self.biases.len() <= group {
                self.biases.resize(group + 1, [f32::NEG_INFINITY; WIDE]);
                self.norms.resize(group + 1, [f32::NEG_INFINITY; WIDE]);
                self.factors.resize((group + 1) * self.rank, [0.0; WIDE]);
            }
        }
        let Some(bias) = self.biases.get_mut(group) else { return };
        let lanes = self.factors[group * self.rank..][..self.rank].iter_mut();
        match row {
            Some((factors, own)) => {
                lanes.zip(factors).for_each(|(lanes, &factor)| lanes[lane] = factor);
                bias[lane] = own;
                let squares = factors.iter().chain([&own]).map(|x| x * x).sum::<f32>();
                self.norms[group][lane] = squares.sqrt();
            }
            None => {
                lanes.for_each(|lanes| lanes[lane] = 0.0);
                bias[lane] = f32::NEG_INFINITY;
                self.norms[group][lane] = f32::NEG_INFINITY;
            }
        }
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.biases.len()
    }

    /// The norm of an item's factors and bias, if there is one.
    pub fn norm(&self, slot: usize) -> Option<f32> {
        let norm = *self.norms.get(slot / WIDE)?.get(slot % WIDE)?;
        (norm >= 0.0).then_some(norm)
    }

    /// An item's row, if there is one.
    pub fn row(&self, slot: usize) -> Option<(Vec<f32>, f32)> {
        self.norm(slot)?;
        let (group, lane) = (slot / WIDE, slot % WIDE);
        let factors = &self.factors[group * self.rank..][..self.rank];
        Some((factors.iter().map(|lanes| lanes[lane]).collect(), self.biases[group][lane]))
    }

    /// No score of the group's items is larger, for a user of that [`stretch`].
    #[inline(always)]
    pub fn reach(&self, group: usize, stretch: f64) -> f64 {
        let norms = &self.norms[group];
        let mut largest = norms[0];
        for norm in norms {
            largest = if *norm > largest { *norm } else { largest };
        }
        stretch * f64::from(largest)
    }

    /// The scores of a group's items, but for what is the same for all items; −∞ for none.
    #[inline(always)]
    pub fn scores(&self, group: usize, user: &[f32]) -> [f64; WIDE] {
        let products = products(user, &self.factors[group * self.rank..][..self.rank]);
        let biases = &self.biases[group];
        std::array::from_fn(|i| f64::from(biases[i]) + f64::from(products[i]))
    }

    /// The score of an item; −∞ for none.
    #[inline(always)]
    pub fn score(&self, slot: usize, user: &[f32]) -> f64 {
        match slot / WIDE < self.groups() {
            true => self.scores(slot / WIDE, user)[slot % WIDE],
            false => f64::NEG_INFINITY,
        }
    }
}

/// Products of a row with those of a group, each summed up in the order of
/// [`crate::models::mf::predict::dot`]. A row without factors is one of zeros.
///
/// The partial sums of that order are added up depth first: a few are alive at a time, in registers,
/// where all of them at once are not.
#[inline(always)]
fn products(user: &[f32], group: &[Lanes]) -> Lanes {
    let (users, user_rest) = user.as_chunks::<LANES>();
    let (groups, group_rest) = group.as_chunks::<LANES>();
    let one = |lane: usize| {
        let mut sum = [0.0f32; WIDE];
        for (user, group) in users.iter().zip(groups) {
            add_product(&mut sum, user[lane], &group[lane]);
        }
        sum
    };
    let two = |lane| add(one(lane), one(lane + LANES / 2));
    let four = |lane| add(two(lane), two(lane + LANES / 4));
    let eight = |lane| add(four(lane), four(lane + LANES / 8));
    const { assert!(LANES == 16, "the order of the sums is that of sixteen") };
    let mut rest = [0.0f32; WIDE];
    for (&x, lanes) in user_rest.iter().zip(group_rest) {
        add_product(&mut rest, x, lanes);
    }
    add(add(eight(0), eight(1)), rest)
}

/// Adds a multiple.
#[inline(always)]
fn add_product(sum: &mut Lanes, x: f32, lanes: &Lanes) {
    for i in 0..WIDE {
        sum[i] += x * lanes[i];
    }
}

/// One by one.
#[inline(always)]
fn add(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] + b[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::predict::dot;
    use crate::random::{Draws, purpose};
    use crate::shard::Path;

    #[test]
    fn scores_are_to_the_bit_those_of_one_item_after_the_other_and_never_beyond_reach() {
        let mut draws = Draws::new(5, purpose("test of scores"), 0, 0);
        for rank in [1, 8, 15, 16, 17, 40, 100] {
            let mut row =
                || -> Vec<f32> { (0..rank).map(|_| draws.next_f64() as f32 - 0.5).collect() };
            let (user, mut shelf) = (row(), Shelf::default());
            let items: Vec<Option<Vec<f32>>> =
                (0..21).map(|slot| (slot % 5 != 2).then(&mut row)).collect();
            for (slot, item) in items.iter().enumerate().rev() {
                shelf.set(slot, Some((&row()[..], 1.0)));
                shelf.set(slot, item.as_ref().map(|item| (&item[..], slot as f32)));
            }
            let squares = user.iter().map(|x| x * x).sum();
            for path in Path::all() {
                for (slot, item) in items.iter().enumerate() {
                    let found = path.run(
                        #[inline(always)]
                        || shelf.score(slot, &user),
                    );
                    let expected = item.as_ref().map_or(f64::NEG_INFINITY, |item| {
                        f64::from(slot as f32) + f64::from(dot(&user, item))
                    });
                    assert_eq!(found, expected, "{path:?}, rank {rank}");
                    assert!(found <= shelf.reach(slot / WIDE, stretch(squares)));
                    assert_eq!(shelf.row(slot), item.clone().map(|item| (item, slot as f32)));
                    assert_eq!(shelf.norm(slot).is_some(), item.is_some());
                }
            }
            assert_eq!(shelf.score(3, &[]), 3.0);
            assert_eq!(shelf.score(1000, &user), f64::NEG_INFINITY);
        }
    }
}
