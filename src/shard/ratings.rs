//! Ratings of items by users, as compressed rows.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Names;
use super::ordering::{Order, order, pick};

/// Ratings in the order of their users, each user's in the order of the items, no pair twice.
///
/// Takes 8 bytes a rating and 8 a user beside the names; 4 more with weights, 8 with times. Users
/// and items may have no rating at all (when some are held out).
///
/// ```
/// use strads::shard::Ratings;
///
/// let ratings = Ratings::from_entries([("u2", "i1", 3.0), ("u1", "i2", 4.0), ("u2", "i1", 5.0)])?;
/// assert_eq!((ratings.len(), ratings.duplicates), (2, 1));
/// let row = ratings.row(ratings.users.find("u2").unwrap() as usize);
/// assert_eq!((ratings.item(row.start), ratings.value(row.start)), (0, 5.0));
/// # Ok::<(), strads::shard::RatingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratings {
    /// Who rates.
    pub users: Arc<Names>,
    /// What is rated.
    pub items: Arc<Names>,
    /// How often a pair of user and item came again; the last one counts.
    pub duplicates: u64,
    starts: Vec<usize>,
    columns: Columns,
}

/// One rating, of the user and the item at these positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Who rates.
    pub user: u32,
    /// What is rated.
    pub item: u32,
    /// How it is rated.
    pub value: f32,
    /// How much the rating counts (1 if ratings have no weights).
    pub weight: f32,
    /// When it was made (0 if ratings have no times).
    pub time: i64,
}

/// What is known of each rating but its user.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    item: Vec<u32>,
    value: Vec<f32>,
    weight: Option<Vec<f32>>,
    time: Option<Vec<i64>>,
}

/// Ratings that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum RatingError {
    /// A value that is not finite.
    Value(f32),
    /// A weight that is negative or not finite.
    Weight(f32),
    /// Columns of different lengths, or a position beyond the names.
    Shape,
}

impl fmt::Display for RatingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RatingError::Value(found) => write!(f, "expected a finite rating, found {found}"),
            RatingError::Weight(found) => write!(f, "expected a weight >= 0, found {found}"),
            RatingError::Shape => f.write_str("expected one user and one item a rating"),
        }
    }
}

impl std::error::Error for RatingError {}

/// Ratings in the order in which they came, by positions of users and items.
#[derive(Clone, Debug, Default)]
pub struct Unordered {
    /// Who rates.
    pub user: Vec<u32>,
    /// What is rated.
    pub item: Vec<u32>,
    /// How it is rated.
    pub value: Vec<f32>,
    /// How much each counts.
    pub weight: Option<Vec<f32>>,
    /// When each was made.
    pub time: Option<Vec<i64>>,
}

impl Ratings {
    /// Ratings of named items by named users, in the order in which they came.
    ///
    /// # Errors
    /// If a value is not finite.
    pub fn from_entries<T: AsRef<str>>(
        entries: impl IntoIterator<Item = (T, T, f32)>,
    ) -> Result<Self, RatingError> {
        let entries: Vec<(T, T, f32)> = entries.into_iter().collect();
        let users = Names::sorted(entries.iter().map(|entry| entry.0.as_ref()));
        let items = Names::sorted(entries.iter().map(|entry| entry.1.as_ref()));
        let place = |names: &Names, name: &T| names.find(name.as_ref()).unwrap_or(u32::MAX);
        let unordered = Unordered {
            user: entries.iter().map(|entry| place(&users, &entry.0)).collect(),
            item: entries.iter().map(|entry| place(&items, &entry.1)).collect(),
            value: entries.iter().map(|entry| entry.2).collect(),
            weight: None,
            time: None,
        };
        Self::new(Arc::new(users), Arc::new(items), unordered, 1)
    }

    /// Puts ratings in order and drops all but the last of each pair, on `threads` threads; the
    /// result is the same for any number. Takes `O(n log n)` and 20 bytes a rating on the way.
    ///
    /// # Errors
    /// If a value is not finite, a weight is negative or not finite, columns differ in length or a
    /// position is beyond the names.
    pub fn new(
        users: Arc<Names>,
        items: Arc<Names>,
        mut unordered: Unordered,
        threads: usize,
    ) -> Result<Self, RatingError> {
        unordered.check(users.len(), items.len())?;
        let count = unordered.user.len();
        let Order { starts, keys } = order(&unordered, users.len(), threads);
        unordered.user = Vec::new();
        unordered.item = Vec::new();
        let columns = Columns {
            item: keys.iter().map(|key| (key >> 32) as u32).collect(),
            value: pick(&unordered.value, &keys),
            weight: unordered.weight.map(|weight| pick(&weight, &keys)),
            time: unordered.time.map(|time| pick(&time, &keys)),
        };
        let duplicates = (count - keys.len()) as u64;
        Ok(Ratings { users, items, duplicates, starts, columns })
    }

