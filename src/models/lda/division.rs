//! How documents are dealt to shards, and words to slices.

use super::corpus::Corpus;
use super::options::Options;
use super::sampler::Rows;
use crate::operators::{Ring, RotateOptions};

/// The s-error that the number of slices is chosen for, where the number is not told.
const S_ERROR: f64 = 0.002;
/// Slices to a shard, at most, where the number is not told.
const MAX_SLICES: usize = 256;
/// Tokens that seem to move in a sweep, as a share of all: in the first sweeps nearly all do, and
/// topics that grow or shrink move the totals by more than chance.
const MOVING: f64 = 1.4;

/// The ring for options and a corpus of so many tokens, on so many workers.
pub(super) fn ring(options: &Options, tokens: u64, peers: usize) -> (RotateOptions, Ring) {
    let shards = if options.shards == 0 { peers } else { options.shards };
    let slices = match options.slices {
        0 if shards == 1 => 1,
        0 => {
            let enough = |slices: &usize| {
                foreseen(options.topics, tokens, shards, slices * shards) <= S_ERROR
            };
            let fewest = [2, 4, 8, 16, 32, 64, 128].into_iter().find(enough);
            fewest.unwrap_or(MAX_SLICES) * shards
        }
        slices => slices,
    };
    let rotate = RotateOptions { shards, slices, sync_every: 1, staleness: 0 };
    (rotate, rotate.ring(peers))
}

/// The s-error to be expected: in a sub-round the other shards move `x` tokens in and out of `K`
/// topics, so that the total of a topic changes by the difference of two Poisson numbers of mean
/// `x/K`, whose mean size is about `√(4x/πK)`, and at most `2x/K`.
fn foreseen(topics: usize, tokens: u64, shards: usize, slices: usize) -> f64 {
    let (topics, tokens) = (topics as f64, tokens.max(1) as f64);
    let moves = MOVING * tokens / (shards as f64 * slices as f64) * (shards as f64 - 1.0);
    let variance = 2.0 * moves / topics;
    topics * variance.min((2.0 * variance / std::f64::consts::PI).sqrt()) / tokens
}

/// Whether counts fit their types.
pub(super) fn fits(
    corpus: &Corpus,
    frequencies: &[u64],
    ends: &[usize],
    topics: usize,
) -> Result<(), String> {
    if let Some(word) = frequencies.iter().position(|count| *count > u64::from(u32::MAX)) {
        let found = frequencies[word];
        return Err(format!("word {word}: expected fewer than 2^32 tokens, found {found}"));
    }
    let mut start = 0;
    for &end in ends {
        let lengths = (start..end).map(|document| corpus.bags().tokens(document));
        if !Rows::hold(lengths, topics) {
            return Err("shards: expected more, for so large a corpus".to_owned());
        }
        start = end;
    }
    Ok(())
}

/// Cuts the documents into runs with about as many tokens each.
pub(super) fn ends(corpus: &Corpus, shards: usize) -> Vec<usize> {
    let (mut ends, mut tokens) = (Vec::with_capacity(shards), 0u128);
    for document in 0..corpus.len() {
        let due =
            |ends: &Vec<usize>| corpus.tokens() as u128 * (ends.len() as u128 + 1) / shards as u128;
        while ends.len() + 1 < shards && tokens >= due(&ends) {
            ends.push(document);
        }
        tokens += u128::from(corpus.bags().tokens(document));
    }
    ends.resize(shards, corpus.len());
    ends
}
