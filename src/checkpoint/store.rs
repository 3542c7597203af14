//! The directory of checkpoints.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::footer;
use super::{CheckpointError, Identity, Manifest, Part};
use crate::report::atomic;
use crate::report::failpoint::pass;

/// The name of the file that makes a checkpoint one.
const MANIFEST: &str = "MANIFEST";

/// The largest file that is read: no state of one shard comes near.
const LARGEST: u64 = 1 << 40;

/// A directory with the checkpoints of one run.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    identity: Identity,
    keep: usize,
}

/// A complete checkpoint whose files are as they were written.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What belongs to it.
    pub manifest: Manifest,
    directory: PathBuf,
}

impl Store {
    /// Opens a directory for the checkpoints of a run, and makes it if need be. The last `keep`
    /// checkpoints are kept, at least one.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(
        directory: &Path,
        identity: Identity,
        keep: usize,
    ) -> Result<Store, CheckpointError> {
        let directory = directory.to_owned();
        fs::create_dir_all(&directory).map_err(failed(&directory, "make the directory"))?;
        let probe = directory.join(MANIFEST);
        atomic::check(&probe).map_err(failed(&directory, "write"))?;
        Ok(Store { directory, identity, keep: keep.max(1) })
    }

    /// The newest complete checkpoint of this run. Damaged ones are passed over; `note` hears of
    /// each, in one line.
    ///
    /// # Errors
    /// If the directory cannot be read, or the newest complete checkpoint is of another run.
    pub fn latest(&self, note: impl Fn(String)) -> Result<Option<Checkpoint>, CheckpointError> {
        for number in self.numbers()?.into_iter().rev() {
            match self.load(number) {
                Ok(Some(checkpoint)) => return Ok(Some(checkpoint)),
                // One that was never completed is nothing to speak of.
                Ok(None) => {}
                Err(error @ CheckpointError::Other { .. }) => return Err(error),
                Err(error) => note(format!("{error}; trying the one before")),
            }
        }
        Ok(None)
    }

    /// Writes the state of a shard, as a part of checkpoint `number`. Any process may do so for its
    /// own shards.
    ///
    /// # Errors
    /// If the disk is full or the system refuses. Earlier checkpoints are as they were.
    pub fn write(&self, number: u64, shard: usize, state: &[u8]) -> Result<Part, CheckpointError> {
        let directory = self.directory_of(number);
        fs::create_dir_all(&directory).map_err(failed(&directory, "make the directory"))?;
        let path = directory.join(name_of(shard));
        put(&path, state).map_err(failed(&path, "write"))?;
        let bytes = (state.len() + footer::BYTES) as u64;
        Ok(Part { shard, bytes, crc32: crc32fast::hash(state) })
    }

    /// Completes a checkpoint whose parts are all written, and removes those that are too old. One
    /// process of a run does this.
    ///
    /// # Errors
    /// If the disk is full or the system refuses. Earlier checkpoints are as they were.
    pub fn complete(&self, manifest: &Manifest) -> Result<(), CheckpointError> {
        let directory = self.directory_of(manifest.number);
        let path = directory.join(MANIFEST);
        let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other);
        pass("before-manifest")
            .and(text)
            .and_then(|text| put(&path, &text))
            .and_then(|()| pass("after-manifest"))
            .map_err(failed(&path, "write"))?;
        // The directory itself must have its name on disk.
        sync(&self.directory).map_err(failed(&self.directory, "sync"))?;
        self.prune(manifest.number)
    }

    /// The identity of a manifest of this run.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A number larger than those of all checkpoints there are, complete or not.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn next_number(&self) -> Result<u64, CheckpointError> {
        Ok(self.numbers()?.last().map_or(0, |last| last + 1))
    }

    /// Removes all but the newest complete checkpoints, and incomplete ones before them.
    fn prune(&self, newest: u64) -> Result<(), CheckpointError> {
        let before = self.numbers()?.into_iter().rev().filter(|number| *number < newest);
        let mut complete = 1;
        for number in before {
            let directory = self.directory_of(number);
            let is_complete = directory.join(MANIFEST).exists();
            if is_complete && complete < self.keep {
                complete += 1;
            } else {
                // Without its manifest it is none, however far the removal gets.
                let removed =
                    if is_complete { fs::remove_file(directory.join(MANIFEST)) } else { Ok(()) };
                removed
                    .and_then(|()| fs::remove_dir_all(&directory))
                    .map_err(failed(&directory, "remove"))?;
            }
        }
        Ok(())
    }

    /// The numbers of all checkpoints, complete or not, ascending.
    fn numbers(&self) -> Result<Vec<u64>, CheckpointError> {
        let entries = fs::read_dir(&self.directory).map_err(failed(&self.directory, "read"))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed(&self.directory, "read"))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A checkpoint, or nothing if it was never completed.
    fn load(&self, number: u64) -> Result<Option<Checkpoint>, CheckpointError> {
        let directory = self.directory_of(number);
        let path = directory.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let text = get(&path)?;
        let damaged = |why: String| CheckpointError::Damaged { path: path.clone(), why };
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if let Some(what) = self.identity.differs(&manifest.identity) {
            return Err(CheckpointError::Other { path: directory, what });
        }
        let shards = manifest.parts.iter().map(|part| part.shard);
        if manifest.number != number || !shards.eq(0..manifest.identity.shards) {
            return Err(damaged("its parts are not those of its shards".into()));
        }
        let checkpoint = Checkpoint { manifest, directory };
        for shard in 0..checkpoint.manifest.parts.len() {
            checkpoint.state(shard)?;
        }
        Ok(Some(checkpoint))
    }

    fn directory_of(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:012}"))
    }
}

impl Checkpoint {
    /// The state of a shard.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is none of this checkpoint.
    pub fn state(&self, shard: usize) -> Result<Vec<u8>, CheckpointError> {
        let path = self.directory.join(name_of(shard));
        let state = get(&path)?;
        let part = self.manifest.parts.get(shard);
        let is_same = |part: &Part| {
            let bytes = (state.len() + footer::BYTES) as u64;
            (part.bytes, part.crc32) == (bytes, crc32fast::hash(&state))
        };
        match part {
            Some(part) if is_same(part) => Ok(state),
            _ => Err(CheckpointError::Damaged { path, why: "it is of another checkpoint".into() }),
        }
    }
}

fn name_of(shard: usize) -> String {
    format!("part-{shard:05}")
}

fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    atomic::write(path, |to| {
        to.write_all(content)?;
        to.write_all(&footer::of(content))
    })
}

fn get(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let size = fs::metadata(path).map_err(failed(path, "read"))?.len();
    let damaged = |why| CheckpointError::Damaged { path: path.to_owned(), why };
    if size > LARGEST {
        return Err(damaged(format!("{size} bytes are more than any shard has")));
    }
    footer::strip(fs::read(path).map_err(failed(path, "read"))?).map_err(damaged)
}

fn failed(path: &Path, what: &'static str) -> impl Fn(io::Error) -> CheckpointError {
    let path = path.to_owned();
    move |source| CheckpointError::System { path: path.clone(), what, source }
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}
