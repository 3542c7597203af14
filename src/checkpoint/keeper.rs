//! A run that keeps checkpoints.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::saver::Saver;
use super::{Checkpoint, CheckpointError, Progress, Store};

/// How a run keeps checkpoints.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// After how many rounds, sweeps or epochs there is a checkpoint; at least 1.
    pub every: u64,
    /// Whether the run goes on from the newest checkpoint there is, rather than from the start.
    pub resume: bool,
    /// Whether the run ends if a checkpoint cannot be written.
    pub required: bool,
    /// Whether this is the process that completes checkpoints.
    pub completes: bool,
    /// Whether there is word of each checkpoint that is complete.
    pub announces: bool,
}

/// What a run that keeps checkpoints has of them: the one to go on from, and where to put the next.
/// Each process of a run has one, shared by its workers.
#[derive(Debug)]
pub struct Keeper {
    saver: Saver,
    directory: PathBuf,
    every: u64,
    from: Option<Checkpoint>,
}

impl Keeper {
    /// Looks for a checkpoint to go on from, and gets ready to write. `note` hears of damaged ones
    /// that are passed over, and of what cannot be written, in one line each. The process that
    /// completes checkpoints starts before the others write: they wait for it to set out.
    ///
    /// # Errors
    /// If the newest checkpoint is of another run or none is undamaged; if the directory cannot be
    /// written to and checkpoints are required; or if there is no thread.
    pub fn start(
        store: Store,
        settings: Settings,
        note: impl Fn(String) + Clone + Send + 'static,
    ) -> Result<Keeper, CheckpointError> {
        let from = if settings.resume { store.latest(&note)? } else { None };
        if settings.completes {
            let number = from.as_ref().map(|from| from.manifest.number);
            match store.try_out().and_then(|()| store.forget_after(number)) {
                Err(error) if settings.required => return Err(error),
                Err(error) => note(format!("{error}; going on without new checkpoints")),
                Ok(()) => {}
            }
        }
        let thread = |source: io::Error| CheckpointError::System {
            path: store.directory().to_owned(),
            what: "start a thread",
            source,
        };
        let directory = store.directory().to_owned();
        let saver = Saver::start(store.clone(), settings, note).map_err(thread)?;
        Ok(Keeper { saver, directory, every: settings.every.max(1), from })
    }

    /// After how many rounds, sweeps or epochs there is a checkpoint.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Where the checkpoints are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The checkpoint that the run goes on from.
    pub fn from(&self) -> Option<&Checkpoint> {
        self.from.as_ref()
    }

    /// The number of the next checkpoint.
    pub fn next_number(&self) -> u64 {
        self.from.as_ref().map_or(0, |from| from.manifest.number + 1)
    }

    /// Has the state of a shard written, as a part of checkpoint `number`. Waits only if the one
    /// before is still being written.
    pub fn part(&self, number: u64, shard: usize, state: Vec<u8>) {
        self.saver.part(number, shard, state);
    }

    /// Has checkpoint `number` completed when every shard's part is there. The process that
    /// completes checkpoints calls this, once each.
    pub fn complete(&self, number: u64, progress: Progress, notes: Value) {
        self.saver.complete(number, progress, notes);
    }

    /// What the processes of a run must agree on when they set out, for
    /// [`crate::cluster::execute`]: their `digest`, and the checkpoint they go on from.
    pub fn digest(&self, digest: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(digest);
        hash.update(self.every.to_le_bytes());
        hash.update(self.next_number().to_le_bytes());
        for part in self.from.iter().flat_map(|from| &from.manifest.parts) {
            hash.update(part.crc32.to_le_bytes());
        }
        hash.finalize().to_vec()
    }
}
