//! From files to the ratings to learn from and those to test on.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use strads::formats::RatingOptions;
use strads::models::mf::{Factorisation, Names, Problem, Ratings, hold_out};
use strads::random::{Draws, purpose};

use super::arguments::Arguments;
use crate::failure::Failure;
use crate::ratings::{Model, read};

/// What is to be fitted and what it is tested on.
pub struct Data {
    /// The same in every process.
    pub problem: Problem,
    /// The test ratings of users and items that may not be among those of training.
    pub test: Option<Arc<Ratings>>,
    /// Pairs that came again in the data.
    pub duplicates: u64,
    /// The names in the data's header.
    pub header: Option<Vec<String>>,
}

impl Data {
    /// Reads the data and what comes with it.
    pub fn load(arguments: &Arguments) -> Result<Data, Failure> {
        let model = &arguments.model;
        let threads = arguments.cluster.threads;
        let (format, weights) = (arguments.input_format, model.weights.as_deref());
        let options = arguments.columns.options(format, weights, !model.implicit, threads);
        let file = read(&arguments.data, &options, &arguments.output)?;
        let header = file.header.clone();
        let all = file.ratings(threads);
        check(arguments, &arguments.data, &all)?;
        let duplicates = all.duplicates;
        let (train, test) = split(arguments, &options, all)?;
        let known = test.as_ref().map(|test| match Arc::ptr_eq(&test.users, &train.users) {
            true => Arc::clone(test),
            false => Arc::new(test.among(&train.users, &train.items)),
        });
        let warm = arguments.training.warm_start.as_deref();
        let warm = warm.map(|path| warm_start(arguments, path, &train)).transpose()?;
        let problem = Problem { train: Arc::new(train), test: known, warm: warm.map(Arc::new) };
        Ok(Data { problem, test, duplicates, header })
    }

    /// How many ratings the model is tested on.
    pub fn held_out(&self) -> usize {
        self.test.as_ref().map_or(0, |test| test.len())
    }

    /// A digest of the options and of all data.
    pub fn digest(&self, arguments: &Arguments) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(arguments.remembered().to_string());
        let test = self.test.as_deref();
        for ratings in [Some(&*self.problem.train), test].into_iter().flatten() {
            for names in [&ratings.users, &ratings.items] {
                hash.update(crc32fast::hash(names.parts().0.as_bytes()).to_le_bytes());
                hash.update((names.len() as u64).to_le_bytes());
            }
            let mut crc = crc32fast::Hasher::new();
            ratings.starts().iter().for_each(|start| crc.update(&start.to_le_bytes()));
            ratings.item_column().iter().for_each(|item| crc.update(&item.to_le_bytes()));
            ratings.values().iter().for_each(|value| crc.update(&value.to_le_bytes()));
            ratings.weights().into_iter().flatten().for_each(|w| crc.update(&w.to_le_bytes()));
            hash.update(crc.finalize().to_le_bytes());
        }
        if let Some(warm) = &self.problem.warm {
            let mut crc = crc32fast::Hasher::new();
            let factors = warm.user_factors.iter().chain(&warm.item_factors);
            factors.for_each(|factor| crc.update(&factor.to_le_bytes()));
            hash.update(crc.finalize().to_le_bytes());
        }
        hash.finalize().to_vec()
    }
}

/// Refuses ratings that the model cannot be of.
fn check(arguments: &Arguments, path: &Path, ratings: &Ratings) -> Result<(), Failure> {
    let name = path.display();
    let weightless = |weights: &[f32]| weights.iter().all(|&weight| weight == 0.0);
    if ratings.weights().is_some_and(weightless) {
        return Err(Failure::input(format!("{name}: expected weights, found only zeros")));
    }
    let negative = ratings.iter().find(|rating| rating.value < 0.0);
    match negative {
        Some(rating) if arguments.model.implicit => Err(Failure::input(format!(
            "{name}: expected ratings >= 0 with --implicit, found {} by `{}` of `{}`",
            rating.value,
            ratings.users.get(rating.user as usize),
            ratings.items.get(rating.item as usize)
        ))),
        _ => Ok(()),
    }
}

/// The ratings to learn from, and those to test on.
fn split(
    arguments: &Arguments,
    options: &RatingOptions,
    all: Ratings,
) -> Result<(Ratings, Option<Arc<Ratings>>), Failure> {
    let test = &arguments.test;
    if let Some(path) = &test.test {
        let ratings = read(path, options, &arguments.output)?.ratings(options.threads);
        check(arguments, path, &ratings)?;
        return Ok((all, Some(Arc::new(ratings))));
    }
    let Some(share) = test.holdout else { return Ok((all, None)) };
    let seed = arguments.training.seed;
    let (train, held) = hold_out(&all, test.holdout_by.into(), share, seed).map_err(|why| {
        Failure::input(format!("{}: --holdout {share}: {why}", arguments.data.display()))
    })?;
    if train.is_empty() {
        let name = arguments.data.display();
        return Err(Failure::input(format!(
            "{name}: --holdout {share} leaves nothing to learn from"
        )));
    }
    Ok((train, Some(Arc::new(held))))
}

/// A model's factors for the users and items of these ratings; small random ones for those it does
/// not have, from which coordinates can move.
fn warm_start(
    arguments: &Arguments,
    path: &Path,
    train: &Ratings,
) -> Result<Factorisation, Failure> {
    let model = Model::load(path)?.model.factors;
    let rank = arguments.model.rank;
    if model.rank != rank {
        let (name, found) = (path.display(), model.rank);
        let message = format!("--warm-start {name}: expected rank {rank}, found {found}");
        return Err(Failure::model(message));
    }
    let side = |ours: &Names, theirs: &Names, factors: &[f32], bias: &[f32], side: u64| {
        let mut draws =
            Draws::new(arguments.training.seed, purpose("new rows of a warm start"), side, 0);
        let (mut to, mut biases) = (Vec::with_capacity(ours.len() * rank), Vec::new());
        for name in ours.iter() {
            let at = theirs.find(name).map(|at| at as usize);
            biases.push(at.map_or(0.0, |at| bias[at]));
            match at {
                Some(at) => to.extend_from_slice(&factors[at * rank..][..rank]),
                None => to.extend((0..rank).map(|_| 0.01 * draws.next_f64() as f32)),
            }
        }
        (to, biases)
    };
    let (user_factors, user_bias) =
        side(&train.users, &model.users, &model.user_factors, &model.user_bias, 0);
    let (item_factors, item_bias) =
        side(&train.items, &model.items, &model.item_factors, &model.item_bias, 1);
    Ok(Factorisation {
        users: Arc::clone(&train.users),
        items: Arc::clone(&train.items),
        rank,
        user_factors,
        item_factors,
        user_bias,
        item_bias,
        mean: model.mean,
        scale: train.scale(),
    })
}
