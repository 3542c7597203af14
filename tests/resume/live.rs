//! Live runs: killed at a checkpoint, gone on with elsewhere; every change counts once.

use std::io::Write;
use std::process::Stdio;

use super::*;

/// A command with live data: its feed has epochs in which data come, change and go.
#[derive(Clone, Copy)]
struct Kind {
    options: &'static [&'static str],
    put: fn(u64, u64) -> String,
    delete: fn(u64) -> String,
}

const LASSO: Kind = Kind {
    options: &["lasso", "--lambda", "0.05"],
    put: |epoch, row| {
        let at = epoch * 5 + row;
        let x = |k: u64| ((at * (2 * k + 3) + k) % 17) as f64 / 3.0 - 2.0;
        let y = 1.5 * x(0) - x(2) + ((at * 7) % 5) as f64 / 10.0;
        let (a, b, c) = (x(0), x(1), x(2));
        let (row, which) = (at % 40, epoch % 3);
        format!(r#"{{"op":"put","id":"r{row}","y":{y},"x":{{"a":{a},"b":{b},"c{which}":{c}}}}}"#)
    },
    delete: |epoch| format!(r#"{{"op":"del","id":"r{}"}}"#, epoch * 3 % 40),
};

/// Few changes are repaired, more are swept; both kinds of epochs come.
const MF: Kind = Kind {
    options: &["mf", "--rank", "5", "--lambda", "0.1", "--weighted-lambda", "--biases"],
    put: |epoch, row| {
        let (user, item, rating) = rating_of(epoch, row);
        format!(r#"{{"op":"put","user":"u{user}","item":"i{item}","rating":{rating}}}"#)
    },
    delete: |epoch| {
        let (user, item, _) = rating_of(epoch.saturating_sub(2), 0);
        format!(r#"{{"op":"del","user":"u{user}","item":"i{item}"}}"#)
    },
};

fn rating_of(epoch: u64, row: u64) -> (u64, u64, f64) {
    // The first epoch fills the table, which later ones change here and there.
    let at = if epoch == 0 { row * 5 } else { epoch * 31 + row };
    let (user, item) = (at * 7 % 23, at * at % 17);
    (user, item, ((user * item + at) % 9) as f64 / 2.0 + 1.0)
}

const LDA: Kind = Kind {
    options: &["lda", "--topics", "4", "--iterations", "6", "--passes", "2", "--upkeep", "8"],
    put: |epoch, row| {
        let at = epoch * 5 + row;
        let word = |k: u64| format!("w{}", (at * (k + 2) + k * k) % 6 + 6 * (at % 3) + epoch / 4);
        let text: Vec<String> = (0..8 + at % 5).map(word).collect();
        format!(r#"{{"op":"put","id":"d{}","text":"{}"}}"#, at % 40, text.join(" "))
    },
    delete: |epoch| format!(r#"{{"op":"del","id":"d{}"}}"#, epoch * 3 % 40),
};

impl Kind {
    /// The lines of so many epochs.
    fn feed(&self, epochs: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for epoch in 0..epochs {
            lines.extend((0..LINES as u64 - 2).map(|row| (self.put)(epoch, row)));
            lines.push((self.delete)(epoch));
            lines.push(r#"{"op":"commit"}"#.to_owned());
        }
        lines
    }

    fn job(&self, feed: &Path) -> Job {
        self.job_of(feed, "3")
    }

    /// A job with a checkpoint after so many epochs.
    fn job_of(&self, feed: &Path, every: &str) -> Job {
        let feed = feed.to_str().expect("a path in UTF-8");
        let every = ["--checkpoint-every", every];
        Job::new(&[&self.options[..1], &[feed], &self.options[1..], &OPTIONS, &every].concat())
    }
}

/// Lines of an epoch.
const LINES: usize = 14;

const OPTIONS: [&str; 5] = ["--input-format", "changes", "--deltas", "--shards", "4"];

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

/// Runs are killed at the steps of a checkpoint, and go on in the next layout.
fn goes_on(kind: Kind) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), kind.feed(11).join("\n") + "\n").expect("room");
    let job = kind.job(file.path());
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
fn a_live_lasso_goes_on() {
    goes_on(LASSO);
}

#[test]
fn a_live_factorisation_goes_on() {
    goes_on(MF);
}

#[test]
fn live_topics_go_on() {
    goes_on(LDA);
}

#[test]
fn a_feed_that_has_become_another_is_refused() {
    for (kind, old, other) in [
        (LASSO, "r0", ["--positive", "--positive"]),
        (MF, "u0", ["--scheduler", "dynamic"]),
        (LDA, "d0", ["--beta", "0.2"]),
    ] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let lines = kind.feed(4);
        fs::write(file.path(), lines.join("\n") + "\n").expect("room");
        let job = kind.job(file.path());
        assert_eq!(job.run("first", (1, 1), &[], "")[0].code, Some(0));
        let changed = lines.join("\n").replacen(old, "x0", 1) + "\n";
        fs::write(file.path(), changed).expect("room");
        let refused = job.run("first", (1, 1), &["--resume"], "").remove(0);
        assert_eq!(refused.code, Some(6), "{refused:?}");
        assert!(refused.stderr.contains("bytes that were read before, found others"));
        let other = if other[0] == other[1] { &other[..1] } else { &other[..] };
        let other = job.run("first", (1, 1), &[&["--resume"], other].concat(), "").remove(0);
        assert_eq!(other.code, Some(6), "{other:?}");
    }
}

/// An epoch that checkpoints follow at once has set out anew as often as there were epochs: what it
/// is worth is not lost on the way.
#[test]
fn setting_out_anew_costs_no_quality() {
    for (kind, figure, worse) in [(MF, "objective", 1.02), (LDA, "log_likelihood_per_token", 1.03)]
    {
        let lines = kind.feed(30);
        let last = |stdout: &str| {
            let lines = epochs(stdout).into_iter().rev().find(|(_, line)| line.contains(figure));
            let line: Value = serde_json::from_str(&lines.expect("a line").1).expect("JSON");
            line[figure].as_f64().expect("a number").abs()
        };
        let told = |every| sent(&kind.job_of(Path::new("-"), every), "kept", &lines, &[]).0;
        let (seldom, often) = (told("1000"), told("1"));
        let (seldom, often) = (last(&seldom), last(&often));
        assert!(often < worse * seldom, "{figure}: {often} for {seldom}");
    }
}

#[test]
fn models_without_data_are_begun_by_the_first_that_come() {
    for kind in [LASSO, MF, LDA] {
        let lines = kind.feed(4);
        let (without, _) = sent(&kind.job_of(Path::new("-"), "100"), "without", &lines, &[]);
        let commits = vec![r#"{"op":"commit"}"#.to_owned(); 4];
        let after = [commits, lines].concat();
        let (with, _) = sent(&kind.job_of(Path::new("-"), "4"), "with", &after, &[]);
        let figures = |stdout: &str, skipped: u64| -> Vec<String> {
            let told = epochs(stdout).into_iter().filter(|(epoch, _)| *epoch >= skipped);
            let renamed = told.map(|(epoch, line)| {
                line.replace(
                    &format!("\"epoch\":{epoch}"),
                    &format!("\"epoch\":{}", epoch - skipped),
                )
            });
            renamed.collect()
        };
        assert_eq!(figures(&with, 4), figures(&without, 0));
    }
}

/// Of an epoch with a mistake nothing is kept, whatever kind of mistake it is.
#[test]
fn a_mistake_keeps_its_epoch_out() {
    let bad = [
        (LASSO, r#"{"op":"put","id":"r1","y":"much"}"#),
        (MF, r#"{"op":"put","user":"u1","item":"i1","rating":1e300}"#),
        (MF, r#"{"op":"put","user":"u1","item":"i1"}"#),
        (LDA, r#"{"op":"put","id":"d1"}"#),
    ];
    for (kind, mistake) in bad {
        let (job, lines) = (kind.job(Path::new("-")), kind.feed(4));
        let (alone, _) = sent(&job, "alone", &lines, &[]);
        let mut broken = lines.clone();
        broken.extend(kind.feed(5).into_iter().skip(4 * LINES).take(7));
        broken.extend([mistake.to_owned(), r#"{"op":"commit"}"#.to_owned()]);
        let (before, said) = ended(&job, "broken", &broken, &["--strict"], 3);
        assert!(said.contains(&format!(":{}:", 4 * LINES + 8)), "{mistake}: {said}");
        assert_eq!(epochs(&before), epochs(&alone), "{mistake}");
        assert!(model(&job, "broken") == model(&job, "alone"), "{mistake}");
        // The checkpoint is that of the last whole epoch: with the line mended the run goes on.
        let rest = kind.feed(6).split_off(4 * LINES);
        let (after, _) = sent(&job, "broken", &rest, &["--strict", "--resume"]);
        let (whole, _) = sent(&job, "whole", &lines, &["--strict"]);
        let (on, _) = sent(&job, "whole", &rest, &["--strict", "--resume"]);
        assert_eq!((epochs(&before), epochs(&after)), (epochs(&whole), epochs(&on)));
        assert!(model(&job, "broken") == model(&job, "whole"), "{mistake}");
    }
}

/// A run that is sent lines, and ends well.
fn sent(job: &Job, name: &str, lines: &[String], more: &[&str]) -> (String, String) {
    ended(job, name, lines, more, 0)
}

/// A run that is sent lines, and ends with a code.
fn ended(job: &Job, name: &str, lines: &[String], more: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.args(&job.arguments).args(more).arg("--checkpoint").arg(job.path(name));
    command.arg("--model").arg(job.path(&format!("{name}.safetensors")));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the binary was built");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that stops at a mistake need not read on.
    let written = stdin.write_all((lines.join("\n") + "\n").as_bytes());
    assert!(written.is_ok() || code != 0, "it reads");
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(code), "{done:?}");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (text(done.stdout), text(done.stderr))
}

#[test]
fn standard_input_goes_on_with_what_follows() {
    for kind in [LASSO, MF, LDA] {
        let (job, lines) = (kind.job(Path::new("-")), kind.feed(9));
        let (alone, _) = sent(&job, "alone", &lines, &[]);
        // Two checkpoints, and epochs after them that are lost with the run.
        let (before, _) = sent(&job, "cut", &lines[..6 * LINES], &[]);
        let (after, said) = sent(&job, "cut", &lines[6 * LINES..], &["--resume"]);
        assert!(said.contains("-: on from line 84"), "{said}");
        assert_same(&alone, &before, &after);
        assert!(model(&job, "cut") == model(&job, "alone"));
    }
}
