//! `strads mf` on data that keeps changing: a feed of ratings into a live factorisation.

mod kept;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;

use differential_dataflow::input::{Input, InputSession};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strads::cluster::execute;
use strads::feeds::{Change, Effect, Table};
use strads::models::mf::ccd::{LiveFactorisation, Measure, Rating, Start};
use strads::report::ModelFile;
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};
use timely::worker::Worker;

use super::arguments::Arguments;
use super::rows::Rows;
use crate::Outcome;
use crate::failure::Failure;
use crate::follow::{
    Asked, Ended, Fed, Live, Numbers, Remark, Summary, name, outcome, quoted, refuse,
};

/// `{"op":"put","user":"u1","item":"i9","rating":4}`
#[derive(Deserialize)]
struct Put {
    #[serde(deserialize_with = "name")]
    user: String,
    #[serde(deserialize_with = "name")]
    item: String,
    rating: f64,
}

/// `{"op":"del","user":"u1","item":"i9"}`
#[derive(Deserialize)]
struct Delete {
    #[serde(deserialize_with = "name")]
    user: String,
    #[serde(deserialize_with = "name")]
    item: String,
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
        command: "mf --follow",
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
    let (columns, test) = (&arguments.columns, &arguments.test);
    let given = [
        ("--test", test.test.is_some()),
        ("--holdout", test.holdout.is_some()),
        ("--weights", arguments.model.weights.is_some()),
        ("--warm-start", arguments.training.warm_start.is_some()),
        ("--log", arguments.log.is_some()),
        ("--separator", columns.separator.is_some()),
        ("--user-column", columns.user_column.is_some()),
        ("--item-column", columns.item_column.is_some()),
        ("--rating-column", columns.rating_column.is_some()),
        ("--time-column", columns.time_column.is_some()),
    ];
    refuse(&given)
}

/// What has come out of the dataflow at worker 0.
#[derive(Default)]
struct Seen {
    rows: Rows,
    measure: Measure,
    rounds: u64,
}

/// A dataflow, and what goes into it.
struct Flow {
    ratings: InputSession<u64, Rating, isize>,
    /// The model that it begins with, in its first epoch.
    start: Option<InputHandleVec<u64, Start>>,
    probe: ProbeHandle<u64>,
}

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    flow: Flow,
    seen: Rc<RefCell<Seen>>,
    /// The ratings there are, by the numbers of user and item.
    ratings: Table<(u32, u32), Rating>,
    users: Numbers,
    items: Numbers,
}

fn work(worker: &mut Worker, arguments: &Arguments, fed: &Mutex<Option<Fed>>) -> Ended {
    let seen = Rc::default();
    let build = |worker: &mut Worker, number| build(worker, arguments, &seen, number);
    asked(arguments).work(worker, fed, build, |flow| {
        let (seen, ratings) = (Rc::clone(&seen), Table::default());
        let (users, items) = (Numbers::default(), Numbers::default());
        Model { arguments, flow, seen, ratings, users, items }
    })
}

/// Builds a dataflow, which begins with a model unless it is the first.
fn build(
    worker: &mut Worker,
    arguments: &Arguments,
    seen: &Rc<RefCell<Seen>>,
    number: u64,
) -> Result<Flow, String> {
    let (to, probe) = ((Rc::clone(seen), Rc::clone(seen)), ProbeHandle::new());
    let (options, engine) = (arguments.options(), arguments.engine());
    let mut start = (number > 0).then(InputHandleVec::new);
    let ratings = worker.dataflow::<u64, _, _>(|scope| -> Result<_, String> {
        let (input, ratings) = scope.new_collection::<Rating, isize>();
        let start = start.as_mut().map(|start| scope.input_from(start));
        let live = ratings.factorise_from(start, options, engine.shards)?;
        let rows = live.model.inner.exchange(|_| 0);
        rows.inspect(move |(row, _, diff)| to.0.borrow_mut().rows.change(row, *diff))
            .probe_with(&probe);
        live.certificates
            .inspect(move |point| {
                let mut seen = to.1.borrow_mut();
                (seen.measure, seen.rounds) = (point.certificate, point.round + 1);
            })
            .probe_with(&probe);
        Ok(input)
    })?;
    Ok(Flow { ratings, start, probe })
}

