//! Latent Dirichlet allocation in rotation form.

use std::collections::BTreeMap;
use std::io;

use super::change::{Change, Output, Publish};
use super::hyper::{Hyper, Sums};
use super::keys::Keys;
use super::local::Local;
use super::measure::{self, Measure, SlicePriors};
use super::options::Options;
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
    /// Slices that a checkpoint had, until they are born.
    stored: BTreeMap<usize, Slice<u32>>,
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
        let local = |shard| (shard, Local::new(topics, slices, hyper.clone()));
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
            stored: BTreeMap::new(),
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

    /// A shard's share of `ln p(w, z)`, and that of the slices at home there.
    fn log_likelihood(&self, shard: usize, slices: &[(usize, Slice<u32>)]) -> f64 {
        let Some(Local { shard: own, documents, hyper, .. }) = self.local.get(&shard) else {
            return 0.0;
        };
        let mut sum = measure::documents(own, documents, hyper);
        for (index, slice) in slices {
            sum += measure::words(slice, &self.priors[*index], hyper);
        }
        if shard == 0 {
            let plain = hyper.beta * self.vocabulary as f64;
            let sums = self.topic_priors.iter().map(|prior| plain + prior);
            sum += measure::topics(&own.totals, sums);
        }
        sum
    }

    /// Publishes a shard and its slices as they are, and keeps nothing.
    fn give_up(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Output>,
    ) {
        let topics = self.options.topics;
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

    /// Publishes how slices differ from what was last published of them.
    fn compare(&mut self, slices: &[(usize, Slice<u32>)], changes: &mut Vec<Output>) {
        let (topics, keys) = (self.options.topics, self.keys());
        for (index, slice) in slices {
            let old = self.published.entry(*index).or_default();
            slice::changes(old, slice, topics, |position, code, counts| {
                let word = keys.key(*index, position) as u32;
                changes.push(Output::Count(word, code - 1, counts));
            });
            *old = slice.clone();
        }
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

    fn slice(&mut self, index: usize) -> Slice<u32> {
        self.stored.remove(&index).unwrap_or_default()
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
                    local.bury();
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
        Measure {
            log_likelihood: match measures {
                true => self.log_likelihood(shard, slices),
                false => f64::NAN,
            },
            tokens: local.tokens(),
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
        match self.publish {
            Publish::Whole => self.give_up(shard, slices, changes),
            Publish::Changes { .. } => self.compare(slices, changes),
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
