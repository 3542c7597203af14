//! `strads lasso` on data that keeps changing: a feed of rows into a live model.

mod kept;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Mutex;

use differential_dataflow::input::{Input, InputSession};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strads::cluster::execute;
use strads::feeds::{Change, Effect, Table};
use strads::models::lasso::{LiveLasso, Measure, Parameter, Row};
use strads::report::ModelFile;
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};
use timely::worker::Worker;

use super::arguments::Arguments;
use crate::Outcome;
use crate::failure::Failure;
use crate::follow::{
    Asked, Ended, Fed, Live, Numbers, Remark, Summary, name, outcome, quoted, refuse,
};

/// `{"op":"put","id":"r17","y":1.5,"x":{"3":0.2,"age":61}}`
#[derive(Deserialize)]
struct Put {
    #[serde(deserialize_with = "name")]
    id: String,
    y: f64,
    #[serde(default)]
    x: BTreeMap<String, f64>,
}

/// `{"op":"del","id":"r17"}`
#[derive(Deserialize)]
struct Delete {
    #[serde(deserialize_with = "name")]
    id: String,
}

/// Runs until the feed ends.
pub fn run(arguments: &Arguments, speaks: bool) -> Outcome {
    refuse_batch_options(arguments)?;
    let (fed, digest) = (asked(arguments).fed(speaks)?, asked(arguments).digest());
    let own = arguments.clone();
    let ended =
        execute(&arguments.cluster, digest.as_bytes(), move |worker| work(worker, &own, &fed))?;
    outcome(ended)
}

fn asked(arguments: &Arguments) -> Asked<'_> {
    Asked {
        command: "lasso --follow",
        live: &arguments.live,
        data: &arguments.data,
        cluster: &arguments.cluster,
        checkpoints: &arguments.checkpoints,
        shards: arguments.engine().shards,
        seed: arguments.training.seed,
        remembered: arguments.remembered(),
        model: arguments.model_file.as_deref(),
        output: arguments.output,
    }
}

fn refuse_batch_options(arguments: &Arguments) -> Result<(), Failure> {
    let (model, training) = (&arguments.model, &arguments.training);
    let given = [
        ("--path", model.path.is_some()),
        ("--cv", model.cv.is_some()),
        ("--weights", model.weights.is_some()),
        ("--penalty-factor", model.penalty_factor.is_some()),
        ("--warm-start", training.warm_start.is_some()),
        ("--target", arguments.input.target.is_some()),
        ("--response", arguments.input.response.is_some()),
        ("--log", arguments.log.is_some()),
        ("--report", arguments.report.is_some()),
    ];
    refuse(&given)
}

/// What has come out of the dataflow at worker 0.
#[derive(Default)]
struct Seen {
    model: BTreeMap<Parameter, f64>,
    /// The last epoch's, old and new.
    changed: BTreeMap<Parameter, (f64, f64)>,
    measure: Measure,
    rounds: u64,
}

/// A dataflow, and what goes into it.
struct Flow {
    rows: InputSession<u64, (String, Row), isize>,
    /// Coefficients to start from, in its first epoch.
    start: Option<InputHandleVec<u64, (u32, f64)>>,
    probe: ProbeHandle<u64>,
}

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    flow: Flow,
    seen: Rc<RefCell<Seen>>,
    /// Whether the flow has been filled with what there was before.
    refilled: bool,
    rows: Table<String, Row>,
    columns: Numbers,
}

fn work(worker: &mut Worker, arguments: &Arguments, fed: &Mutex<Option<Fed>>) -> Ended {
    let seen = Rc::default();
    let build = |worker: &mut Worker, _| build(worker, arguments, &seen);
    asked(arguments).work(worker, fed, build, |flow| {
        let (rows, columns, refilled) = (Table::default(), Numbers::default(), false);
        Model { arguments, flow, seen: Rc::clone(&seen), refilled, rows, columns }
    })
}

fn build(
    worker: &mut Worker,
    arguments: &Arguments,
    seen: &Rc<RefCell<Seen>>,
) -> Result<Flow, String> {
    let (to, probe) = ((Rc::clone(seen), Rc::clone(seen)), ProbeHandle::new());
    let (options, engine) = (arguments.options(), arguments.engine());
    let mut start = InputHandleVec::new();
    let rows = worker.dataflow::<u64, _, _>(|scope| -> Result<_, String> {
        let (input, rows) = scope.new_collection::<(String, Row), isize>();
        let start = scope.input_from(&mut start);
        let lasso = rows.lasso_from(Some(start), options, engine.shards)?;
        let model = lasso.model.inner.exchange(|_| 0);
        model
            .inspect(move |((parameter, value), _, diff)| {
                to.0.borrow_mut().change(*parameter, value.0, *diff);
            })
            .probe_with(&probe);
        lasso
            .certificates
            .inspect(move |point| {
                let mut seen = to.1.borrow_mut();
                let measure = point.certificate;
                (seen.measure, seen.rounds) = (measure, point.round + 1 - measure.couples);
            })
            .probe_with(&probe);
        Ok(input)
    })?;
    Ok(Flow { rows, start: Some(start), probe })
}

