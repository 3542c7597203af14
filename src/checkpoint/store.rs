//! The directory of checkpoints.

use std::fs;
use std::io;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::{Path, PathBuf};

use super::error::READ;
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
    /// The checkpoints of a run in a directory that need not be there yet. The last `keep` are
    /// kept, at least one.
    pub fn new(directory: &Path, identity: Identity, keep: usize) -> Store {
        Store { directory: directory.to_owned(), identity, keep: keep.max(1) }
    }

    /// The same, of a directory that is made if need be, and tried.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(
        directory: &Path,
        identity: Identity,
        keep: usize,
    ) -> Result<Store, CheckpointError> {
        let store = Store::new(directory, identity, keep);
        store.try_out()?;
        Ok(store)
    }

    /// Makes the directory if need be, and tries to write there.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn try_out(&self) -> Result<(), CheckpointError> {
        let directory = &self.directory;
        fs::create_dir_all(directory).map_err(failed(directory, "make the directory"))?;
        atomic::check(&directory.join(MANIFEST)).map_err(failed(directory, "write"))
    }

    /// The number of shards of the newest checkpoint in a directory, of whatever run: what a run
    /// that goes on has to be dealt to. None if there is no checkpoint that can be read.
    ///
    /// # Errors
    /// If there is a directory, and it cannot be read.
    pub fn shards(directory: &Path) -> Result<Option<usize>, CheckpointError> {
        let manifest = |number: u64| {
            let text = get(&directory.join(name_of_checkpoint(number)).join(MANIFEST)).ok()?;
            serde_json::from_slice::<Manifest>(&text).ok()
        };
        let mut newest_first = numbers(directory)?.into_iter().rev();
        Ok(newest_first.find_map(manifest).map(|manifest| manifest.identity.shards))
    }

    /// Whether there is a checkpoint, of whatever run and in whatever state.
    ///
    /// # Errors
    /// If there is a directory, and it cannot be read.
    pub fn is_used(&self) -> Result<bool, CheckpointError> {
        let is_complete = |number: &u64| self.directory_of(*number).join(MANIFEST).exists();
        Ok(numbers(&self.directory)?.iter().any(is_complete))
    }

    /// The newest complete checkpoint of this run. Damaged ones are passed over; `note` hears of
    /// each, in one line.
    ///
    /// # Errors
    /// If the directory cannot be read, if the newest complete checkpoint is of another run, or if
    /// there are complete checkpoints and all are damaged.
    pub fn latest(&self, note: impl Fn(String)) -> Result<Option<Checkpoint>, CheckpointError> {
        let mut newest = None;
        for number in numbers(&self.directory)?.into_iter().rev() {
            match self.load(number) {
                Ok(Some(checkpoint)) => {
                    newest.into_iter().for_each(|error: CheckpointError| note(error.to_string()));
                    return Ok(Some(checkpoint));
                }
                // One that was never completed is nothing to speak of.
                Ok(None) => {}
                Err(error @ CheckpointError::Other { .. }) => return Err(error),
                Err(error) => match &newest {
                    None => newest = Some(error),
                    Some(_) => note(error.to_string()),
                },
            }
        }
        newest.map_or(Ok(None), Err)
    }

    /// Removes what a run that goes on from checkpoint `number` (from none: that starts) will write
    /// anew: checkpoints after it, which are incomplete or damaged.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn forget_after(&self, number: Option<u64>) -> Result<(), CheckpointError> {
        let later = |other: &u64| number.is_none_or(|number| *other > number);
        numbers(&self.directory)?.into_iter().filter(later).try_for_each(|it| self.remove(it))
    }

    /// A part of checkpoint `number`, if it is there and whole.
    pub(super) fn part(&self, number: u64, shard: usize) -> Option<Part> {
        let state = get(&self.directory_of(number).join(name_of(shard))).ok()?;
        Some(Part::of(shard, &state))
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
        Ok(Part::of(shard, state))
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

    /// Where the checkpoints are.
    pub fn directory(&self) -> &Path {
        &self.directory
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
        Ok(numbers(&self.directory)?.last().map_or(0, |last| last + 1))
    }

    /// Removes all but the newest complete checkpoints, and incomplete ones before them.
    fn prune(&self, newest: u64) -> Result<(), CheckpointError> {
        let numbers = numbers(&self.directory)?;
        let before = numbers.into_iter().rev().filter(|number| *number < newest);
        let mut complete = 1;
        for number in before {
            let is_complete = self.directory_of(number).join(MANIFEST).exists();
            if is_complete && complete < self.keep {
                complete += 1;
            } else {
                self.remove(number)?;
            }
        }
        Ok(())
    }

    /// Removes a checkpoint, complete or not.
    fn remove(&self, number: u64) -> Result<(), CheckpointError> {
        let directory = self.directory_of(number);
        let manifest = directory.join(MANIFEST);
        // Without its manifest it is none, however far the removal gets.
        let removed = if manifest.exists() { fs::remove_file(manifest) } else { Ok(()) };
        removed.and_then(|()| fs::remove_dir_all(&directory)).map_err(failed(&directory, "remove"))
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
        self.directory.join(name_of_checkpoint(number))
    }
}

impl Checkpoint {
    /// The error of a state that is whole, and still not what it should be.
    pub fn damaged(&self, why: String) -> CheckpointError {
        CheckpointError::Damaged { path: self.directory.clone(), why }
    }

    /// The state of a shard.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is none of this checkpoint.
    pub fn state(&self, shard: usize) -> Result<Vec<u8>, CheckpointError> {
        let path = self.directory.join(name_of(shard));
        let state = get(&path)?;
        let part = self.manifest.parts.get(shard);
        match part {
            Some(part) if *part == Part::of(shard, &state) => Ok(state),
            _ => Err(CheckpointError::Damaged { path, why: "it is of another checkpoint".into() }),
        }
    }
}

/// The numbers of all checkpoints in a directory, complete or not, ascending; none if there is no
/// directory.
fn numbers(directory: &Path) -> Result<Vec<u64>, CheckpointError> {
    let entries = match fs::read_dir(directory) {
        // What is below a file is not there either.
        Err(error) if [NotFound, NotADirectory].contains(&error.kind()) => return Ok(Vec::new()),
        entries => entries.map_err(failed(directory, READ))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed(directory, READ))?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        // Names that only look like ours are left alone.
        numbers.extend(number.filter(|number| name == *name_of_checkpoint(*number)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn name_of_checkpoint(number: u64) -> String {
    format!("{number:012}")
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
    let size = fs::metadata(path).map_err(failed(path, READ))?.len();
    let damaged = |why| CheckpointError::Damaged { path: path.to_owned(), why };
    if size > LARGEST {
        return Err(damaged(format!("{size} bytes are more than any shard has")));
    }
    footer::strip(fs::read(path).map_err(failed(path, READ))?).map_err(damaged)
}

fn failed(path: &Path, what: &'static str) -> impl Fn(io::Error) -> CheckpointError {
    let path = path.to_owned();
    move |source| CheckpointError::System { path: path.clone(), what, source }
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}
