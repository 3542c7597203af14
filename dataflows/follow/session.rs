//! Feeding a model epoch by epoch, and saying what each did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};
use strads::feeds::{Change, Epoch, Feed, FeedError, Next, Options, Place, Position, Source};
use strads::report::{Exit, ModelFile};
use timely::worker::Worker;

use super::{Follow, Keeping, Kept};
use crate::Outcome;
use crate::failure::{Failure, say};
use crate::output::{Output, print};

/// How long a worker without work sleeps; the feed wakes it earlier.
const NAP: Duration = Duration::from_millis(100);

/// A model inside this worker's dataflow, and the data it is fed.
pub trait Live: Kept {
    /// What a `put` line holds.
    type Put: DeserializeOwned + Send + 'static;
    /// What a `del` line holds.
    type Delete: DeserializeOwned + Send + 'static;

    /// Whether a change that could be read makes sense, as far as that can be told of it alone; if
    /// not, why.
    fn judge(_change: &Change<Self::Put, Self::Delete>) -> Result<(), String> {
        Ok(())
    }

    /// Sends a change into the dataflow. A remark is one line about a change of no effect, or why
    /// it is no good.
    fn apply(&mut self, change: Change<Self::Put, Self::Delete>) -> Result<(), Remark>;

    /// Ends the epoch and runs the dataflow until its model is out.
    fn advance(&mut self, worker: &mut Worker);

    /// The figures of the model as it stands.
    fn figures(&mut self) -> Map<String, Value>;

    /// What changed in the last epoch: members `key`, `old`, `new`.
    fn deltas(&mut self) -> Vec<Map<String, Value>>;

    /// The model as a file.
    fn model(&self, summary: &Summary) -> ModelFile;
}

/// What is to be said of a change.
pub enum Remark {
    /// It had no effect, such as a delete of what is not there.
    Idle(String),
    /// It makes no sense.
    Bad(String),
}

/// A run so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Epochs that are done.
    pub epochs: u64,
    /// Changes that were applied.
    pub changes: u64,
}

/// How a live run ended; on processes without the feed, well.
#[derive(Debug, Default)]
pub struct Ended {
    /// Why it ended before its time.
    pub failure: Option<Failure>,
}

/// How a command ends whose workers ended so.
pub fn outcome(ended: Vec<Ended>) -> Outcome {
    match ended.into_iter().find_map(|ended| ended.failure) {
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

/// How a run is fed, and what becomes of it.
pub struct Setting<'a> {
    pub arguments: &'a Follow,
    /// Where the model goes.
    pub model: Option<&'a std::path::Path>,
    pub output: Output,
    /// Checkpoints.
    pub keeping: Option<Keeping>,
    /// Becomes true when the run is to end: [`end_with_feed`].
    pub ending: Arc<AtomicBool>,
}

/// Leaves the end of the run to the process that has the feed: a signal to all processes, as from
/// `strads launch` or a terminal, would otherwise end the others before it is done. Every process
/// calls this first. Gives what becomes true with the first signal: one that comes while processes
/// still connect, or a checkpoint is read, counts too.
///
/// # Errors
/// If the system refuses to tell of signals.
pub fn end_with_feed() -> Result<Arc<AtomicBool>, Failure> {
    let ending = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&ending)).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot wait for signals: {error}"))
        })?;
    }
    Ok(ending)
}

/// Reads the feed to its end, or until SIGINT or SIGTERM. For the worker that has the feed.
pub fn follow<L: Live>(
    worker: &mut Worker,
    live: &mut L,
    source: Source,
    setting: Setting<'_>,
) -> Ended {
    let (summary, position) = (Summary::default(), Position::default());
    let mut run = Run { live, setting, summary, position };
    Ended { failure: run.all(worker, source).err() }
}

struct Run<'a, L> {
    live: &'a mut L,
    setting: Setting<'a>,
    summary: Summary,
    /// How far the feed had been read when the last epoch was closed.
    position: Position,
}