    /// The number of ratings.
    pub fn len(&self) -> usize {
        self.columns.item.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.columns.item.is_empty()
    }

    /// Where the ratings of a user are.
    ///
    /// # Panics
    /// If there is no such user.
    #[inline]
    pub fn row(&self, user: usize) -> Range<usize> {
        self.starts[user]..self.starts[user + 1]
    }

    /// Where each user's ratings start, and where the last one's end: `users + 1` places.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The item of a rating.
    #[inline]
    pub fn item(&self, at: usize) -> u32 {
        self.columns.item[at]
    }

    /// The value of a rating.
    #[inline]
    pub fn value(&self, at: usize) -> f32 {
        self.columns.value[at]
    }

    /// The items of all ratings.
    pub fn item_column(&self) -> &[u32] {
        &self.columns.item
    }

    /// The values of all ratings, finite.
    pub fn values(&self) -> &[f32] {
        &self.columns.value
    }

    /// How much each rating counts, if not all count 1. Finite and not negative.
    pub fn weights(&self) -> Option<&[f32]> {
        self.columns.weight.as_deref()
    }

    /// When each rating was made, if that is known.
    pub fn times(&self) -> Option<&[i64]> {
        self.columns.time.as_deref()
    }

    /// All ratings in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.users.len())
            .flat_map(move |user| self.row(user).map(move |at| self.entry(user as u32, at)))
    }

    fn entry(&self, user: u32, at: usize) -> Entry {
        let Columns { item, value, weight, time } = &self.columns;
        Entry {
            user,
            item: item[at],
            value: value[at],
            weight: weight.as_ref().map_or(1.0, |weight| weight[at]),
            time: time.as_ref().map_or(0, |time| time[at]),
        }
    }

    /// How many ratings each item has.
    pub fn item_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.items.len()];
        self.columns.item.iter().for_each(|&item| counts[item as usize] += 1);
        counts
    }

    /// The mean rating, weighted; 0 without ratings. Added up in `f64`, in order.
    pub fn mean(&self) -> f64 {
        let weight = |at: usize| self.weights().map_or(1.0, |weights| f64::from(weights[at]));
        let values = self.values().iter().enumerate();
        let (sum, total) = values.fold((0.0, 0.0), |(sum, total), (at, &value)| {
            (sum + weight(at) * f64::from(value), total + weight(at))
        });
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// The lowest and the highest rating; (0, 0) without ratings.
    pub fn scale(&self) -> (f32, f32) {
        let low = self.values().iter().copied().reduce(f32::min);
        let high = self.values().iter().copied().reduce(f32::max);
        (low.unwrap_or(0.0), high.unwrap_or(0.0))
    }

    /// The ratings of users and items that are among others, by their positions there.
    pub fn among(&self, users: &Arc<Names>, items: &Arc<Names>) -> Ratings {
        let user_places: Vec<Option<u32>> =
            self.users.iter().map(|name| users.find(name)).collect();
        let item_places: Vec<Option<u32>> =
            self.items.iter().map(|name| items.find(name)).collect();
        let known =
            |entry: &Entry| user_places[entry.user as usize].zip(item_places[entry.item as usize]);
        let (weighted, timed) = (self.weights().is_some(), self.times().is_some());
        let mut lines = Unordered {
            weight: weighted.then(Vec::new),
            time: timed.then(Vec::new),
            ..Unordered::default()
        };
        for (entry, (user, item)) in self.iter().filter_map(|entry| Some((entry, known(&entry)?))) {
            lines.user.push(user);
            lines.item.push(item);
            lines.value.push(entry.value);
            lines.weight.iter_mut().for_each(|column| column.push(entry.weight));
            lines.time.iter_mut().for_each(|column| column.push(entry.time));
        }
        Ratings::new(Arc::clone(users), Arc::clone(items), lines, 1)
            .expect("finite values at known positions")
    }

    /// The ratings that are kept, of the same users and items.
    pub fn select(&self, keep: impl Fn(usize) -> bool) -> Ratings {
        let kept: Vec<usize> = (0..self.len()).filter(|&at| keep(at)).collect();
        let starts = self.starts.iter().map(|&start| kept.partition_point(|&at| at < start));
        let Columns { item, value, weight, time } = &self.columns;
        let columns = Columns {
            item: kept.iter().map(|&at| item[at]).collect(),
            value: kept.iter().map(|&at| value[at]).collect(),
            weight: weight.as_ref().map(|all| kept.iter().map(|&at| all[at]).collect()),
            time: time.as_ref().map(|all| kept.iter().map(|&at| all[at]).collect()),
        };
        Ratings {
            users: Arc::clone(&self.users),
            items: Arc::clone(&self.items),
            duplicates: 0,
            starts: starts.collect(),
            columns,
        }
    }
}

