//! Factorisations as model files.
//!
//! | tensor | | |
//! |---|---|---|
//! | `user_factors` | f32 | users × rank |
//! | `item_factors` | f32 | items × rank |
//! | `user_bias`, `item_bias` | f32 | one a user, an item |
//! | `mean` | f64 | μ |
//! | `scale` | f32 | the lowest and the highest rating |
//! | `seen_starts`, `seen_items` | u64, u32 | the items each user rated: user u's from `starts[u]` to `starts[u + 1]` |
//! | `user_names`, `user_name_ends` | u8, u64 | names one after the other in UTF-8, and where each ends; `item_…` likewise |
//!
//! Names are in the metadata instead, as the lists `users` and `items`, while there are at most
//! [`MOST_LISTED`] of each. The metadata's `terms` are those of [`Terms`].

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Factorisation, Names, Ratings, Terms};
use crate::report::{ModelError, ModelFile};

/// The most names that are kept as JSON.
const MOST_LISTED: usize = 100_000;
/// The most bytes of names that are kept as JSON.
const MOST_TEXT: usize = 4 << 20;

/// The items that each user rated in training, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    starts: Vec<u64>,
    items: Vec<u32>,
}

impl Seen {
    /// Those of these ratings.
    pub fn new(ratings: &Ratings) -> Self {
        let starts = ratings.starts().iter().map(|&start| start as u64).collect();
        Seen { starts, items: ratings.item_column().to_vec() }
    }

    /// Those of a user.
    pub fn of(&self, user: u32) -> &[u32] {
        let user = user as usize;
        &self.items[self.starts[user] as usize..self.starts[user + 1] as usize]
    }

    /// Checks what came out of a file.
    fn check(self, users: usize, items: usize) -> Result<Self, &'static str> {
        let ends = self.starts.first() == Some(&0)
            && self.starts.last() == Some(&(self.items.len() as u64))
            && self.starts.len() == users + 1;
        if !ends || !self.starts.is_sorted() {
            return Err("its seen items do not belong to its users");
        }
        let is_row = |user: usize| {
            let row = self.of(user as u32);
            row.is_sorted_by(|a, b| a < b) && row.last().is_none_or(|&item| (item as usize) < items)
        };
        match (0..users).all(is_row) {
            true => Ok(self),
            false => Err("its seen items are not in order"),
        }
    }
}

/// A factorisation with what is needed to use it: everything a model file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Factors, biases and names.
    pub factors: Factorisation,
    /// The terms to fold in new users and items with.
    pub terms: Terms,
    /// What each user rated, if that is kept.
    pub seen: Option<Seen>,
}

impl Model {
    /// As a file, with this metadata and the model's own.
    pub fn to_file(&self, mut metadata: Map<String, Value>) -> ModelFile {
        let Factorisation { users, items, rank, mean, scale, .. } = &self.factors;
        let (m, n) = (users.len(), items.len());
        metadata.insert("rank".into(), json!(rank));
        metadata.insert("terms".into(), terms_as_json(&self.terms));
        let mut file = ModelFile::new(metadata);
        put_names(&mut file, "user", users);
        put_names(&mut file, "item", items);
        file.put("user_factors", &[m, *rank], self.factors.user_factors.clone());
        file.put("item_factors", &[n, *rank], self.factors.item_factors.clone());
        file.put("user_bias", &[m], self.factors.user_bias.clone());
        file.put("item_bias", &[n], self.factors.item_bias.clone());
        file.put("mean", &[1], vec![*mean]);
        file.put("scale", &[2], vec![scale.0, scale.1]);
        if let Some(seen) = &self.seen {
            file.put("seen_starts", &[m + 1], seen.starts.clone());
            file.put("seen_items", &[seen.items.len()], seen.items.clone());
        }
        file
    }

    /// Out of a file, in which nothing is trusted.
    ///
    /// # Errors
    /// Why it is no model of this kind.
    pub fn from_file(file: &ModelFile) -> Result<Self, String> {
        if file.metadata.get("command").and_then(Value::as_str) != Some("mf") {
            return Err("it is not a factorisation".into());
        }
        let users = Arc::new(names(file, "user")?);
        let items = Arc::new(names(file, "item")?);
        let (user_factors, rank) = matrix(file, "user_factors", users.len())?;
        let (item_factors, other) = matrix(file, "item_factors", items.len())?;
        let scale = vector(file, "scale", 2)?;
        let (_, mean) = file.get::<f64>("mean").map_err(short)?;
        if rank != other || rank == 0 || mean.len() != 1 || !mean[0].is_finite() {
            return Err("its tensors do not fit together".into());
        }
        let factors = Factorisation {
            rank,
            user_factors,
            item_factors,
            user_bias: vector(file, "user_bias", users.len())?,
            item_bias: vector(file, "item_bias", items.len())?,
            mean: mean[0],
            scale: (scale[0], scale[1]),
            users,
            items,
        };
        let terms = file.metadata.get("terms").and_then(terms_of).ok_or("it has no terms")?;
        let seen = match file.tensors().contains_key("seen_starts") {
            false => None,
            true => {
                let (_, starts) = file.get::<u64>("seen_starts").map_err(short)?;
                let (_, items) = file.get::<u32>("seen_items").map_err(short)?;
                let seen = Seen { starts: starts.to_vec(), items: items.to_vec() };
                Some(seen.check(factors.users.len(), factors.items.len())?)
            }
        };
        Ok(Model { factors, terms, seen })
    }
}

fn short(error: ModelError) -> String {
    error.to_string()
}

fn terms_as_json(terms: &Terms) -> Value {
    json!({
        "lambda": terms.lambda,
        "weighted_lambda": terms.weighted_lambda,
        "biases": terms.biases,
        "nonnegative": terms.nonnegative,
        "alpha": terms.implicit,
    })
}

