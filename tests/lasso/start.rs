//! Coefficients that a live Lasso is given to start from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use strads::cluster::Flags;
use strads::models::lasso::{Lambda, LiveLasso, Options, Parameter, Row};
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::{InputHandleVec, Stream};

use super::live::row;

type Model = BTreeMap<Parameter, f64>;

/// The model of 80 rows of which one leaves at time 1; `at` some time, coefficients far from its
/// own are put in place of them.
fn model(workers: usize, at: Option<u64>) -> Model {
    let seen = Arc::new(Mutex::new(Model::new()));
    let to = Arc::clone(&seen);
    let done = strads::cluster::execute(&Flags::threads(workers), b"", move |worker| {
        let (to, mut start) = (Arc::clone(&to), InputHandleVec::new());
        let mut rows = worker.dataflow::<u64, _, _>(|scope| {
            let (input, rows) = scope.new_collection::<(u64, Row), isize>();
            let start: Stream<_, Vec<(u32, f64)>> = scope.input_from(&mut start);
            let (lambda, tolerance) = (Lambda::Value(0.05), 1e-12);
            let options = Options { lambda, tolerance, ..Options::default() };
            let lasso = rows.lasso_from(Some(start), options, 4).expect("options in range");
            lasso.model.inner.inspect(move |((parameter, value), _, diff)| {
                let mut seen = to.lock().unwrap();
                if *diff > 0 {
                    seen.insert(*parameter, value.0);
                } else if seen.get(parameter) == Some(&value.0) {
                    seen.remove(parameter);
                }
            });
            input
        });
        let own = |id: &u64| *id as usize % worker.peers() == worker.index();
        for id in (0..80).filter(own) {
            let (response, entries) = row(id * 77 + 5);
            rows.insert((id, Row::new(response, entries).unwrap()));
        }
        for time in 0..2 {
            if at == Some(time) && worker.index() == 0 {
                (0..6).for_each(|column| start.send((column, 40.0 - f64::from(column))));
            }
            if time == 1 && own(&7) {
                let (response, entries) = row(7 * 77 + 5);
                rows.remove((7, Row::new(response, entries).unwrap()));
            }
            rows.advance_to(time + 1);
            start.advance_to(time + 1);
            rows.flush();
        }
    });
    done.unwrap();
    seen.lock().unwrap().clone()
}

#[test]
fn wherever_it_starts_and_whenever_it_ends_at_the_optimum() {
    let optimum = model(1, None);
    assert!(optimum.len() > 2);
    for (workers, at) in [(1, 0), (1, 1), (3, 0), (3, 1)] {
        let found = model(workers, Some(at));
        assert!(found.keys().eq(optimum.keys()), "{workers} workers, at {at}");
        for (parameter, value) in &found {
            assert!((value - optimum[parameter]).abs() < 1e-5, "{workers} workers, at {at}");
        }
    }
}
