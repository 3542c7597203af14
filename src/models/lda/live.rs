//! Topics of a changing collection of documents, inside the caller's dataflow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use ordered_float::OrderedFloat;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Concat, Exchange as _};
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::aside::{self, Aside, TokenTopics};
use super::change::{Change, Output, Publish};
use super::corpus::Bags;
use super::division;
use super::epochs::Epochs;
use super::known::TopicCounts;
use super::measure::Measure;
use super::options::Options;
use super::program::Topics;
use crate::operators::{Ring, Rotate};
use crate::scheduler::Swept;

/// Tokens that the number of slices is chosen for, where it is not told: they are not known yet.
const LIKELY_TOKENS: u64 = 1 << 20;

/// A document: words with counts.
pub type Bag = Vec<(u32, u32)>;

/// Topics with their shares of a document.
pub type Mixture = Vec<(u16, OrderedFloat<f64>)>;

/// A document's shard, its name with a digest of the document, its words, and how many copies
/// come (or go).
type Part<I> = (u64, (I, u64), Bag, i64);

/// The topics of a collection.
pub struct LiveTopics<'scope, T: Timestamp + Lattice, I: ExchangeData> {
    /// How often each word has each topic: of every word and topic that occur together, the count.
    pub counts: VecCollection<'scope, T, ((u32, u16), u32), isize>,
    /// The topics of each document (from 0, ascending) with how many of its tokens have them, once
    /// for every copy; nothing unless [`Options::document_topics`] asks for it.
    pub documents: VecCollection<'scope, T, (I, TopicCounts), isize>,
    /// The tokens of all documents with their topics, once for every copy, in epochs in which
    /// [`Aside::Tell`] was said.
    pub tokens: Stream<'scope, T, Vec<(I, TokenTopics)>>,
    /// Every sweep of each epoch, on the worker of shard 0. The likelihood of the last one is that
    /// of the model that the epoch ends with.
    pub sweeps: Stream<'scope, T, Vec<Swept<Measure>>>,
    alpha: Vec<f64>,
}

impl<'scope, T: Timestamp + Lattice, I: ExchangeData> LiveTopics<'scope, T, I> {
    /// The mixture of each document: of every topic that it has, the share
    /// `(n_dk + α_k) / (n_d + Σ α)`. Topics that it does not have share what is left in proportion
    /// to their `α_k`. Moves only where a document's counts do.
    pub fn mixtures(&self) -> VecCollection<'scope, T, (I, Mixture), isize> {
        let alpha = self.alpha.clone();
        let sum: f64 = alpha.iter().sum();
        self.documents.clone().map(move |(name, topics)| {
            let tokens: f64 = topics.iter().map(|(_, count)| f64::from(*count)).sum();
            let share = |&(topic, count): &(u16, u32)| {
                let share = (f64::from(count) + alpha[usize::from(topic)]) / (tokens + sum);
                (topic, OrderedFloat(share))
            };
            let mixture = topics.iter().map(share).collect();
            (name, mixture)
        })
    }
}

/// How a collection's topics are kept.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// What to train, and how; `iterations` are those of the first epoch. Concentrations stay as
    /// they are given, and `samples` and `max_seconds` do not apply.
    pub options: Options,
    /// Words that are known from the start. `V β` is made of these, or of those up to the largest
    /// number that has been seen, if that is more.
    pub vocabulary: usize,
    /// Sweeps over the tokens of new documents alone, in every epoch but the first.
    pub passes: u64,
    /// Sweeps over all tokens by the time that as many tokens have come or gone as there are: an
    /// epoch that changes a share of them adds this share of the sweeps to what is due.
    pub upkeep: u64,
    /// How often the model was begun anew before; draws of each time are its own. If it was, the
    /// first epoch is no training run: its documents come with topics, by [`Aside::Begin`], and stay
    /// as they are; those without get topics by the model of the others.
    pub begun: u64,
}

