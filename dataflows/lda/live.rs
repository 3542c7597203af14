//! `strads lda` on documents that keep changing: a feed into live topics.

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
use strads::formats::{Bagger, CorpusOptions};
use strads::models::lda::{Aside, Bag, TopicsOf};
use strads::report::ModelFile;
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandleVec, ProbeHandle};
use timely::worker::Worker;

use super::arguments::Arguments;
use super::room::Room;
use super::seen::Seen;
use crate::Outcome;
use crate::corpus::spelling;
use crate::failure::Failure;
use crate::follow::{Asked, Ended, Fed, Live, Remark, Summary, name, outcome, quoted, refuse};

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
    let (fed, digest) = (asked(arguments).fed(speaks)?, asked(arguments).digest());
    let (own, words) = (arguments.clone(), arguments.words.options()?);
    let ended = execute(&arguments.cluster, digest.as_bytes(), move |worker| {
        work(worker, &own, &fed, &words)
    })?;
    outcome(ended)
}

fn asked(arguments: &Arguments) -> Asked<'_> {
    Asked {
        command: "lda --follow",
        live: &arguments.live,
        data: &arguments.data,
        cluster: &arguments.cluster,
        checkpoints: &arguments.checkpoints,
        shards: arguments.options().shards,
        seed: arguments.training.seed,
        remembered: arguments.remembered(),
        model: arguments.model_file.as_deref(),
        output: arguments.output,
    }
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
    ];
    refuse(&given)
}

/// A dataflow, and what goes into it.
struct Flow {
    documents: InputSession<u64, (String, Bag), isize>,
    asides: InputHandleVec<u64, Aside<String>>,
    probe: ProbeHandle<u64>,
}

/// The live model of this worker.
struct Model<'a> {
    arguments: &'a Arguments,
    flow: Flow,
    seen: Rc<RefCell<Seen>>,
    documents: Table<String, Bag>,
    room: Room,
    bagger: Bagger,
}

fn work(
    worker: &mut Worker,
    arguments: &Arguments,
    fed: &Mutex<Option<Fed>>,
    words: &CorpusOptions,
) -> Ended {
    let seen = Rc::new(RefCell::new(Seen::new(arguments.live_options(0).upkeep)));
    let build = |worker: &mut Worker, number| build(worker, arguments, &seen, number);
    asked(arguments).work(worker, fed, build, |flow| {
        let (documents, room) = (Table::default(), Room::default());
        let bagger = Bagger::new(words.clone());
        Model { arguments, flow, seen: Rc::clone(&seen), documents, room, bagger }
    })
}

fn build(
    worker: &mut Worker,
    arguments: &Arguments,
    seen: &Rc<RefCell<Seen>>,
    number: u64,
) -> Result<Flow, String> {
    let probe = ProbeHandle::new();
    let (counted, told, swept) = (Rc::clone(seen), Rc::clone(seen), Rc::clone(seen));
    let mut asides = InputHandleVec::new();
    let documents = worker.dataflow::<u64, _, _>(|scope| -> Result<_, String> {
        let (input, documents) = scope.new_collection::<(String, Bag), isize>();
        let said = scope.input_from(&mut asides);
        let topics = documents.topics_with(Some(said), arguments.live_options(number))?;
        let counts = topics.counts.inner.exchange(|_| 0);
        counts
            .inspect(move |((place, count), _, diff)| {
                counted.borrow_mut().change(*place, *count, *diff);
            })
            .probe_with(&probe);
        let tokens = topics.tokens.exchange(|_| 0);
        tokens
            .inspect(move |(name, tokens)| told.borrow_mut().tell(name, tokens))
            .probe_with(&probe);
        topics.sweeps.inspect(move |point| swept.borrow_mut().sweep(point)).probe_with(&probe);
        Ok(input)
    })?;
    Ok(Flow { documents, asides, probe })
}

impl Flow {
    /// Ends an epoch and waits until it is out.
    fn advance(&mut self, worker: &mut Worker) {
        let next = self.documents.time() + 1;
        self.documents.advance_to(next);
        self.documents.flush();
        self.asides.advance_to(next);
        worker.step_or_park_while(None, || self.probe.less_than(&next));
    }
}

/// A document's text, or its words; if there is neither or both, why that is no good.
fn content(put: &Put) -> Result<(), String> {
    match (&put.text, &put.words) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        _ => Err("expected either \"text\" or \"words\", found both or neither".into()),
    }
}

impl Model<'_> {
    fn bag(&mut self, put: Put) -> (String, Bag) {
        let Put { id, text, words } = put;
        let mut bag = text.map_or_else(Bag::new, |text| self.bagger.bag(&text));
        let words = words.into_iter().flatten().filter(|(_, count)| *count > 0);
        let number = |(word, count): (String, u32)| Some((self.bagger.number(&word)?, count));
        bag.extend(words.filter_map(number));
        bag.sort_unstable();
        (id, bag)
    }

    fn put(&mut self, put: Put) -> Result<(), Remark> {
        content(&put).map_err(Remark::Bad)?;
        let (id, bag) = self.bag(put);
        let old = self.documents.get(&id).map_or(Room::default(), Room::of);
        let Some(room) = self.room.exchange(old, Room::of(&bag)) else {
            let why = "expected fewer than 2^32 tokens, and 2^30 lines of 16, in all; found more";
            return Err(Remark::Bad(why.into()));
        };
        self.room = room;
        if let Effect::Replaced(old) = self.documents.put(id.clone(), bag.clone()) {
            self.flow.documents.remove((id.clone(), old));
        }
        self.flow.documents.insert((id, bag));
        Ok(())
    }

    fn delete(&mut self, id: String) -> Result<(), Remark> {
        let Effect::Deleted(old) = self.documents.delete(&id) else {
            return Err(Remark::Idle(format!("there is no document {} to delete", quoted(&id))));
        };
        self.room = self.room.exchange(Room::of(&old), Room::default()).unwrap_or(self.room);
        self.flow.documents.remove((id, old));
        Ok(())
    }
}

impl Live for Model<'_> {
    type Put = Put;
    type Delete = Delete;

    fn judge(change: &Change<Put, Delete>) -> Result<(), String> {
        match change {
            Change::Put(put) => content(put),
            Change::Delete(_) => Ok(()),
        }
    }

    fn apply(&mut self, change: Change<Put, Delete>) -> Result<(), Remark> {
        match change {
            Change::Put(put) => self.put(put),
            Change::Delete(Delete { id }) => self.delete(id),
        }
    }

    fn advance(&mut self, worker: &mut Worker) {
        self.seen.borrow_mut().begin();
        self.flow.advance(worker);
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
