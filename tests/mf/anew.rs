//! A factorisation that ends in one dataflow and goes on in another: as if it had never stopped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use differential_dataflow::input::Input;
use strads::models::mf::Options;
use strads::models::mf::ccd::{Factors, LiveFactorisation, Measure, Rating, Start};
use strads::random::{Draws, purpose};
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};

/// What an epoch leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
struct Left {
    model: BTreeSet<Factors>,
    measure: Measure,
}

/// Runs epochs of changes on so many threads, from a model if there is one.
fn run(
    epochs: Vec<Vec<(Rating, isize)>>,
    from: Option<Left>,
    options: &Options,
    threads: usize,
) -> Vec<Left> {
    let options = options.clone();
    let done = timely::execute(timely::Config::process(threads), move |worker| {
        let (seen, probe): (Rc<RefCell<Left>>, _) = (Rc::default(), ProbeHandle::new());
        let (rows, measures) = (Rc::clone(&seen), Rc::clone(&seen));
        let mut start = from.is_some().then(InputHandleVec::new);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, ratings) = scope.new_collection::<Rating, isize>();
            let start = start.as_mut().map(|start| scope.input_from(start));
            let live = ratings.factorise_from(start, options.clone(), 3).expect("options in range");
            let changes = live.model.inner.exchange(|_| 0);
            let see = move |change: &(Factors, u64, isize)| {
                let model = &mut rows.borrow_mut().model;
                let (row, _, diff) = change;
                let was = if *diff > 0 { model.insert(row.clone()) } else { model.remove(row) };
                assert!(was, "{change:?}");
            };
            changes.inspect(see).probe_with(&probe);
            let note = move |point: &strads::operators::Certified<Measure>| {
                measures.borrow_mut().measure = point.certificate;
            };
            live.certificates.inspect(note).probe_with(&probe);
            input
        });
        let first = worker.index() == 0;
        if let (true, Some(start), Some(from)) = (first, &mut start, &from) {
            from.model.iter().for_each(|row| start.send(Start::Row(row.clone())));
            start.send(Start::Owed(from.measure.owed));
        }
        drop(start);
        let mut left = Vec::new();
        for (number, epoch) in epochs.iter().enumerate() {
            epoch.iter().filter(|_| first).for_each(|(rating, diff)| input.update(*rating, *diff));
            input.advance_to(number as u64 + 1);
            input.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            left.push(seen.borrow().clone());
        }
        left
    });
    let mut left = done.expect("threads start").join().into_iter();
    left.next().expect("a worker").expect("no panic")
}

fn rating(draws: &mut Draws) -> Rating {
    let (user, item) = (draws.below(60) as u32, draws.below(35) as u32);
    let value = ((user * 7 + item * 3) % 9) as f32 / 2.0 + draws.next_f64() as f32;
    Rating::new(user, item, value).expect("a rating")
}

#[test]
fn a_model_is_taken_as_it_is_and_kept_up_as_before() {
    let mut draws = Draws::new(8, purpose("test of setting out anew"), 0, 0);
    let first: Vec<(Rating, isize)> = (0..900).map(|_| (rating(&mut draws), 1)).collect();
    let mut epochs = vec![first];
    let mut all: Vec<Rating> = epochs[0].iter().map(|(rating, _)| *rating).collect();
    for _ in 0..8 {
        let gone = all.remove(draws.below(all.len() as u64) as usize);
        let come = rating(&mut draws);
        all.push(come);
        epochs.push(vec![(gone, -1), (come, 1)]);
    }
    for (biases, nonnegative) in [(true, false), (false, true)] {
        let (weighted_lambda, tolerance) = (true, Some(1e-3));
        let rank = 11;
        let options =
            Options { rank, weighted_lambda, tolerance, biases, nonnegative, ..Options::default() };
        let through = run(epochs.clone(), None, &options, 1);
        let mut anew = vec![epochs[..5].concat()];
        anew.extend_from_slice(&epochs[5..]);
        let from = through[4].clone();
        let on = run(anew.clone(), Some(from.clone()), &options, 1);
        // Not a bit of the model has changed, nor has it been lost sight of what it owes.
        assert_eq!(on[0].model, from.model);
        let objective = |left: &Left| left.measure.objective();
        assert!((objective(&on[0]) - objective(&from)).abs() < 1e-5 * objective(&from));
        assert!((on[0].measure.mean - from.measure.mean).abs() < 1e-9);
        for (at, left) in through[5..].iter().enumerate() {
            let other = objective(&on[at + 1]);
            assert!((other - objective(left)).abs() < 2e-3 * other, "{at}: {left:?} {other}");
        }
        let repaired = on[1].measure.repaired > 0.0;
        assert!(repaired && on[1].measure.owed >= from.measure.owed * 0.99, "{:?}", on[1].measure);
        assert_eq!(run(anew, Some(from), &options, 4), on);
    }
}
