//! Feeds as a dataflow reads them: epochs of changes, from files that grow, ports and pipes.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use strads::feeds::{Change, Effect, Epoch, Feed, FeedError, Next, Options, Source, Table};

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Put {
    id: u64,
}

type Seen = Epoch<Put, Put>;

/// Far beyond what anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

struct Run {
    feed: Feed<Put, Put>,
    notes: Arc<Mutex<Vec<String>>>,
}

fn start(source: Source, options: Options) -> Run {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&notes);
    let note = move |note| to.lock().expect("no panic").push(note);
    let feed = Feed::start(source, options, thread::current(), note).expect("a source");
    Run { feed, notes }
}

impl Run {
    /// The next epoch; none at the end.
    fn next(&self) -> Result<Option<Seen>, FeedError> {
        let begin = Instant::now();
        loop {
            match self.feed.poll()? {
                Next::Epoch(epoch) => return Ok(Some(epoch)),
                Next::End => return Ok(None),
                Next::Wait => thread::park_timeout(LIMIT),
            }
            assert!(begin.elapsed() < LIMIT, "nothing came");
        }
    }

    fn ids(&self) -> Vec<u64> {
        ids(&self.next().expect("no error").expect("an epoch"))
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("no panic").clone()
    }
}

/// Puts as they are, deletes as thousands.
fn ids(epoch: &Seen) -> Vec<u64> {
    let id = |change: &Change<Put, Put>| match change {
        Change::Put(put) => put.id,
        Change::Delete(delete) => 1000 * delete.id,
    };
    epoch.changes.iter().map(|(_, change)| id(change)).collect()
}

fn put(id: u64) -> String {
    format!("{{\"op\":\"put\",\"id\":{id}}}\n")
}

const COMMIT: &str = "{\"op\":\"commit\"}\n";

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("room");
}

#[test]
fn epochs_end_at_commits_and_at_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    let text = [&put(1), &put(2), COMMIT, COMMIT, "{\"op\":\"del\",\"id\":1}"].concat();
    fs::write(&path, text).expect("room");
    let run = start(Source::File(path.clone()), Options::default());
    assert_eq!((run.ids(), run.ids(), run.ids()), (vec![1, 2], vec![], vec![1000]));
    assert!(run.next().expect("no error").is_none());
    assert!(run.notes().is_empty());
}

#[test]
fn a_feed_goes_on_where_it_was_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    let lines = [&put(1), COMMIT, "nonsense\n", &put(2), COMMIT, &put(3)];
    fs::write(&path, lines.concat()).expect("room");
    let first = start(Source::File(path.clone()), Options::default());
    let position = first.next().expect("no error").expect("an epoch").position;
    assert_eq!((position.line, position.end as usize), (2, put(1).len() + COMMIT.len()));
    let options = Options { from: position, ..Options::default() };
    for source in [Source::File(path.clone()), Source::Follow(path.clone())] {
        let again = start(source, options);
        let epoch = again.next().expect("no error").expect("an epoch");
        assert_eq!((ids(&epoch), epoch.skipped, epoch.position.line), (vec![2], 1, 5));
        assert!(again.notes()[0].contains("feed:3:"), "lines are numbered as before");
        again.feed.stop();
        assert_eq!(again.ids(), vec![3]);
    }
    // Another file of that name is not gone on with, nor is one that has become shorter.
    for other in [lines.concat().replacen('1', "7", 1), put(1)] {
        fs::write(&path, other).expect("room");
        let error =
            Feed::<Put, Put>::start(Source::File(path.clone()), options, thread::current(), |_| ());
        let error = error.expect_err("another file").to_string();
        assert!(error.ends_with("bytes that were read before, found others"), "{error}");
    }
}

#[test]
fn bad_lines_are_named_and_skipped_or_end_the_feed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    fs::write(&path, [&put(1), "nonsense\n", "\n", &put(2)].concat()).expect("room");
    let run = start(Source::File(path.clone()), Options::default());
    let epoch = run.next().expect("no error").expect("an epoch");
    assert_eq!((ids(&epoch), epoch.skipped), (vec![1, 2], 1));
    let position = epoch.position;
    assert_eq!((position.line, position.end), (4, fs::metadata(&path).expect("a file").len()));
    let notes = run.notes();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with(&format!("{}:2:", path.display())), "{notes:?}");
    assert!(notes[0].ends_with("; skipped"), "{notes:?}");

    let strict = start(Source::File(path), Options { strict: true, ..Options::default() });
    let error = strict.next().expect_err("line 2 is bad");
    assert!(matches!(&error, FeedError::Line(bad) if bad.place.line == 2), "{error}");
    // Nothing of the broken epoch is given.
    assert!(strict.next().expect("no error").is_none());
}

#[test]
fn epochs_close_by_count_and_by_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    fs::write(&path, (0..10).map(put).collect::<String>()).expect("room");
    let options = Options { max_pending: 4, ..Options::default() };
    let run = start(Source::File(path.clone()), options);
    assert_eq!((run.ids(), run.ids()), (vec![0, 1, 2, 3], vec![4, 5, 6, 7]));
    assert_eq!(run.ids(), [8, 9]);

    let by_time = Options { every: Some(Duration::from_millis(20)), ..Options::default() };
    let run = start(Source::Follow(path.clone()), by_time);
    let mut seen = run.ids();
    append(&path, &put(10));
    while seen.len() < 11 {
        seen.extend(run.ids());
    }
    assert_eq!(seen, (0..11).collect::<Vec<_>>());
}

