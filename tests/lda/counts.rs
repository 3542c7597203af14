//! What is reported of a model is true of it.

use std::sync::Arc;

use strads::cluster::{ClusterError, Flags};
use strads::models::lda::{Alpha, Corpus, Options, WordPrior, fit};

use super::corpora::{log_likelihood, model, planted, recount, recounted, train};

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
}

/// Fits, and checks likelihood and counts.
fn check(corpus: &Corpus, options: Options) {
    let options = Options { document_topics: true, assignments: true, ..options };
    let fit = train(corpus, &options, 2);
    let model = model(&fit);
    recount(model, corpus);
    assert_eq!(fit.points.len() as u64, options.iterations + 1);
    let last = fit.points.last().expect("a fit has points");
    let told = last.log_likelihood.expect("the last sweep is measured");
    near(told, log_likelihood(model, corpus));
    // The topics of the tokens are the state that all this was counted from.
    let again = recounted(model, corpus, fit.assignments.as_ref().expect("asked for"));
    assert!(again == *model, "counts are those of the tokens");
    near(told, log_likelihood(&again, corpus));
}

#[test]
fn likelihood_and_counts_are_those_of_an_independent_evaluator() {
    let corpus = planted(60, 20, 4, 20, 1);
    let alphas = (0..90).map(|topic| 0.01 + f64::from(topic) / 50.0).collect();
    let priors: Vec<_> = (0..5).map(|word| WordPrior { word, topic: 3, weight: 2.5 }).collect();
    let base = Options { iterations: 12, seed: 3, ..Options::default() };
    for (topics, shards, slices) in [(2, 1, 0), (4, 3, 0), (90, 1, 5), (700, 2, 0)] {
        check(&corpus, Options { topics, shards, slices, ..base.clone() });
    }
    let alpha = Some(Alpha::Asymmetric(alphas));
    let priors = Arc::new(priors);
    check(&corpus, Options { topics: 90, shards: 2, alpha, priors, ..base });
}

#[test]
fn the_most_topics_there_can_be() {
    let corpus = planted(40, 20, 4, 20, 1);
    for topics in [65_535, 4096, 255, 256] {
        check(&corpus, Options { topics, iterations: 3, shards: 2, ..Options::default() });
    }
}

#[test]
fn a_document_longer_than_sixteen_bits_can_count() {
    let mut corpus = Corpus::new(["common", "rare"].into_iter().collect());
    corpus.push(&[(0, 150_000), (1, 2)]).unwrap();
    corpus.push(&[(0, 70_000)]).unwrap();
    corpus.push(&[(0, 65_535)]).unwrap();
    corpus.push(&[(1, 1)]).unwrap();
    corpus.push(&[]).unwrap();
    let base = Options { iterations: 2, shards: 2, ..Options::default() };
    // Nearly all tokens of a document in one topic, few topics and many.
    let alpha = Some(Alpha::Symmetric(1e-3));
    for topics in [2, 600] {
        check(&corpus, Options { topics, alpha: alpha.clone(), ..base.clone() });
    }
}

#[test]
fn samples_are_summed_up() {
    let corpus = planted(50, 20, 4, 20, 1);
    let one = Options { topics: 4, iterations: 40, burn_in: 10, shards: 2, ..Options::default() };
    let three = Options { samples: 3, sample_every: 5, ..one.clone() };
    let fits = [&one, &three].map(|options| train(&corpus, options, 1));
    let sums = model(&fits[1]);
    assert_eq!(sums.samples, 3);
    let tokens: u64 = sums.topic_total.iter().sum();
    assert_eq!(tokens, 3 * corpus.tokens());
    // The three states are those of shorter runs.
    let mut expected = vec![std::collections::BTreeMap::new(); sums.word_topic.len()];
    for iterations in [30, 35, 40] {
        let fit = train(&corpus, &Options { iterations, ..one.clone() }, 1);
        for (word, expected) in expected.iter_mut().enumerate() {
            for (topic, count) in model(&fit).word_topic.row(word) {
                *expected.entry(topic).or_insert(0) += count;
            }
        }
    }
    for (word, expected) in expected.into_iter().enumerate() {
        assert!(sums.word_topic.row(word).eq(expected));
    }
}

#[test]
fn nothing_to_train_on_is_a_model_too() {
    for corpus in [Corpus::default(), Corpus::new(["word"].into_iter().collect())] {
        let fit = train(&corpus, &Options { iterations: 2, ..Options::default() }, 2);
        assert_eq!(model(&fit).topic_total, vec![0; 100]);
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let corpus = planted(5, 5, 2, 5, 1);
    let base = Options::default();
    let prior = |word, topic| Arc::new(vec![WordPrior { word, topic, weight: 1.0 }]);
    let refused = [
        Options { topics: 1, ..base.clone() },
        Options { topics: 65_536, ..base.clone() },
        Options { alpha: Some(Alpha::Symmetric(0.0)), ..base.clone() },
        Options { alpha: Some(Alpha::Asymmetric(vec![0.1; 3])), ..base.clone() },
        Options { beta: f64::NAN, ..base.clone() },
        Options { iterations: 0, ..base.clone() },
        Options { priors: prior(10, 0), ..base.clone() },
        Options { priors: prior(0, 100), ..base.clone() },
        Options { max_seconds: Some(-1.0), ..base.clone() },
    ];
    for options in refused {
        let found = fit(&Flags::threads(1), b"", corpus.clone(), options.clone(), |_| {});
        assert!(matches!(found, Err(ClusterError::Usage(_))), "{options:?}");
    }
}
