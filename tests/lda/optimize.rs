//! Concentrations that are fitted.

use strads::models::lda::{Alpha, Corpus, Options};
use strads::random::{Draws, purpose};

use super::corpora::{log_likelihood, model, planted, train};

/// Documents of which nine in ten have the first topic only.
fn skewed() -> Corpus {
    let mut draws = Draws::new(1, purpose("skewed corpus"), 0, 0);
    let mut corpus = Corpus::new((0..40).map(|word| word.to_string()).collect());
    for _ in 0..400 {
        let topic = if draws.below(10) == 0 { 20 } else { 0 };
        let runs: Vec<_> = (0..30).map(|_| (topic + draws.below(20) as u32, 1)).collect();
        corpus.push(&runs).unwrap();
    }
    corpus
}

#[test]
fn fitted_concentrations_raise_the_likelihood_and_follow_the_corpus() {
    let corpus = skewed();
    let fixed = Options {
        topics: 2,
        alpha: Some(Alpha::Symmetric(5.0)),
        beta: 1.0,
        iterations: 120,
        shards: 2,
        document_topics: true,
        ..Options::default()
    };
    let fitted = Options { optimize_alpha: true, optimize_beta: true, ..fixed.clone() };
    let fits = [&fixed, &fitted].map(|options| train(&corpus, options, 2));
    let [before, after] = fits.each_ref().map(|fit| log_likelihood(model(fit), &corpus));
    assert!(after > before + 0.1, "{before} {after}");
    let last = fits[1].points.last().unwrap();
    assert!((last.log_likelihood.unwrap() - after).abs() < 1e-9 * after.abs());
    let alpha = &model(&fits[1]).alpha;
    let (most, least) = (alpha[0].max(alpha[1]), alpha[0].min(alpha[1]));
    assert!(most / least > 3.0 && most < 1.0, "{alpha:?}");
    assert_eq!(last.alpha_sum, most + least);
    assert!(model(&fits[1]).beta < 1.0, "half of the words never occur in a topic");
}

#[test]
fn nothing_is_fitted_before_the_burn_in() {
    let corpus = planted(50, 20, 4, 20, 1);
    let options = Options {
        topics: 4,
        iterations: 20,
        burn_in: 10,
        optimize_alpha: true,
        optimize_beta: true,
        ..Options::default()
    };
    let fit = train(&corpus, &options, 1);
    for point in &fit.points {
        assert_eq!(point.alpha_sum == 50.0, point.iteration <= 10, "{point:?}");
        assert_eq!(point.beta == 0.01, point.iteration <= 10, "{point:?}");
    }
}
