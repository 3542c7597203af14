//! A plain sequential Gibbs sampler: counts in flat tables, one loop over topics at a time, and
//! nothing shared with the kernels but the definition of the order of masses and sums.

use super::chain::{Case, Chain, draws, random};
use crate::models::lda::sampler::Path;

const LANES: usize = 16;

/// Sums of sixteen by halving.
fn total(x: &[f32]) -> f32 {
    match x.len() {
        1 => x[0],
        n => total(&(0..n / 2).map(|i| x[i] + x[i + n / 2]).collect::<Vec<_>>()),
    }
}

/// Running sums of sixteen by doubling.
fn prefix(x: &[f32]) -> Vec<f32> {
    let mut x = x.to_vec();
    for step in [1, 2, 4, 8] {
        x = (0..LANES).map(|i| if i < step { x[i] } else { x[i] + x[i - step] }).collect();
    }
    x
}

/// The first place with mass where the running sum passes `at`, else the last with mass; and what
/// is left of `at` there.
fn pick(mass: &[f32], at: f32) -> (usize, f32) {
    let sums = prefix(mass);
    let first = (0..LANES).find(|&i| mass[i] > 0.0 && sums[i] > at);
    let place = first.or_else(|| (0..LANES).rev().find(|&i| mass[i] > 0.0)).expect("there is mass");
    (place, (at - (sums[place] - mass[place])).max(0.0))
}

/// The first place of a column where its running sum passes `at`, else the last with mass.
fn down(column: impl Iterator<Item = f32>, mut at: f32) -> usize {
    let mut place = 0;
    for (line, mass) in column.enumerate().filter(|(_, mass)| *mass > 0.0) {
        place = line;
        if at < mass {
            break;
        }
        at -= mass;
    }
    place
}

struct Plain {
    case: Case,
    alpha: Vec<f32>,
    /// By word and by document, then by code.
    words: Vec<Vec<i64>>,
    documents: Vec<Vec<i64>>,
    /// The order in which a document's topics stand, from place 1.
    order: Vec<Vec<usize>>,
    totals: Vec<i64>,
    /// Of the word at hand.
    phi: Vec<f32>,
    blocks: Vec<f32>,
    groups: Vec<f32>,
    all: f32,
}

impl Plain {
    fn new(case: Case) -> Self {
        // Codes 0..=K in whole groups of 16 · 16 · 16.
        let codes = (case.topics() / 4096 + 1) * 4096;
        let mut alpha = vec![0.0; codes];
        (1..=case.topics()).for_each(|code| alpha[code] = case.alpha[code - 1] as f32);
        Plain {
            words: vec![vec![0; codes]; case.vocabulary],
            documents: vec![vec![0; codes]; case.documents.len()],
            order: vec![vec![0]; case.documents.len()],
            totals: vec![0; codes],
            phi: vec![0.0; codes],
            blocks: vec![0.0; codes / 16],
            groups: vec![0.0; codes / 256],
            all: 0.0,
            alpha,
            case,
        }
    }

    fn beta(&self, word: usize, code: usize) -> f32 {
        let own = |p: &&(u32, u16, f32)| (p.0 as usize, usize::from(p.1)) == (word, code);
        self.case.beta as f32 + self.case.priors.iter().find(own).map_or(0.0, |prior| prior.2)
    }

    fn denominator(&self, code: usize, more: i64) -> f32 {
        let beta_sum = (self.case.beta * self.case.vocabulary as f64) as f32;
        let plain = (self.totals[code] + more) as f32 + beta_sum;
        match self.case.priors.is_empty() {
            true => plain,
            false => plain + self.case.topic_priors()[code - 1] as f32,
        }
    }

    fn phi(&self, word: usize, code: usize) -> f32 {
        (self.words[word][code] as f32 + self.beta(word, code)) * (1.0 / self.denominator(code, 0))
    }

