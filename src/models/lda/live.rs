//! Topics of a changing collection of documents, inside the caller's dataflow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Map;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::change::{Change, Output, Publish};
use super::corpus::Bags;
use super::division;
use super::measure::Measure;
use super::options::Options;
use super::program::Topics;
use crate::operators::{Ring, Rotate};
use crate::program::Work;
use crate::scheduler::{Sweeps, Swept};

/// Tokens that the number of slices is chosen for, where it is not told: they are not known yet.
const LIKELY_TOKENS: u64 = 1 << 20;

/// A document: words with counts.
pub type Bag = Vec<(u32, u32)>;

/// A document's shard, its name with a digest of the document, its words, and how many copies
/// come (or go).
type Part<I> = (u64, (I, u64), Bag, i64);

/// The topics of a collection.
pub struct LiveTopics<'scope, T: Timestamp + Lattice> {
    /// How often each word has each topic: of every word and topic that occur together, the count.
    pub counts: VecCollection<'scope, T, ((u32, u16), u32), isize>,
    /// Every sweep of each epoch, on the worker of shard 0.
    pub sweeps: Stream<'scope, T, Vec<Swept<Measure>>>,
}

/// How a collection's topics are kept.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// What to train, and how; `iterations` are those of the first epoch, `samples` and
    /// `document_topics` do not apply.
    pub options: Options,
    /// The number of words, of which `V β` is made. Words beyond it are left out.
    pub vocabulary: usize,
    /// Sweeps over all tokens in every epoch but the first.
    pub sweeps: u64,
}

/// Trains topics on a collection of documents with their names, and keeps the model that of the
/// documents that are there.
pub trait TopicsOf<'scope, T: Timestamp + Lattice> {
    /// In every epoch the tokens of documents that go leave the counts, those of new documents get
    /// topics by the model as it is, and then all tokens are swept. Counts are exactly those of the
    /// collection's documents at every time.
    ///
    /// Costs an epoch time proportional to all tokens, `sweeps` times.
    ///
    /// # Errors
    /// One line that names the option that is out of range.
    ///
    /// # Panics
    /// In an epoch that makes a shard too large: 64 GiB of documents, or 2³² tokens of a word.
    fn topics(self, live: LiveOptions) -> Result<LiveTopics<'scope, T>, String>;
}

impl<'scope, T, I> TopicsOf<'scope, T> for VecCollection<'scope, T, (I, Bag), isize>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    fn topics(self, live: LiveOptions) -> Result<LiveTopics<'scope, T>, String> {
        let LiveOptions { options, vocabulary, sweeps } = live;
        options.check(vocabulary)?;
        let scope = self.inner.scope();
        let (rotate, ring) = division::ring(&options, LIKELY_TOKENS, scope.peers());
        let index = scope.index();
        let schedule = Epochs { first: options.iterations, later: sweeps };
        let publish = Publish::Changes { later: sweeps };
        let program =
            Topics::<(I, u64)>::new(options, ring, index, vocabulary, publish, |word| word);
        let changes = epochs(self, ring, vocabulary);
        let program = Rc::new(RefCell::new(program));
        let trained = changes.rotate("LDA", rotate, program, schedule);
        Ok(LiveTopics { counts: as_collection(trained.changes), sweeps: trained.certificates })
    }
}

/// So many sweeps in the first epoch, so many in every other.
#[derive(Clone, Copy, Debug)]
struct Epochs {
    first: u64,
    later: u64,
}

impl Sweeps<Measure> for Epochs {
    fn next(&mut self, swept: &Swept<Measure>) -> Option<Work> {
        let sweeps = if swept.sweep.epoch == 0 { self.first } else { self.later };
        (swept.sweep.number < sweeps).then_some(Work::Update)
    }
}

/// A number that is the same wherever it is computed.
fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Brings documents to the workers of their shards, and lets an epoch's go at once and at its own
/// time, consolidated.
fn epochs<'scope, T, I>(
    documents: VecCollection<'scope, T, (I, Bag), isize>,
    ring: Ring,
    vocabulary: usize,
) -> Stream<'scope, T, Vec<Change<(I, u64)>>>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    let shards = ring.shards() as u64;
    let parts = documents.inner.map(move |((name, mut bag), time, diff)| {
        bag.retain(|(word, _)| (*word as usize) < vocabulary);
        bag.sort_unstable();
        let shard = digest(&name) % shards;
        let part: Part<I> = (shard, (name, digest(&bag)), bag, diff as i64);
        (part, time)
    });
    let placement = ring.placement();
    let exchange =
        Exchange::new(move |(part, _): &(Part<I>, T)| placement.worker_of(part.0 as usize) as u64);
    type Builder<I> = CapacityContainerBuilder<Vec<Change<(I, u64)>>>;
    parts.unary_frontier::<Builder<I>, _, _, _>(exchange, "Epochs", move |_, _| {
        let mut waiting: BTreeMap<T, (Capability<T>, Vec<Part<I>>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, data| {
                for (part, time) in data.drain(..) {
                    let entry = waiting
                        .entry(time.clone())
                        .or_insert_with(|| (capability.delayed(&time, 0), Vec::new()));
                    entry.1.push(part);
                }
            });
            while let Some(epoch) = waiting.first_entry() {
                if frontier.less_equal(epoch.key()) {
                    break;
                }
                let (capability, parts) = epoch.remove();
                output.session(&capability).give_iterator(changes(parts).into_iter());
            }
        }
    })
}

/// What documents' copies come to, by shard.
fn changes<I: Ord + Clone>(mut parts: Vec<Part<I>>) -> Vec<Change<(I, u64)>> {
    parts.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut changes = Vec::new();
    for of_shard in parts.chunk_by(|a, b| a.0 == b.0) {
        let (mut names, mut bags, mut removed) = (Vec::new(), Bags::default(), Vec::new());
        for copies in of_shard.chunk_by(|a, b| a.1 == b.1) {
            let (_, name, bag, _) = &copies[0];
            let copies: i64 = copies.iter().map(|part| part.3).sum();
            for _ in 0..copies {
                names.push(name.clone());
                bags.push(bag.iter().copied());
            }
            for _ in copies..0 {
                removed.push(name.clone());
            }
        }
        let shard = of_shard[0].0 as usize;
        changes.push(Change::Documents { shard, inserted: (names, bags), removed });
    }
    changes
}

/// Counts that changed as a collection: zeros are not in it.
fn as_collection<'scope, T: Timestamp + Lattice>(
    changes: Stream<'scope, T, Vec<Output>>,
) -> VecCollection<'scope, T, ((u32, u16), u32), isize> {
    type Builder<T> = CapacityContainerBuilder<Vec<(((u32, u16), u32), T, isize)>>;
    changes
        .unary::<Builder<T>, _, _, _>(Pipeline, "Counts", |_, _| {
            |input, output| {
                input.for_each(|capability, data| {
                    let Some(time) = capability.stamp().iter().next().cloned() else { return };
                    let mut session = output.session(&capability);
                    for change in data.drain(..) {
                        let Output::Count(word, topic, counts) = change else { continue };
                        for (count, diff) in counts.into_iter().zip([-1, 1]) {
                            if count != 0 {
                                session.give((((word, topic), count), time.clone(), diff));
                            }
                        }
                    }
                });
            }
        })
        .as_collection()
}
