//! Observed staleness is exact, for every operator, under random delays.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use strads::operators::{Form, ModelParallel, Options, Scheduling};
use timely::communication::Config as Communication;
use timely::dataflow::operators::ToStream;

use super::delayed::Delayed;
use super::watch::{Numbered, Watch};

fn watch<const GUARDED: bool>(options: Options, threads: usize, slow: bool) -> Vec<String> {
    let config = timely::Config {
        communication: Communication::Process(threads),
        worker: Default::default(),
    };
    let guards = timely::execute(config, move |worker| {
        let placement = options.placement(worker.peers());
        let program = Rc::new(RefCell::new(Delayed::new(
            Watch::<GUARDED> {
                shards: placement.shards(),
                staleness: options.staleness,
                local: placement.local(worker.index()),
                synced: 0,
                in_flight: BTreeSet::new(),
                faults: Vec::new(),
            },
            slow,
        )));
        let scheduler = Numbered { rounds: 45, observed: 0, staleness: options.staleness };
        worker.dataflow::<u64, _, _>(|scope| {
            vec![()].to_stream(scope).model_parallel(
                "Watch",
                options,
                Rc::clone(&program),
                scheduler,
            );
        });
        while worker.has_dataflows() {
            worker.step_or_park(None);
        }
        std::mem::take(&mut program.borrow_mut().program.faults)
    });
    let ended = guards.expect("the computation starts").join();
    ended.into_iter().flat_map(|faults| faults.expect("no worker fails")).collect()
}

fn every_way(form: Form, watch: impl Fn(Options, usize, bool) -> Vec<String>) {
    for scheduling in [Scheduling::Replicated, Scheduling::Central] {
        for staleness in [0, 1, 2, 5, 20] {
            let options = Options { shards: 3, form, scheduling, staleness };
            for (threads, slow) in [(1, false), (2, true), (4, true)] {
                assert_eq!(watch(options, threads, slow), Vec::<String>::new(), "{options:?}");
            }
        }
    }
}

#[test]
fn owned_form() {
    every_way(Form::Owned, watch::<false>);
}

#[test]
fn partial_form() {
    every_way(Form::Partial, watch::<false>);
}

#[test]
fn guarded_partial_form() {
    every_way(Form::Partial, watch::<true>);
}