    /// φ and all sums, for a word: of all its counts at once, or, if it has few tokens, of no
    /// counts and then of one topic after the other.
    fn start(&mut self, word: usize) {
        let given: u32 = self
            .case
            .documents
            .iter()
            .flatten()
            .filter(|run| run.0 as usize == word)
            .map(|run| run.1)
            .sum();
        let own_prior = self.case.priors.iter().any(|prior| prior.0 as usize == word);
        let few = !own_prior && 2 * given as usize * 32 < self.case.topics();
        let counts = self.words[word].clone();
        if few {
            self.words[word].fill(0);
        }
        self.fresh(word);
        for (code, count) in counts.into_iter().enumerate().filter(|(_, count)| few && *count > 0) {
            self.words[word][code] = count;
            self.set(word, code);
        }
    }

    /// φ and all sums, from the counts.
    fn fresh(&mut self, word: usize) {
        (1..=self.case.topics()).for_each(|code| self.phi[code] = self.phi(word, code));
        let masses: Vec<f32> = self.alpha.iter().zip(&self.phi).map(|(a, phi)| a * phi).collect();
        self.blocks = masses.chunks(16).map(total).collect();
        self.groups = self.blocks.chunks(16).map(total).collect();
        self.all = self.groups[..self.case.topics() / 256 + 1].iter().sum();
    }

    fn count(&mut self, word: usize, document: usize, code: usize, change: i64) {
        self.words[word][code] += change;
        self.documents[document][code] += change;
        self.totals[code] += change;
        self.set(word, code);
    }

    fn set(&mut self, word: usize, code: usize) {
        let phi = self.phi(word, code);
        let moved = self.alpha[code] * (phi - self.phi[code]);
        self.phi[code] = phi;
        self.blocks[code / 16] += moved;
        self.groups[code / 256] += moved;
        self.all += moved;
    }

    fn is_sparse(&self, document: usize) -> bool {
        let tokens: u32 = self.case.documents[document].iter().map(|run| run.1).sum();
        let topics = self.case.topics();
        topics > 512 || (tokens as usize) < topics / 2
    }

    fn stay(&self, word: usize, document: usize, own: usize) -> f32 {
        if own == 0 {
            return 0.0;
        }
        let in_document = (self.documents[document][own] - 1) as f32 + self.alpha[own];
        let in_word = (self.words[word][own] - 1) as f32 + self.beta(word, own);
        in_document * in_word / self.denominator(own, -1)
    }

    /// A token's next topic.
    fn draw(&self, word: usize, document: usize, own: usize, draw: u64) -> usize {
        let fraction = |bits: u64| bits as f32 / (1u32 << 24) as f32;
        let (first, second) = (fraction(draw >> 40), fraction(draw & 0xff_ffff));
        let sparse = self.is_sparse(document);
        // Codes in the order of their places, and their masses.
        let codes: Vec<usize> = match sparse {
            true => self.order[document].clone(),
            false => (0..(self.case.topics() / 16 + 1) * 16).collect(),
        };
        let count = |code: usize| self.documents[document][code] as f32;
        let mass = |&code: &usize| match (sparse, code == own || code == 0) {
            (_, true) => 0.0,
            (true, _) => self.phi[code] * count(code),
            (false, _) => (count(code) + self.alpha[code]) * self.phi[code],
        };
        let mut masses: Vec<f32> = codes.iter().map(mass).collect();
        masses.resize(masses.len().div_ceil(16) * 16, 0.0);
        let lines: Vec<&[f32]> = masses.chunks(16).collect();
        let sum = |lines: &mut dyn Iterator<Item = &&[f32]>| {
            let mut sums = vec![0.0; 16];
            lines.for_each(|line| sums.iter_mut().zip(*line).for_each(|(sum, x)| *sum += x));
            sums
        };
        let lanes = if sparse {
            sum(&mut lines.iter())
        } else {
            // Vectors from the last backwards in turn belong to two sums.
            let (a, b) =
                (sum(&mut lines.iter().step_by(2)), sum(&mut lines.iter().skip(1).step_by(2)));
            a.iter().zip(&b).map(|(a, b)| a + b).collect()
        };
        let stay = self.stay(word, document, own);
        let near = prefix(&lanes)[15];
        let far = match sparse {
            true => (self.all - self.alpha[own] * self.phi[own]).max(0.0),
            false => 0.0,
        };
        let rest = if sparse { stay + near + far } else { stay + near };
        let at = first * rest - stay;
        if at < 0.0 {
            own
        } else if !sparse || at < near {
            let (lane, at) = pick(&lanes, at);
            codes[down(lines.iter().map(|line| line[lane]), at) * 16 + lane]
        } else {
            self.far(own, second * far)
        }
    }

