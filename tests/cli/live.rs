//! `strads lasso` on data that keeps changing.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::support::Children;
use super::*;

/// The rows of a regression: y = 3 a - 2 b + 1, with a little of something else.
fn put(id: u64, shift: f64) -> String {
    let (a, b) = ((id * 7 % 11) as f64, (id * 5 % 13) as f64);
    let (c, y) = ((id % 3) as f64, 3.0 * a - 2.0 * b + 1.0 + shift + 0.1 * ((id % 4) as f64));
    format!("{{\"op\":\"put\",\"id\":{id},\"y\":{y},\"x\":{{\"a\":{a},\"b\":{b},\"c\":{c}}}}}\n")
}

fn del(id: u64) -> String {
    format!("{{\"op\":\"del\",\"id\":\"{id}\"}}\n")
}

pub const COMMIT: &str = "{\"op\":\"commit\"}\n";

pub fn lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    text.lines().map(parse).collect()
}

pub fn of_epochs(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line.get("changes").is_some()).collect()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a name")
}

/// Lines without what depends on the machine.
pub fn without_times(text: &str) -> Vec<Value> {
    let mut lines = lines(text);
    lines.iter_mut().filter_map(Value::as_object_mut).for_each(|line| drop(line.remove("seconds")));
    lines
}

/// What a batch fit of the same rows has as its coefficients.
fn batch(directory: &Path, rows: &[(u64, f64)]) -> Vec<f64> {
    let path = directory.join("batch.csv");
    let mut csv = String::from("a,b,c,y\n");
    for (id, shift) in rows {
        let line: Value = serde_json::from_str(&put(*id, *shift)).expect("JSON");
        let x = &line["x"];
        csv.push_str(&format!("{},{},{},{}\n", x["a"], x["b"], x["c"], line["y"]));
    }
    std::fs::write(&path, csv).expect("room");
    let path = path.to_str().expect("a name");
    let result = json(&["lasso", path, "--target", "y", "--lambda", "0.05", "--tol", "1e-12"]);
    let mut coefficients = vec![0.0; 3];
    for found in result["coefficients"].as_array().expect("a list") {
        let column = found["column"].as_u64().expect("a number") as usize;
        coefficients[column] = found["value"].as_f64().expect("a number");
    }
    coefficients
}

#[test]
fn every_epoch_is_as_good_as_a_batch_fit() {
    let directory = tempfile::tempdir().expect("a directory");
    let feed = directory.path().join("feed.jsonl");
    let first: String = (0..30).map(|id| put(id, 0.0)).collect();
    let second = [put(3, 5.0), del(4), del(4), del(99), put(5, 0.0), put(40, 1.0)].concat();
    // The same again, and what comes and goes, is no change.
    let third = [put(40, 1.0), put(41, 2.0), del(41)].concat();
    let all = [&first, COMMIT, &second, COMMIT, &third, COMMIT].concat();
    std::fs::write(&feed, all).expect("room");
    let model = directory.path().join("live.safetensors");
    let arguments = [
        "lasso",
        feed.to_str().expect("a name"),
        "--lambda",
        "0.05",
        "--tol",
        "1e-12",
        "--deltas",
        "--shards",
        "3",
        "--model",
        model.to_str().expect("a name"),
    ];
    let alone = run(&arguments);
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let seen = lines(&alone.stdout);
    let epochs = of_epochs(&seen);
    assert_eq!(epochs.len(), 3);
    assert_eq!((&epochs[0]["changes"], &epochs[0]["rows"]), (&30.into(), &30.into()));
    // A repeated delete and one of what never was are said, and are no changes.
    assert_eq!((&epochs[1]["changes"], &epochs[1]["skipped"]), (&4.into(), &2.into()));
    assert!(alone.stderr.contains("feed.jsonl:34: there is no row \"4\" to delete"));
    assert!(alone.stderr.contains("there is no row \"99\" to delete"));
    for epoch in &epochs {
        assert!(epoch["relative_gap"].as_f64().expect("a number") <= 1e-12, "{epoch}");
    }
    // The changes add up to the model; the last epoch has none.
    let mut found = [0.0; 3];
    for delta in seen.iter().filter(|line| line.get("key").is_some()) {
        assert_ne!(delta["epoch"], 2, "{delta}");
        if let Some(at) = ["a", "b", "c"].iter().position(|name| delta["key"] == *name) {
            assert_eq!(delta["old"].as_f64(), Some(found[at]), "{delta}");
            found[at] = delta["new"].as_f64().expect("a number");
        }
    }
    let rows: Vec<(u64, f64)> = (0..30)
        .filter(|id| *id != 4)
        .map(|id| (id, if id == 3 { 5.0 } else { 0.0 }))
        .chain([(40, 1.0)])
        .collect();
    for (live, batch) in found.iter().zip(batch(directory.path(), &rows)) {
        assert!((live - batch).abs() < 1e-5, "{live} {batch}");
    }
    let bytes = std::fs::read(&model).expect("a model");
    let inspected = json(&["inspect", "--model", model.to_str().expect("a name")]);
    assert_eq!(inspected["columns"], 3);

    // The same for any layout, but for the times.
    let threads = run(&[&arguments[..], &["-w", "3"]].concat());
    assert_eq!(without_times(&threads.stdout), without_times(&alone.stdout));
    assert!(std::fs::read(&model).expect("a model") == bytes);
    let launch = [&["launch", "-n", "2", "--"][..], &arguments].concat();
    let processes = run(&launch);
    assert_eq!(processes.code, Some(0), "{}", processes.stderr);
    assert_eq!(without_times(&processes.stdout), without_times(&alone.stdout));
    assert!(std::fs::read(&model).expect("a model") == bytes);
}

