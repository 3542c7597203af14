//! A factorisation of a changing collection of ratings, inside the caller's dataflow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use ordered_float::OrderedFloat;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Concat, Exchange as _};
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::fit::stopping;
use super::layout::Rows;
use super::measure::Measure;
use super::options::Terms;
use super::program::{Ccd, Change, ITEMS, Row, USERS};
use super::rows;
use super::schedule::Sweeps;
use super::start::Start;
use crate::models::mf::{Options, RatingError, Solver};
use crate::operators::{self, Certified, ModelParallel, Placement};

/// A finite rating of an item by a user. Users and items are dense numbers: a model's memory grows
/// with the largest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Rating {
    user: u32,
    item: u32,
    value: OrderedFloat<f32>,
}

impl Rating {
    /// A rating of `item` by `user`.
    ///
    /// # Errors
    /// If the value is not finite.
    pub fn new(user: u32, item: u32, value: f32) -> Result<Self, RatingError> {
        match value.is_finite() {
            // −0 and 0 are one number.
            true => Ok(Rating { user, item, value: OrderedFloat(value + 0.0) }),
            false => Err(RatingError::Value(value)),
        }
    }

    /// Who rates.
    pub fn user(&self) -> u32 {
        self.user
    }

    /// What is rated.
    pub fn item(&self) -> u32 {
        self.item
    }

    /// How it is rated.
    pub fn value(&self) -> f32 {
        self.value.0
    }
}

/// The factors of a user or an item that has ratings.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Factors {
    /// Whether it is an item, and not a user.
    pub item: bool,
    /// Its number.
    pub id: u32,
    /// Its bias; 0 in a model without.
    pub bias: OrderedFloat<f32>,
    /// Its factors.
    pub factors: Vec<OrderedFloat<f32>>,
}

/// A live factorisation.
pub struct Factorised<'scope, T: Timestamp> {
    /// The model: the factors of every user and item that has ratings.
    pub model: VecCollection<'scope, T, Factors, isize>,
    /// The measured points of each epoch, on the worker of shard 0; the last one of an epoch is
    /// that of the model.
    pub certificates: Stream<'scope, T, Vec<Certified<Measure>>>,
}

/// Keeps a factorisation true to a changing collection of ratings.
pub trait LiveFactorisation<'scope, T: Timestamp> {
    /// The factorisation of the ratings that survive, after every epoch.
    ///
    /// An epoch goes on from the model before it: users and items with first ratings begin anew, and
    /// the users and items whose ratings came and went are solved for, all else fixed, at a cost that
    /// follows the number of their ratings. The objective is kept by what changes, and so is an
    /// estimate of what a sweep over all ratings would gain. Once that is more than the tolerance
    /// times the objective (or too much has changed at once), residuals are taken afresh and sweeps
    /// follow until one lowers the objective by no more than the tolerance, as in a batch fit. Each
    /// epoch's certificate says which of the two it was, and the true objective. Given a number of
    /// iterations but no tolerance, every epoch makes so many sweeps.
    ///
    /// The objective is that of another local minimum than a batch fit of the same ratings would
    /// find, in tests within 1 % and more often below than above.
    ///
    /// Memory: that of a batch fit, 32 bytes a rating more, and on every worker all factors.
    ///
    /// Inserting, replacing (retract and insert) and retracting are all the same to it. A rating
    /// present several times weighs as much. Every worker must call this with the same options.
    ///
    /// # Errors
    /// If the options are out of range, ask for implicit feedback or gradient descent, or leave λ open
    /// without `weighted_lambda`: one line that names the option.
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use strads::models::mf::Options;
    /// use strads::models::mf::ccd::{LiveFactorisation, Rating};
    ///
    /// timely::execute_directly(|worker| {
    ///     let mut ratings = worker.dataflow::<u64, _, _>(|scope| {
    ///         let (input, ratings) = scope.new_collection::<Rating, isize>();
    ///         let options = Options { rank: 4, weighted_lambda: true, ..Options::default() };
    ///         let factorised = ratings.factorise(options, 2).expect("options in range");
    ///         factorised.model.inspect(|(factors, time, diff)| {
    ///             println!("{time}: {diff:+} {factors:?}");
    ///         });
    ///         input
    ///     });
    ///     for i in 0..40 {
    ///         ratings.insert(Rating::new(i % 8, i / 8, (i % 5) as f32).unwrap());
    ///     }
    ///     ratings.advance_to(1);
    ///     ratings.remove(Rating::new(3, 0, 3.0).unwrap());
    /// });
    /// ```
    fn factorise(self, options: Options, shards: usize) -> Result<Factorised<'scope, T>, String>
    where
        Self: Sized,
    {
        self.factorise_from(None, options, shards)
    }

    /// The same, from a model, by any worker: the first epoch has its ratings, and at the same time
    /// come its rows and what it owes. It is taken as it is, to the bit; nothing is solved for, and
    /// the epoch costs what taking the ratings in and measuring the model costs. Users and items of
    /// that epoch without a row begin anew. There must be something at that time, if only
    /// [`Start::Owed`].
    ///
    /// # Errors
    /// As of [`LiveFactorisation::factorise`].
    fn factorise_from(
        self,
        start: Option<Stream<'scope, T, Vec<Start>>>,
        options: Options,
        shards: usize,
    ) -> Result<Factorised<'scope, T>, String>;
}

