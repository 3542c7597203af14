//! New documents: their topics, and how well a model foretells them.

use strads::models::lda::{Alpha, Counts, InferOptions, Inference, Options, TopicModel};

use super::corpora::{model, planted, train};

fn two_topics() -> TopicModel {
    let mut word_topic = Counts::default();
    for row in [[(0, 60), (1, 5)], [(0, 20), (1, 35)], [(0, 1), (1, 80)]] {
        word_topic.push(row);
    }
    TopicModel {
        vocabulary: ["a", "b", "c"].into_iter().collect(),
        word_topic,
        topic_total: vec![81, 120],
        alpha: vec![0.7, 0.4],
        beta: 0.5,
        samples: 1,
        ..TopicModel::default()
    }
}

/// `E[θ]` given a document, by going through all assignments of its tokens.
fn exact(model: &TopicModel, words: &[u32]) -> f64 {
    let phi = |word: u32, topic: usize| {
        let count = model.word_topic.row(word as usize).nth(topic).unwrap().1;
        (f64::from(count) + model.beta) / (model.topic_total[topic] as f64 + 3.0 * model.beta)
    };
    let (mut all, mut first) = (0.0, 0.0);
    for state in 0..1u32 << words.len() {
        let mut counts = [0.0; 2];
        let mut weight = 1.0;
        for (at, &word) in words.iter().enumerate() {
            let topic = (state >> at & 1) as usize;
            weight *= (counts[topic] + model.alpha[topic]) * phi(word, topic);
            counts[topic] += 1.0;
        }
        all += weight;
        first += weight * (counts[0] + 0.7) / (words.len() as f64 + 1.1);
    }
    first / all
}

#[test]
fn mixtures_are_those_of_the_exact_posterior() {
    let model = two_topics();
    let options = InferOptions { samples: 40_000, ..InferOptions::default() };
    let inference = Inference::new(&model, options);
    for words in [&[0, 0, 1, 2, 2, 2, 2][..], &[0], &[1, 1, 1], &[]] {
        let mut runs: Vec<(u32, u32)> = words.iter().map(|word| (*word, 1)).collect();
        let exact = exact(&model, words);
        let found = inference.mixture(3, &runs);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((found[0] - exact).abs() < 5e-3, "{words:?}: {found:?}, exactly {exact}");
        runs.push((3, 100));
        assert_eq!(inference.mixture(3, &runs), found, "unknown words do not matter");
    }
}

#[test]
fn a_trained_model_foretells_documents_better_than_an_untrained_one() {
    let (corpus, new) = (planted(300, 25, 6, 30, 1), planted(50, 25, 6, 30, 2));
    let perplexity = |iterations| {
        let alpha = Some(Alpha::Symmetric(0.1));
        let options = Options { topics: 12, alpha, iterations, ..Options::default() };
        let fit = train(&corpus, &options, 1);
        let inference = Inference::new(model(&fit), InferOptions::default());
        let (mut sum, mut tokens) = (0.0, 0);
        for document in 0..new.len() {
            let runs: Vec<(u32, u32)> = new.document(document).collect();
            let completion = inference.completion(document as u64, &runs);
            assert_eq!(completion, inference.completion(document as u64, &runs));
            sum += completion.log_likelihood;
            tokens += completion.tokens;
        }
        // A document with an odd number of tokens scores one less than half.
        assert!(tokens * 2 <= new.tokens() && tokens * 2 + 50 >= new.tokens());
        (-sum / tokens as f64).exp()
    };
    let (short, long) = (perplexity(1), perplexity(100));
    assert!(long < 0.9 * short && long < 60.0, "{short} {long}");
}
