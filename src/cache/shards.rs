//! What files of columns and files of rows have in common: one for each shard of a set.

use std::fs;
use std::thread;

use super::Entry;
use super::section::{Damage, Label};

/// The files of all shards of a table, for one number of shards.
pub(super) struct Set {
    pub ending: &'static str,
    /// What their sections are.
    pub kind: u64,
    pub shards: usize,
}

impl Set {
    pub fn name(&self, shard: usize) -> String {
        format!("{}-{shard}.{}", self.shards, self.ending)
    }

    pub fn label(&self, entry: &Entry, shard: usize, section: u64) -> Label {
        let kind = self.kind + ((self.shards as u64) << 8);
        entry.label.at(kind, ((shard as u64) << 40) + section)
    }
}

/// For which other numbers of shards there are files.
pub(super) fn others(entry: &Entry, set: &Set) -> Vec<usize> {
    let names = fs::read_dir(&entry.directory).into_iter().flatten().flatten();
    let count = |name: &str| {
        let stem = name.strip_suffix(set.ending)?.strip_suffix('.')?;
        stem.split_once('-')?.0.parse().ok()
    };
    let counts = names.filter_map(|file| count(file.file_name().to_str()?));
    let mut counts: Vec<usize> = counts.filter(|&count| count != set.shards && count > 0).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Reads some shards, on so many threads.
pub(super) fn read_all<T: Send>(
    threads: usize,
    shards: &[usize],
    read: impl Fn(usize) -> Result<T, Damage> + Sync,
) -> Result<Vec<(usize, T)>, Damage> {
    let share = shards.len().div_ceil(threads.max(1)).max(1);
    let some = |shards: &[usize]| {
        shards.iter().map(|&shard| Ok((shard, read(shard)?))).collect::<Result<Vec<_>, Damage>>()
    };
    if share >= shards.len() {
        return some(shards);
    }
    let parts: Vec<_> = thread::scope(|scope| {
        let some = &some;
        let threads: Vec<_> =
            shards.chunks(share).map(|part| scope.spawn(move || some(part))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut all = Vec::with_capacity(shards.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}
