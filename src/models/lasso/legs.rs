//! The legs of a batch fit: from one checkpoint to the next, each a dataflow of its own that sets
//! out from what a checkpoint holds. Without checkpoints there is one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use timely::dataflow::InputHandleVec;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::vec::{Broadcast, Input, Map};
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::worker::Worker;

use super::fit::{Fit, Point, Problem, Solution};
use super::folds::Validation;
use super::keeping::Task;
use super::options::{Lambda, Options};
use super::position::{Position, Step};
use super::program::{Coefficient, Parameter};
use super::stored::{Model, Stored};
use crate::cluster::{fail, gather};
use crate::operators::{self, Certified, Form, ModelParallel};
use crate::report::Exit;

/// What is the same in all legs.
pub(super) struct Setting<'a> {
    pub options: &'a Options,
    pub engine: operators::Options,
    pub task: &'a Task,
    pub process: usize,
}

/// Each known shard's coefficients, as its program stored them.
type States = BTreeMap<usize, Vec<u8>>;

/// Runs all legs on this worker.
pub(super) fn run<S: Stored>(
    worker: &mut Worker,
    mut part: Problem<S>,
    setting: &Setting<'_>,
    watch: &Arc<impl Fn(&Point) + Send + Sync + 'static>,
) -> Fit {
    let keeping = setting.task.keeping.as_ref();
    let start = keeping.map(|keeping| (*keeping.start).clone());
    let (mut position, mut states, solutions) = match start {
        Some(start) => (start.position, start.states, start.solutions),
        None => (Position::start(), States::new(), Vec::new()),
    };
    let mut fit = Fit { solutions, ..Fit::default() };
    loop {
        let data = std::mem::take(&mut part.shards);
        let data = part.of_others(data);
        let leg = Leg::start(worker, data, setting, (position, &states), watch);
        let mut leg = Leg { fit, ..leg };
        let over = leg.follow();
        let program = leg.end();
        (position, fit) = (leg.position, leg.fit);
        if over {
            (fit.rounds, fit.converged) = (position.total, position.converged);
            let memory = program.borrow().memory(setting.process);
            fit.memory = gather(worker, memory);
            return fit;
        }
        let shards = setting.engine.placement(worker.peers());
        states = stored(&*program.borrow(), shards.shards());
        let local = shards.local(worker.index());
        let own = states.iter().filter(|(shard, _)| local.contains(shard));
        let solutions = (worker.index() == 0).then_some(&fit.solutions[..]);
        if let Some(keeping) = keeping {
            keeping.save(&position, own.map(|(shard, state)| (*shard, state)), solutions);
        }
        part.shards = S::release(&mut program.borrow_mut());
    }
}

/// The coefficients that this worker knows.
fn stored<M: Model>(program: &M, shards: usize) -> States {
    let state = |shard| {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = program.snapshot(shard, &mut bytes);
        (shard, bytes)
    };
    program.known(shards).map(state).collect()
}

/// What has come out of a leg: on worker 0, but for the rounds.
#[derive(Default)]
struct Seen {
    model: BTreeMap<Parameter, f64>,
    point: Option<Point>,
    /// Rounds of the last epoch.
    rounds: u64,
    /// What the λ at hand had before this leg.
    before: Position,
}

impl Seen {
    /// A measured point, counted from where its λ was begun.
    fn tell(&mut self, round: u64, measure: super::Measure) -> Point {
        let mut point = Point { epoch: self.before.step as u64, round, measure };
        point.round += self.before.rounds;
        point.round -= measure.couples;
        point.measure.updates += self.before.updates;
        if point.measure.lambda_max.is_nan() {
            point.measure.lambda_max = self.before.lambda_max.unwrap_or(f64::NAN);
        }
        self.point = Some(point);
        point
    }
}

struct Leg<'a, M: Model> {
    worker: &'a mut Worker,
    setting: &'a Setting<'a>,
    input: Option<InputHandleVec<u64, M::Change>>,
    probe: ProbeHandle<u64>,
    program: Rc<RefCell<M>>,
    seen: Rc<RefCell<Seen>>,
    weights: Option<Arc<Vec<f64>>>,
    /// The fold that is held out.
    held_out: Option<usize>,
    position: Position,
    fit: Fit,
}

