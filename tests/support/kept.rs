//! Runs that keep checkpoints, stop at one, and go on from it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use strads::checkpoint::{Identity, Keeper, Settings, Store};
use tempfile::TempDir;

/// What a run of so many shards has of the checkpoints in a directory: all of them are kept.
pub fn keeper(directory: &Path, shards: usize, every: u64, resume: bool) -> Arc<Keeper> {
    let store = Store::new(directory, Identity::new("test", shards, 0, b""), usize::MAX);
    let settings = Settings { every, resume, required: true, completes: true, announces: false };
    Arc::new(Keeper::start(store, settings, |line| panic!("{line}")).expect("a directory"))
}

/// What a run gives that keeps all checkpoints, and one that goes on from each of them: the numbers
/// of the checkpoints come with what came of them. `run` waits until its checkpoints are written.
pub fn at_every_checkpoint<T>(
    (shards, every): (usize, u64),
    run: impl Fn(Arc<Keeper>, usize) -> T,
) -> (T, Vec<(u64, T)>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let whole = run(keeper(directory.path(), shards, every, false), 0);
    let numbers = numbers(directory.path());
    let again = numbers.iter().enumerate().map(|(at, &number)| {
        let stopped = until(directory.path(), number);
        let keeper = keeper(stopped.path(), shards, every, true);
        assert_eq!(keeper.from().map(|from| from.manifest.number), Some(number));
        let came = run(keeper, at + 1);
        // What is written after going on is what was written without stopping.
        for &later in &numbers {
            let name = format!("{later:012}");
            assert_same(&directory.path().join(&name), &stopped.path().join(&name));
        }
        (number, came)
    });
    let again = again.collect();
    (whole, again)
}

fn assert_same(one: &Path, other: &Path) {
    for entry in fs::read_dir(one).expect("a checkpoint") {
        let name = entry.expect("an entry").file_name();
        let read = |directory: &Path| fs::read(directory.join(&name)).expect("a file");
        assert!(read(one) == read(other), "{} and {}: {name:?}", one.display(), other.display());
    }
}

fn numbers(directory: &Path) -> Vec<u64> {
    let entries = fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.to_str().and_then(|name| name.parse().ok())).collect();
    numbers.sort_unstable();
    numbers
}

/// A directory with the checkpoints up to this one.
fn until(directory: &Path, last: u64) -> TempDir {
    let stopped = tempfile::tempdir().expect("a temporary directory");
    for number in numbers(directory).into_iter().filter(|number| *number <= last) {
        let name = format!("{number:012}");
        let to = stopped.path().join(&name);
        fs::create_dir(&to).expect("room");
        for entry in fs::read_dir(directory.join(&name)).expect("a checkpoint") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), to.join(entry.file_name())).expect("room");
        }
    }
    stopped
}
