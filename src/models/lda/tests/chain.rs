//! One shard with one slice, swept as a run does.

use crate::models::lda::corpus::Bags;
use crate::models::lda::sampler::{Kernel, Path, Prior, Setting, WordRows};
use crate::models::lda::shard::{Document, Shard};
use crate::models::lda::slice;
use crate::random::{Draws, purpose};

/// What is sampled.
#[derive(Clone)]
pub struct Case {
    pub documents: Vec<Vec<(u32, u32)>>,
    pub vocabulary: usize,
    pub alpha: Vec<f64>,
    pub beta: f64,
    /// Positions, codes, weights, ascending.
    pub priors: Vec<(u32, u16, f32)>,
}

impl Case {
    pub fn topics(&self) -> usize {
        self.alpha.len()
    }

    /// `Σ_v β_vk − V β`.
    pub fn topic_priors(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.topics()];
        for prior in &self.priors {
            sums[usize::from(prior.1) - 1] += f64::from(prior.2);
        }
        sums
    }
}

pub struct Chain {
    pub case: Case,
    pub shard: Shard,
    pub documents: Vec<Document>,
    pub ends: Vec<u64>,
    pub cells: Vec<u32>,
    kernel: Kernel,
    sweep: u64,
}

/// The draws of a sweep.
pub fn draws(sweep: u64) -> Draws {
    Draws::new(11, purpose("chain"), 0, sweep)
}

impl Chain {
    /// Every token without a topic yet.
    pub fn new(case: Case, path: Path) -> Self {
        let topics = case.topics();
        let mut bags = Bags::default();
        case.documents.iter().for_each(|runs| bags.push(runs.iter().copied()));
        let mut shard = Shard::new(topics, 1);
        let all = 0..bags.len();
        let documents = shard.fill(&bags, all, case.vocabulary, |word| word).expect("it is small");
        let (mut ends, mut cells) = (Vec::new(), Vec::new());
        let count = |word: u32| {
            let runs = case.documents.iter().flatten().filter(|run| run.0 == word);
            (word, runs.map(|run| u64::from(run.1)).sum())
        };
        let words: Vec<(u32, u64)> = (0..case.vocabulary as u32).map(count).collect();
        slice::fit(&mut ends, &mut cells, &words, topics);
        let mut kernel = Kernel::new(path, topics);
        let beta_sum = (case.beta * case.vocabulary as f64) as f32;
        let prior = Prior { beta: case.beta as f32, beta_sum };
        kernel.set_prior(&case.alpha, prior, &case.topic_priors());
        Chain { case, shard, documents, ends, cells, kernel, sweep: 0 }
    }

    /// One sweep; the first gives every token its first topic.
    pub fn sweep(&mut self) {
        let draws = draws(self.sweep);
        let setting = Setting {
            draws: &draws,
            priors: &self.case.priors,
            number: &u64::from,
            fresh: self.sweep == 0,
        };
        let words = WordRows { ends: &self.ends, cells: &mut self.cells };
        let Shard { totals, rows, tiles, .. } = &mut self.shard;
        self.kernel.sample(totals, rows, &mut tiles[0], words, &setting);
        self.sweep += 1;
        slice::check(&self.ends, &self.cells, self.case.topics());
        self.shard.check(0);
    }

    /// The topics (codes) of all tokens, by word, then by document.
    pub fn topics(&self) -> &[u16] {
        &self.shard.tiles[0].topics
    }
}

/// Documents of random words, some of them long, some empty.
pub fn random(documents: usize, vocabulary: usize, topics: usize, seed: u64) -> Case {
    let mut draws = Draws::new(seed, purpose("random case"), 0, 0);
    let mut next = |n: usize| draws.below(n as u64) as usize;
    let documents = (0..documents)
        .map(|document| {
            let runs = if document % 7 == 0 { 3 * next(60) } else { next(12) };
            // Low words are frequent.
            let run = |_| (next(vocabulary).min(next(vocabulary)) as u32, 1 + next(3) as u32);
            (0..runs).map(run).collect()
        })
        .collect();
    let alpha = (0..topics).map(|topic| 0.05 + (topic % 5) as f64 / 10.0).collect();
    let priors = vec![(0, 1, 3.0), (0, 2, 0.5), (2, topics as u16, 7.0)];
    Case { documents, vocabulary, alpha, beta: 0.02, priors }
}
