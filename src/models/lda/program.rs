//! Latent Dirichlet allocation in rotation form.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::corpus::Bags;
use super::hyper::{Hyper, Sums};
use super::keys::Keys;
use super::measure::{self, Measure, SlicePriors};
use super::options::Options;
use super::sampler::{Kernel, Path, Prior, Setting, WordRows};
use super::samples::Samples;
use super::shard::{Document, Shard};
use super::{gamma, slice};
use crate::container::Slice;
use crate::operators::Ring;
use crate::program::{Rotating, Sweep, Turn, Work};
use crate::random::{Draws, purpose};

const TOPICS: u64 = purpose("topics of tokens");

/// One change of the corpus.
#[derive(Clone, Debug)]
pub(super) enum Change<I> {
    /// A shard's part of a corpus that stays as it is.
    Corpus {
        /// The shard.
        shard: usize,
        /// All documents.
        bags: Arc<Bags>,
        /// Those of the shard.
        range: Range<usize>,
        /// The keys of the words.
        keys: Arc<Vec<u32>>,
    },
    /// Documents that come and go, with their names. Words are their own keys.
    Documents {
        /// The shard.
        shard: usize,
        /// New documents, in the order of their names.
        inserted: (Vec<I>, Bags),
        /// Documents that go.
        removed: Vec<I>,
    },
}

/// What a program publishes.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Word-topic counts of a slice, or what [`Topics`] says of the documents of a shard.
    Slice(usize, Slice<u32>),
    /// A count that changed: the word, the topic (from 0), what it was, what it is.
    Count(u32, u16, [u32; 2]),
}

/// What of a run depends on who publishes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// Everything once, giving up what is not needed any more.
    Whole,
    /// What changed since the last epoch.
    Changes {
        /// Sweeps of every epoch but the first.
        later: u64,
    },
}

/// A shard with what the program knows of it.
struct Local<I> {
    shard: Shard,
    documents: Vec<Document>,
    /// Positions of named documents.
    names: BTreeMap<I, Vec<usize>>,
    /// Positions that are free.
    free: Vec<usize>,
    /// Documents that are leaving.
    leaving: Vec<Document>,
    hyper: Hyper,
    sums: Sums,
    /// The sub-rounds that this sweep still has.
    left: u64,
    sweep: Option<Sweep>,
    s_error: f64,
}

/// One worker's part of a topic model: the documents of its shards with their topics, while slices
/// of the word-topic table travel.
///
/// Replicated on every shard: the topics' totals (16 bytes a topic) and α (8). A worker holds one
/// [`Kernel`].
///
/// **s-error.** Between summaries a shard knows the totals but for what the others did; see
/// [`Measure::s_error`].
pub(super) struct Topics<I> {
    options: Options,
    ring: Ring,
    /// The number of words, which `V β` is made of.
    vocabulary: usize,
    publish: Publish,
    kernel: Kernel,
    local: BTreeMap<usize, Local<I>>,
    /// By slice.
    priors: Vec<SlicePriors>,
    /// `Σ_v β_vk − V β`.
    topic_priors: Vec<f64>,
    samples: BTreeMap<usize, Samples>,
    /// Counts as last published.
    published: BTreeMap<usize, Slice<u32>>,
}