impl<'scope, T> LiveFactorisation<'scope, T> for VecCollection<'scope, T, Rating, isize>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn factorise_from(
        self,
        start: Option<Stream<'scope, T, Vec<Start>>>,
        options: Options,
        shards: usize,
    ) -> Result<Factorised<'scope, T>, String> {
        let terms = Terms::new(&options, strength(&options)?);
        let scope = self.inner.scope();
        let engine = operators::Options { shards, ..Default::default() };
        let placement = engine.placement(scope.peers());
        let (blocks, limits) = (terms.blocks(), stopping(&options));
        let adopts = start.is_some();
        let scheduler = Sweeps::live(options.scheduler, options.seed, blocks, limits);
        let scheduler = scheduler.adopting(adopts);
        let local = placement.local(scope.index());
        let program = Rc::new(RefCell::new(Ccd::live(terms, placement.shards(), local, adopts)));
        let mut changes = epochs(self, placement);
        if let Some(start) = start {
            let worker = move |start: &Start| placement.worker_of(place(start, placement)) as u64;
            changes = changes.concat(start.exchange(worker).map(Change::Start));
        }
        let trained = changes.model_parallel("Factorise", engine, program, scheduler);
        Ok(Factorised { model: as_collection(trained.changes), certificates: trained.certificates })
    }
}

/// λ of a live model, for which the number of ratings is not known beforehand.
fn strength(options: &Options) -> Result<f64, String> {
    options.check()?;
    if options.solver == Solver::Sgd {
        return Err("solver: expected ccd, as ratings come and go, found sgd".into());
    }
    match (options.implicit, options.lambda, options.weighted_lambda) {
        (Some(_), _, _) => Err("implicit: not with ratings that come and go".into()),
        (None, None, false) => {
            Err("lambda: expected a number, as ratings come and go, found none".into())
        }
        (None, lambda, _) => Ok(lambda.unwrap_or(Options::EACH)),
    }
}

/// The shard that a part of a model is for.
fn place(start: &Start, placement: Placement) -> usize {
    let rows = Rows { count: 0, shards: placement.shards() };
    match start {
        Start::Row(row) => rows.place(row.id as usize).0,
        Start::Owed(_) => 0,
    }
}

type Builder = CapacityContainerBuilder<Vec<Change>>;

/// Brings ratings to the workers of their users' and of their items' shards, and lets an epoch's go
/// at once and at its own time, consolidated.
fn epochs<'scope, T>(
    ratings: VecCollection<'scope, T, Rating, isize>,
    placement: Placement,
) -> Stream<'scope, T, Vec<Change>>
where
    T: Timestamp + Lattice + TotalOrder,
{
    let rows = Rows { count: 0, shards: placement.shards() };
    let sides = ratings.inner.flat_map(move |(rating, time, diff)| {
        [USERS, ITEMS].map(|side| (change(rating, side, diff as i64, rows), time.clone()))
    });
    let worker =
        move |(change, _): &(rows::Change, T)| placement.worker_of(change.shard as usize) as u64;
    sides.unary_frontier::<Builder, _, _, _>(Exchange::new(worker), "Epochs", move |_, _| {
        let mut waiting: BTreeMap<T, (Capability<T>, Vec<rows::Change>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, data| {
                for (change, time) in data.drain(..) {
                    let entry = waiting
                        .entry(time.clone())
                        .or_insert_with(|| (capability.delayed(&time, 0), Vec::new()));
                    entry.1.push(change);
                }
            });
            while let Some(epoch) = waiting.first_entry() {
                if frontier.less_equal(epoch.key()) {
                    break;
                }
                let (capability, changes) = epoch.remove();
                let changes = consolidate(changes).into_iter().map(Change::Rating);
                output.session(&capability).give_iterator(changes);
            }
        }
    })
}

/// A rating as one side's shard hears of it.
fn change(rating: Rating, side: usize, diff: i64, rows: Rows) -> rows::Change {
    let (row, other) = match side {
        USERS => (rating.user, rating.item),
        _ => (rating.item, rating.user),
    };
    let shard = rows.place(row as usize).0 as u32;
    rows::Change { shard, side: side as u8, row, other, value: rating.value.0, diff }
}

/// Sums up equal changes, and forgets those that cancel.
fn consolidate(mut changes: Vec<rows::Change>) -> Vec<rows::Change> {
    let key = |of: &rows::Change| (of.shard, of.side, of.row, of.other, of.value.to_bits());
    changes.sort_unstable_by_key(key);
    changes.dedup_by(|next, first| {
        let same = key(next) == key(first);
        if same {
            first.diff += next.diff;
        }
        same
    });
    changes.retain(|change| change.diff != 0);
    changes
}

/// Published rows as a collection.
fn as_collection<'scope, T: Timestamp + Lattice>(
    rows: Stream<'scope, T, Vec<Row>>,
) -> VecCollection<'scope, T, Factors, isize> {
    rows.unary::<CapacityContainerBuilder<Vec<_>>, _, _, _>(Pipeline, "Factors", |_, _| {
        |input, output| {
            input.for_each(|capability, data| {
                let Some(time) = capability.stamp().iter().next().cloned() else { return };
                let mut session = output.session(&capability);
                for Row { item, id, factors, bias, diff } in data.drain(..) {
                    let factors = factors.into_iter().map(OrderedFloat).collect();
                    let record = Factors { item, id, bias: OrderedFloat(bias), factors };
                    session.give((record, time.clone(), isize::from(diff)));
                }
            });
        }
    })
    .as_collection()
}
