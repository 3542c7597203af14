//! What a live factorisation recommends, kept true while ratings, queries and model change.

use std::collections::BTreeMap;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Concat};
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use super::lists::Lists;
use super::live::{Factorised, Factors, Rating};

/// What the lists are made of, and how often it came or went.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Event {
    Row(Factors, i64),
    Rating(Rating, i64),
    Query(u32, i64),
}

/// An event for a worker, at its time.
type Routed<T> = (u64, Event, T);

impl<'scope, T> Factorised<'scope, T>
where
    T: Timestamp + Lattice + TotalOrder,
{
    /// For every user asked about, the `count` items with the highest scores of those with ratings,
    /// best first (of equal ones the first item), without the items the user rated: the lists that
    /// `strads recommend` gives. `ratings` must be those that the model is of. A user without ratings
    /// has the items with the largest biases.
    ///
    /// A list leaves only when it changes. Lists are made anew, from all items, for users who are
    /// touched and for those whose list lost to items that changed; for every other user who is asked
    /// about, an epoch looks at the items that changed, by falling norm, as far as one may come into
    /// the list, and at one product for each, in proportion to the rank. Every worker holds all items'
    /// factors, and of its users factors, and 16 bytes a rating.
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use strads::models::mf::Options;
    /// use strads::models::mf::ccd::{LiveFactorisation, Rating};
    ///
    /// timely::execute_directly(|worker| {
    ///     let (mut ratings, mut queries) = worker.dataflow::<u64, _, _>(|scope| {
    ///         let (input, ratings) = scope.new_collection::<Rating, isize>();
    ///         let (asking, queries) = scope.new_collection::<u32, isize>();
    ///         let options = Options { rank: 4, weighted_lambda: true, ..Options::default() };
    ///         let model = ratings.clone().factorise(options, 2).expect("options in range");
    ///         model.recommendations(ratings, queries, 2).inspect(|((user, items), time, diff)| {
    ///             assert!(*user == 3 && items.len() == 2 && !items.contains(&0));
    ///             println!("{time}: {diff:+} {items:?}");
    ///         });
    ///         (input, asking)
    ///     });
    ///     for i in (0..40).filter(|i| i % 7 != 0) {
    ///         ratings.insert(Rating::new(i % 8, i / 8, (i % 5) as f32).unwrap());
    ///     }
    ///     ratings.remove(Rating::new(3, 1, 1.0).unwrap());
    ///     ratings.remove(Rating::new(3, 2, 4.0).unwrap());
    ///     queries.insert(3);
    /// });
    /// ```
    pub fn recommendations(
        &self,
        ratings: VecCollection<'scope, T, Rating, isize>,
        queries: VecCollection<'scope, T, u32, isize>,
        count: usize,
    ) -> VecCollection<'scope, T, (u32, Vec<u32>), isize> {
        let peers = self.certificates.scope().peers() as u64;
        // Items go to every worker, users to theirs.
        let rows = self.model.inner.clone().flat_map(move |(row, time, diff)| {
            let to = if row.item { 0..peers } else { of(row.id, peers) };
            to.map(move |to| (to, Event::Row(row.clone(), diff as i64), time.clone()))
        });
        let ratings = ratings.inner.flat_map(move |(rating, time, diff)| {
            let event = Event::Rating(rating, diff as i64);
            of(rating.user(), peers).map(move |to| (to, event.clone(), time.clone()))
        });
        let queries = queries.inner.flat_map(move |(user, time, diff)| {
            let event = Event::Query(user, diff as i64);
            of(user, peers).map(move |to| (to, event.clone(), time.clone()))
        });
        type Builder<T> = CapacityContainerBuilder<Vec<((u32, Vec<u32>), T, isize)>>;
        let pact = Exchange::new(|event: &Routed<T>| event.0);
        let all = rows.concat(ratings).concat(queries);
        all.unary_frontier::<Builder<T>, _, _, _>(pact, "Recommend", move |_, _| {
            let mut lists = Lists::new(count, peers as u32);
            let mut waiting: BTreeMap<T, (Capability<T>, Vec<Event>)> = BTreeMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, data| {
                    for (_, event, time) in data.drain(..) {
                        let entry = waiting
                            .entry(time.clone())
                            .or_insert_with(|| (capability.delayed(&time, 0), Vec::new()));
                        entry.1.push(event);
                    }
                });
                while let Some(epoch) = waiting.first_entry() {
                    if frontier.less_equal(epoch.key()) {
                        break;
                    }
                    let (capability, events) = epoch.remove();
                    take(&mut lists, events);
                    let changes = lists
                        .settle()
                        .into_iter()
                        .map(|(user, list, diff)| ((user, list), capability.time().clone(), diff));
                    output.session(&capability).give_iterator(changes);
                }
            }
        })
        .as_collection()
    }
}

/// The worker of a user.
fn of(user: u32, peers: u64) -> std::ops::Range<u64> {
    let worker = u64::from(user) % peers;
    worker..worker + 1
}

/// Takes in an epoch's events, in any order.
fn take(lists: &mut Lists, events: Vec<Event>) {
    // A row that changes is retracted and inserted: what is there after both counts.
    let mut rows: BTreeMap<(bool, u32), Option<Factors>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Row(row, diff) => {
                let entry = rows.entry((row.item, row.id)).or_default();
                if diff > 0 {
                    *entry = Some(row);
                }
            }
            Event::Rating(rating, diff) => lists.rating(rating.user(), rating.item(), diff),
            Event::Query(user, diff) => lists.ask(user, diff),
        }
    }
    for ((item, id), row) in rows {
        let row = row.map(|row| (row.factors.iter().map(|x| x.0).collect(), row.bias.0));
        match item {
            true => lists.item(id, row),
            false => lists.user(id, row.map(|(factors, _)| factors)),
        }
    }
}
