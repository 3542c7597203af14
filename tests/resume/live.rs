//! Live runs: killed at a checkpoint, gone on with elsewhere; every change counts once.

use std::io::Write;
use std::process::Stdio;

use super::*;

/// Epochs of a feed in which rows come, change and go.
fn feed(epochs: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for epoch in 0..epochs {
        for row in 0..12 {
            let at = epoch * 5 + row;
            let x = |k: u64| ((at * (2 * k + 3) + k) % 17) as f64 / 3.0 - 2.0;
            let y = 1.5 * x(0) - x(2) + ((at * 7) % 5) as f64 / 10.0;
            let (a, b, c) = (x(0), x(1), x(2));
            let row = format!("r{}", at % 40);
            lines.push(format!(
                r#"{{"op":"put","id":"{row}","y":{y},"x":{{"a":{a},"b":{b},"c{}":{c}}}}}"#,
                epoch % 3
            ));
        }
        lines.push(format!(r#"{{"op":"del","id":"r{}"}}"#, epoch * 3 % 40));
        lines.push(r#"{"op":"commit"}"#.to_owned());
    }
    lines
}

const OPTIONS: [&str; 9] = [
    "--input-format",
    "changes",
    "--lambda",
    "0.05",
    "--deltas",
    "--checkpoint-every",
    "3",
    "--shards",
    "4",
];

fn job(feed: &Path) -> Job {
    let feed = feed.to_str().expect("a path in UTF-8");
    Job::new(&[&["lasso", feed], &OPTIONS[..]].concat())
}

/// The lines of a run, by epoch, without what is never the same.
fn epochs(stdout: &str) -> Vec<(u64, String)> {
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).expect("a line of JSON");
        value.as_object_mut().expect("an object").remove("seconds");
        (value["epoch"].as_u64().expect("an epoch"), value.to_string())
    };
    stdout.lines().map(line).collect()
}

fn model(job: &Job, name: &str) -> Vec<u8> {
    fs::read(job.path(&format!("{name}.safetensors"))).expect("a model")
}

/// Checks that a run that was killed and gone on with said of every epoch what one said that was left
/// alone, and that nothing is missing in between.
fn assert_same(alone: &str, before: &str, after: &str) {
    let (alone, before, after) = (epochs(alone), epochs(before), epochs(after));
    assert!(alone.starts_with(&before), "what was printed before is what is so");
    assert!(!after.is_empty() && alone.ends_with(&after), "{after:?}");
    assert!(before.len() + after.len() >= alone.len(), "epochs are missing");
}

#[test]
fn a_live_lasso_goes_on() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), feed(11).join("\n") + "\n").expect("room");
    let job = job(file.path());
    let alone = job.run("alone", (1, 1), &[], "").remove(0);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(alone.stderr.contains("checkpoint 2 is complete: epoch 9, line 126 of the feed"));
    for (at, &layout) in LAYOUTS.iter().enumerate() {
        let next = LAYOUTS[(at + 1) % LAYOUTS.len()];
        let name = format!("killed-{at}");
        // Five files a checkpoint, all by the first process: in the second, or in the first one.
        let place = format!("{}:{}:kill", failpoint::STEPS[at], if at == 3 { 2 } else { 8 });
        let died = job.run_at(0, &name, layout, &[], &place);
        assert_eq!(died[0].code, None, "{died:?}");
        let again = job.run(&name, next, &["--resume"], "").remove(0);
        assert_eq!(again.code, Some(0), "{again:?}");
        assert_same(&alone.stdout, &died[0].stdout, &again.stdout);
        assert!(model(&job, &name) == model(&job, "alone"), "{layout:?} to {next:?}");
    }
    // The run was complete: there is nothing left to say, and the model is what it was.
    let over = job.run("alone", (2, 1), &["--resume"], "").remove(0);
    assert_eq!((over.code, over.stdout.as_str()), (Some(0), ""), "{over:?}");
    assert!(model(&job, "alone") == model(&job, "killed-0"));
}

#[test]
fn a_feed_that_has_become_another_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lines = feed(4);
    fs::write(file.path(), lines.join("\n") + "\n").expect("room");
    let job = job(file.path());
    assert_eq!(job.run("first", (1, 1), &[], "")[0].code, Some(0));
    fs::write(file.path(), lines.join("\n").replacen("r0", "r9", 1) + "\n").expect("room");
    let refused = job.run("first", (1, 1), &["--resume"], "").remove(0);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(refused.stderr.contains("bytes that were read before, found others"), "{refused:?}");
    let other = job.run("first", (1, 1), &["--resume", "--positive"], "").remove(0);
    assert_eq!(other.code, Some(6), "{other:?}");
}

/// A run that is sent lines.
fn sent(job: &Job, name: &str, lines: &[String], more: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.args(&job.arguments).args(more).arg("--checkpoint").arg(job.path(name));
    command.arg("--model").arg(job.path(&format!("{name}.safetensors")));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the binary was built");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).expect("it reads");
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (text(done.stdout), text(done.stderr))
}

#[test]
fn standard_input_goes_on_with_what_follows() {
    let (job, lines) = (job(Path::new("-")), feed(9));
    let (alone, _) = sent(&job, "alone", &lines, &[]);
    // Two checkpoints, and epochs after them that are lost with the run.
    let (before, _) = sent(&job, "cut", &lines[..6 * 14], &[]);
    let (after, said) = sent(&job, "cut", &lines[6 * 14..], &["--resume"]);
    assert!(said.contains("-: on from line 84"), "{said}");
    assert_same(&alone, &before, &after);
    assert!(model(&job, "cut") == model(&job, "alone"));
}