impl<I: Ord + Clone + 'static> Topics<I> {
    /// The part of worker `index`. `key` gives a word's key.
    pub fn new(
        options: Options,
        ring: Ring,
        index: usize,
        vocabulary: usize,
        publish: Publish,
        key: impl Fn(u32) -> u32,
    ) -> Self {
        let (topics, slices) = (options.topics, ring.slices());
        let hyper = Hyper { alpha: options.alphas(), beta: options.beta };
        let local = |shard| {
            let local = Local {
                shard: Shard::new(topics, slices),
                documents: Vec::new(),
                names: BTreeMap::new(),
                free: Vec::new(),
                leaving: Vec::new(),
                hyper: hyper.clone(),
                sums: Sums::new(topics),
                left: 0,
                sweep: None,
                s_error: 0.0,
            };
            (shard, local)
        };
        let mut priors = vec![SlicePriors::new(); slices];
        let mut topic_priors = vec![0.0; topics];
        let keys = Keys(slices);
        for prior in options.priors.iter() {
            let key = key(prior.word);
            let own = (keys.position(key), prior.topic + 1, prior.weight as f32);
            priors[keys.slice(key)].push(own);
            topic_priors[usize::from(prior.topic)] += prior.weight;
        }
        for priors in &mut priors {
            priors.sort_by_key(|prior| (prior.0, prior.1));
        }
        Topics {
            kernel: Kernel::new(Path::best(), topics),
            local: ring.placement().local(index).map(local).collect(),
            samples: BTreeMap::new(),
            published: BTreeMap::new(),
            options,
            ring,
            vocabulary,
            publish,
            priors,
            topic_priors,
        }
    }

    /// α and β, as they are now.
    pub fn hyper(&self) -> Option<&Hyper> {
        self.local.values().next().map(|local| &local.hyper)
    }

    /// Memory of a shard's documents.
    #[cfg(test)]
    pub fn bytes(&self, shard: usize) -> usize {
        self.local.get(&shard).map_or(0, |local| local.shard.bytes())
    }

    fn keys(&self) -> Keys {
        Keys(self.ring.slices())
    }

    /// Whether a sweep ends with a step of the fixed point.
    fn optimizes(&self, sweep: &Sweep) -> bool {
        let (options, number) = (&self.options, sweep.number);
        (options.optimize_alpha || options.optimize_beta)
            && sweep.work == Work::Update
            && number > options.burn_in
            && number.is_multiple_of(options.optimize_every)
    }

    fn absorb(&mut self, change: Change<I>) -> Result<(), String> {
        let missing = "a change reached a worker without its shard";
        match change {
            Change::Corpus { shard, bags, range, keys } => {
                let local = self.local.get_mut(&shard).ok_or(missing)?;
                let universe = keys.iter().max().map_or(0, |key| *key as usize + 1);
                let key = |word: u32| keys[word as usize];
                local.documents = local.shard.insert(&bags, range, universe, key)?;
            }
            Change::Documents { shard, inserted: (names, bags), removed } => {
                let local = self.local.get_mut(&shard).ok_or(missing)?;
                removed.iter().for_each(|name| local.remove(name));
                let inserted =
                    local.shard.insert(&bags, 0..bags.len(), self.vocabulary, |word| word)?;
                names
                    .into_iter()
                    .zip(inserted)
                    .for_each(|(name, document)| local.add(name, document));
            }
        }
        Ok(())
    }

    /// Draws a topic for every token of a tile, or for those without one.
    fn sample(&mut self, turn: &Turn, slice: &mut Slice<u32>, fresh: bool) {
        let keys = self.keys();
        let Some(local) = self.local.get_mut(&turn.shard) else { return };
        let hyper = &local.hyper;
        let beta_sum = hyper.beta * self.vocabulary as f64;
        let prior = Prior { beta: hyper.beta as f32, beta_sum: beta_sum as f32 };
        self.kernel.set_prior(&hyper.alpha, prior, &self.topic_priors);
        let Sweep { epoch, number, .. } = turn.sweep;
        let draws = Draws::new(self.options.seed, TOPICS, epoch, number).within(turn.shard as u64);
        let setting = Setting {
            draws: &draws,
            priors: &self.priors[turn.slice],
            number: &|position| keys.key(turn.slice, position),
            fresh,
        };
        let shard = &mut local.shard;
        let words = WordRows { ends: &slice.head, cells: &mut slice.cells };
        let tile = &mut shard.tiles[turn.slice];
        self.kernel.sample(&mut shard.totals, &mut shard.rows, tile, words, &setting);
    }
}

impl<I: Ord> Local<I> {
    fn add(&mut self, name: I, document: Document) {
        let at = self.free.pop().unwrap_or(self.documents.len());
        match self.documents.get_mut(at) {
            Some(place) => *place = document,
            None => self.documents.push(document),
        }
        self.names.entry(name).or_default().push(at);
    }

    fn remove(&mut self, name: &I) {
        let Some(places) = self.names.get_mut(name) else { return };
        if let Some(at) = places.pop() {
            let none = Document { row: 0, tokens: 0 };
            let document = std::mem::replace(&mut self.documents[at], none);
            self.free.push(at);
            self.shard.remove(document);
            self.leaving.push(document);
        }
        if places.is_empty() {
            self.names.remove(name);
        }
    }

