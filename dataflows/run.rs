//! What the commands that train share: the journal of a run, and what every result has.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use strads::cluster::Flags;
use strads::operators::Placement;
use strads::report::{Exit, Progress, RunLog, peak_resident_bytes};

use crate::Outcome;
use crate::failure::{Failure, say};

/// The most shards: far above any sensible use.
const MOST_SHARDS: usize = 1 << 16;

/// What is done with the points that are measured on the way: a line on a terminal, a line in the
/// log.
pub struct Journal {
    progress: Progress,
    started: OnceLock<Instant>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    log: Option<RunLog>,
    broken: Option<String>,
    /// The last point, not written yet: it may be the one that says more.
    last: Option<Value>,
}

impl Log {
    /// Writes the last point down.
    fn write_last(&mut self) {
        let last = self.last.take();
        let written = self.log.as_mut().zip(last).map(|(log, record)| log.write(&record));
        if let Some(Err(error)) = written {
            // The model is worth more than its log: training goes on.
            say(&error.to_string());
            *self = Log { broken: Some(error.to_string()), ..Log::default() };
        }
    }
}

impl Journal {
    /// Opens the log, on the process that writes.
    pub fn new(log: Option<&Path>, quiet: bool, writes: bool) -> Result<Self, Failure> {
        let log = log.filter(|_| writes).map(RunLog::create).transpose()?;
        Ok(Journal {
            progress: Progress::spinner(quiet || !writes),
            started: OnceLock::new(),
            log: Mutex::new(Log { log, ..Log::default() }),
        })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Training begins.
    pub fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    /// Seconds since training began.
    pub fn seconds(&self) -> f64 {
        self.started.get().map_or(0.0, |started| started.elapsed().as_secs_f64())
    }

    /// Says where training is, and writes the point down as soon as another one, or the end, comes.
    pub fn point(&self, message: &str, record: &Value) {
        self.progress.message(message);
        let mut log = self.log();
        log.write_last();
        log.last = Some(record.clone());
    }

    /// Training is over.
    pub fn finish(&self) {
        self.progress.finish();
        self.log().write_last();
    }

    /// Training is over, and there is more to say of the last point.
    pub fn finish_with(&self, name: &str, value: Value) {
        if let Some(record) = self.log().last.as_mut().and_then(Value::as_object_mut) {
            record.insert(name.into(), value);
        }
        self.finish();
    }

    /// How a command ends whose result has been written: not well if the log is not whole, and not
    /// quite if `unfinished` says why the result is not the one that was asked for.
    pub fn end(&self, unfinished: Option<&str>) -> Outcome {
        if let Some(message) = self.log().broken.take() {
            return Err(Failure::new(Exit::Failed, message));
        }
        unfinished.map_or(Ok(Exit::Done), |why| {
            say(why);
            Ok(Exit::NotConverged)
        })
    }
}

/// The first fields of every result.
pub fn head(
    command: &str,
    seed: u64,
    cluster: &Flags,
    shards: Option<usize>,
) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("command".into(), command.into());
    value.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    value.insert("seed".into(), seed.into());
    value.insert("shards".into(), placement(cluster, shards).shards().into());
    value.insert("workers".into(), cluster.workers().into());
    value.insert("processes".into(), cluster.processes.into());
    value
}

/// Puts in how long loading, training and writing took, and how much memory was needed.
pub fn put_seconds(value: &mut Value, [load, train, write]: [f64; 3]) {
    value["seconds"] = json!({ "load": load, "train": train, "write": write });
    value["peak_bytes"] = json!(peak_resident_bytes());
}

/// Where the shards live: one a worker unless asked otherwise.
pub fn placement(cluster: &Flags, shards: Option<usize>) -> Placement {
    let workers = cluster.workers();
    Placement::new(shards.unwrap_or(workers), workers)
}

/// Refuses a number of shards that makes no sense.
pub fn check_shards(shards: Option<usize>) -> Result<(), Failure> {
    shards.map_or(Ok(()), |shards| {
        let range = format!("1 to {MOST_SHARDS}");
        expect((1..=MOST_SHARDS).contains(&shards), "--shards", &range, shards)
    })
}

/// Refuses a value of an option.
pub fn expect(holds: bool, option: &str, range: &str, found: impl ToString) -> Result<(), Failure> {
    match holds {
        true => Ok(()),
        false => {
            let found = found.to_string();
            Err(Failure::usage(format!("{option}: expected {range}, found {found}")))
        }
    }
}

/// The name of a value on the command line.
pub trait Named {
    /// The name.
    fn name(&self) -> String;
}

impl<V: ValueEnum> Named for V {
    fn name(&self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