/// Trains topics on a collection of documents with their names, and keeps the model that of the
/// documents that are there.
pub trait TopicsOf<'scope, T: Timestamp + Lattice, I: ExchangeData> {
    /// In every epoch the tokens of documents that go leave the counts, and those of new documents
    /// get topics by the model as it is, [`LiveOptions::passes`] times over; all tokens are swept
    /// as often as [`LiveOptions::upkeep`] says. Counts are exactly those of the collection's
    /// documents at every time.
    ///
    /// An epoch takes time proportional to the tokens that come and go, beside a copy and a
    /// comparison of the table of counts, and a sum over words and documents; one in which sweeps
    /// over all tokens are due, proportional to those.
    ///
    /// # Errors
    /// One line that names the option that is out of range, or does not apply.
    ///
    /// # Panics
    /// In an epoch that makes a shard too large: 64 GiB of documents, or 2³² tokens of a word.
    fn topics(self, live: LiveOptions) -> Result<LiveTopics<'scope, T, I>, String>
    where
        Self: Sized,
    {
        self.topics_with(None, live)
    }

    /// The same, with something to be said beside the documents, by any worker. A model that is to
    /// go on elsewhere, or later, is asked for its tokens ([`Aside::Tell`]), and begins there with
    /// these, the number of its words and what it owes: see [`LiveOptions::begun`]. Something must
    /// be said in that first epoch, if only what is owed. The model is the same then, count by
    /// count; the epoch costs about what a sweep costs, and the laying out of all counts.
    ///
    /// # Errors
    /// As of [`TopicsOf::topics`].
    ///
    /// # Panics
    /// As of [`TopicsOf::topics`].
    fn topics_with(
        self,
        asides: Option<Stream<'scope, T, Vec<Aside<I>>>>,
        live: LiveOptions,
    ) -> Result<LiveTopics<'scope, T, I>, String>;
}

impl<'scope, T, I> TopicsOf<'scope, T, I> for VecCollection<'scope, T, (I, Bag), isize>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    fn topics_with(
        self,
        asides: Option<Stream<'scope, T, Vec<Aside<I>>>>,
        live: LiveOptions,
    ) -> Result<LiveTopics<'scope, T, I>, String> {
        let LiveOptions { mut options, vocabulary, passes, upkeep, begun } = live;
        options.check(vocabulary)?;
        for (name, asked) in [
            ("optimize_alpha", options.optimize_alpha),
            ("optimize_beta", options.optimize_beta),
            ("warm_start", options.warm_start.is_some()),
            ("assignments", options.assignments),
        ] {
            if asked {
                return Err(format!("{name}: not with live data"));
            }
        }
        if begun > 0 {
            options.iterations = 0;
        }
        let scope = self.inner.scope();
        let (rotate, ring) = division::ring(&options, LIKELY_TOKENS, scope.peers());
        let index = scope.index();
        let schedule = Epochs::new(options.iterations, passes, upkeep);
        let (publish, alpha) = (Publish::Changes { passes }, options.alphas());
        let program =
            Topics::<(I, u64)>::new(options, ring, index, vocabulary, publish, |word| word);
        let program = Rc::new(RefCell::new(program.begun_anew(begun)));
        let mut changes = epochs(self, ring);
        if let Some(asides) = asides {
            changes = changes.concat(spread(asides, ring));
        }
        let trained = changes.rotate("LDA", rotate, program, schedule);
        let told = trained.changes;
        Ok(LiveTopics {
            counts: collection(told.clone(), |output, to| {
                if let Output::Count(word, topic, counts) = output {
                    let counts = counts.into_iter().zip([-1, 1]).filter(|(count, _)| *count != 0);
                    to.extend(counts.map(|(count, diff)| (((word, topic), count), diff)));
                }
            }),
            tokens: told.clone().flat_map(|output| match output {
                Output::Tokens((name, _), tokens) => Some((name, tokens)),
                _ => None,
            }),
            documents: collection(told, |output, to| {
                if let Output::Document((name, _), topics, diff) = output {
                    to.push(((name, topics), diff.into()));
                }
            }),
            sweeps: trained.certificates,
            alpha,
        })
    }
}