impl Seen {
    /// An epoch begins. The model of a new dataflow changes from nothing to all it is.
    fn begin(&mut self, anew: bool) {
        self.changed.clear();
        self.rounds = 0;
        if anew {
            self.changed
                .extend(self.model.iter().map(|(parameter, old)| (*parameter, (*old, 0.0))));
        }
    }

    fn change(&mut self, parameter: Parameter, value: f64, diff: isize) {
        let entry = self.changed.entry(parameter).or_insert((0.0, 0.0));
        match diff {
            1 => entry.1 = value,
            _ => entry.0 = value,
        }
    }

    /// Takes an epoch's changes into the model.
    fn settle(&mut self) {
        self.changed.retain(|_, (old, new)| old != new);
        for (parameter, (_, new)) in &self.changed {
            match *new {
                0.0 => self.model.remove(parameter),
                new => self.model.insert(*parameter, new),
            };
        }
    }
}

impl Live for Model<'_> {
    type Put = Put;
    type Delete = Delete;

    fn apply(&mut self, change: Change<Put, Delete>) -> Result<(), Remark> {
        match change {
            Change::Put(Put { id, y, x }) => {
                let columns = &mut self.columns;
                let entries = x.into_iter().map(|(name, value)| (columns.number(name), value));
                let row = Row::new(y, entries.collect()).map_err(|e| Remark::Bad(e.to_string()))?;
                let effect = self.rows.put(id.clone(), row.clone());
                if let Effect::Replaced(old) = effect {
                    self.flow.rows.remove((id.clone(), old));
                }
                self.flow.rows.insert((id, row));
            }
            Change::Delete(Delete { id }) => match self.rows.delete(&id) {
                Effect::Deleted(old) => self.flow.rows.remove((id, old)),
                _ => {
                    return Err(Remark::Idle(format!("there is no row {} to delete", quoted(&id))));
                }
            },
        }
        Ok(())
    }

    fn advance(&mut self, worker: &mut Worker) {
        self.seen.borrow_mut().begin(std::mem::take(&mut self.refilled));
        let Flow { rows, start, probe } = &mut self.flow;
        *start = None;
        let next = rows.time() + 1;
        rows.advance_to(next);
        rows.flush();
        worker.step_or_park_while(None, || probe.less_than(&next));
        self.seen.borrow_mut().settle();
    }

    fn figures(&mut self) -> Map<String, Value> {
        let seen = self.seen.borrow();
        let measure = &seen.measure;
        let mut figures = Map::new();
        figures.insert("rows".into(), self.rows.len().into());
        let numbers = [
            ("lambda", measure.lambda),
            ("objective", measure.objective()),
            ("gap", measure.gap()),
            ("relative_gap", measure.relative_gap()),
        ];
        figures.extend(numbers.map(|(name, number)| (name.to_owned(), json!(number))));
        figures.insert("nonzeros".into(), measure.nonzeros.into());
        figures.insert("rounds".into(), seen.rounds.into());
        figures
    }

    fn deltas(&mut self) -> Vec<Map<String, Value>> {
        let seen = self.seen.borrow();
        let delta = |(parameter, (old, new)): (&Parameter, &(f64, f64))| {
            let mut delta = Map::new();
            delta.insert("key".into(), self.name(*parameter).into());
            delta.insert("old".into(), json!(old));
            delta.insert("new".into(), json!(new));
            delta
        };
        seen.changed.iter().map(delta).collect()
    }

    fn model(&self, summary: &Summary) -> ModelFile {
        let seen = self.seen.borrow();
        let mut metadata = Map::new();
        let measure = &seen.measure;
        metadata.insert("command".into(), "lasso".into());
        metadata.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        metadata.insert("options".into(), self.arguments.remembered());
        metadata.insert("seed".into(), self.arguments.training.seed.into());
        metadata.insert("shards".into(), self.arguments.placement().shards().into());
        metadata.insert("rows".into(), self.rows.len().into());
        metadata.insert("columns".into(), self.columns.names().len().into());
        metadata.insert("features".into(), json!(self.columns.names()));
        metadata.insert("objective".into(), json!(measure.objective()));
        metadata.insert("epochs".into(), summary.epochs.into());
        metadata.insert("changes".into(), summary.changes.into());
        let mut coefficients = vec![0.0; self.columns.names().len()];
        let mut intercept = 0.0;
        for (parameter, value) in &seen.model {
            match parameter {
                Parameter::Intercept => intercept = *value,
                Parameter::Column(column) => coefficients[*column as usize] = *value,
            }
        }
        let mut file = ModelFile::new(metadata);
        file.put("coefficients", &[coefficients.len()], coefficients);
        file.put("intercept", &[1], vec![intercept]);
        file.put("lambda", &[1], vec![measure.lambda]);
        file
    }
}

impl Model<'_> {
    /// A parameter as the data call it.
    fn name(&self, parameter: Parameter) -> &str {
        match parameter {
            Parameter::Intercept => "intercept",
            Parameter::Column(column) => &self.columns.names()[column as usize],
        }
    }
}
