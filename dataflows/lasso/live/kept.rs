//! What a checkpoint of a live Lasso holds, and a model begun anew from it.

use differential_dataflow::input::InputSession;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strads::models::lasso::{Measure, Parameter, Row};
use timely::worker::Worker;

use super::{Flow, Model, build};
use crate::follow::{Kept, parsed};

impl Kept for Model<'_> {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn put_aside(&mut self, _worker: &mut Worker) {}

    fn head(&self) -> Value {
        let seen = self.seen.borrow();
        let coefficient = |(parameter, value): (&Parameter, &f64)| match parameter {
            Parameter::Intercept => (None, *value),
            Parameter::Column(column) => (Some(*column), *value),
        };
        let head = Head {
            columns: self.columns.names().to_vec(),
            model: seen.model.iter().map(coefficient).collect(),
            measure: bytemuck::cast::<Measure, [u64; WORDS]>(seen.measure).to_vec(),
        };
        // Names and finite numbers: nothing that JSON could not hold.
        json!(head)
    }

    fn records(&self) -> Box<dyn Iterator<Item = Value> + '_> {
        Box::new(self.rows.iter().map(|row| json!(row)))
    }

    fn restore(&mut self, head: Value, records: Vec<Value>) -> Result<(), String> {
        let Head { columns, model, measure } = parsed(head)?;
        for name in columns {
            self.columns.number(name);
        }
        let width = self.columns.names().len();
        let known = |column: Option<u32>| column.is_none_or(|column| (column as usize) < width);
        let mut seen = self.seen.borrow_mut();
        for (column, value) in model {
            if !known(column) || !value.is_finite() {
                return Err("a coefficient of no column".to_owned());
            }
            seen.model.insert(column.map_or(Parameter::Intercept, Parameter::Column), value);
        }
        let measure: [u64; WORDS] = measure.try_into().map_err(|_| "no measure")?;
        seen.measure = bytemuck::cast(measure);
        for record in records {
            let (id, row): (String, Row) = parsed(record)?;
            let row = Row::new(row.response(), row.entries().collect());
            let row = row.map_err(|error| error.to_string())?;
            if !row.entries().all(|(column, _)| known(Some(column))) {
                return Err("a row of columns without names".to_owned());
            }
            self.rows.put(id, row);
        }
        Ok(())
    }

    fn close(&mut self, worker: &mut Worker) {
        let Flow { rows, start, probe } = &mut self.flow;
        *start = None;
        // The last handle of an input closes it.
        drop(std::mem::replace(rows, InputSession::new()));
        worker.step_or_park_while(None, || !probe.done());
    }

    fn build(&mut self, worker: &mut Worker, _number: u64) -> Result<(), String> {
        self.flow = build(worker, self.arguments, &self.seen)?;
        Ok(())
    }

    fn refill(&mut self, _worker: &mut Worker) {
        for (id, row) in self.rows.iter() {
            self.flow.rows.insert((id.clone(), row.clone()));
        }
        for (parameter, value) in &self.seen.borrow().model {
            if let (Parameter::Column(column), Some(start)) = (parameter, &mut self.flow.start) {
                start.send((*column, *value));
            }
        }
        self.refilled = true;
    }
}

/// What a checkpoint has of a model beside its rows.
#[derive(Serialize, Deserialize)]
struct Head {
    columns: Vec<String>,
    /// Coefficients by column; the intercept without one.
    model: Vec<(Option<u32>, f64)>,
    measure: Vec<u64>,
}

/// The words of a measure.
const WORDS: usize = size_of::<Measure>() / size_of::<u64>();