#[test]
fn bad_lines_are_skipped_or_end_the_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let feed = directory.path().join("feed.jsonl");
    let text = [&put(1, 0.0), "{\"op\":\"put\"}\n", &put(2, 0.0), COMMIT, "oops\n"].concat();
    std::fs::write(&feed, text).expect("room");
    let feed = feed.to_str().expect("a name");
    let lenient = run(&["lasso", feed, "--lambda", "1"]);
    assert_eq!(lenient.code, Some(0), "{}", lenient.stderr);
    assert_eq!(lines(&lenient.stdout)[0]["changes"], 2);
    assert!(lenient.stderr.contains("feed.jsonl:2:"), "{}", lenient.stderr);
    assert!(lenient.stderr.contains("feed.jsonl:5:"), "{}", lenient.stderr);
    let strict = run(&["lasso", feed, "--lambda", "1", "--strict", "--quiet"]);
    assert_eq!((strict.code, strict.stdout.as_str()), (Some(3), ""));
    assert!(strict.stderr.starts_with(&format!("strads: {feed}:2:")), "{}", strict.stderr);
}

/// Waits for a number of epochs on a child's stdout.
fn wait_for_epochs(children: &Children, count: usize) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let said = children.said(0);
        let whole = &said[..said.rfind('\n').map_or(0, |end| end + 1)];
        let found = lines(whole);
        if of_epochs(&found).len() >= count {
            return found;
        }
        assert!(begin.elapsed() < support::LIMIT, "only {said}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_file_that_grows_is_followed_until_a_signal() {
    let directory = tempfile::tempdir().expect("a directory");
    let (feed, model) = (directory.path().join("feed"), directory.path().join("m.safetensors"));
    let text = (0..20).map(|id| put(id, 0.0)).chain([COMMIT.into()]).collect::<String>();
    std::fs::write(&feed, text).expect("room");
    let mut children = Children::new();
    let mut command = command(&["lasso", feed.to_str().expect("a name"), "--follow"]);
    command.args(["--lambda", "0.1", "--model-every", "1", "--model"]).arg(&model);
    children.spawn(&mut command);
    wait_for_epochs(&children, 1);
    let mut file = OpenOptions::new().append(true).open(&feed).expect("it is there");
    file.write_all([&put(3, 9.0), COMMIT, &put(4, 9.0)].concat().as_bytes()).expect("room");
    wait_for_epochs(&children, 2);
    assert!(model.exists());
    sleep(Duration::from_millis(300));
    children.signal(0, "TERM");
    let outcome = children.wait().remove(0);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // What came after the last commit is a last epoch.
    assert_eq!(of_epochs(&lines(&outcome.stdout)).len(), 3);
}

#[test]
fn changes_come_from_a_port() {
    let mut children = Children::new();
    let mut command = command(&["lasso", "--listen", "127.0.0.1:0", "--lambda", "0.1"]);
    children.spawn(command.args(["--epoch-changes", "10"]).env_remove("STRADS_SECRET"));
    let begin = Instant::now();
    let address = loop {
        let complaint = children.complained(0);
        let line = complaint.lines().find_map(|line| line.strip_prefix("strads: listening on "));
        if let Some(address) = line.filter(|_| complaint.ends_with('\n')) {
            break address.to_owned();
        }
        assert!(begin.elapsed() < support::LIMIT, "{complaint}");
        sleep(Duration::from_millis(10));
    };
    let mut client = TcpStream::connect(address).expect("it listens");
    let text: String = (0..10).map(|id| put(id, 0.0)).collect();
    client.write_all(text.as_bytes()).expect("it listens");
    let seen = wait_for_epochs(&children, 1);
    assert_eq!(of_epochs(&seen)[0]["rows"], 10);
    children.signal(0, "INT");
    assert_eq!(children.wait()[0].code, Some(0));
}

#[test]
fn senseless_live_options_are_usage_errors() {
    for arguments in [
        &["lasso", "--listen", "0.0.0.0:0"][..],
        &["lasso", "--listen", "nonsense"],
        &["lasso", DIABETES, "--deltas"],
        &["lasso", "-", "--follow", "--path", "10"],
        &["lasso", "-", "--follow", "--epoch-every", "0"],
        &["lasso"],
    ] {
        let ran = command(arguments).env_remove("STRADS_SECRET").output().expect("it was built");
        assert_eq!(ran.status.code(), Some(2), "{arguments:?} {ran:?}");
    }
    assert_eq!(run(&["lasso", "/nonexistent.jsonl"]).code, Some(3));
}
