//! Runs a case wherever it is told to, and tells everything that came out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use strads::operators::{Certified, Form, ModelParallel, Options, Scheduling as Where};
use timely::communication::Config as Communication;
use timely::dataflow::operators::{Exchange, Input, Inspect, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

use super::delayed::Delayed;
use super::gap::Gap;
use super::least::Least;
use super::policies::{Policy, Scheduling};
use super::problem::Problem;

/// Who has the data of an epoch, and when it is given.
#[derive(Clone, Copy, Debug)]
pub enum Feed {
    /// Every worker a part; each epoch is finished before the next is given.
    Spread,
    /// Every worker a part; all epochs are given before anything runs.
    Ahead,
    /// A single worker, another one each epoch.
    Lone,
}

#[derive(Clone)]
pub struct Case {
    pub form: Form,
    pub scheduling: Where,
    pub staleness: u64,
    pub shards: usize,
    pub policy: Policy,
    pub problem: Problem,
    /// What arrives in each epoch: columns (owned form) or rows.
    pub epochs: Vec<Vec<u32>>,
    pub feed: Feed,
    pub delays: bool,
    /// Whether the last worker fails.
    pub fails: bool,
}

impl Case {
    pub fn new(form: Form, scheduling: Where, staleness: u64, policy: Policy) -> Self {
        let problem = Problem::new(24, 12);
        let items = if form == Form::Owned { 12 } else { 24 };
        Case {
            form,
            scheduling,
            staleness,
            shards: 4,
            policy,
            problem,
            epochs: vec![(0..items).collect()],
            feed: Feed::Spread,
            delays: false,
            fails: false,
        }
    }

    /// The same with the data in three parts, one of them empty.
    pub fn in_epochs(mut self, feed: Feed) -> Self {
        let all = self.epochs.concat();
        let (first, second) = all.split_at(all.len() / 2);
        self.epochs = vec![first.to_vec(), Vec::new(), second.to_vec()];
        self.feed = feed;
        self
    }

    fn has(&self, worker: &Worker, epoch: usize, id: u32) -> bool {
        match self.feed {
            Feed::Spread | Feed::Ahead => id as usize % worker.peers() == worker.index(),
            Feed::Lone => epoch % worker.peers() == worker.index(),
        }
    }
}

/// What came out on one worker, or on all.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Bits of everything: equal lines of different workers are one.
    pub lines: BTreeSet<String>,
    /// The worker's replica of the parameters at the end.
    pub beta: Vec<f64>,
    /// The objective after each refresh (true) and update.
    pub trace: Vec<(bool, f64)>,
    /// Of all epochs, on the worker of shard 0.
    pub certificates: Vec<Certified<Gap>>,
    pub faults: Vec<String>,
}

pub fn bits(values: impl IntoIterator<Item = f64>) -> String {
    values.into_iter().map(|value| format!("{:x} ", value.to_bits())).collect()
}

/// The computation as one worker sees it.
fn work<const ROWS: bool>(worker: &mut Worker, case: &Case) -> Outcome {
    let options = Options {
        shards: case.shards,
        form: case.form,
        scheduling: case.scheduling,
        staleness: case.staleness,
    };
    let placement = options.placement(worker.peers());
    let local = placement.local(worker.index());
    let least = Least::<ROWS>::new(&case.problem, placement.shards(), local);
    let mut delayed = Delayed::new(least, case.delays);
    delayed.fails = case.fails && worker.index() + 1 == worker.peers();
    let program = Rc::new(RefCell::new(delayed));
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let mut input = InputHandle::new();
    let probe = ProbeHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let (lines, certificates) = (Rc::clone(&outcome), Rc::clone(&outcome));
        let shard = move |id: u32| placement.worker_of(id as usize % placement.shards());
        let trained = scope
            .input_from(&mut input)
            .exchange(move |(id, _): &(u32, Vec<f64>)| shard(*id) as u64)
            .model_parallel("Least", options, Rc::clone(&program), Scheduling::new(case.policy));
        trained
            .changes
            .inspect_core(move |event| {
                let Ok((stamp, changes)) = event else { return };
                for (key, value) in changes {
                    let line = format!("published {stamp:?} {key} {:x}", value.to_bits());
                    lines.borrow_mut().lines.insert(line);
                }
            })
            .probe_with(&probe);
        trained
            .certificates
            .inspect_core(move |event| {
                let Ok((stamp, points)) = event else { return };
                let mut outcome = certificates.borrow_mut();
                for point in points {
                    outcome.lines.insert(format!("certified {stamp:?} {point:?}"));
                    outcome.certificates.push(*point);
                }
            })
            .probe_with(&probe);
    });
    for (epoch, items) in case.epochs.iter().enumerate() {
        for &id in items.iter().filter(|&&id| case.has(worker, epoch, id)) {
            input.send(case.problem.item(ROWS, id));
        }
        input.advance_to(epoch as u64 + 1);
        if !matches!(case.feed, Feed::Ahead) {
            worker.step_or_park_while(None, || probe.less_than(input.time()));
        }
    }
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    let mut outcome = outcome.take();
    let least = &program.borrow().program;
    outcome.lines.insert(format!("beta {}", bits(least.beta.iter().copied())));
    outcome.lines.insert(format!("trace {}", bits(least.trace.iter().map(|point| point.1))));
    for (side, state) in &least.sides {
        let residual = bits(state.residual.iter().copied());
        outcome.lines.insert(format!("residual {side} {residual}"));
    }
    outcome.beta.clone_from(&least.beta);
    outcome.trace.clone_from(&least.trace);
    outcome.faults.clone_from(&least.faults);
    outcome
}

/// A worker's part of a case.
pub fn on_worker(worker: &mut Worker, case: &Case) -> Outcome {
    match case.form {
        Form::Owned => work::<false>(worker, case),
        Form::Partial => work::<true>(worker, case),
    }
}

/// Runs cases, one after the other, in this process's part of a computation: what came out of each.
pub fn run(communication: Communication, cases: &[Case]) -> Vec<Outcome> {
    let all = cases.to_vec();
    let config = timely::Config { communication, worker: Default::default() };
    let guards = timely::execute(config, move |worker| {
        all.iter().map(|case| on_worker(worker, case)).collect::<Vec<_>>()
    });
    let mut outcomes = vec![Outcome::default(); cases.len()];
    for of_worker in guards.expect("the computation starts").join() {
        for (whole, part) in outcomes.iter_mut().zip(of_worker.expect("no worker fails")) {
            whole.lines.extend(part.lines);
            whole.faults.extend(part.faults);
            whole.certificates.extend(part.certificates);
            (whole.beta, whole.trace) = (part.beta, part.trace);
        }
    }
    outcomes
}

/// Runs a case on so many threads.
pub fn on_threads(threads: usize, case: &Case) -> Outcome {
    all_on_threads(threads, std::slice::from_ref(case)).swap_remove(0)
}

/// Runs cases on so many threads.
pub fn all_on_threads(threads: usize, cases: &[Case]) -> Vec<Outcome> {
    match threads {
        1 => run(Communication::Thread, cases),
        _ => run(Communication::Process(threads), cases),
    }
}
