//! What a checkpoint of live topics holds, and topics begun anew from it.
//!
//! The topic of every token is the whole state: they are asked for in an epoch without changes before
//! a checkpoint. Setting out anew lays all counts out again, and draws nothing.

use std::collections::BTreeMap;

use differential_dataflow::input::InputSession;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strads::models::lda::{Aside, Bag, Measure, TokenTopics};
use timely::dataflow::InputHandleVec;
use timely::worker::Worker;

use super::{Flow, Model, Room, build};
use crate::follow::{Kept, parsed};

impl Kept for Model<'_> {
    fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    fn put_aside(&mut self, worker: &mut Worker) {
        let (measure, sweeps) = {
            let seen = self.seen.borrow();
            (seen.measure, seen.sweeps)
        };
        self.flow.asides.send(Aside::Tell);
        self.flow.advance(worker);
        // Nothing has changed.
        let mut seen = self.seen.borrow_mut();
        (seen.measure, seen.sweeps) = (measure, sweeps);
    }

    fn head(&self) -> Value {
        let seen = self.seen.borrow();
        let words = self.bagger.vocabulary();
        // Words and numbers: nothing that JSON could not hold.
        json!(Head {
            words: (0..words.len()).filter_map(|at| words.get(at)).map(str::to_owned).collect(),
            measure: bytemuck::cast::<Measure, [u64; WORDS]>(seen.measure).to_vec(),
            owed: seen.owed(),
        })
    }

    fn records(&self) -> Box<dyn Iterator<Item = Value> + '_> {
        let seen = self.seen.borrow();
        let records: Vec<Value> = seen.tokens().iter().map(|document| json!(document)).collect();
        Box::new(records.into_iter())
    }

    fn restore(&mut self, head: Value, records: Vec<Value>) -> Result<(), String> {
        let Head { words, measure, owed } = parsed(head)?;
        for (at, word) in (0..).zip(&words) {
            if self.bagger.number(word) != Some(at) {
                return Err(format!("a word out of place: {word:?}"));
            }
        }
        let measure: [u64; WORDS] = measure.try_into().map_err(|_| "no measure")?;
        if !(0.0..1.0).contains(&owed) {
            return Err(format!("{owed} of a sweep is owed"));
        }
        self.seen.borrow_mut().restore(bytemuck::cast(measure), owed);
        records.into_iter().try_for_each(|record| {
            let (name, tokens) = parsed(record)?;
            self.restore_document(name, tokens)
        })
    }

    fn close(&mut self, worker: &mut Worker) {
        let Flow { documents, asides, probe } = &mut self.flow;
        // The last handle of an input closes it.
        drop(std::mem::replace(documents, InputSession::new()));
        drop(std::mem::replace(asides, InputHandleVec::new()));
        worker.step_or_park_while(None, || !probe.done());
    }

    fn build(&mut self, worker: &mut Worker, number: u64) -> Result<(), String> {
        self.flow = build(worker, self.arguments, &self.seen, number)?;
        Ok(())
    }

    fn refill(&mut self, worker: &mut Worker) {
        let (tokens, owed) = {
            let mut seen = self.seen.borrow_mut();
            (seen.take_tokens(), seen.owed())
        };
        for document in self.documents.iter() {
            self.flow.documents.insert((document.0.clone(), document.1.clone()));
        }
        let asides = &mut self.flow.asides;
        asides.send(Aside::Words(self.bagger.vocabulary().len()));
        if self.documents.is_empty() {
            return;
        }
        asides.send(Aside::Owed(owed));
        tokens.into_iter().for_each(|(name, tokens)| asides.send(Aside::Begin(name, tokens)));
        self.flow.advance(worker);
        // The model that comes out is the one that went in.
        self.seen.borrow_mut().begin();
    }
}

impl Model<'_> {
    fn restore_document(&mut self, name: String, tokens: TokenTopics) -> Result<(), String> {
        let (words, topics) = (self.bagger.vocabulary().len(), self.arguments.model.topics);
        let known = |&(word, topic, count): &(u32, u16, u32)| {
            (word as usize) < words && usize::from(topic) < topics && count > 0
        };
        if !tokens.iter().all(known) {
            return Err("tokens without words or topics".to_owned());
        }
        let mut bag = BTreeMap::<u32, u64>::new();
        for &(word, _, count) in &tokens {
            *bag.entry(word).or_default() += u64::from(count);
        }
        let bag: Option<Bag> =
            bag.into_iter().map(|(word, count)| Some((word, count.try_into().ok()?))).collect();
        let bag = bag.ok_or("more tokens of a word than there can be")?;
        let room = self.room.exchange(Room::default(), Room::of(&bag));
        self.room = room.ok_or("more tokens than there can be")?;
        self.documents.put(name.clone(), bag);
        self.seen.borrow_mut().put(name, tokens);
        Ok(())
    }
}

/// What a checkpoint has beside documents.
#[derive(Serialize, Deserialize)]
struct Head {
    words: Vec<String>,
    measure: Vec<u64>,
    owed: f64,
}

/// The words of a measure.
const WORDS: usize = size_of::<Measure>() / size_of::<u64>();