/// A number that is the same wherever it is computed.
fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Brings what is said beside documents to the workers of the shards that it is for.
fn spread<'scope, T, I>(
    asides: Stream<'scope, T, Vec<Aside<I>>>,
    ring: Ring,
) -> Stream<'scope, T, Vec<Change<(I, u64)>>>
where
    T: Timestamp,
    I: ExchangeData + Hash,
{
    let shards = ring.shards();
    let placement = ring.placement();
    let one = |shard: usize, aside: Aside<I>| vec![(shard as u64, aside)];
    let spread = asides.flat_map(move |aside| match &aside {
        Aside::Begin(name, _) => one((digest(name) % shards as u64) as usize, aside),
        Aside::Owed(_) => one(0, aside),
        Aside::Words(_) | Aside::Tell => {
            (0..shards as u64).map(|shard| (shard, aside.clone())).collect()
        }
    });
    let worker = move |(shard, _): &(u64, Aside<I>)| placement.worker_of(*shard as usize) as u64;
    spread.exchange(worker).map(|(shard, aside)| {
        let aside = match aside {
            Aside::Begin(name, tokens) => {
                let bag = digest(aside::bag_of(&tokens));
                Aside::Begin((name, bag), tokens)
            }
            Aside::Words(words) => Aside::Words(words),
            Aside::Owed(owed) => Aside::Owed(owed),
            Aside::Tell => Aside::Tell,
        };
        Change::Aside { shard: shard as usize, aside }
    })
}

/// Brings documents to the workers of their shards, and lets an epoch's go at once and at its own
/// time, consolidated.
fn epochs<'scope, T, I>(
    documents: VecCollection<'scope, T, (I, Bag), isize>,
    ring: Ring,
) -> Stream<'scope, T, Vec<Change<(I, u64)>>>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    let shards = ring.shards() as u64;
    let parts = documents.inner.map(move |((name, mut bag), time, diff)| {
        aside::merge(&mut bag);
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
        let mut sides = [(Vec::new(), Bags::default()), (Vec::new(), Bags::default())];
        for copies in of_shard.chunk_by(|a, b| a.1 == b.1) {
            let (_, name, bag, _) = &copies[0];
            let copies: i64 = copies.iter().map(|part| part.3).sum();
            let (names, bags) = &mut sides[usize::from(copies < 0)];
            for _ in 0..copies.unsigned_abs() {
                names.push(name.clone());
                bags.push(bag.iter().copied());
            }
        }
        let shard = of_shard[0].0 as usize;
        let [inserted, removed] = sides;
        changes.push(Change::Documents { shard, inserted, removed });
    }
    changes
}

/// What changed as a collection of what `pick` makes of it.
fn collection<'scope, T: Timestamp + Lattice, I: Clone + 'static, D: Clone + 'static>(
    changes: Stream<'scope, T, Vec<Output<I>>>,
    pick: impl Fn(Output<I>, &mut Vec<(D, isize)>) + 'static,
) -> VecCollection<'scope, T, D, isize> {
    changes
        .unary::<CapacityContainerBuilder<Vec<(D, T, isize)>>, _, _, _>(
            Pipeline,
            "Collection",
            |_, _| {
                let mut picked = Vec::new();
                move |input, output| {
                    input.for_each(|capability, data| {
                        let Some(time) = capability.stamp().iter().next().cloned() else { return };
                        let mut session = output.session(&capability);
                        for change in data.drain(..) {
                            pick(change, &mut picked);
                            for (datum, diff) in picked.drain(..) {
                                session.give((datum, time.clone(), diff));
                            }
                        }
                    });
                }
            },
        )
        .as_collection()
}
