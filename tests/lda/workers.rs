//! A model is a function of corpus, options and number of shards: not of where shards live.

use std::hash::{DefaultHasher, Hash, Hasher};

use strads::cluster::Flags;
use strads::models::lda::{Corpus, Fit, Options, fit};

use crate::support::{Children, free_addresses, role};

use super::corpora::{model, planted, train};

pub fn options(topics: usize, optimize: bool) -> Options {
    Options {
        topics,
        iterations: 12,
        burn_in: 4,
        optimize_alpha: optimize,
        optimize_beta: optimize,
        samples: if optimize { 2 } else { 1 },
        sample_every: 3,
        likelihood_every: 1,
        document_topics: true,
        assignments: true,
        shards: 4,
        seed: 5,
        ..Options::default()
    }
}

pub fn corpus() -> Corpus {
    planted(80, 20, 5, 30, 2)
}

/// Everything of a fit, bit by bit.
pub fn digest(fit: &Fit) -> u64 {
    let mut hasher = DefaultHasher::new();
    for point in &fit.points {
        let likelihood = point.log_likelihood.map(f64::to_bits);
        let bits = [point.s_error, point.alpha_sum, point.beta].map(f64::to_bits);
        (point.iteration, likelihood, bits).hash(&mut hasher);
    }
    let model = model(fit);
    model.word_topic.columns().hash(&mut hasher);
    model.document_topic.as_ref().expect("asked for").columns().hash(&mut hasher);
    let tokens = fit.assignments.as_ref().expect("asked for");
    (0..tokens.len()).for_each(|at| tokens.document(at).for_each(|token| token.hash(&mut hasher)));
    model.topic_total.hash(&mut hasher);
    model.alpha.iter().for_each(|alpha| alpha.to_bits().hash(&mut hasher));
    (fit.rounds, fit.shards, fit.slices).hash(&mut hasher);
    hasher.finish()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (topics, optimize) in [(5, false), (300, true)] {
        let of = |threads| digest(&train(&corpus(), &options(topics, optimize), threads));
        let one = of(1);
        assert_eq!([2, 3, 4, 6].map(of), [one; 4]);
    }
}

#[test]
fn several_processes_give_the_same_bits_as_one() {
    let name = "lda::workers::several_processes_give_the_same_bits_as_one";
    if let Some(role) = role() {
        let [process, threads] = [0, 1].map(|at| role[at].parse().expect("a number"));
        let flags = Flags::cluster(threads, process, role[2..].to_vec());
        let fit = fit(&flags, b"", corpus(), options(300, true), |_| {}).expect("it runs");
        match fit.model {
            Some(_) => println!("digest {}", digest(&fit)),
            None => assert!(process > 0 && fit.points.is_empty()),
        }
        return;
    }
    let expected = format!("digest {}", digest(&train(&corpus(), &options(300, true), 4)));
    for (processes, threads) in [(2, 2), (4, 1)] {
        let addresses = free_addresses(processes).join(" ");
        let mut children = Children::new();
        for process in 0..processes {
            children.play(name, &format!("{process} {threads} {addresses}"));
        }
        let outcomes = children.wait();
        assert!(outcomes.iter().all(|outcome| outcome.code == Some(0)), "{outcomes:?}");
        assert!(outcomes[0].stdout.contains(&expected), "{outcomes:?}");
    }
}
