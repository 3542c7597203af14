//! Checkpoints of live runs: all that the worker with the feed knows, and how far the feed was read.
//!
//! ```text
//! part of a shard: a line of JSON a record, every so many-th of all; before them, in that of shard
//!                  0, the model
//! ```
//!
//! At a checkpoint a run sets out anew: its next epoch begins a dataflow of its own, into which all
//! there is goes first, and the model to start from. That is how a run that goes on begins too, so
//! that both do the same from there.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strads::checkpoint::{Keeper, Progress};
use strads::feeds::Position;
use timely::worker::Worker;

use super::legs::Legs;
use super::session::Summary;
use crate::failure::Failure;

/// A live model that can be put aside, and begun anew from what was put aside.
pub trait Kept {
    /// Whether there are no data.
    fn is_empty(&self) -> bool;

    /// Gets ready for [`Kept::head`] and [`Kept::records`]: an epoch has ended.
    fn put_aside(&mut self, worker: &mut Worker);

    /// The model and its figures, and what is known beside the data.
    fn head(&self) -> Value;

    /// The data, piece by piece, in an order that depends on them alone.
    fn records(&self) -> Box<dyn Iterator<Item = Value> + '_>;

    /// Takes back what [`Kept::head`] and [`Kept::records`] gave, or says what is wrong with it.
    fn restore(&mut self, head: Value, records: Vec<Value>) -> Result<(), String>;

    /// Lets the dataflow come to its end.
    fn close(&mut self, worker: &mut Worker);

    /// Builds another, of this number, as all workers do: 0 if there are no data to begin with, else
    /// that of the next checkpoint.
    fn build(&mut self, worker: &mut Worker, number: u64) -> Result<(), String>;

    /// Puts all there is into a dataflow that has seen nothing yet.
    fn refill(&mut self, worker: &mut Worker);
}

/// What was stored as JSON.
pub fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Checkpoints, on the worker with the feed.
pub struct Keeping {
    keeper: Arc<Keeper>,
    legs: Legs,
    shards: usize,
    number: u64,
    /// Epochs since the last checkpoint.
    since: u64,
    /// Whether the next epoch begins another dataflow.
    anew: bool,
}

/// What a manifest notes.
#[derive(Serialize, Deserialize)]
struct Notes {
    feed: Position,
    changes: u64,
}

impl Keeping {
    /// Before the first epoch.
    pub fn new(keeper: Arc<Keeper>, legs: Legs, shards: usize) -> Keeping {
        let number = keeper.next_number();
        Keeping { keeper, legs, shards, number, since: 0, anew: false }
    }

    /// Takes back what the checkpoint has, if there is one; gives how far the run had come.
    pub fn restore(&mut self, live: &mut dyn Kept) -> Result<(Summary, Position), Failure> {
        let keeper = Arc::clone(&self.keeper);
        let Some(from) = keeper.from() else { return Ok(Default::default()) };
        let strange = |why: &dyn std::fmt::Display| {
            let directory = keeper.directory().display();
            Failure::model(format!("checkpoint {directory}: makes no sense: {why}"))
        };
        let notes: Notes =
            serde_json::from_value(from.manifest.notes.clone()).map_err(|error| strange(&error))?;
        let mut parts = Vec::new();
        for shard in 0..from.manifest.identity.shards {
            let state = from.state(shard)?;
            let lines: Result<Vec<Value>, _> =
                serde_json::Deserializer::from_slice(&state).into_iter().collect();
            parts.push(lines.map_err(|error| strange(&error))?.into_iter());
        }
        let head = parts.first_mut().and_then(Iterator::next).unwrap_or_default();
        let mut records = Vec::new();
        // Records were dealt out in turn.
        'dealt: loop {
            for part in &mut parts {
                match part.next() {
                    Some(record) => records.push(record),
                    None => break 'dealt,
                }
            }
        }
        live.restore(head, records).map_err(|why| strange(&why))?;
        self.anew = true;
        let epochs = from.manifest.progress.epoch;
        Ok((Summary { epochs, changes: notes.changes }, notes.feed))
    }

    /// An epoch is about to begin.
    pub fn begin(&mut self, live: &mut dyn Kept, worker: &mut Worker) -> Result<(), Failure> {
        if std::mem::take(&mut self.anew) {
            live.close(worker);
            // Without data a model is trained as if it were the first.
            let number = if live.is_empty() { 0 } else { self.number };
            self.legs.another(number);
            let built = live.build(worker, number);
            built.map_err(|why| Failure::usage(format!("--{why}")))?;
            live.refill(worker);
        }
        Ok(())
    }

    /// An epoch is over, after which the feed had been read up to here.
    pub fn end(
        &mut self,
        live: &mut dyn Kept,
        worker: &mut Worker,
        (summary, feed): (&Summary, Position),
    ) {
        self.since += 1;
        if self.since >= self.keeper.every() {
            live.put_aside(worker);
            self.save(live, summary, feed);
        }
    }

    /// The run is over.
    pub fn finish(
        &mut self,
        live: &mut dyn Kept,
        worker: &mut Worker,
        (summary, feed): (&Summary, Position),
    ) {
        if self.since > 0 {
            live.put_aside(worker);
            self.save(live, summary, feed);
        }
    }

    fn save(&mut self, live: &dyn Kept, summary: &Summary, feed: Position) {
        let mut parts = vec![Vec::new(); self.shards];
        let line = |part: &mut Vec<u8>, value: &Value| {
            part.extend(value.to_string().into_bytes());
            part.push(b'\n');
        };
        line(&mut parts[0], &live.head());
        for (at, record) in live.records().enumerate() {
            line(&mut parts[at % self.shards], &record);
        }
        for (shard, part) in parts.into_iter().enumerate() {
            self.keeper.part(self.number, shard, part);
        }
        let progress = Progress { epoch: summary.epochs, round: 0 };
        let notes = Notes { feed, changes: summary.changes };
        // Numbers: nothing that JSON could not hold.
        let notes = serde_json::to_value(notes).unwrap_or_default();
        self.keeper.complete(self.number, progress, notes);
        self.number += 1;
        (self.since, self.anew) = (0, true);
    }
}