    /// Takes what changed of the documents into a slice.
    fn refresh(&mut self, index: usize, slice: &mut Slice<u32>, topics: usize) {
        let shard = &mut self.shard;
        let shrinks = shard.is_shrinking();
        if shrinks {
            let Slice { head, cells } = &mut *slice;
            shard.retract(index, |word, code| {
                slice::remove(head, cells, word as usize, code, topics);
            });
        }
        if shrinks || shard.fresh[index] {
            let tile = &shard.tiles[index];
            let words = tile.words.last().map_or(0, |word| *word as usize + 1);
            let (mut place, mut start) = (0, 0);
            slice::fit(&mut slice.head, &mut slice.cells, words, topics, |word| {
                if tile.words.get(place) != Some(&(word as u32)) {
                    return 0;
                }
                let end = start + tile.counts[place] as usize;
                let fresh = tile.topics[start..end].iter().filter(|topic| **topic == 0).count();
                (place, start) = (place + 1, end);
                fresh as u64
            });
        }
    }

    /// What a step of the fixed point needs of the documents.
    fn sum_documents(&mut self) {
        let (hyper, sums) = (&self.hyper, &mut self.sums);
        let alpha_sum = hyper.alpha_sum();
        for document in self.documents.iter().filter(|document| document.tokens > 0) {
            sums.documents += gamma::digamma_rise(alpha_sum, document.tokens.into());
            let topics = hyper.alpha.len();
            self.shard
                .rows
                .counts(document.row, topics, |code, count| sums.topic(hyper, code, count));
        }
    }

    /// What a step of the fixed point needs of a slice's words.
    fn sum_words(&mut self, slice: &Slice<u32>) {
        let (beta, topics) = (self.hyper.beta, self.hyper.alpha.len());
        for word in 0..slice.head.len() {
            let row = slice::row(&slice.head, &slice.cells, word);
            let rises = slice::counts(row, topics)
                .map(|(_, count)| gamma::digamma_rise(beta, count.into()));
            self.sums.words += rises.sum::<f64>();
        }
    }

    /// The s-error of a sub-round, from what every shard did.
    fn hear_error(&mut self, summaries: &[&[i64]], topics: usize) {
        let mut all = vec![0i64; topics];
        for summary in summaries {
            all.iter_mut().zip(*summary).for_each(|(all, moved)| *all += moved);
        }
        let tokens: i64 = self.shard.totals.iter().sum();
        let distance = |own: &&[i64]| -> u64 {
            all.iter().zip(*own).map(|(all, own)| (all - own).unsigned_abs()).sum()
        };
        let sum: u64 = summaries.iter().map(distance).sum();
        let error = sum as f64 / (summaries.len() as f64 * tokens.max(1) as f64);
        self.s_error = self.s_error.max(error);
    }
}