impl Unordered {
    fn check(&self, users: usize, items: usize) -> Result<(), RatingError> {
        let count = self.user.len();
        let weight = self.weight.as_ref().is_none_or(|weight| weight.len() == count);
        let time = self.time.as_ref().is_none_or(|time| time.len() == count);
        let columns = self.item.len() == count && self.value.len() == count && weight && time;
        let known = |names: usize, all: &[u32]| all.iter().all(|&at| (at as usize) < names);
        if !columns || !known(users, &self.user) || !known(items, &self.item) {
            return Err(RatingError::Shape);
        }
        if count > u32::MAX as usize {
            return Err(RatingError::Shape);
        }
        if let Some(&value) = self.value.iter().find(|value| !value.is_finite()) {
            return Err(RatingError::Value(value));
        }
        let usable = |weight: &&f32| !(weight.is_finite() && **weight >= 0.0);
        match self.weight.iter().flatten().find(usable) {
            Some(&weight) => Err(RatingError::Weight(weight)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Arc<Names> {
        Arc::new(Names::sorted((0..count).map(|at| at.to_string())))
    }

    #[test]
    fn ratings_come_in_order_and_the_last_of_a_pair_counts() {
        let unordered = Unordered {
            user: vec![2, 0, 2, 0, 2],
            item: vec![1, 1, 0, 1, 1],
            value: vec![1.0, 2.0, 3.0, 4.0, 5.0],
            weight: Some(vec![0.0, 1.0, 2.0, 3.0, 4.0]),
            time: Some(vec![9, 8, 7, 6, 5]),
        };
        let ratings = Ratings::new(names(3), names(2), unordered, 1).unwrap();
        let entry = |user, item, value, weight, time| Entry { user, item, value, weight, time };
        let all: Vec<Entry> = ratings.iter().collect();
        let expected =
            [entry(0, 1, 4.0, 3.0, 6), entry(2, 0, 3.0, 2.0, 7), entry(2, 1, 5.0, 4.0, 5)];
        assert_eq!(all, expected);
        assert_eq!(ratings.starts(), [0, 1, 1, 3]);
        assert_eq!(ratings.duplicates, 2);
        assert_eq!(ratings.item_counts(), [1, 2]);
        assert_eq!(ratings.mean(), (12.0 + 6.0 + 20.0) / 9.0);
        assert_eq!(ratings.scale(), (3.0, 5.0));
        let others = Arc::new(Names::sorted(["2", "7"]));
        let among = ratings.among(&others, &Arc::new(Names::sorted(["1"])));
        assert_eq!(among.iter().collect::<Vec<_>>(), [entry(0, 0, 5.0, 4.0, 5)]);
        let kept = ratings.select(|at| at != 1);
        assert_eq!(kept.iter().collect::<Vec<_>>(), [expected[0], expected[2]]);
        assert_eq!(kept.starts(), [0, 1, 1, 2]);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let one = |value, weight| Unordered {
            user: vec![0],
            item: vec![0],
            value: vec![value],
            weight: Some(vec![weight]),
            time: None,
        };
        let make = |unordered| Ratings::new(names(1), names(1), unordered, 1).map(|_| ());
        assert_eq!(make(one(f32::INFINITY, 1.0)), Err(RatingError::Value(f32::INFINITY)));
        assert!(matches!(make(one(f32::NAN, 1.0)), Err(RatingError::Value(_))));
        assert_eq!(make(one(1.0, -1.0)), Err(RatingError::Weight(-1.0)));
        assert_eq!(make(Unordered { user: vec![1], ..one(1.0, 1.0) }), Err(RatingError::Shape));
        assert_eq!(make(Unordered { item: vec![], ..one(1.0, 1.0) }), Err(RatingError::Shape));
        assert_eq!(make(one(1.0, 0.0)), Ok(()));
        assert_eq!(make(Unordered::default()), Ok(()));
    }
}
