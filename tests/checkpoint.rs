//! Checkpoints on disk: complete or not there, and never trusted.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use strads::checkpoint::{CheckpointError, Identity, Keeper, Manifest, Progress, Settings, Store};
use strads::report::failpoint;

const SHARDS: usize = 3;

fn identity() -> Identity {
    Identity::new("test", SHARDS, 7, b"options")
}

fn store(directory: &Path) -> Store {
    Store::open(directory, identity(), 2).expect("a directory")
}

/// What a shard had come to in a checkpoint.
fn state(number: u64, shard: usize) -> Vec<u8> {
    format!("shard {shard} at {number}").into_bytes()
}

fn save(store: &Store, number: u64) -> Result<(), CheckpointError> {
    let parts = (0..SHARDS).map(|shard| store.write(number, shard, &state(number, shard)));
    let manifest = Manifest {
        number,
        identity: store.identity().clone(),
        progress: Progress { epoch: 0, round: number },
        parts: parts.collect::<Result<_, _>>()?,
        notes: serde_json::json!({ "line": number }),
    };
    store.complete(&manifest)
}

/// The number of the checkpoint a run would go on from; checks that it is whole.
fn latest(store: &Store) -> (Option<u64>, Vec<String>) {
    let notes = RefCell::new(Vec::new());
    let found = store.latest(|note| notes.borrow_mut().push(note)).expect("of this run");
    let number = found.map(|checkpoint| {
        let number = checkpoint.manifest.number;
        for shard in 0..SHARDS {
            assert_eq!(checkpoint.state(shard).expect("it is whole"), state(number, shard));
        }
        number
    });
    (number, notes.into_inner())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn the_newest_complete_one_is_found_and_old_ones_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = store(directory.path());
    assert_eq!((latest(&store).0, store.next_number().expect("readable")), (None, 0));
    for number in 0..4 {
        save(&store, number).expect("room");
        assert_eq!(latest(&store), (Some(number), vec![]));
    }
    // One that was interrupted before its manifest.
    store.write(4, 0, b"half").expect("room");
    assert_eq!((latest(&store).0, store.next_number().expect("readable")), (Some(3), 5));
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 3);
    save(&store, 5).expect("room");
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 2);
}

#[test]
fn every_truncation_and_every_flipped_bit_leads_to_the_one_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = store(directory.path());
    save(&store, 0).expect("room");
    save(&store, 1).expect("room");
    for file in files(&directory.path().join("000000000001")) {
        let whole = fs::read(&file).expect("a file");
        let check = |bytes: &[u8], what: String| {
            fs::write(&file, bytes).expect("room");
            let (number, notes) = latest(&store);
            assert_eq!((number, notes.len()), (Some(0), 1), "{}: {what}", file.display());
        };
        for length in 0..whole.len() {
            check(&whole[..length], format!("{length} bytes"));
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            check(&damaged, format!("bit {bit}"));
        }
        fs::write(&file, &whole).expect("room");
    }
    assert_eq!(latest(&store), (Some(1), vec![]));
    fs::remove_file(directory.path().join("000000000001/part-00002")).expect("a file");
    assert_eq!(latest(&store).0, Some(0));
    // A part of another checkpoint is whole, and still none of this one.
    let other = directory.path().join("000000000000/part-00002");
    fs::copy(other, directory.path().join("000000000001/part-00002")).expect("room");
    assert_eq!(latest(&store).0, Some(0));
}

#[test]
fn checkpoints_of_other_runs_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    save(&store(directory.path()), 0).expect("room");
    for (other, what) in [
        (Identity::new("else", SHARDS, 7, b"options"), "expected command else, found test"),
        (Identity::new("test", 4, 7, b"options"), "expected shards 4, found 3"),
        (Identity::new("test", SHARDS, 8, b"options"), "expected seed 8, found 7"),
        (Identity::new("test", SHARDS, 7, b"others"), "other options or data"),
    ] {
        let store = Store::open(directory.path(), other, 1).expect("a directory");
        let error = store.latest(|_| ()).expect_err(what).to_string();
        assert!(error.ends_with(&format!("of another run: {what}")), "{error}");
    }
}

#[test]
fn directories_that_cannot_be_used_are_told() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = Store::open(file.path(), identity(), 1).expect_err("no directory");
    assert!(matches!(error, CheckpointError::System { .. }), "{error}");
}

