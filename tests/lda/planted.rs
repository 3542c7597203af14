//! Topics that were planted are found.

use std::sync::Arc;

use strads::models::lda::{Options, TopicModel, WordPrior};

use super::corpora::{model, planted, train};

const WORDS: usize = 30;

/// For each topic: which planted topic most of its tokens are of, and what share of them.
fn purity(model: &TopicModel, planted: usize) -> Vec<(usize, f64)> {
    let mut tokens = vec![vec![0.0; planted]; model.topics()];
    for word in 0..model.word_topic.len() {
        for (topic, count) in model.word_topic.row(word) {
            tokens[usize::from(topic)][word / WORDS] += f64::from(count);
        }
    }
    let best = |tokens: Vec<f64>| {
        let all: f64 = tokens.iter().sum();
        let most = tokens.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        most.map_or((0, 0.0), |(topic, most)| (topic, most / all))
    };
    tokens.into_iter().map(best).collect()
}

#[test]
fn every_planted_topic_is_found() {
    for (topics, shards) in [(5, 1), (5, 4), (12, 2)] {
        let corpus = planted(400, 25, topics, WORDS, 7);
        let alpha = Some(strads::models::lda::Alpha::Symmetric(0.05));
        // With room to spare no two planted topics need to share one.
        let spare = 3 * topics;
        let options =
            Options { topics: spare, shards, alpha, iterations: 150, ..Options::default() };
        let fit = train(&corpus, &options, 2);
        let totals = &model(&fit).topic_total;
        let purity = purity(model(&fit), topics).into_iter().zip(totals);
        let large = purity.filter(|(_, tokens)| **tokens * spare as u64 > corpus.tokens());
        let (found, shares): (Vec<usize>, Vec<f64>) = large.map(|(found, _)| found).unzip();
        assert!(shares.iter().all(|share| *share > 0.95), "{shares:?}");
        assert!((0..topics).all(|topic| found.contains(&topic)), "{found:?}");
    }
}

#[test]
fn words_with_prior_weight_choose_the_number_of_their_topic() {
    let corpus = planted(300, 25, 4, WORDS, 7);
    let prior = |topic: usize, rank: usize| WordPrior {
        word: (topic * WORDS + rank) as u32,
        topic: 3 - topic as u16,
        weight: 100.0,
    };
    let priors = (0..4).flat_map(|topic| (0..5).map(move |rank| prior(topic, rank))).collect();
    let alpha = Some(strads::models::lda::Alpha::Symmetric(0.1));
    let priors = Arc::new(priors);
    let options =
        Options { topics: 4, alpha, priors, iterations: 50, shards: 2, ..Options::default() };
    let fit = train(&corpus, &options, 1);
    let found: Vec<usize> = purity(model(&fit), 4).iter().map(|(topic, _)| *topic).collect();
    assert_eq!(found, [3, 2, 1, 0]);
}