impl<'a, M: Model> Leg<'a, M> {
    /// Builds the dataflow, and a program that knows the data and the coefficients so far.
    fn start<S: Stored<Model = M>>(
        worker: &'a mut Worker,
        data: Problem<S>,
        setting: &'a Setting<'a>,
        (position, states): (Position, &States),
        watch: &Arc<impl Fn(&Point) + Send + Sync + 'static>,
    ) -> Self {
        let placement = setting.engine.placement(worker.peers());
        let engine = operators::Options { form: S::FORM, ..setting.engine };
        let keeper = setting.task.keeping.as_ref().map(|keeping| &keeping.keeper);
        let every = keeper.map(|keeper| keeper.every());
        let options = position.options(every, data.columns, setting.options);
        let local = placement.local(worker.index());
        let mut program = S::model(options.clone(), placement.shards(), local);
        let (weights, plan) = (data.weights.clone(), &setting.task.plan);
        let loaded = S::data(&mut program, data, plan);
        program.ingest(&mut vec![loaded]);
        let held_out = match plan.step(position.step) {
            Some(Step::Validate { fold, .. }) => Some(fold),
            _ => None,
        };
        if let (Some(folds), Some(_)) = (plan.folds(), held_out) {
            let weights = weights.as_ref().map(|weights| weights.as_slice());
            program.ingest(&mut vec![M::hold_out(folds, held_out, weights)]);
        }
        for shard in program.known(placement.shards()) {
            if let Some(state) = states.get(&shard) {
                // They were looked through when they were read.
                if program.restore(shard, &mut state.as_slice()).is_err() {
                    let what = "the checkpoint has coefficients of other columns";
                    fail::stop(Exit::Model.code().into(), what);
                }
            }
        }
        program.set_solved(position.solved);
        let program = Rc::new(RefCell::new(program));
        let seen = Rc::new(RefCell::new(Seen::default()));
        let mut input = InputHandleVec::new();
        let probe = ProbeHandle::new();
        worker.dataflow::<u64, _, _>(|scope| {
            let changes = scope.input_from(&mut input);
            let scheduler = S::scheduler(&options);
            let trained = changes.model_parallel("Lasso", engine, Rc::clone(&program), scheduler);
            let to = Rc::clone(&seen);
            trained
                .changes
                .exchange(|_| 0)
                .inspect(move |Coefficient { parameter, new, .. }| {
                    to.borrow_mut().model.insert(*parameter, *new);
                })
                .probe_with(&probe);
            let (to, watch) = (Rc::clone(&seen), Arc::clone(watch));
            let points = trained.certificates.inspect(move |certified| {
                let Certified { round, certificate, .. } = certified;
                // Until something has been measured there is nothing to tell.
                if certificate.total != 0.0 || S::FORM != Form::Partial {
                    watch(&to.borrow_mut().tell(*round, *certificate));
                }
            });
            // When a leg ends is a matter of rounds, which every worker must count alike.
            let to = Rc::clone(&seen);
            points
                .map(|certified| certified.round - certified.certificate.couples)
                .broadcast()
                .inspect(move |round| to.borrow_mut().rounds = round + 1)
                .probe_with(&probe);
        });
        let fit = Fit::default();
        let input = Some(input);
        Leg { worker, setting, input, probe, program, seen, weights, held_out, position, fit }
    }

    /// Follows the plan until the next checkpoint; gives whether it came to its end.
    fn follow(&mut self) -> bool {
        let (task, options) = (self.setting.task, self.setting.options);
        let every = task.keeping.as_ref().map(|keeping| keeping.keeper.every());
        let limit = self.position.limit(every, options);
        let mut rounds = 0;
        while let Some(step) = task.plan.step(self.position.step) {
            let taken = self.epoch(step);
            let measure = *self.program.borrow().measure();
            let over = self.position.advance(taken, limit, &measure, options);
            self.position.lambda_max =
                self.position.lambda_max.or_else(|| self.program.borrow().lambda_max());
            rounds += taken;
            if over {
                self.finish(step);
                self.position.next();
            }
            // What is left of a λ may have had fewer rounds than the next ones may have.
            let due = every.is_some_and(|every| rounds >= every);
            if !over || due || limit != self.position.limit(every, options) {
                self.position.solved = self.program.borrow().solved();
                self.position.leg += 1;
                return task.plan.step(self.position.step).is_none();
            }
        }
        true
    }