impl<L: Live> Run<'_, L> {
    fn all(&mut self, worker: &mut Worker, source: Source) -> Result<(), Failure> {
        if let Some(keeping) = &mut self.setting.keeping {
            (self.summary, self.position) = keeping.restore(self.live)?;
            if self.position.end > 0 {
                let reached = source.reached(&self.position);
                self.setting.output.note(&format!("{source}: on from {reached}"));
            }
        }
        let quiet = self.setting.output.quiet;
        let note = move |line: String| {
            if !quiet {
                say(&line);
            }
        };
        let options = Options { from: self.position, ..self.setting.arguments.options() };
        let feed: Feed<L::Put, L::Delete> =
            Feed::start(source, options, std::thread::current(), note)?;
        let mut failed = None;
        loop {
            if self.setting.ending.load(Ordering::Relaxed) {
                feed.stop();
            }
            match feed.poll() {
                Ok(Next::Epoch(epoch)) => match self.judge(&epoch) {
                    Ok(()) => self.epoch(worker, epoch)?,
                    Err(failure) => {
                        failed = Some(failure);
                        break;
                    }
                },
                Ok(Next::Wait) => drop(worker.step_or_park(Some(NAP))),
                Ok(Next::End) => break,
                Err(error) => {
                    failed = Some(error.into());
                    break;
                }
            }
        }
        // What is committed is kept, whatever ended the feed; of an epoch with a mistake nothing is.
        self.save()?;
        if let Some(keeping) = &mut self.setting.keeping {
            keeping.finish(self.live, worker, (&self.summary, self.position));
        }
        failed.map_or(Ok(()), Err)
    }

    /// With `--strict`, an epoch's first mistake.
    fn judge(&self, epoch: &Epoch<L::Put, L::Delete>) -> Result<(), Failure> {
        if !self.setting.arguments.strict {
            return Ok(());
        }
        let mut changes = epoch.changes.iter();
        changes.try_for_each(|(place, change)| {
            L::judge(change).map_err(|why| Failure::input(format!("{place}:1: {why}")))
        })
    }

    fn epoch(
        &mut self,
        worker: &mut Worker,
        epoch: Epoch<L::Put, L::Delete>,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        if let Some(keeping) = &mut self.setting.keeping {
            keeping.begin(self.live, worker)?;
        }
        let (mut applied, mut skipped) = (0_u64, epoch.skipped);
        for (place, change) in epoch.changes {
            match self.live.apply(change) {
                Ok(()) => applied += 1,
                Err(remark) => {
                    skipped += 1;
                    self.remark(&place, remark)?;
                }
            }
        }
        self.live.advance(worker);
        let seconds = started.elapsed().as_secs_f64();
        let mut line = Map::new();
        line.insert("epoch".into(), self.summary.epochs.into());
        line.insert("changes".into(), applied.into());
        line.insert("skipped".into(), skipped.into());
        line.extend(self.live.figures());
        line.insert("seconds".into(), json!(seconds));
        let mut text = format!("{}\n", Value::from(line));
        let deltas = if self.setting.arguments.deltas { self.live.deltas() } else { Vec::new() };
        for mut delta in deltas {
            delta.insert("epoch".into(), self.summary.epochs.into());
            text.push_str(&format!("{}\n", Value::from(delta)));
        }
        print(&text)?;
        self.summary.epochs += 1;
        self.summary.changes += applied;
        self.position = epoch.position;
        if let Some(keeping) = &mut self.setting.keeping {
            keeping.end(self.live, worker, (&self.summary, self.position));
        }
        match self.setting.arguments.model_every {
            Some(every) if self.summary.epochs.is_multiple_of(every.max(1)) => self.save(),
            _ => Ok(()),
        }
    }

    fn remark(&self, place: &Place, remark: Remark) -> Result<(), Failure> {
        match remark {
            Remark::Bad(why) if self.setting.arguments.strict => {
                Err(Failure::input(format!("{place}:1: {why}")))
            }
            Remark::Bad(why) => {
                self.setting.output.note(&format!("{place}:1: {why}; skipped"));
                Ok(())
            }
            Remark::Idle(why) => {
                self.setting.output.note(&format!("{place}: {why}"));
                Ok(())
            }
        }
    }

    fn save(&self) -> Result<(), Failure> {
        match self.setting.model {
            Some(path) => Ok(self.live.model(&self.summary).save(path)?),
            None => Ok(()),
        }
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Usage(_) => Failure::usage(error),
            FeedError::Other { .. } => Failure::model(error),
            FeedError::Unreachable { .. } => Failure::new(Exit::Peer, error),
            _ => Failure::input(error),
        }
    }
}
