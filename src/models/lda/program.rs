//! Latent Dirichlet allocation in rotation form.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::aside::Begun;
use super::change::{Change, Output, Publish};
use super::home::Home;
use super::hyper::{Hyper, Sums};
use super::keys::Keys;
use super::local::Local;
use super::measure::{self, Measure};
use super::options::Options;
use super::priors::Priors;
use super::sampler::{Kernel, Path, Prior, Setting, WordRows};
use super::samples::Samples;
use super::shard::Shard;
use super::slice;
use super::stored::Homes;
use crate::container::Slice;
use crate::operators::Ring;
use crate::program::{Rotating, Sweep, Turn, Work};
use crate::random::{Draws, purpose};

const TOPICS: u64 = purpose("topics of tokens");

/// Epochs of a model between the times that it is begun anew, at most, in bits.
const BEGUN_SHIFT: u32 = 32;

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
    publish: Publish,
    kernel: Kernel,
    local: BTreeMap<usize, Local<I>>,
    priors: Priors,
    /// In their place, while first topics are drawn.
    start: Option<Arc<Priors>>,
    begun: u64,
    samples: BTreeMap<usize, Samples>,
    /// Slices that a checkpoint had, until they are born.
    stored: BTreeMap<usize, Slice<u32>>,
    /// What is known of the slices at home here, where the corpus changes.
    homes: BTreeMap<usize, Home>,
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
        let local = |shard| (shard, Local::new(topics, slices, vocabulary, hyper.clone()));
        let priors = Priors::new(topics, Keys(slices), key, options.priors.iter().copied());
        Topics {
            kernel: Kernel::new(Path::best(), topics),
            local: ring.placement().local(index).map(local).collect(),
            samples: BTreeMap::new(),
            stored: BTreeMap::new(),
            homes: BTreeMap::new(),
            options,
            ring,
            publish,
            priors,
            start: None,
            begun: 0,
        }
    }

    /// The same, of a model that was begun anew so many times: draws of each time are its own.
    pub fn begun_anew(self, begun: u64) -> Self {
        Topics { begun, ..self }
    }

    /// The same, but that first topics are drawn with other prior weights.
    pub fn starting(self, start: Option<Arc<Priors>>) -> Self {
        Topics { start, ..self }
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

    fn absorb(&mut self, change: Change<I>, begun: &mut Begun<I>) -> Result<(), String> {
        let missing = "a change reached a worker without its shard";
        match change {
            Change::Corpus { shard, bags, range, keys } => {
                let local = self.local.get_mut(&shard).ok_or(missing)?;
                let universe = keys.iter().max().map_or(0, |key| *key as usize + 1);
                let key = |word: u32| keys[word as usize];
                local.documents = local.shard.fill(&bags, range, universe, key)?;
                local.changed = local.tokens();
            }
            Change::Documents { shard, inserted, removed } => {
                let local = self.local.get_mut(&shard).ok_or(missing)?;
                local.exchange(inserted, removed, begun)?;
            }
            Change::Aside { shard, aside } => {
                self.local.get_mut(&shard).ok_or(missing)?.hear_aside(aside, begun);
            }
        }
        Ok(())
    }

    /// Whether a sweep is over the documents that came in its epoch alone.
    fn passes(&self, sweep: &Sweep) -> bool {
        match self.publish {
            Publish::Changes { passes } => sweep.epoch > 0 && sweep.number <= passes,
            Publish::Whole => false,
        }
    }

    /// Draws a topic for every token of the newest tile, or for those without one.
    fn sample(&mut self, turn: &Turn, slice: &mut Slice<u32>, fresh: bool) {
        let keys = self.keys();
        let Some(local) = self.local.get_mut(&turn.shard) else { return };
        let priors = match (&self.start, turn.sweep.work) {
            (Some(start), Work::Refresh) => start,
            _ => &self.priors,
        };
        let hyper = &local.hyper;
        let beta_sum = hyper.beta * local.vocabulary as f64;
        let prior = Prior { beta: hyper.beta as f32, beta_sum: beta_sum as f32 };
        self.kernel.set_prior(&hyper.alpha, prior, &priors.topics);
        let Sweep { epoch, number, .. } = turn.sweep;
        let epoch = epoch + (self.begun << BEGUN_SHIFT);
        let draws = Draws::new(self.options.seed, TOPICS, epoch, number).within(turn.shard as u64);
        let setting = Setting {
            draws: &draws,
            priors: &priors.slices[turn.slice],
            number: &|position| keys.key(turn.slice, position),
            fresh,
        };
        let shard = &mut local.shard;
        let words = WordRows { ends: &slice.head, cells: &mut slice.cells };
        let (totals, rows, tile) = shard.newest(turn.slice);
        self.kernel.sample(totals, rows, tile, words, &setting);
    }

    /// A shard's share of `ln p(w, z)`, and that of the slices at home there.
    fn log_likelihood(&self, shard: usize, slices: &[(usize, Slice<u32>)]) -> f64 {
        let Some(local) = self.local.get(&shard) else { return 0.0 };
        let mut sum = measure::documents(&local.shard, &local.documents, &local.hyper);
        for (index, slice) in slices {
            sum += measure::words(slice, &self.priors.slices[*index], &local.hyper);
        }
        sum + self.topic_likelihood(shard)
    }

    /// The same where the corpus changes: only what changed is measured.
    fn look(&mut self, shard: usize, sweep: &Sweep, slices: &[(usize, Slice<u32>)]) -> f64 {
        let whole = sweep.work == Work::Update && !self.passes(sweep);
        let Some(local) = self.local.get_mut(&shard) else { return 0.0 };
        if whole {
            local.known.touch_all();
        }
        let mut sum = local.known.look(&local.shard, &local.documents, &local.hyper);
        for (index, slice) in slices {
            let home = self.homes.entry(*index).or_default();
            sum += home.look(slice, &self.priors.slices[*index], &local.hyper);
        }
        sum + self.topic_likelihood(shard)
    }

    /// The topics' part of the likelihood, which is shard 0's to tell.
    fn topic_likelihood(&self, shard: usize) -> f64 {
        let Some(local) = self.local.get(&shard).filter(|_| shard == 0) else { return 0.0 };
        let plain = local.hyper.beta * local.vocabulary as f64;
        let sums = self.priors.topics.iter().map(|prior| plain + prior);
        measure::topics(&local.shard.totals, sums)
    }

    /// The likelihood, in sweeps that measure it: where the corpus changes, in every sweep of a
    /// later epoch that may be its last.
    fn measured(&mut self, shard: usize, sweep: &Sweep, slices: &[(usize, Slice<u32>)]) -> f64 {
        let (options, number) = (&self.options, sweep.number);
        let due = number.is_multiple_of(options.likelihood_every) || number == options.iterations;
        match self.publish {
            Publish::Changes { passes } if sweep.epoch > 0 && number < passes => f64::NAN,
            Publish::Changes { .. } if sweep.epoch > 0 || number == options.iterations => {
                self.look(shard, sweep, slices)
            }
            _ if due => self.log_likelihood(shard, slices),
            _ => f64::NAN,
        }
    }

    /// Publishes a shard and its slices as they are, and keeps nothing.
    fn give_up(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Output<I>>,
    ) {
        let topics = self.options.topics;
        let Some(local) = self.local.get_mut(&shard) else { return };
        if self.options.document_topics {
            let documents = slice::documents(&local.shard.rows, &local.documents, topics);
            changes.push(Output::Slice(self.ring.slices() + shard, documents));
        }
        if self.options.assignments {
            let tokens = local.shard.assignments(&local.documents);
            let number = self.ring.slices() + self.ring.shards() + shard;
            changes.push(Output::Slice(number, tokens));
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

    /// Publishes what differs from what was published before.
    fn tell(&mut self, shard: usize, changes: &mut Vec<Output<I>>) {
        let (topics, keys) = (self.options.topics, self.keys());
        for index in self.ring.home(shard) {
            let Some(home) = self.homes.get_mut(&index) else { continue };
            changes.extend(home.tell().map(|(position, code, counts)| {
                Output::Count(keys.key(index, position) as u32, code - 1, counts)
            }));
        }
        let Some(local) = self.local.get_mut(&shard) else { return };
        local.tell_tokens(changes);
        if self.options.document_topics {
            local.known.tell(&local.shard, &local.documents, topics, |name, topics, diff| {
                changes.push(Output::Document(name, topics, diff));
            });
        }
    }
}

impl<I: Ord + Clone + 'static> Rotating for Topics<I> {
    type Change = Change<I>;
    type Cell = u32;
    /// How the totals moved, and the number of words; at the end of a sweep that optimises, also the
    /// sums of the step.
    type Summary = i64;
    type Certificate = Measure;
    type Output = Output<I>;

    /// # Panics
    /// If a shard becomes too large for its counters: 64 GiB of documents, or 2³² tokens of a word.
    fn ingest(&mut self, changes: &mut Vec<Change<I>>) {
        self.local.values_mut().for_each(Local::begin);
        // What is said beside documents is said before they are taken in.
        changes.sort_by_key(|change| !matches!(change, Change::Aside { .. }));
        let mut begun = Begun::new();
        for change in changes.drain(..) {
            if let Err(error) = self.absorb(change, &mut begun) {
                panic!("{error}");
            }
        }
    }

    fn slice(&mut self, index: usize) -> Slice<u32> {
        self.stored.remove(&index).unwrap_or_default()
    }

    fn work(&mut self, turn: &Turn, slice: &mut Slice<u32>) {
        let (topics, slices) = (self.options.topics, self.ring.slices() as u64);
        let (optimizes, passes) = (self.optimizes(&turn.sweep), self.passes(&turn.sweep));
        let homes = self.ring.home(turn.shard);
        let Some(local) = self.local.get_mut(&turn.shard) else { return };
        if turn.round == 0 {
            (local.s_error, local.sweep) = (0.0, Some(turn.sweep));
        }
        local.left = slices - 1 - turn.round;
        match turn.sweep.work {
            Work::Refresh => {
                local.refresh(turn.slice, slice, topics);
                if local.left == 0 {
                    local.bury();
                }
                if local.shard.fresh[turn.slice] {
                    self.sample(turn, slice, true);
                }
            }
            Work::Update if passes => {
                if local.shard.fresh[turn.slice] {
                    self.sample(turn, slice, false);
                }
            }
            Work::Update => {
                self.start = None;
                local.shard.settle(turn.slice);
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
        summary.push(local.vocabulary as i64);
        if optimizes && local.left == 0 {
            local.sum_documents();
            summary.extend(local.sums.words());
            local.sums = Sums::new(self.options.topics);
        }
    }

    fn sync(&mut self, shard: usize, summaries: &[&[i64]]) {
        let topics = self.options.topics;
        let Some(local) = self.local.get_mut(&shard) else { return };
        for (other, summary) in summaries.iter().enumerate() {
            if other != shard {
                local.shard.hear(&summary[..topics]);
            }
        }
        if shard == 0 {
            local.hear_error(summaries, topics);
        }
        let words = summaries.iter().map(|summary| summary[topics] as usize).max();
        local.vocabulary = words.unwrap_or(local.vocabulary);
        if summaries.iter().all(|summary| summary.len() > topics + 1) {
            let mut sums = Sums::new(topics);
            summaries.iter().for_each(|summary| sums.add(&summary[topics + 1..]));
            if self.options.optimize_alpha {
                local.hyper.step_alpha(&sums);
            }
            if self.options.optimize_beta {
                local.hyper.step_beta(&sums, &local.shard.totals, local.vocabulary);
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
        let log_likelihood = self.measured(shard, sweep, slices);
        let Some(local) = self.local.get(&shard) else { return Measure::default() };
        Measure {
            log_likelihood,
            tokens: local.tokens(),
            changed: local.changed,
            owed: local.owed,
            s_error: local.s_error,
            alpha_sum: local.hyper.alpha_sum(),
            beta: local.hyper.beta,
        }
    }

    fn publish(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Output<I>>,
    ) {
        match self.publish {
            Publish::Whole => self.give_up(shard, slices, changes),
            Publish::Changes { .. } => self.tell(shard, changes),
        }
    }

    fn snapshot(
        &self,
        shard: usize,
        slices: &[(usize, Slice<u32>)],
        to: &mut dyn io::Write,
    ) -> io::Result<()> {
        match (self.local.get(&shard), self.publish) {
            (Some(local), Publish::Whole) => local.write(slices, &self.samples, to),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn restore(&mut self, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
        let Some(local) = self.local.get_mut(&shard) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut homes = Homes::default();
        local.read(self.ring.home(shard), &mut homes, from)?;
        self.stored.append(&mut homes.0);
        self.samples.append(&mut homes.1);
        Ok(())
    }
}