impl<I: Ord + Clone + 'static> Rotating for Topics<I> {
    type Change = Change<I>;
    type Cell = u32;
    /// How the totals moved; at the end of a sweep that optimises, also the sums of the step.
    type Summary = i64;
    type Certificate = Measure;
    type Output = Output;

    /// # Panics
    /// If a shard becomes too large for its counters: 64 GiB of documents, or 2³² tokens of a word.
    fn ingest(&mut self, changes: &mut Vec<Change<I>>) {
        for change in changes.drain(..) {
            if let Err(error) = self.absorb(change) {
                panic!("{error}");
            }
        }
    }

    fn work(&mut self, turn: &Turn, slice: &mut Slice<u32>) {
        let (topics, slices) = (self.options.topics, self.ring.slices() as u64);
        let optimizes = self.optimizes(&turn.sweep);
        let homes = self.ring.home(turn.shard);
        let Some(local) = self.local.get_mut(&turn.shard) else { return };
        if turn.round == 0 {
            (local.s_error, local.sweep) = (0.0, Some(turn.sweep));
        }
        local.left = slices - 1 - turn.round;
        match turn.sweep.work {
            Work::Refresh => {
                local.refresh(turn.slice, slice, topics);
                let fresh = std::mem::take(&mut local.shard.fresh[turn.slice]);
                let buried = local.left == 0;
                if fresh {
                    self.sample(turn, slice, true);
                }
                if let Some(local) = self.local.get_mut(&turn.shard).filter(|_| buried) {
                    let leaving = std::mem::take(&mut local.leaving);
                    local.shard.bury(leaving);
                }
            }
            Work::Update => {
                if optimizes && homes.contains(&turn.slice) {
                    local.sum_words(slice);
                }
                self.sample(turn, slice, false);
            }
            Work::Certify | Work::Couple => {}
        }
        #[cfg(debug_assertions)]
        if let Some(local) = self.local.get(&turn.shard) {
            slice::check(&slice.head, &slice.cells, topics);
            local.shard.check(turn.slice);
        }
    }

    fn summary(&mut self, shard: usize, sweep: &Sweep, summary: &mut Vec<i64>) {
        let optimizes = self.optimizes(sweep);
        let Some(local) = self.local.get_mut(&shard) else { return };
        summary.extend(local.shard.tell());
        if optimizes && local.left == 0 {
            local.sum_documents();
            summary.extend(local.sums.words());
            local.sums = Sums::new(self.options.topics);
        }
    }

    fn sync(&mut self, shard: usize, summaries: &[&[i64]]) {
        let (topics, vocabulary) = (self.options.topics, self.vocabulary);
        let Some(local) = self.local.get_mut(&shard) else { return };
        for (other, summary) in summaries.iter().enumerate() {
            if other != shard {
                local.shard.hear(&summary[..topics]);
            }
        }
        if shard == 0 {
            local.hear_error(summaries, topics);
        }
        if summaries.iter().all(|summary| summary.len() > topics) {
            let mut sums = Sums::new(topics);
            summaries.iter().for_each(|summary| sums.add(&summary[topics..]));
            if self.options.optimize_alpha {
                local.hyper.step_alpha(&sums);
            }
            if self.options.optimize_beta {
                local.hyper.step_beta(&sums, &local.shard.totals, vocabulary);
            }
        }
    }

    fn certificate(
        &mut self,
        shard: usize,
        sweep: &Sweep,
        slices: &[(usize, Slice<u32>)],
    ) -> Measure {
        let (options, number) = (&self.options, sweep.number);
        let samples = options.samples > 1 && options.is_sample(number);
        if samples && self.publish == Publish::Whole {
            for (index, slice) in slices {
                self.samples.entry(*index).or_default().add(slice, options.topics);
            }
        }
        let Some(local) = self.local.get(&shard) else { return Measure::default() };
        let last = match self.publish {
            Publish::Changes { later } if sweep.epoch > 0 => later,
            _ => options.iterations,
        };
        let measures = number.is_multiple_of(options.likelihood_every) || number == last;
        let mut log_likelihood = 0.0;
        if measures {
            let hyper = &local.hyper;
            log_likelihood = measure::documents(&local.shard, &local.documents, hyper);
            for (index, slice) in slices {
                log_likelihood += measure::words(slice, &self.priors[*index], hyper);
            }
            if shard == 0 {
                let plain = hyper.beta * self.vocabulary as f64;
                let sums = self.topic_priors.iter().map(|prior| plain + prior);
                log_likelihood += measure::topics(&local.shard.totals, sums);
            }
        }
        Measure {
            log_likelihood: if measures { log_likelihood } else { f64::NAN },
            tokens: local.documents.iter().map(|document| u64::from(document.tokens)).sum(),
            s_error: local.s_error,
            alpha_sum: local.hyper.alpha_sum(),
            beta: local.hyper.beta,
        }
    }

    fn publish(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Output>,
    ) {
        let (topics, keys) = (self.options.topics, self.keys());
        if self.publish != Publish::Whole {
            for (index, slice) in slices {
                let old = self.published.entry(*index).or_default();
                slice::changes(old, slice, topics, |position, code, counts| {
                    let word = keys.key(*index, position) as u32;
                    changes.push(Output::Count(word, code - 1, counts));
                });
                *old = slice.clone();
            }
            return;
        }
        let Some(local) = self.local.get_mut(&shard) else { return };
        if self.options.document_topics {
            let documents = slice::documents(&local.shard.rows, &local.documents, topics);
            changes.push(Output::Slice(self.ring.slices() + shard, documents));
        }
        local.shard = Shard::new(topics, self.ring.slices());
        local.documents = Vec::new();
        for (index, slice) in slices {
            let slice = std::mem::take(slice);
            let slice = match self.samples.remove(index) {
                Some(samples) => samples.into_slice(slice.head.len()),
                None => slice,
            };
            changes.push(Output::Slice(*index, slice));
        }
    }
}
