//! A Lasso of a changing collection of rows, inside the caller's dataflow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::rc::Rc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use ordered_float::OrderedFloat;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::Concat;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::{Broadcast, Map};
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::certificate::Measure;
use super::change::{Change, RowPart};
use super::options::{self, Options};
use super::program::{Coefficient, Lasso, Parameter};
use crate::operators::{self, Certified, ModelParallel, Placement};
use crate::shard::Layout;

/// A row: a finite response, and ascending columns with finite values.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Row {
    response: OrderedFloat<f64>,
    entries: Vec<(u32, OrderedFloat<f64>)>,
}

/// Why something is not a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowError {
    /// The response is NaN or infinite.
    Response(f64),
    /// A column's value is NaN or infinite.
    Value(u32, f64),
    /// A column occurs twice.
    Twice(u32),
    /// A column is [`Row::MOST_COLUMNS`] or above.
    Beyond(u32),
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowError::Response(y) => write!(f, "expected a finite response, found {y}"),
            RowError::Value(column, x) => {
                write!(f, "expected a finite value in column {column}, found {x}")
            }
            RowError::Twice(column) => {
                write!(f, "expected each column once, found column {column} twice")
            }
            RowError::Beyond(column) => {
                let most = Row::MOST_COLUMNS;
                write!(f, "expected columns below {most}, found column {column}")
            }
        }
    }
}

impl std::error::Error for RowError {}

impl Row {
    /// All columns lie below this. One number that is out of place would else take all memory.
    pub const MOST_COLUMNS: u32 = 1 << 26;

    /// A row of a response and columns with their values, in any order; zeros may be left out.
    /// Columns are dense numbers: a model's memory grows with the largest, about 100 bytes each.
    ///
    /// # Errors
    /// If a number is not finite, a column occurs twice or is [`Row::MOST_COLUMNS`] or above.
    pub fn new(response: f64, mut entries: Vec<(u32, f64)>) -> Result<Self, RowError> {
        if !response.is_finite() {
            return Err(RowError::Response(response));
        }
        entries.sort_unstable_by_key(|(column, _)| *column);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(RowError::Twice(pair[0].0));
        }
        if let Some(&(column, _)) = entries.last().filter(|(last, _)| *last >= Row::MOST_COLUMNS) {
            return Err(RowError::Beyond(column));
        }
        if let Some(&(column, value)) = entries.iter().find(|(_, value)| !value.is_finite()) {
            return Err(RowError::Value(column, value));
        }
        // Zeros say nothing, and −0 and 0 are one number.
        entries.retain(|(_, value)| *value != 0.0);
        let entries = entries.into_iter().map(|(key, value)| (key, OrderedFloat(value))).collect();
        Ok(Row { response: OrderedFloat(response + 0.0), entries })
    }

    /// The response.
    pub fn response(&self) -> f64 {
        self.response.0
    }

    /// Ascending columns with their values, none of them zero.
    pub fn entries(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.entries.iter().map(|(column, value)| (*column, value.0))
    }

    /// Tells rows apart that share an identity.
    pub(super) fn digest(&self) -> u64 {
        let mix = crate::random::absorb;
        let start = mix(0, self.response.to_bits());
        self.entries.iter().fold(start, |digest, (column, value)| {
            mix(mix(digest, u64::from(*column)), value.to_bits())
        })
    }
}

/// A live model.
pub struct LassoOutput<'scope, T: Timestamp> {
    /// The model: every parameter that is not zero, with its value on the data's scale.
    pub model: VecCollection<'scope, T, (Parameter, OrderedFloat<f64>), isize>,
    /// The measured points of each epoch, on the worker of shard 0; the last one of an epoch is
    /// that of the model.
    pub certificates: Stream<'scope, T, Vec<Certified<Measure>>>,
}

/// Keeps a Lasso true to a changing collection of rows.
pub trait LiveLasso<'scope, T: Timestamp> {
    /// The Lasso of the rows: after every epoch as certified as a batch fit of the rows that
    /// survive. Rows are identified by their key; inserting, replacing (retract and insert) and
    /// retracting are all the same to it. A row present several times weighs as much.
    ///
    /// It may stand anywhere among a user's operators, in a region of the dataflow, too, and any
    /// number of epochs may be in flight. Times must be totally ordered, which those within
    /// `iterate` are not: an epoch is a change of the model of all earlier ones.
    ///
    /// Every worker must call this with the same options.
    ///
    /// # Errors
    /// If the options are out of range: one line that names the option.
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use strads::models::lasso::{Lambda, LiveLasso, Options, Row};
    ///
    /// timely::execute_directly(|worker| {
    ///     let mut rows = worker.dataflow::<u64, _, _>(|scope| {
    ///         let (input, rows) = scope.new_collection::<(u64, Row), isize>();
    ///         let options = Options { lambda: Lambda::Value(0.1), ..Options::default() };
    ///         let lasso = rows.lasso(options, 2).expect("options in range");
    ///         lasso.model.inspect(|(parameter, time, diff)| {
    ///             println!("{time}: {diff:+} {parameter:?}");
    ///         });
    ///         input
    ///     });
    ///     for i in 0..20 {
    ///         let x = f64::from(i % 5);
    ///         rows.insert((i as u64, Row::new(2.0 * x, vec![(0, x)]).unwrap()));
    ///     }
    ///     rows.advance_to(1);
    ///     rows.remove((3, Row::new(6.0, vec![(0, 3.0)]).unwrap()));
    /// });
    /// ```
    fn lasso(self, options: Options, shards: usize) -> Result<LassoOutput<'scope, T>, String>
    where
        Self: Sized,
    {
        self.lasso_from(None, options, shards)
    }

    /// The same, from a model: columns with coefficients on the data's scale, by any worker, at the
    /// time of the first rows. (At a later time they take the place of what the model has come to.)
    /// What is certified does not depend on them, but they save the way there.
    ///
    /// # Errors
    /// As of [`LiveLasso::lasso`].
    fn lasso_from(
        self,
        start: Option<Stream<'scope, T, Vec<(u32, f64)>>>,
        options: Options,
        shards: usize,
    ) -> Result<LassoOutput<'scope, T>, String>;
}

