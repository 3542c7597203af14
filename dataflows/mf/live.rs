//! `strads mf` on data that keeps changing: a feed of ratings into a live factorisation.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use differential_dataflow::input::{Input, InputSession};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strads::cluster::execute;
use strads::feeds::{Change, Effect, Source, Table};
use strads::models::mf::ccd::{LiveFactorisation, Measure, Rating};
use strads::report::ModelFile;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::worker::Worker;

use super::arguments::Arguments;
use super::rows::Rows;
use crate::Outcome;
use crate::failure::Failure;
use crate::follow::{
    Ended, Live, Numbers, Remark, Setting, Summary, end_with_feed, follow, name, outcome, quoted,
    refuse,
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
    end_with_feed()?;
    let source = match speaks {
        true => Some(arguments.live.source(Some(&arguments.data), arguments.cluster.shared()?)?),
        false => None,
    };
    let source = Mutex::new(source);
    let digest = arguments.remembered().to_string();
    let own = arguments.clone();
    let ended =
        execute(&arguments.cluster, digest.as_bytes(), move |worker| work(worker, &own, &source))?;
    outcome(ended)
}

fn refuse_batch_options(arguments: &Arguments) -> Result<(), Failure> {
    let (columns, test) = (&arguments.columns, &arguments.test);
    let given = [
        ("--test", test.test.is_some()),
        ("--holdout", test.holdout.is_some()),
        ("--weights", arguments.model.weights.is_some()),
        ("--warm-start", arguments.training.warm_start.is_some()),
        ("--log", arguments.log.is_some()),
        ("--checkpoint", arguments.checkpoints.are_kept()),
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

type Ratings = InputSession<u64, Rating, isize>;

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    input: Ratings,
    probe: ProbeHandle<u64>,
    seen: Rc<RefCell<Seen>>,
    /// The ratings there are, by the numbers of user and item.
    ratings: Table<(u32, u32), Rating>,
    users: Numbers,
    items: Numbers,
}

fn work(worker: &mut Worker, arguments: &Arguments, source: &Mutex<Option<Source>>) -> Ended {
    let (seen, probe) = (Rc::new(RefCell::new(Seen::default())), ProbeHandle::new());
    let to = (Rc::clone(&seen), Rc::clone(&seen));
    let (options, engine) = (arguments.options(), arguments.engine());
    let built = worker.dataflow::<u64, _, _>(|scope| -> Result<Ratings, String> {
        let (input, ratings) = scope.new_collection::<Rating, isize>();
        let live = ratings.factorise(options, engine.shards)?;
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
    let (users, items) = (Numbers::default(), Numbers::default());
    let ratings = Table::default();
    let mut model = Model { arguments, input, probe, seen, ratings, users, items };
    let (live, file) = (&arguments.live, arguments.model_file.as_deref());
    let setting = Setting { arguments: live, model: file, output: arguments.output, keeping: None };
    follow(worker, &mut model, source, setting)
}

impl Live for Model<'_> {
    type Put = Put;
    type Delete = Delete;

    fn apply(&mut self, change: Change<Put, Delete>) -> Result<(), Remark> {
        match change {
            Change::Put(Put { user, item, rating }) => {
                // Checked before names are given numbers, which are never taken back.
                let bad = |error: &dyn std::fmt::Display| Remark::Bad(error.to_string());
                Rating::new(0, 0, rating as f32).map_err(|error| bad(&error))?;
                let key = (self.users.number(user), self.items.number(item));
                let rating =
                    Rating::new(key.0, key.1, rating as f32).map_err(|error| bad(&error))?;
                if let Effect::Replaced(old) = self.ratings.put(key, rating) {
                    self.input.remove(old);
                }
                self.input.insert(rating);
            }
            Change::Delete(Delete { user, item }) => {
                let numbers = (self.users.find(&user), self.items.find(&item));
                let key = numbers.0.zip(numbers.1);
                match key.map_or(Effect::Absent, |key| self.ratings.delete(&key)) {
                    Effect::Deleted(old) => self.input.remove(old),
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
        let next = self.input.time() + 1;
        self.input.advance_to(next);
        self.input.flush();
        let probe = &self.probe;
        worker.step_or_park_while(None, || probe.less_than(&next));
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
