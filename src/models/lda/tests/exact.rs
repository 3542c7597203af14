//! States of long chains come as often as the exact posterior says, on corpora small enough to go
//! through all states.

use std::collections::BTreeMap;

use super::chain::{Case, Chain};
use crate::models::lda::sampler::Path;
use crate::scheduler::testing::chi_square_fits;

/// Words and documents of the tokens, in the order of [`Chain::topics`].
fn tokens(case: &Case) -> Vec<(usize, usize)> {
    let mut tokens = Vec::new();
    for (document, runs) in case.documents.iter().enumerate() {
        for &(word, count) in runs {
            tokens.extend((0..count).map(|_| (word as usize, document)));
        }
    }
    tokens.sort_unstable();
    tokens
}

/// `p(w, z)` up to a factor, one token after the other.
fn weight(case: &Case, tokens: &[(usize, usize)], state: &[usize]) -> f64 {
    let topics = case.topics();
    let mut words = vec![vec![0.0; topics]; case.vocabulary];
    let mut documents = vec![vec![0.0; topics]; case.documents.len()];
    let mut totals = vec![0.0; topics];
    let priors = case.topic_priors();
    let mut weight = 1.0;
    for (&(word, document), &topic) in tokens.iter().zip(state) {
        let own =
            case.priors.iter().find(|p| (p.0 as usize, usize::from(p.1)) == (word, topic + 1));
        let beta = case.beta + own.map_or(0.0, |prior| f64::from(prior.2));
        let sum = case.beta * case.vocabulary as f64 + priors[topic];
        weight *= documents[document][topic] + case.alpha[topic];
        weight *= (words[word][topic] + beta) / (totals[topic] + sum);
        words[word][topic] += 1.0;
        documents[document][topic] += 1.0;
        totals[topic] += 1.0;
    }
    weight
}

/// The state's class: the first three topics as they are, the others numbered as they appear
/// (they must be alike).
fn class(state: &[usize], alike_from: usize) -> Vec<usize> {
    let mut names = BTreeMap::new();
    let name = |topic: &usize| match *topic < alike_from {
        true => *topic,
        false => {
            let next = alike_from + names.len();
            *names.entry(*topic).or_insert(next)
        }
    };
    state.iter().map(name).collect()
}

/// Compares a chain's classes with the exact posterior's.
fn check(case: &Case, alike_from: usize, sweeps: usize, thin: usize) {
    let (tokens, topics) = (tokens(case), case.topics());
    let mut expected: BTreeMap<Vec<usize>, f64> = BTreeMap::new();
    for number in 0..topics.pow(tokens.len() as u32) {
        let digit = |at: usize| number / topics.pow(at as u32) % topics;
        let state: Vec<usize> = (0..tokens.len()).map(digit).collect();
        *expected.entry(class(&state, alike_from)).or_default() += weight(case, &tokens, &state);
    }
    let all: f64 = expected.values().sum();
    let mut chain = Chain::new(case.clone(), Path::best());
    let mut seen: BTreeMap<Vec<usize>, u64> = BTreeMap::new();
    for sweep in 0..sweeps {
        chain.sweep();
        if sweep > 50 && sweep % thin == 0 {
            let state: Vec<usize> =
                chain.topics().iter().map(|code| usize::from(*code) - 1).collect();
            *seen.entry(class(&state, alike_from)).or_default() += 1;
        }
    }
    let samples: u64 = seen.values().sum();
    // Classes that are rarely expected go together.
    let (mut counts, mut weights) = (vec![0], vec![0.0]);
    for (class, weight) in &expected {
        let count = seen.get(class).copied().unwrap_or(0);
        if weight / all * samples as f64 >= 10.0 {
            counts.push(count);
            weights.push(*weight);
        } else {
            counts[0] += count;
            weights[0] += weight;
        }
    }
    if weights[0] / all * (samples as f64) < 10.0 {
        (counts[1], weights[1]) = (counts[1] + counts[0], weights[1] + weights[0]);
        counts.remove(0);
        weights.remove(0);
    }
    assert!(counts.len() > 10, "{counts:?}");
    chi_square_fits(&counts, &weights);
}

fn documents(runs: &[&[(u32, u32)]]) -> Vec<Vec<(u32, u32)>> {
    runs.iter().map(|runs| runs.to_vec()).collect()
}

#[test]
fn dense_rows_follow_the_exact_posterior() {
    let case = Case {
        documents: documents(&[&[(0, 1), (1, 2)], &[(1, 1), (2, 2)]]),
        vocabulary: 3,
        alpha: vec![0.3, 0.7, 1.1],
        beta: 0.4,
        priors: vec![(1, 2, 1.5)],
    };
    check(&case, 3, 60_000, 4);
}

#[test]
fn sparse_rows_follow_the_exact_posterior() {
    // Documents of fewer tokens than half the topics have sparse rows.
    let mut alpha = vec![0.2; 17];
    (alpha[0], alpha[1]) = (1.5, 0.6);
    let case = Case {
        documents: documents(&[&[(0, 1), (1, 2)], &[(1, 1), (2, 1)]]),
        vocabulary: 3,
        alpha,
        beta: 0.3,
        priors: vec![(1, 2, 1.0)],
    };
    check(&case, 2, 200_000, 8);
}
