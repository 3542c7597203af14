//! What a live model says of rows, kept true while rows and model change.

use std::hash::Hash;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{ExchangeData, VecCollection};
use ordered_float::OrderedFloat;
use timely::progress::Timestamp;

use super::live::{LassoOutput, Row};
use super::program::Parameter;

impl<'scope, T: Timestamp + Lattice> LassoOutput<'scope, T> {
    /// The model's value `b + Σ x_j β_j` for every query, with the query's key; a query's own
    /// response is not looked at. The rows of the model may be queries, and other rows as well.
    ///
    /// A value changes only where its query or one of the parameters it is made of does: an epoch
    /// takes time in proportion to the entries of the queries that changed, and those of all
    /// queries with the columns whose coefficients changed. A query present several times has its
    /// value as often. Sums are taken in the order of the parameters: the same on any workers.
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use strads::models::lasso::{Lambda, LiveLasso, Options, Row};
    ///
    /// timely::execute_directly(|worker| {
    ///     let mut rows = worker.dataflow::<u64, _, _>(|scope| {
    ///         let (input, rows) = scope.new_collection::<(u64, Row), isize>();
    ///         let options = Options { lambda: Lambda::Value(1e-6), ..Options::default() };
    ///         let lasso = rows.clone().lasso(options, 2).expect("options in range");
    ///         lasso.predictions(rows).inspect(|((row, value), _, _)| {
    ///             assert!((value.0 - 2.0 * (row % 5) as f64).abs() < 1e-3);
    ///         });
    ///         input
    ///     });
    ///     for i in 0..20 {
    ///         let x = (i % 5) as f64;
    ///         rows.insert((i, Row::new(2.0 * x, vec![(0, x)]).unwrap()));
    ///     }
    /// });
    /// ```
    pub fn predictions<Q: ExchangeData + Hash>(
        &self,
        queries: VecCollection<'scope, T, (Q, Row), isize>,
    ) -> VecCollection<'scope, T, (Q, OrderedFloat<f64>), isize> {
        let key = |key: Q, row: &Row| (key, row.digest());
        let entries = queries.clone().flat_map(move |(query, row)| {
            let query = key(query, &row);
            let columns = row.entries().map(|(column, x)| (Parameter::Column(column), x));
            let all: Vec<_> = columns.chain([(Parameter::Intercept, 1.0)]).collect();
            all.into_iter().map(move |(parameter, x)| (parameter, (query.clone(), OrderedFloat(x))))
        });
        let products = entries.join_map(self.model.clone(), |parameter, (query, x), value| {
            (query.clone(), (Some(*parameter), OrderedFloat(x.0 * value.0)))
        });
        // Every query has a value, whatever the model: the first of its terms is its own.
        let own = queries.map(move |(query, row)| (key(query, &row), (None, OrderedFloat(0.0))));
        own.concat(products)
            .reduce(|_, terms, values| {
                let [((None, _), copies), rest @ ..] = terms else { return };
                let sum: f64 = rest.iter().map(|((_, product), _)| product.0).sum();
                values.push((OrderedFloat(sum + 0.0), *copies));
            })
            .map(|((query, _), value)| (query, value))
    }
}