    /// Runs an epoch to its end; gives its rounds.
    fn epoch(&mut self, step: Step) -> u64 {
        {
            let mut seen = self.seen.borrow_mut();
            (seen.before, seen.rounds) = (self.position.clone(), 0);
        }
        let Some(input) = &mut self.input else { return 0 };
        let fold = match step {
            Step::Validate { fold, .. } => Some(fold),
            _ => None,
        };
        if let (Some(folds), true) = (self.setting.task.plan.folds(), fold != self.held_out) {
            let weights = self.weights.as_ref().map(|weights| weights.as_slice());
            input.send(M::hold_out(folds, fold, weights));
            self.held_out = fold;
        }
        input.send(M::at(lambda(&self.position, step)));
        let next = input.time() + 1;
        input.advance_to(next);
        let probe = &self.probe;
        self.worker.step_or_park_while(None, || probe.less_than(&next));
        self.seen.borrow().rounds
    }

    /// Takes in the λ that is over.
    fn finish(&mut self, step: Step) {
        let measure = *self.program.borrow().measure();
        match step {
            Step::Validate { fold, .. } => {
                let weights = self.weights.as_ref().map(|weights| weights.as_slice());
                let folds = self.setting.task.plan.folds();
                let held_out = folds.map(|folds| folds.held_out(fold, weights));
                let total = held_out.map_or(0.0, |weights| weights.iter().sum::<f64>());
                // The program's own measure, not the reported one: every worker must choose alike.
                let loss = if total > 0.0 { measure.held_out / total } else { 0.0 };
                self.position.losses.push(loss);
                return;
            }
            Step::OnPath(share) => {
                self.position.path.push(self.position.lambda_max.unwrap_or(1.0) * share);
            }
            Step::Best => self.fit.validation = Some(validation(&self.position)),
            Step::Keep(_) => {}
        }
        self.position.converged &= measure.is_converged(self.setting.options.tolerance);
        let seen = self.seen.borrow();
        let Some(point) = seen.point else { return };
        let column = |(parameter, value): (&Parameter, &f64)| match parameter {
            Parameter::Column(column) if *value != 0.0 => Some((*column, *value)),
            _ => None,
        };
        self.fit.solutions.push(Solution {
            point,
            intercept: seen.model.get(&Parameter::Intercept).copied().unwrap_or(0.0),
            coefficients: seen.model.iter().filter_map(column).collect(),
        });
    }

    /// Lets the dataflow come to its end, and gives the program as it left it.
    fn end(&mut self) -> Rc<RefCell<M>> {
        self.input = None;
        let probe = &self.probe;
        self.worker.step_or_park_while(None, || !probe.done());
        Rc::clone(&self.program)
    }
}

/// The λ of a step.
fn lambda(position: &Position, step: Step) -> Lambda {
    let ratio = match step {
        Step::Validate { index, .. } => return Lambda::Value(position.path[index]),
        Step::Best => return Lambda::Value(validation(position).lambda_min),
        Step::Keep(Lambda::Value(lambda)) => return Lambda::Value(lambda),
        Step::Keep(Lambda::Ratio(ratio)) | Step::OnPath(ratio) => ratio,
    };
    match position.lambda_max {
        // A later leg does not look for it again: its coefficients are not zero any more.
        Some(largest) if position.leg > 0 && largest > 0.0 => Lambda::Value(ratio * largest),
        _ => Lambda::Ratio(ratio),
    }
}

/// What the losses so far say of the path.
fn validation(position: &Position) -> Validation {
    let count = position.path.len().max(1);
    let losses: Vec<Vec<f64>> = position.losses.chunks_exact(count).map(<[f64]>::to_vec).collect();
    Validation::of(position.path.clone(), &losses)
}
