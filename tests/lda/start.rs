//! A chain that sets out from a model.

use std::sync::Arc;

use strads::cluster::{ClusterError, Flags};
use strads::models::lda::{Corpus, Options, TopicModel, fit};

use super::corpora::{model, planted, recount, train};
use super::workers;

fn trained(corpus: &Corpus, topics: usize) -> Arc<TopicModel> {
    let options = Options { topics, iterations: 80, shards: 2, ..Options::default() };
    Arc::new(train(corpus, &options, 1).model.expect("this is the process of worker 0"))
}

fn started(options: Options, start: &Arc<TopicModel>) -> Options {
    Options { warm_start: Some(Arc::clone(start)), ..options }
}

/// Other documents of the same topics, with words that the model does not know, in another order.
fn others() -> Corpus {
    let source = planted(80, 20, 5, 30, 3);
    let words = source.vocabulary().len() as u32;
    let old = source.vocabulary().iter().collect::<Vec<_>>().into_iter().rev();
    let mut corpus = Corpus::new(old.chain(["new", "newer"]).collect());
    for document in 0..source.len() {
        let mut runs: Vec<(u32, u32)> =
            source.document(document).map(|(word, count)| (words - 1 - word, count)).collect();
        runs.push((words + document as u32 % 2, 1));
        corpus.push(&runs).expect("words of the vocabulary");
    }
    corpus
}

#[test]
fn a_start_from_a_model_begins_where_a_cold_one_ends() {
    let start = trained(&workers::corpus(), 5);
    let corpus = others();
    let options =
        Options { topics: 5, iterations: 1, likelihood_every: 1, shards: 2, ..Options::default() };
    let likelihoods = |options: &Options| -> Vec<f64> {
        let fit = train(&corpus, options, 2);
        recount(model(&fit), &corpus);
        fit.points.iter().map(|point| point.log_likelihood.expect("every sweep")).collect()
    };
    let cold = likelihoods(&options);
    let long = likelihoods(&Options { iterations: 80, ..options.clone() });
    let warm = likelihoods(&started(options, &start));
    let (first, last) = (cold[1], *long.last().expect("sweeps"));
    for found in warm {
        assert!(found > first + 0.7 * (last - first), "{found} from {first} to {last}");
    }
}

#[test]
fn a_model_of_nothing_known_is_a_cold_start() {
    let corpus = workers::corpus();
    let mut other = Corpus::new(["x", "y"].into_iter().collect());
    other.push(&[(0, 3), (1, 4)]).expect("words of the vocabulary");
    let options = workers::options(5, false);
    let cold = workers::digest(&train(&corpus, &options, 2));
    let warm = started(options, &trained(&other, 5));
    assert_eq!(workers::digest(&train(&corpus, &warm, 2)), cold);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (corpus, start) = (others(), trained(&workers::corpus(), 300));
    let options = started(workers::options(300, true), &start);
    let of = |threads| workers::digest(&train(&corpus, &options, threads));
    let one = of(1);
    assert_eq!([2, 3, 6].map(of), [one; 3]);
    assert_ne!(one, workers::digest(&train(&corpus, &workers::options(300, true), 1)));
}

#[test]
fn a_model_of_other_topics_is_refused() {
    let corpus = workers::corpus();
    let options = started(Options { topics: 6, ..Options::default() }, &trained(&corpus, 5));
    match fit(&Flags::threads(1), b"", corpus, options, |_| {}) {
        Err(ClusterError::Usage(why)) => {
            assert_eq!(why, "warm-start: expected 6 topics, found 5");
        }
        other => panic!("{other:?}"),
    }
}
