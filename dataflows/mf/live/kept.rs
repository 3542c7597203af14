//! What a checkpoint of a live factorisation holds, and one begun anew from it.
//!
//! The model is taken as it lies, to the bit, with what its repairs owe: setting out anew solves for
//! nothing, but takes in and measures all ratings.

use differential_dataflow::input::InputSession;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strads::models::mf::ccd::{Factors, Measure, Rating, Start};
use timely::worker::Worker;

use super::{Flow, Model, build};
use crate::follow::{Kept, parsed};

/// Ratings in a record.
const RATINGS: usize = 256;

impl Kept for Model<'_> {
    fn is_empty(&self) -> bool {
        self.ratings.is_empty()
    }

    fn put_aside(&mut self, _worker: &mut Worker) {}

    fn head(&self) -> Value {
        let seen = self.seen.borrow();
        // Names and numbers: nothing that JSON could not hold.
        json!(Head {
            users: self.users.names().to_vec(),
            items: self.items.names().to_vec(),
            measure: bytemuck::cast::<Measure, [u64; WORDS]>(seen.measure).to_vec(),
        })
    }

    fn records(&self) -> Box<dyn Iterator<Item = Value> + '_> {
        let rows = self.seen.borrow().rows.all().map(|row| json!(Record::of(&row))).collect();
        let ratings: Vec<&Rating> = self.ratings.iter().map(|(_, rating)| rating).collect();
        let runs = ratings.chunks(RATINGS).map(|run| json!(Record::ratings(run))).collect();
        let (rows, runs): (Vec<Value>, Vec<Value>) = (rows, runs);
        Box::new(rows.into_iter().chain(runs))
    }

    fn restore(&mut self, head: Value, records: Vec<Value>) -> Result<(), String> {
        let Head { users, items, measure } = parsed(head)?;
        for (names, numbers) in [(users, &mut self.users), (items, &mut self.items)] {
            names.into_iter().for_each(|name| _ = numbers.number(name));
        }
        let measure: [u64; WORDS] = measure.try_into().map_err(|_| "no measure")?;
        self.seen.borrow_mut().measure = bytemuck::cast(measure);
        records.into_iter().try_for_each(|record| self.restore_record(parsed(record)?))
    }

    fn close(&mut self, worker: &mut Worker) {
        let Flow { ratings, start, probe } = &mut self.flow;
        *start = None;
        // The last handle of an input closes it.
        drop(std::mem::replace(ratings, InputSession::new()));
        worker.step_or_park_while(None, || !probe.done());
    }

    fn build(&mut self, worker: &mut Worker, number: u64) -> Result<(), String> {
        self.flow = build(worker, self.arguments, &self.seen, number)?;
        Ok(())
    }

    fn refill(&mut self, worker: &mut Worker) {
        if self.is_empty() {
            return;
        }
        self.ratings.iter().for_each(|(_, rating)| self.flow.ratings.insert(*rating));
        if let Some(start) = &mut self.flow.start {
            let seen = self.seen.borrow();
            seen.rows.all().for_each(|row| start.send(Start::Row(row)));
            start.send(Start::Owed(seen.measure.owed));
        }
        self.flow.advance(worker);
        // The model that comes out is the one that went in.
        self.seen.borrow_mut().rows.begin();
    }
}

impl Model<'_> {
    fn restore_record(&mut self, record: Record) -> Result<(), String> {
        let known = [self.users.names().len(), self.items.names().len()];
        let named = |item: bool, id: u32| (id as usize) < known[usize::from(item)];
        match record {
            Record::Row { item, id, bias, factors } => {
                let factors = factors.into_iter().map(|bits| f32::from_bits(bits).into()).collect();
                let row = Factors { item, id, bias: f32::from_bits(bias).into(), factors };
                let finite = row.factors.iter().chain([&row.bias]).all(|value| value.is_finite());
                if !finite || !named(item, id) || row.factors.len() != self.arguments.model.rank {
                    return Err("factors of nobody".to_owned());
                }
                self.seen.borrow_mut().rows.put(&row);
            }
            Record::Ratings(ratings) => {
                for (user, item, value) in ratings {
                    let rating = Rating::new(user, item, f32::from_bits(value));
                    let rating = rating.map_err(|error| error.to_string())?;
                    if !named(false, user) || !named(true, item) {
                        return Err("a rating of nobody".to_owned());
                    }
                    self.ratings.put((user, item), rating);
                }
            }
        }
        Ok(())
    }
}

/// What a checkpoint has beside rows and ratings.
#[derive(Serialize, Deserialize)]
struct Head {
    users: Vec<String>,
    items: Vec<String>,
    measure: Vec<u64>,
}

/// A piece of a checkpoint. Numbers are stored as their bits.
#[derive(Serialize, Deserialize)]
enum Record {
    Row {
        item: bool,
        id: u32,
        bias: u32,
        factors: Vec<u32>,
    },
    /// User, item and rating.
    Ratings(Vec<(u32, u32, u32)>),
}

impl Record {
    fn of(row: &Factors) -> Record {
        let factors = row.factors.iter().map(|factor| factor.to_bits()).collect();
        Record::Row { item: row.item, id: row.id, bias: row.bias.to_bits(), factors }
    }

    fn ratings(ratings: &[&Rating]) -> Record {
        let one = |rating: &&Rating| (rating.user(), rating.item(), rating.value().to_bits());
        Record::Ratings(ratings.iter().map(one).collect())
    }
}

/// The words of a measure.
const WORDS: usize = size_of::<Measure>() / size_of::<u64>();
