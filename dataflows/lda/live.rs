//! `strads lda` on documents that keep changing: a feed into live topics.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use differential_dataflow::input::{Input, InputSession};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strads::cluster::execute;
use strads::feeds::{Change, Effect, Source, Table};
use strads::formats::Bagger;
use strads::models::lda::{Bag, TopicsOf};
use strads::report::ModelFile;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::worker::Worker;

use super::arguments::Arguments;
use super::room::Room;
use super::seen::Seen;
use crate::Outcome;
use crate::corpus::spelling;
use crate::failure::Failure;
use crate::follow::{
    Ended, Live, Remark, Setting, Summary, end_with_feed, follow, name, outcome, quoted, refuse,
};

/// `{"op":"put","id":"d1","text":"…"}`, or `"words":{"w":2}` for the text.
#[derive(Deserialize)]
struct Put {
    #[serde(deserialize_with = "name")]
    id: String,
    text: Option<String>,
    words: Option<BTreeMap<String, u32>>,
}

/// `{"op":"del","id":"d1"}`
#[derive(Deserialize)]
struct Delete {
    #[serde(deserialize_with = "name")]
    id: String,
}

/// Runs until the feed ends.
pub fn run(arguments: &Arguments, speaks: bool) -> Outcome {
    refuse_batch_options(arguments)?;
    end_with_feed()?;
    let source = match speaks {
        true => Some(arguments.live.source(Some(&arguments.data), arguments.cluster.shared()?)?),
        false => None,
    };
    let (source, bagger) = (Mutex::new(source), Mutex::new(Some(bagger(arguments)?)));
    let digest = arguments.remembered().to_string();
    let own = arguments.clone();
    let ended = execute(&arguments.cluster, digest.as_bytes(), move |worker| {
        work(worker, &own, &source, &bagger)
    })?;
    outcome(ended)
}

fn refuse_batch_options(arguments: &Arguments) -> Result<(), Failure> {
    let (words, model) = (&arguments.words, &arguments.model);
    let training = &arguments.training;
    let given = [
        ("--vocab", arguments.vocab.is_some()),
        ("--test", arguments.test.is_some()),
        ("--holdout", arguments.holdout.is_some()),
        ("--min-df", words.min_df.is_some()),
        ("--max-df", words.max_df.is_some()),
        ("--word-prior", model.word_prior.is_some()),
        ("--optimize-alpha", model.optimize_alpha),
        ("--optimize-beta", model.optimize_beta),
        ("--samples", training.samples > 1),
        ("--max-seconds", training.max_seconds.is_some()),
        ("--warm-start", training.warm_start.is_some()),
        ("--doc-topics", arguments.doc_topics),
        ("--mallet-state", arguments.mallet_state.is_some()),
        ("--log", arguments.log.is_some()),
        ("--checkpoint", arguments.checkpoints.are_kept()),
    ];
    refuse(&given)
}

fn bagger(arguments: &Arguments) -> Result<Bagger, Failure> {
    Ok(Bagger::new(arguments.words.options()?))
}

type Documents = InputSession<u64, (String, Bag), isize>;

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    input: Documents,
    probe: ProbeHandle<u64>,
    seen: Rc<RefCell<Seen>>,
    documents: Table<String, Bag>,
    room: Room,
    bagger: Bagger,
}

fn work(
    worker: &mut Worker,
    arguments: &Arguments,
    source: &Mutex<Option<Source>>,
    bagger: &Mutex<Option<Bagger>>,
) -> Ended {
    let (seen, probe) = (Rc::new(RefCell::new(Seen::default())), ProbeHandle::new());
    let to = (Rc::clone(&seen), Rc::clone(&seen));
    let built = worker.dataflow::<u64, _, _>(|scope| -> Result<Documents, String> {
        let (input, documents) = scope.new_collection::<(String, Bag), isize>();
        let topics = documents.topics(arguments.live_options())?;
        let counts = topics.counts.inner.exchange(|_| 0);
        counts
            .inspect(move |((place, count), _, diff)| {
                to.0.borrow_mut().change(*place, *count, *diff);
            })
            .probe_with(&probe);
        topics
            .sweeps
            .inspect(move |swept| {
                let mut seen = to.1.borrow_mut();
                (seen.measure, seen.sweeps) = (swept.certificate, swept.sweep.number);
            })
            .probe_with(&probe);
        Ok(input)
    });
    let input = match built {
        Ok(input) => input,
        Err(why) => return Ended { failure: Some(Failure::usage(format!("--{why}"))) },
    };
    let take = |source: &Mutex<Option<Source>>| {
        source.lock().unwrap_or_else(PoisonError::into_inner).take()
    };
    let source = if worker.index() == 0 { take(source) } else { None };
    let Some(source) = source else { return Ended::default() };
    let bagger = bagger.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(bagger) = bagger else { return Ended::default() };
    let (documents, room) = (Table::default(), Room::default());
    let mut model = Model { arguments, input, probe, seen, documents, room, bagger };
    let file = arguments.model_file.as_deref();
    let live = &arguments.live;
    let setting = Setting { arguments: live, model: file, output: arguments.output, keeping: None };
    follow(worker, &mut model, source, setting)
}

