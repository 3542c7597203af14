//! The rows of a live factorisation, and what an epoch changed of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use strads::models::mf::ccd::{Factors, Rating};
use strads::models::mf::{
    Factorisation, Model, Names, Options, RatingError, Ratings, Seen, Terms, Unordered,
};

/// Bias and factors of a row.
type Row = (f32, Vec<f32>);

/// A user's (false) or an item's (true) row.
type Key = (bool, u32);

/// The model as it stands.
#[derive(Default)]
pub struct Rows {
    rows: BTreeMap<Key, Row>,
    /// The last epoch's, old and new.
    changed: BTreeMap<Key, (Option<Row>, Option<Row>)>,
}

impl Rows {
    /// An epoch begins.
    pub fn begin(&mut self) {
        self.changed.clear();
    }

    /// A row of the model (`diff` 1), or one that was.
    pub fn change(&mut self, row: &Factors, diff: isize) {
        let entry = self.changed.entry((row.item, row.id)).or_default();
        let factors = row.factors.iter().map(|factor| factor.0).collect();
        let side = if diff > 0 { &mut entry.1 } else { &mut entry.0 };
        *side = Some((row.bias.0, factors));
    }

    /// All rows.
    pub fn all(&self) -> impl Iterator<Item = Factors> + '_ {
        self.rows.iter().map(|(&(item, id), (bias, factors))| {
            let factors = factors.iter().map(|&factor| factor.into()).collect();
            Factors { item, id, bias: (*bias).into(), factors }
        })
    }

    /// A row that is there from the start.
    pub fn put(&mut self, row: &Factors) {
        self.change(row, 1);
        self.settle();
        self.begin();
    }

    /// Takes an epoch's changes into the model.
    pub fn settle(&mut self) {
        for (key, (_, new)) in &self.changed {
            match new {
                None => self.rows.remove(key),
                Some(new) => self.rows.insert(*key, new.clone()),
            };
        }
    }

    /// How many users and items have ratings.
    pub fn counts(&self) -> [usize; 2] {
        let users = self.rows.range(..(true, 0)).count();
        [users, self.rows.len() - users]
    }

    /// The changed rows: name and side, old and new factors (null for none), and biases if there
    /// are any.
    pub fn deltas(&self, names: [&[String]; 2], biases: bool) -> Vec<Map<String, Value>> {
        let delta = |(&(item, id), (old, new)): (&Key, &(Option<Row>, Option<Row>))| {
            let mut delta = Map::new();
            delta.insert("side".into(), if item { "item" } else { "user" }.into());
            delta.insert("key".into(), names[usize::from(item)][id as usize].as_str().into());
            for (name, bias, row) in [("old", "old_bias", old), ("new", "new_bias", new)] {
                delta.insert(name.into(), json!(row.as_ref().map(|row| &row.1)));
                if biases {
                    delta.insert(bias.into(), json!(row.as_ref().map(|row| row.0)));
                }
            }
            delta
        };
        self.changed.iter().map(delta).collect()
    }

    /// The model of these ratings, of the users and items that have some, by name.
    pub fn model(
        &self,
        options: &Options,
        mean: f64,
        names: [&[String]; 2],
        ratings: impl Iterator<Item = Rating>,
    ) -> Result<Model, RatingError> {
        let [users, items] = [false, true].map(|item| {
            let ids = self.rows.range((item, 0)..=(item, u32::MAX)).map(|(key, _)| key.1 as usize);
            Arc::new(Names::sorted(ids.map(|id| names[usize::from(item)][id].as_str())))
        });
        let place = |side: &Names, names: &[String], id: u32| {
            side.find(&names[id as usize]).unwrap_or(u32::MAX)
        };
        let mut unordered = Unordered::default();
        for rating in ratings {
            unordered.user.push(place(&users, names[0], rating.user()));
            unordered.item.push(place(&items, names[1], rating.item()));
            unordered.value.push(rating.value());
        }
        let train = Ratings::new(Arc::clone(&users), Arc::clone(&items), unordered, 1)?;
        let rank = options.rank;
        let mut factors = Factorisation {
            rank,
            user_factors: vec![0.0; users.len() * rank],
            item_factors: vec![0.0; items.len() * rank],
            user_bias: vec![0.0; users.len()],
            item_bias: vec![0.0; items.len()],
            mean,
            scale: train.scale(),
            users: Arc::clone(&users),
            items: Arc::clone(&items),
        };
        for (&(item, id), (bias, row)) in &self.rows {
            let side = if item { &items } else { &users };
            let at = place(side, names[usize::from(item)], id) as usize;
            let (to, biases) = match item {
                false => (&mut factors.user_factors, &mut factors.user_bias),
                true => (&mut factors.item_factors, &mut factors.item_bias),
            };
            to[at * rank..][..rank].copy_from_slice(row);
            biases[at] = *bias;
        }
        Ok(Model { factors, terms: Terms::new(options, &train), seen: Some(Seen::new(&train)) })
    }
}
