//! `strads lasso` on data that keeps changing: a feed of rows into a live model.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use differential_dataflow::input::{Input, InputSession};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strads::cluster::execute;
use strads::feeds::{Change, Effect, Source, Table};
use strads::models::lasso::{LiveLasso, Measure, Parameter, Row};
use strads::report::{Exit, ModelFile};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::worker::Worker;

use super::arguments::Arguments;
use crate::Outcome;
use crate::failure::Failure;
use crate::follow::{Ended, Live, Remark, Summary, follow, name, quoted};

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
    let source = match speaks {
        true => Some(arguments.live.source(Some(&arguments.data), arguments.cluster.shared()?)?),
        false => None,
    };
    let source = Mutex::new(source);
    let digest = arguments.remembered().to_string();
    let own = arguments.clone();
    let ended =
        execute(&arguments.cluster, digest.as_bytes(), move |worker| work(worker, &own, &source))?;
    match ended.into_iter().find_map(|ended| ended.failure) {
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
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
        ("--checkpoint", arguments.checkpoints.checkpoint.is_some()),
        ("--report", arguments.report.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!("{option}: not with live data"))),
        None => Ok(()),
    }
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

type Rows = InputSession<u64, (String, Row), isize>;

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    input: Rows,
    probe: ProbeHandle<u64>,
    seen: Rc<RefCell<Seen>>,
    rows: Table<String, Row>,
    columns: Columns,
}

/// Columns are numbered in the order in which their names are first put.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Columns {
    fn number(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        match self.numbers.get(&name) {
            Some(number) => *number,
            None => {
                self.names.push(name.clone());
                self.numbers.insert(name, next);
                next
            }
        }
    }
}

fn work(worker: &mut Worker, arguments: &Arguments, source: &Mutex<Option<Source>>) -> Ended {
    let (seen, probe) = (Rc::new(RefCell::new(Seen::default())), ProbeHandle::new());
    let to = (Rc::clone(&seen), Rc::clone(&seen));
    let (options, engine) = (arguments.options(), arguments.engine());
    let built = worker.dataflow::<u64, _, _>(|scope| -> Result<Rows, String> {
        let (input, rows) = scope.new_collection::<(String, Row), isize>();
        let lasso = rows.lasso(options, engine.shards)?;
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
                (seen.measure, seen.rounds) = (point.certificate, point.round + 1);
            })
            .probe_with(&probe);
        Ok(input)
    });
    let input = match built {
        Ok(input) => input,
        Err(why) => return Ended { failure: Some(Failure::usage(format!("--{why}"))) },
    };
    let source = match worker.index() {
        0 => source.lock().unwrap_or_else(PoisonError::into_inner).take(),
        _ => None,
    };
    let Some(source) = source else { return Ended::default() };
    let (rows, columns) = (Table::default(), Columns::default());
    let mut model = Model { arguments, input, probe, seen, rows, columns };
    let file = arguments.model_file.as_deref();
    follow(worker, &mut model, source, &arguments.live, file, arguments.output)
}

impl Seen {
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
                    self.input.remove((id.clone(), old));
                }
                self.input.insert((id, row));
            }
            Change::Delete(Delete { id }) => match self.rows.delete(&id) {
                Effect::Deleted(old) => self.input.remove((id, old)),
                _ => {
                    return Err(Remark::Idle(format!("there is no row {} to delete", quoted(&id))));
                }
            },
        }
        Ok(())
    }

    fn advance(&mut self, worker: &mut Worker) {
        {
            let mut seen = self.seen.borrow_mut();
            seen.changed.clear();
            seen.rounds = 0;
        }
        let next = self.input.time() + 1;
        self.input.advance_to(next);
        self.input.flush();
        let probe = &self.probe;
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
        metadata.insert("columns".into(), self.columns.names.len().into());
        metadata.insert("features".into(), json!(self.columns.names));
        metadata.insert("objective".into(), json!(measure.objective()));
        metadata.insert("epochs".into(), summary.epochs.into());
        metadata.insert("changes".into(), summary.changes.into());
        let mut coefficients = vec![0.0; self.columns.names.len()];
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
            Parameter::Column(column) => &self.columns.names[column as usize],
        }
    }
}