#[test]
fn checkpoints_that_are_all_damaged_are_no_reason_to_start_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = store(directory.path());
    save(&store, 0).expect("room");
    save(&store, 1).expect("room");
    assert_eq!(Store::shards(directory.path()).expect("readable"), Some(SHARDS));
    for number in ["000000000000", "000000000001"] {
        fs::write(directory.path().join(number).join("part-00001"), "no part").expect("room");
    }
    let error = store.latest(|_| ()).expect_err("all are damaged").to_string();
    assert!(error.contains("000000000001/part-00001: damaged"), "{error}");
    // What was never there, or never complete, is.
    let none = Store::new(&directory.path().join("none"), identity(), 2);
    assert!(none.latest(|_| ()).expect("nothing to read").is_none());
    assert!(!none.is_used().expect("nothing to read") && store.is_used().expect("readable"));
    store.forget_after(Some(0)).expect("room");
    assert_eq!(store.next_number().expect("readable"), 1);
    store.forget_after(None).expect("room");
    assert!(store.latest(|_| ()).expect("readable").is_none());
}

/// A process of a run that keeps checkpoints.
fn keeper(directory: &Path, resume: bool, completes: bool) -> Keeper {
    let store = Store::new(directory, identity(), 2);
    let settings = Settings { every: 1, resume, required: false, completes, announces: false };
    Keeper::start(store, settings, |note| panic!("{note}")).expect("a directory")
}

#[test]
fn a_checkpoint_is_complete_when_every_process_has_written_its_parts() {
    let directory = tempfile::tempdir().expect("a directory");
    // What was begun before, and would otherwise pass for a part.
    store(directory.path()).write(0, 2, b"of another run").expect("room");
    let (first, second) =
        (keeper(directory.path(), true, true), keeper(directory.path(), true, false));
    assert!(first.from().is_none() && first.next_number() == 0);
    first.part(0, 0, state(0, 0));
    first.complete(0, Progress { epoch: 0, round: 3 }, serde_json::Value::Null);
    second.part(0, 2, state(0, 2));
    second.part(0, 1, state(0, 1));
    drop((second, first));
    let again = keeper(directory.path(), true, true);
    let from = again.from().expect("it is complete");
    assert_eq!(from.manifest.progress.round, 3);
    assert_eq!(from.state(2).expect("it is whole"), state(0, 2));
    assert_eq!(again.next_number(), 1);
    assert_ne!(again.digest(b""), keeper(directory.path(), false, false).digest(b""));
}

#[test]
fn a_directory_that_takes_nothing_ends_the_run_only_if_it_must() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let directory = file.path().join("checkpoints");
    let start = |required| {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&notes);
        let store = Store::new(&directory, identity(), 2);
        let settings =
            Settings { every: 1, resume: false, required, completes: true, announces: false };
        let note = move |line: String| heard.lock().expect("nobody panics").push(line);
        (Keeper::start(store, settings, note), notes)
    };
    assert!(start(true).0.is_err());
    let (keeper, notes) = start(false);
    let keeper = keeper.expect("it need not be");
    (0..SHARDS).for_each(|shard| keeper.part(0, shard, state(0, shard)));
    drop(keeper);
    let notes = notes.lock().expect("nobody panics");
    assert_eq!(notes.len(), 1 + SHARDS, "{notes:?}");
    assert!(notes[0].ends_with("going on without new checkpoints"), "{notes:?}");
    assert!(notes[1].ends_with("going on, with the checkpoint before"), "{notes:?}");
}

/// Played by a process of its own: saves checkpoint 1 and may be made to fail.
#[test]
fn child_saves() {
    let Some(directory) = std::env::var_os("STRADS_TEST_CHECKPOINT") else { return };
    let saved = save(&store(Path::new(&directory)), 1);
    std::process::exit(if saved.is_ok() { 0 } else { 7 });
}

/// Saves checkpoint 1 in another process; gives its exit code, none if it was killed.
fn save_elsewhere(directory: &Path, failpoint: &str) -> Option<i32> {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child_saves", "--test-threads=1"])
        .env("STRADS_TEST_CHECKPOINT", directory)
        .env("STRADS_FAILPOINT", failpoint)
        .output()
        .expect("it runs")
        .status
        .code()
}

#[test]
fn whatever_interrupts_a_checkpoint_the_one_before_is_intact() {
    let places = failpoint::STEPS.into_iter().flat_map(|step| (1..=4).map(move |n| (step, n)));
    for (place, count) in places.chain([("before-manifest", 1), ("after-manifest", 1)]) {
        for (action, code) in [("kill", None), ("full", Some(7))] {
            let directory = tempfile::tempdir().expect("a directory");
            let store = store(directory.path());
            save(&store, 0).expect("room");
            let failpoint = format!("{place}:{count}:{action}");
            assert_eq!(save_elsewhere(directory.path(), &failpoint), code, "{failpoint}");
            // The manifest is the fourth file.
            let named = ["after-rename", "after-directory-sync"].contains(&place) && count == 4;
            let expected = u64::from(named || place == "after-manifest");
            assert_eq!(latest(&store), (Some(expected), vec![]), "{failpoint}");
            save(&store, 2).expect("room");
            assert_eq!(latest(&store), (Some(2), vec![]), "{failpoint}");
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(save_elsewhere(directory.path(), ""), Some(0));
}