    /// A topic other than `own` by `α φ`.
    fn far(&self, own: usize, mut at: f32) -> usize {
        let without = |sums: &[f32], place: Option<usize>| {
            let mut sums = sums.to_vec();
            if let Some(place) = place {
                sums[place] = (sums[place] - self.alpha[own] * self.phi[own]).max(0.0);
            }
            sums
        };
        let chunks = self.case.topics() / 4096;
        let mut group = 0;
        for chunk in 0..=chunks {
            let place = (own / 4096 == chunk).then_some(own / 256 % 16);
            let sums = without(&self.groups[chunk * 16..][..16], place);
            let all = prefix(&sums)[15];
            if at < all || chunk == chunks {
                let (lane, rest) = pick(&sums, at);
                (group, at) = (chunk * 16 + lane, rest);
                break;
            }
            at -= all;
        }
        let place = (own / 256 == group).then_some(own / 16 % 16);
        let (lane, at) = pick(&without(&self.blocks[group * 16..][..16], place), at);
        let block = group * 16 + lane;
        let mass = |code| if code == own { 0.0 } else { self.alpha[code] * self.phi[code] };
        let masses: Vec<f32> = (block * 16..block * 16 + 16).map(mass).collect();
        block * 16 + pick(&masses, at).0
    }

    /// Keeps the order of a document's topics: a new topic takes the place of one that has gone,
    /// else the last; a topic that has gone is replaced by the last.
    fn reorder(&mut self, document: usize, old: usize, new: usize) {
        let counts = &self.documents[document];
        let gone = old != 0 && counts[old] == 0;
        let came = counts[new] == 1;
        let order = &mut self.order[document];
        let place = order.iter().position(|code| *code == old);
        match (gone, came, place) {
            (true, true, Some(place)) => order[place] = new,
            (true, false, Some(place)) => {
                order.swap_remove(place);
            }
            (false, true, _) => order.push(new),
            _ => {}
        }
    }
}

/// Sweeps both and compares every token's topic after every sweep.
fn check(case: Case, sweeps: u64) {
    let mut tokens: Vec<(usize, usize, u64)> = Vec::new();
    for (document, runs) in case.documents.iter().enumerate() {
        let mut seen = std::collections::BTreeMap::new();
        for &(word, count) in runs {
            for _ in 0..count {
                let number = seen.entry(word).or_insert(0);
                tokens.push((word as usize, document, *number));
                *number += 1;
            }
        }
    }
    tokens.sort_unstable();
    let mut chain = Chain::new(case.clone(), Path::best());
    let mut plain = Plain::new(case);
    let mut topics = vec![0; tokens.len()];
    for sweep in 0..sweeps {
        chain.sweep();
        let draws = draws(sweep);
        let mut last = usize::MAX;
        for (&(word, document, number), topic) in tokens.iter().zip(&mut topics) {
            if word != last {
                plain.start(word);
                last = word;
            }
            let row = u64::from(chain.documents[document].row);
            let draw = draws.within(word as u64).at(number << 32 | row);
            let (old, new) = (*topic, plain.draw(word, document, *topic, draw));
            if old != new {
                if old != 0 {
                    plain.count(word, document, old, -1);
                }
                plain.count(word, document, new, 1);
                plain.reorder(document, old, new);
                *topic = new;
            }
        }
        let found: Vec<usize> = chain.topics().iter().map(|code| usize::from(*code)).collect();
        assert_eq!(found, topics, "sweep {sweep}");
    }
}

#[test]
fn a_run_of_one_shard_is_that_of_a_plain_sequential_sampler() {
    for (topics, seed) in [(2, 1), (15, 2), (40, 3), (300, 4), (700, 5), (5000, 6)] {
        let case = random(40, 30, topics, seed);
        check(Case { priors: Vec::new(), ..case.clone() }, 6);
        check(case, 3);
    }
}