fn terms_of(value: &Value) -> Option<Terms> {
    let positive = |x: &f64| x.is_finite() && *x >= 0.0;
    let implicit = match &value["alpha"] {
        Value::Null => None,
        alpha => Some(alpha.as_f64().filter(positive)?),
    };
    Some(Terms {
        lambda: value["lambda"].as_f64().filter(positive)?,
        weighted_lambda: value["weighted_lambda"].as_bool()?,
        biases: value["biases"].as_bool()?,
        nonnegative: value["nonnegative"].as_bool()?,
        implicit,
    })
}

fn put_names(file: &mut ModelFile, what: &str, names: &Names) {
    let (text, ends) = names.parts();
    if names.len() <= MOST_LISTED && text.len() <= MOST_TEXT {
        let list: Vec<&str> = names.iter().collect();
        file.metadata.insert(format!("{what}s"), json!(list));
        return;
    }
    file.put(&format!("{what}_names"), &[text.len()], text.as_bytes().to_vec());
    file.put(&format!("{what}_name_ends"), &[ends.len()], ends.to_vec());
}

fn names(file: &ModelFile, what: &str) -> Result<Names, String> {
    let bad = |why: &str| format!("its {what} names cannot be used: {why}");
    let names = match file.metadata.get(&format!("{what}s")) {
        Some(Value::Array(list)) => {
            let mut text = String::new();
            let mut ends = Vec::with_capacity(list.len());
            for name in list {
                text.push_str(name.as_str().ok_or_else(|| bad("one is no text"))?);
                ends.push(text.len() as u64);
            }
            Names::from_parts(text, ends)
        }
        Some(_) => return Err(bad("they are no list")),
        None => {
            let (_, text) = file.get::<u8>(&format!("{what}_names")).map_err(short)?;
            let (_, ends) = file.get::<u64>(&format!("{what}_name_ends")).map_err(short)?;
            let text = String::from_utf8(text.to_vec()).map_err(|_| bad("they are no text"))?;
            Names::from_parts(text, ends.to_vec())
        }
    };
    let names = names.map_err(bad)?;
    match u32::try_from(names.len()) {
        Ok(_) => Ok(names),
        Err(_) => Err(bad("there are too many")),
    }
}

fn finite(name: &str, values: &[f32]) -> Result<Vec<f32>, String> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values.to_vec()),
        false => Err(format!("its tensor `{name}` has numbers that are not finite")),
    }
}

fn matrix(file: &ModelFile, name: &str, rows: usize) -> Result<(Vec<f32>, usize), String> {
    match file.get::<f32>(name).map_err(short)? {
        (&[count, columns], values) if count == rows => Ok((finite(name, values)?, columns)),
        _ => Err(format!("its tensor `{name}` has an odd shape")),
    }
}

fn vector(file: &ModelFile, name: &str, count: usize) -> Result<Vec<f32>, String> {
    match file.get::<f32>(name).map_err(short)? {
        (&[found], values) if found == count => finite(name, values),
        _ => Err(format!("its tensor `{name}` has an odd shape")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::testing::{random_model, random_ratings};

    fn model(users: usize) -> Model {
        let ratings = random_ratings(users.min(30), 20, 0.4, 5);
        let mut factors = random_model(users, 20, 3, 9);
        let seen = (users <= 30).then(|| Seen::new(&ratings));
        if users <= 30 {
            (factors.users, factors.items) = (ratings.users.clone(), ratings.items.clone());
        }
        let terms = Terms {
            lambda: 0.25,
            weighted_lambda: true,
            biases: true,
            nonnegative: false,
            implicit: Some(0.1),
        };
        Model { factors, terms, seen }
    }

    fn metadata() -> Map<String, Value> {
        Map::from_iter([("command".to_owned(), json!("mf"))])
    }

    #[test]
    fn models_come_back_as_they_were() {
        for users in [30, MOST_LISTED + 1] {
            let model = model(users);
            let file = model.to_file(metadata());
            assert_eq!(Model::from_file(&file), Ok(model));
            assert_eq!(file.metadata.contains_key("users"), users == 30);
        }
    }

    #[test]
    fn nothing_in_a_file_is_trusted() {
        let good = model(30).to_file(metadata());
        let bad = |change: &dyn Fn(&mut ModelFile)| {
            let mut file = good.clone();
            change(&mut file);
            assert!(Model::from_file(&file).is_err());
        };
        bad(&|file| drop(file.metadata.insert("command".into(), json!("lasso"))));
        bad(&|file| drop(file.metadata.insert("users".into(), json!(["a", "a"]))));
        bad(&|file| drop(file.metadata.insert("users".into(), json!([1, 2]))));
        bad(&|file| drop(file.metadata.remove("items")));
        bad(&|file| drop(file.metadata.insert("terms".into(), json!({ "lambda": -1.0 }))));
        bad(&|file| file.put("user_factors", &[30, 2], vec![0.0f32; 60]));
        bad(&|file| file.put("user_factors", &[90], vec![0.0f32; 90]));
        bad(&|file| file.put("item_bias", &[20], vec![f32::NAN; 20]));
        bad(&|file| file.put("mean", &[1], vec![f64::INFINITY]));
        bad(&|file| file.put("mean", &[0], Vec::<f64>::new()));
        bad(&|file| file.put("scale", &[1], vec![1.0f32]));
        bad(&|file| file.put("seen_starts", &[2], vec![0u64, 5]));
        bad(&|file| file.put("seen_starts", &[31], vec![7u64; 31]));
        bad(&|file| file.put("seen_items", &[1], vec![5u32]));
    }
}