impl Flow {
    /// Ends an epoch and waits until it is out.
    fn advance(&mut self, worker: &mut Worker) {
        self.start = None;
        let next = self.ratings.time() + 1;
        self.ratings.advance_to(next);
        self.ratings.flush();
        worker.step_or_park_while(None, || self.probe.less_than(&next));
    }
}

/// A rating as it is stored, if it can be.
fn checked(rating: f64) -> Result<f32, String> {
    let rating = Rating::new(0, 0, rating as f32).map_err(|error| error.to_string())?;
    Ok(rating.value())
}

impl Live for Model<'_> {
    type Put = Put;
    type Delete = Delete;

    fn judge(change: &Change<Put, Delete>) -> Result<(), String> {
        match change {
            Change::Put(put) => checked(put.rating).map(drop),
            Change::Delete(_) => Ok(()),
        }
    }

    fn apply(&mut self, change: Change<Put, Delete>) -> Result<(), Remark> {
        match change {
            Change::Put(Put { user, item, rating }) => {
                // Checked before names are given numbers, which are never taken back.
                let rating = checked(rating).map_err(Remark::Bad)?;
                let key = (self.users.number(user), self.items.number(item));
                let rating = Rating::new(key.0, key.1, rating);
                let rating = rating.map_err(|error| Remark::Bad(error.to_string()))?;
                if let Effect::Replaced(old) = self.ratings.put(key, rating) {
                    self.flow.ratings.remove(old);
                }
                self.flow.ratings.insert(rating);
            }
            Change::Delete(Delete { user, item }) => {
                let numbers = (self.users.find(&user), self.items.find(&item));
                let key = numbers.0.zip(numbers.1);
                match key.map_or(Effect::Absent, |key| self.ratings.delete(&key)) {
                    Effect::Deleted(old) => self.flow.ratings.remove(old),
                    _ => {
                        let (user, item) = (quoted(&user), quoted(&item));
                        let why = format!("there is no rating of {item} by {user} to delete");
                        return Err(Remark::Idle(why));
                    }
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, worker: &mut Worker) {
        {
            let mut seen = self.seen.borrow_mut();
            seen.rows.begin();
            seen.rounds = 0;
        }
        self.flow.advance(worker);
        self.seen.borrow_mut().rows.settle();
    }

    fn figures(&mut self) -> Map<String, Value> {
        let seen = self.seen.borrow();
        let [users, items] = seen.rows.counts();
        let mut figures = Map::new();
        figures.insert("ratings".into(), self.ratings.len().into());
        figures.insert("users".into(), users.into());
        figures.insert("items".into(), items.into());
        figures.insert("objective".into(), json!(seen.measure.objective()));
        figures.insert("rmse".into(), json!(seen.measure.rmse()));
        figures.insert("rounds".into(), seen.rounds.into());
        figures
    }

    fn deltas(&mut self) -> Vec<Map<String, Value>> {
        let names = [self.users.names(), self.items.names()];
        self.seen.borrow().rows.deltas(names, self.arguments.model.biases)
    }

    fn model(&self, summary: &Summary) -> ModelFile {
        let seen = self.seen.borrow();
        let (arguments, measure) = (self.arguments, &seen.measure);
        let names = [self.users.names(), self.items.names()];
        let ratings = self.ratings.iter().map(|(_, rating)| *rating);
        let model = seen.rows.model(&arguments.options(), measure.mean, names, ratings);
        let metadata = json!({
            "command": "mf",
            "version": env!("CARGO_PKG_VERSION"),
            "options": arguments.remembered(),
            "seed": arguments.training.seed,
            "shards": arguments.engine().shards,
            "ratings": self.ratings.len(),
            "rating_mean": measure.mean,
            "objective": measure.objective(),
            "rmse_train": measure.rmse(),
            "epochs": summary.epochs,
            "changes": summary.changes,
        });
        match (model, metadata) {
            (Ok(mut model), Value::Object(metadata)) => {
                if arguments.no_seen {
                    model.seen = None;
                }
                model.to_file(metadata)
            }
            // Ratings were checked when they came.
            _ => ModelFile::default(),
        }
    }
}