impl<'scope, T, I> LiveLasso<'scope, T> for VecCollection<'scope, T, (I, Row), isize>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    fn lasso_from(
        self,
        start: Option<Stream<'scope, T, Vec<(u32, f64)>>>,
        options: Options,
        shards: usize,
    ) -> Result<LassoOutput<'scope, T>, String> {
        options.check()?;
        let scope = self.inner.scope();
        let engine = operators::Options { shards, ..Default::default() };
        let placement = engine.placement(scope.peers());
        let local = placement.local(scope.index());
        let program = Lasso::<I>::new(options.clone(), placement.shards(), local);
        let program = Rc::new(RefCell::new(program));
        let scheduler = options::scheduler(&options);
        let mut changes = epochs(self, placement);
        if let Some(start) = start {
            // To all workers: whether an epoch can be repaired is decided alike everywhere.
            let put = |(column, value)| Change::Start(column, value);
            changes = changes.concat(start.broadcast().map(put));
        }
        let trained = changes.model_parallel("Lasso", engine, program, scheduler);
        Ok(LassoOutput {
            model: as_collection(trained.changes),
            certificates: trained.certificates,
        })
    }
}

/// Cuts rows into the shards' parts, brings each to its worker, and lets an epoch's go at once
/// and at its own time, consolidated.
fn epochs<'scope, T, I>(
    rows: VecCollection<'scope, T, (I, Row), isize>,
    placement: Placement,
) -> Stream<'scope, T, Vec<Change<I>>>
where
    T: Timestamp + Lattice + TotalOrder,
    I: ExchangeData + Hash,
{
    let parts = rows.inner.flat_map(move |((id, row), time, diff)| {
        let parts = split(id, &row, diff as i64, placement);
        parts.into_iter().map(move |(worker, part)| (worker, part, time.clone()))
    });
    let exchange = Exchange::new(|(worker, _, _): &(u64, RowPart<I>, T)| *worker);
    type Builder<I> = CapacityContainerBuilder<Vec<Change<I>>>;
    parts.unary_frontier::<Builder<I>, _, _, _>(exchange, "Epochs", move |_, _| {
        let mut waiting: BTreeMap<T, (Capability<T>, Vec<RowPart<I>>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, data| {
                for (_, part, time) in data.drain(..) {
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
                let changes = consolidate(parts);
                output.session(&capability).give_iterator(changes.into_iter().map(Change::Row));
            }
        }
    })
}

/// A row's part for every shard, with its worker. Shards without an entry hear of the response,
/// and so do workers without a shard: they hold a residual like all others.
fn split<I: Clone>(id: I, row: &Row, diff: i64, placement: Placement) -> Vec<(u64, RowPart<I>)> {
    let (layout, digest) = (Layout::new(placement.shards()), row.digest());
    let part = |worker: usize, shard: usize| {
        let (id, response, entries) = (id.clone(), row.response(), Vec::new());
        (worker as u64, RowPart { shard, id, digest, response, entries, diff })
    };
    let mut parts: Vec<(u64, RowPart<I>)> =
        (0..placement.shards()).map(|shard| part(placement.worker_of(shard), shard)).collect();
    for (key, value) in row.entries() {
        parts[layout.shard_of(key as usize)].1.entries.push((key, value));
    }
    let idle = (0..placement.peers()).filter(|&worker| placement.local(worker).is_empty());
    parts.extend(idle.map(|worker| part(worker, placement.local(worker).start)));
    parts
}

/// Sums up the copies of equal parts, and forgets those that cancel.
fn consolidate<I: Ord>(mut parts: Vec<RowPart<I>>) -> Vec<RowPart<I>> {
    parts.sort_by(|a, b| (&a.id, a.digest, a.shard).cmp(&(&b.id, b.digest, b.shard)));
    let mut kept: Vec<RowPart<I>> = Vec::with_capacity(parts.len());
    for part in parts {
        match kept.last_mut() {
            Some(last)
                if (&last.id, last.digest, last.shard) == (&part.id, part.digest, part.shard) =>
            {
                last.diff += part.diff;
            }
            _ => kept.push(part),
        }
    }
    kept.retain(|part| part.diff != 0);
    kept
}

/// Published changes as a collection: zeros are not in it.
fn as_collection<'scope, T: Timestamp + Lattice>(
    changes: Stream<'scope, T, Vec<Coefficient>>,
) -> VecCollection<'scope, T, (Parameter, OrderedFloat<f64>), isize> {
    changes
        .unary::<CapacityContainerBuilder<Vec<_>>, _, _, _>(
            timely::dataflow::channels::pact::Pipeline,
            "Parameters",
            |_, _| {
                |input, output| {
                    input.for_each(|capability, data| {
                        let Some(time) = capability.stamp().iter().next().cloned() else { return };
                        let mut session = output.session(&capability);
                        for Coefficient { parameter, old, new } in data.drain(..) {
                            for (value, diff) in [(old, -1), (new, 1)] {
                                if value != 0.0 {
                                    let record = (parameter, OrderedFloat(value));
                                    session.give((record, time.clone(), diff));
                                }
                            }
                        }
                    });
                }
            },
        )
        .as_collection()
}
