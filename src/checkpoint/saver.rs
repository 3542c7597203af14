//! The thread that writes checkpoints while the run goes on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use serde_json::Value;

use super::{CheckpointError, Manifest, Part, Progress, Settings, Store};
use crate::cluster::fail;

/// How often to look for parts that other processes write.
const POLL: Duration = Duration::from_millis(10);

/// How long to wait for them: processes come to a checkpoint together, but disks differ. And how long
/// when the run is over.
const PATIENCE: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(10)];

/// What the thread is asked to do.
enum Job {
    /// Write the state of a shard.
    Part { number: u64, shard: usize, state: Vec<u8> },
    /// Complete a checkpoint when all its parts are there.
    Complete { number: u64, progress: Progress, notes: Value },
}

/// Writes the checkpoints of a process, one after the other, on a thread of its own. Dropping it
/// waits until they are written.
#[derive(Debug)]
pub(super) struct Saver {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// Starts the thread. About one checkpoint may wait to be written; whoever comes with another
    /// then waits too. `note` hears what is wrong, in one line each; if checkpoints are required,
    /// that ends the process instead.
    pub(super) fn start(
        store: Store,
        settings: Settings,
        note: impl Fn(String) + Send + 'static,
    ) -> io::Result<Saver> {
        let (to, jobs) = sync_channel(store.identity().shards.max(1));
        let writing = Writing { store, settings, note, jobs, waiting: VecDeque::new() };
        let thread =
            thread::Builder::new().name("strads:checkpoint".into()).spawn(|| writing.run())?;
        Ok(Saver { jobs: Some(to), thread: Some(thread) })
    }

    /// Has the state of a shard written.
    pub(super) fn part(&self, number: u64, shard: usize, state: Vec<u8>) {
        self.send(Job::Part { number, shard, state });
    }

    /// Has a checkpoint completed.
    pub(super) fn complete(&self, number: u64, progress: Progress, notes: Value) {
        self.send(Job::Complete { number, progress, notes });
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs
            && jobs.send(job).is_err()
        {
            fail::stop(fail::FAILED, "the thread that writes checkpoints has ended");
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It panics no more than it returns something.
            drop(thread.join());
        }
    }
}

/// What the thread has.
struct Writing<N> {
    store: Store,
    settings: Settings,
    note: N,
    jobs: Receiver<Job>,
    /// By ascending number.
    waiting: VecDeque<Waiting>,
}

/// A checkpoint that is to be completed.
struct Waiting {
    manifest: Manifest,
    /// The parts that are there.
    parts: BTreeMap<usize, Part>,
    since: Instant,
}

impl<N: Fn(String)> Writing<N> {
    fn run(mut self) {
        let mut open = true;
        while open || !self.waiting.is_empty() {
            match self.next(open) {
                Ok(Job::Part { number, shard, state }) => self.write(number, shard, &state),
                Ok(Job::Complete { number, progress, notes }) => {
                    self.begin(number, progress, notes)
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
            self.look(PATIENCE[usize::from(!open)]);
        }
    }

    fn next(&self, open: bool) -> Result<Job, RecvTimeoutError> {
        match (self.waiting.is_empty(), open) {
            (true, _) => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (false, true) => self.jobs.recv_timeout(POLL),
            (false, false) => {
                thread::sleep(POLL);
                Err(RecvTimeoutError::Timeout)
            }
        }
    }

    fn write(&self, number: u64, shard: usize, state: &[u8]) {
        if let Err(error) = self.store.write(number, shard, state) {
            self.fail(&error);
        }
    }

    fn begin(&mut self, number: u64, progress: Progress, notes: Value) {
        let identity = self.store.identity().clone();
        let manifest = Manifest { number, identity, progress, parts: Vec::new(), notes };
        let parts = BTreeMap::new();
        self.waiting.push_back(Waiting { manifest, parts, since: Instant::now() });
    }

    /// Completes checkpoints all of whose parts are there; gives up those that others did not write.
    fn look(&mut self, patience: Duration) {
        let mut still = VecDeque::new();
        while let Some(mut it) = self.waiting.pop_front() {
            self.gather(&mut it);
            if it.parts.len() == it.manifest.identity.shards {
                // Older ones are of no use any more.
                still.clear();
                it.manifest.parts = mem::take(&mut it.parts).into_values().collect();
                match self.store.complete(&it.manifest) {
                    Ok(()) => self.announce(&it.manifest),
                    Err(error) => self.fail(&error),
                }
            } else if it.since.elapsed() > patience {
                self.give_up(&it);
            } else {
                still.push_back(it);
            }
        }
        self.waiting = still;
    }

    /// Looks for the parts that are missing.
    fn gather(&self, waiting: &mut Waiting) {
        let (number, shards) = (waiting.manifest.number, waiting.manifest.identity.shards);
        for shard in 0..shards {
            if let Entry::Vacant(place) = waiting.parts.entry(shard) {
                let Some(part) = self.store.part(number, shard) else { break };
                place.insert(part);
            }
        }
    }

    fn announce(&self, manifest: &Manifest) {
        if self.settings.announces {
            let (number, epoch) = (manifest.number, manifest.progress.epoch);
            let line = manifest.notes["feed"]["line"].as_u64();
            let line = line.map(|line| format!(", line {line} of the feed")).unwrap_or_default();
            (self.note)(format!("checkpoint {number} is complete: epoch {epoch}{line}"));
        }
    }

    fn give_up(&self, waiting: &Waiting) {
        let (number, shards) = (waiting.manifest.number, waiting.manifest.identity.shards);
        let missing = (0..shards).find(|shard| !waiting.parts.contains_key(shard));
        let missing = missing.unwrap_or_default();
        self.say(format!("checkpoint {number} is not complete: shard {missing} has no part"));
    }

    fn fail(&self, error: &CheckpointError) {
        self.say(error.to_string());
    }

    fn say(&self, what: String) {
        if self.settings.required {
            fail::stop(fail::FAILED, what);
        }
        (self.note)(format!("{what}; going on, with the checkpoint before"));
    }
}
