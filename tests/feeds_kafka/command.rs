//! The command on a topic: killed and gone on with, and what it says of what it cannot read.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::Children;
use super::*;

/// `strads lasso` on a topic.
fn lasso(address: &str, directory: &Path, model: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.current_dir(directory);
    let every = ["--checkpoint-every", "2", "--checkpoint-keep", "9", "--shards", "2"];
    command.args(["lasso", "--kafka", address, "--lambda", "0.05", "--model", model]).args(every);
    command
}

/// What an epoch's line says, but for how long it took.
fn told(stdout: &str) -> Vec<Value> {
    let mut lines: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for line in &mut lines {
        line.as_object_mut().expect("an object").remove("seconds");
    }
    lines
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let broker = Broker::new(&[("rows", 1)]);
    let directory = tempfile::tempdir().expect("a directory");
    let row = |id: u64, turn: u64| {
        let (a, b) = (id * 7 % 11, (id + turn) * 5 % 13);
        let y = 3 * a + 1 + turn;
        format!("{{\"op\":\"put\",\"id\":{id},\"y\":{y},\"x\":{{\"a\":{a},\"b\":{b}}}}}")
    };
    let epoch = |turn| -> Vec<String> {
        let rows = (turn..20 + 2 * turn).map(|id| row(id, turn));
        rows.chain([COMMIT.into()]).collect()
    };
    let address = broker.address("rows");
    let command = |checkpoint: &str, model: &str| {
        let mut command = lasso(&address, directory.path(), model);
        command.args(["--checkpoint", checkpoint, "--resume"]);
        command
    };
    // Killed after its third epoch, one after its checkpoint.
    broker.send("rows", texts(&[epoch(0), epoch(1), epoch(2)].concat()));
    let mut children = Children::new();
    let whole = children.spawn(&mut command("whole", "whole.safetensors"));
    let killed = children.spawn(&mut command("killed", "killed.safetensors"));
    for child in [whole, killed] {
        children.wait_for(child, "\"epoch\":2");
    }
    let begin = Instant::now();
    while !children.complained(killed).contains("is complete: epoch 2") {
        assert!(begin.elapsed() < LIMIT, "no checkpoint: {}", children.complained(killed));
        thread::sleep(Duration::from_millis(5));
    }
    children.kill(killed);
    let again = children.spawn(command("killed", "killed.safetensors").args(["-w", "2"]));
    broker.send("rows", texts(&[epoch(3), epoch(4), epoch(5)].concat()));
    for child in [whole, again] {
        children.wait_for(child, "\"epoch\":5");
        children.signal(child, "TERM");
    }
    let outcomes = children.wait();
    let (whole, again) = (&outcomes[whole], &outcomes[again]);
    assert_eq!((whole.code, again.code), (Some(0), Some(0)), "{} {}", whole.stderr, again.stderr);
    let (all, rest) = (told(&whole.stdout), told(&again.stdout));
    assert_eq!((all.len(), rest.len()), (6, 4));
    assert_eq!(rest, all[2..], "{}", again.stderr);
    assert!(again.stderr.contains("/rows/0: on from offset "), "{}", again.stderr);
    let model = |name| std::fs::read(directory.path().join(name)).expect("a model");
    assert!(model("whole.safetensors") == model("killed.safetensors"));
}

#[test]
fn the_command_ends_with_one_line_and_its_code() {
    let broker = Broker::new(&[("one", 1), ("two", 2)]);
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = format!("{}/one", port.local_addr().expect("it is bound"));
    drop(port);
    for (address, code) in [
        (broker.address("none"), 3),
        (broker.address("two"), 2),
        ("nonsense".into(), 2),
        (silent, 4),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
        command.args(["lda", "--kafka", &address, "--topics", "2", "--connect-timeout", "1"]);
        let done = command.output().expect("it runs");
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{stderr}");
        assert!(done.stdout.is_empty() && stderr.lines().count() == 1, "{stderr}");
        assert!(stderr.starts_with("strads: "), "{stderr}");
    }
}