#[test]
fn a_busy_model_gets_larger_epochs_and_bounded_ones() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    fs::write(&path, (0..5000).map(put).collect::<String>()).expect("room");
    let options = Options { changes: Some(10), max_pending: 700, ..Options::default() };
    let run = start(Source::File(path), options);
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(epoch) = run.next().expect("no error") {
        sizes.push(epoch.changes.len());
        seen.extend(ids(&epoch));
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(seen, (0..5000).collect::<Vec<_>>());
    assert!(sizes.iter().all(|size| *size <= 700), "{sizes:?}");
    assert!(sizes.len() < 100, "{sizes:?}");
}

#[test]
fn a_file_that_grows_is_truncated_and_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed");
    append(&path, &[&put(1), COMMIT, "{\"op\":\"put\","].concat());
    let run = start(Source::Follow(path.clone()), Options::default());
    assert_eq!(run.ids(), [1]);
    // The rest of a line that was cut in two.
    append(&path, &["\"id\":2}\n", COMMIT].concat());
    assert_eq!(run.ids(), [2]);
    fs::write(&path, "").expect("room");
    while run.notes().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    append(&path, &[&put(3), COMMIT].concat());
    assert_eq!(run.ids(), [3]);
    append(&path, &put(4));
    fs::rename(&path, directory.path().join("feed.1")).expect("the same directory");
    append(&path, &[&put(5), COMMIT].concat());
    assert_eq!(run.ids(), [4, 5]);
    let notes = run.notes();
    assert!(notes[0].contains("truncated") && notes[1].contains("replaced"), "{notes:?}");
    append(&path, &put(6));
    thread::sleep(Duration::from_millis(200));
    run.feed.stop();
    assert_eq!(run.ids(), [6]);
    assert!(run.next().expect("no error").is_none());
}

#[test]
fn clients_are_heard_and_need_the_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let secret = Some(b"open sesame".to_vec());
    let run = start(Source::Listen { listener, secret }, Options::default());
    let auth = |secret: &str| format!("{{\"op\":\"auth\",\"secret\":\"{secret}\"}}\n");
    for first in [auth("open barley"), put(1), "\n".into()] {
        let mut client = TcpStream::connect(address).expect("it listens");
        client.write_all([&first, &put(1), COMMIT].concat().as_bytes()).expect("it listens");
    }
    let mut client = TcpStream::connect(address).expect("it listens");
    client.write_all([&auth("open sesame"), &put(2), COMMIT].concat().as_bytes()).expect("room");
    assert_eq!(run.ids(), [2]);
    while run.notes().len() < 3 {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(run.notes().iter().all(|note| note.contains("does not know the secret")));
}

/// A client that talks faster than the model learns is held up by its own socket.
#[test]
fn a_slow_model_holds_up_a_client() {
    const LINE: usize = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let options = Options { max_pending: 4, ..Options::default() };
    let run = start(Source::Listen { listener, secret: None }, options);
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_write_timeout(Some(Duration::from_secs(1))).expect("a duration");
    let line = format!("{{\"op\":\"put\",\"id\":1,\"pad\":\"{}\"}}\n", "x".repeat(LINE));
    let mut sent = 0;
    // A whole second without room: nothing more is taken.
    while client.write_all(line.as_bytes()).is_ok() {
        sent += 1;
        assert!(sent < 300, "300 MiB were taken from a client that nobody listens to");
    }
    // Three epochs of four (filled, waiting, at the door) and 64 MiB of lines; sockets hold some.
    assert!(sent >= 64, "only {sent} lines were taken");
    drop(client);
    let mut seen = 0;
    while seen + 4 <= sent {
        let epoch = run.next().expect("no error").expect("an epoch");
        assert!(epoch.changes.len() <= 4);
        seen += epoch.changes.len();
    }
}

#[test]
fn sources_that_cannot_be_read_and_senseless_options() {
    let start = |source, options| {
        Feed::<Put, Put>::start(source, options, thread::current(), |_| ()).map(drop)
    };
    let absent = Source::Follow("/nonexistent/feed".into());
    let error = start(absent, Options::default()).expect_err("no such file");
    assert!(error.to_string().starts_with("/nonexistent/feed: "), "{error}");
    for options in [
        Options { every: Some(Duration::ZERO), ..Options::default() },
        Options { changes: Some(0), ..Options::default() },
        Options { max_pending: 0, ..Options::default() },
    ] {
        assert!(matches!(start(Source::Stdin, options), Err(FeedError::Usage(_))));
    }
}

#[test]
fn a_table_tells_what_changes_do() {
    let mut table = Table::default();
    assert_eq!(table.put("a", 1), Effect::Inserted);
    assert_eq!(table.put("a", 2), Effect::Replaced(1));
    assert_eq!(table.delete(&"a"), Effect::Deleted(2));
    assert_eq!(table.delete(&"a"), Effect::Absent);
    assert!(table.is_empty());
}