impl Model<'_> {
    fn bag(&mut self, put: Put) -> Result<(String, Bag), Remark> {
        let bag = match (put.text, put.words) {
            (Some(text), None) => self.bagger.bag(&text),
            (None, Some(words)) => {
                let words = words.into_iter().filter(|(_, count)| *count > 0);
                let number =
                    |(word, count): (String, u32)| Some((self.bagger.number(&word)?, count));
                let mut bag: Bag = words.filter_map(number).collect();
                bag.sort_unstable();
                bag
            }
            _ => {
                let why = "expected either \"text\" or \"words\", found both or neither";
                return Err(Remark::Bad(why.into()));
            }
        };
        Ok((put.id, bag))
    }

    fn put(&mut self, put: Put) -> Result<(), Remark> {
        let (id, bag) = self.bag(put)?;
        let old = self.documents.get(&id).map_or(Room::default(), Room::of);
        let Some(room) = self.room.exchange(old, Room::of(&bag)) else {
            let why = "expected fewer than 2^32 tokens, and 2^30 lines of 16, in all; found more";
            return Err(Remark::Bad(why.into()));
        };
        self.room = room;
        if let Effect::Replaced(old) = self.documents.put(id.clone(), bag.clone()) {
            self.input.remove((id.clone(), old));
        }
        self.input.insert((id, bag));
        Ok(())
    }

    fn delete(&mut self, id: String) -> Result<(), Remark> {
        let Effect::Deleted(old) = self.documents.delete(&id) else {
            return Err(Remark::Idle(format!("there is no document {} to delete", quoted(&id))));
        };
        self.room = self.room.exchange(Room::of(&old), Room::default()).unwrap_or(self.room);
        self.input.remove((id, old));
        Ok(())
    }
}

impl Live for Model<'_> {
    type Put = Put;
    type Delete = Delete;

    fn apply(&mut self, change: Change<Put, Delete>) -> Result<(), Remark> {
        match change {
            Change::Put(put) => self.put(put),
            Change::Delete(Delete { id }) => self.delete(id),
        }
    }

    fn advance(&mut self, worker: &mut Worker) {
        self.seen.borrow_mut().begin();
        let next = self.input.time() + 1;
        self.input.advance_to(next);
        self.input.flush();
        let probe = &self.probe;
        worker.step_or_park_while(None, || probe.less_than(&next));
        self.seen.borrow_mut().settle();
    }

    fn figures(&mut self) -> Map<String, Value> {
        let seen = self.seen.borrow();
        let mut figures = Map::new();
        figures.insert("documents".into(), self.documents.len().into());
        figures.insert("tokens".into(), self.room.tokens.into());
        figures.insert("vocabulary".into(), self.bagger.vocabulary().len().into());
        figures.insert("log_likelihood_per_token".into(), json!(seen.likelihood()));
        figures.insert("rounds".into(), seen.sweeps.into());
        figures
    }

    fn deltas(&mut self) -> Vec<Map<String, Value>> {
        self.seen.borrow().deltas(self.bagger.vocabulary())
    }

    fn model(&self, summary: &Summary) -> ModelFile {
        let arguments = self.arguments;
        let options = arguments.words.options().unwrap_or_default();
        let mut metadata = Map::new();
        let members = [
            ("command", json!("lda")),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
            ("seed", json!(arguments.training.seed)),
            ("shards", json!(arguments.options().shards)),
            ("documents", json!(self.documents.len())),
            ("tokens", json!(self.room.tokens)),
            ("log_likelihood_per_token", json!(self.seen.borrow().likelihood())),
            ("epochs", json!(summary.epochs)),
            ("changes", json!(summary.changes)),
            ("options", arguments.remembered()),
            ("spelling", spelling(&options)),
        ];
        metadata.extend(members.map(|(name, value)| (name.to_owned(), value)));
        let mut file = ModelFile::new(metadata);
        let words = self.bagger.vocabulary();
        self.seen.borrow().model(words, &arguments.options()).put(&mut file);
        file
    }
}
