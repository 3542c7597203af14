//! `strads launch`: processes that are started, supervised, started again and never left behind.

mod support;

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::{Children, LIMIT, Outcome};

fn launch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.arg("launch").args(arguments).env_remove("STRADS_SECRET");
    command
}

fn run(arguments: &[&str]) -> Outcome {
    let mut children = Children::new();
    children.spawn(&mut launch(arguments));
    children.wait().remove(0)
}

#[test]
fn several_processes_give_the_model_of_one() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fit = |command: &[&str], name: &str| {
        let model = directory.path().join(name);
        let mut command = launch(command);
        command.args(["lasso", "inputs/diabetes.csv", "--target", "progression"]);
        command.args(["--shards", "3", "--model"]).arg(&model);
        let mut children = Children::new();
        children.spawn(&mut command);
        let outcome = children.wait().remove(0);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        std::fs::read(model).expect("a model was written")
    };
    assert!(fit(&["-n", "1", "--"], "alone") == fit(&["-n", "3", "--"], "together"));
}

/// What each generation does, as a shell command that also gets the launch flags: `$1` is the
/// number of processes, `$3` the index of this one.
const DIES_TWICE: &str = "[ $3 = 1 ] && [ $STRADS_GENERATION -lt 2 ] && kill -9 $$
echo generation $STRADS_GENERATION of process $3 of $1 >&2; exit 0";

#[test]
fn all_are_started_again_when_one_dies() {
    let outcome = run(&["-n", "3", "--", "sh", "-c", DIES_TWICE]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines = outcome.complaints();
    for process in 0..3 {
        let line = format!("[{process}] generation 2 of process {process} of 3");
        assert!(lines.contains(&line.as_str()), "{outcome:?}");
    }
    for again in 1..3 {
        let line =
            format!("strads: process 1 died of signal 9: starting all 3 again ({again} of 3)");
        assert!(lines.contains(&line.as_str()), "{outcome:?}");
    }
}

#[test]
fn restarts_are_limited() {
    let outcome = run(&["-n", "3", "--restarts", "1", "--", "sh", "-c", DIES_TWICE]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    let last = outcome.complaints().last().map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("strads: process 1 died of signal 9: giving up"));
}

#[test]
fn other_exit_codes_are_final() {
    let outcome = run(&["-n", "2", "--", "sh", "-c", "[ $3 = 1 ] && exit 3; exit 4"]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let outcome = run(&["-n", "2", "--", "/nonexistent/program"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.starts_with("strads: cannot start /nonexistent/program: "));
    assert_eq!(run(&["-n", "0", "--", "true"]).code, Some(2));
}

#[test]
fn a_lost_peer_starts_all_again() {
    let outcome = run(&["-n", "2", "--restarts", "1", "--", "sh", "-c", "exit 4"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert!(outcome.stderr.contains("processes lost each other: starting all 2 again (1 of 1)"));
}

#[test]
fn a_command_with_checkpoints_goes_on_from_them() {
    let echo = "echo \"$@\" >&2; [ $STRADS_GENERATION = 0 ] && kill -9 $$; exit 0";
    for (given, resumes) in [("--checkpoint", 1), ("--checkpoint=d", 1), ("--other", 0)] {
        let outcome = run(&["-n", "1", "--", "sh", "-c", echo, "sh", given, "d"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stderr.matches("--resume").count(), resumes, "{outcome:?}");
    }
}

/// A launch of two processes that wait for ever, once they have begun; with the ids that both print.
fn waiting(command: &[&str]) -> (Children, Vec<String>) {
    let mut children = Children::new();
    children.spawn(&mut launch(&[&["-n", "2", "--"][..], command].concat()));
    let begin = Instant::now();
    loop {
        let text = children.said(0);
        let ids: Vec<String> = text.lines().map(String::from).collect();
        if ids.len() == 2 && text.ends_with('\n') {
            return (children, ids);
        }
        assert!(begin.elapsed() < LIMIT, "processes do not start");
        sleep(Duration::from_millis(10));
    }
}

fn assert_gone(ids: &[String]) {
    let begin = Instant::now();
    let runs = |id: &String| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    while ids.iter().any(runs) {
        assert!(begin.elapsed() < LIMIT, "left behind: {ids:?}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn signals_are_passed_on_and_nobody_is_left() {
    // A shell stands in front of each, and one ignores the signal.
    let command = ["sh", "-c", "echo $$; [ $3 = 1 ] && trap '' TERM; sleep 600; sleep 600"];
    let (children, ids) = waiting(&command);
    children.signal(0, "TERM");
    assert_eq!(children.wait()[0].code, Some(128 + 15));
    assert_gone(&ids);
}

#[test]
fn a_live_run_ends_in_good_order_on_all_processes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let feed = directory.path().join("changes.jsonl");
    let row = "{\"op\":\"put\",\"id\":\"a\",\"y\":1,\"x\":{\"p\":2}}\n{\"op\":\"commit\"}\n";
    std::fs::write(&feed, row).expect("a feed");
    let mut command = launch(&["-n", "2", "--", env!("CARGO_BIN_EXE_strads"), "lasso"]);
    command.arg(&feed).args(["--follow", "--lambda", "0.1", "--format", "json"]);
    let mut children = Children::new();
    children.spawn(&mut command);
    let begin = Instant::now();
    while !children.said(0).contains("\"epoch\":0") {
        assert!(begin.elapsed() < LIMIT, "no epoch");
        sleep(Duration::from_millis(10));
    }
    children.signal(0, "TERM");
    let outcome = children.wait().remove(0);
    assert_eq!(outcome.code, Some(128 + 15), "{outcome:?}");
    assert!(!outcome.stderr.contains("process 1"), "{outcome:?}");
    assert!(!outcome.stderr.contains("lost"), "{outcome:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_launcher_that_is_killed_leaves_nobody() {
    // The program replaces the shell: a fit that takes for ever.
    let fit = format!(
        "echo $$; exec {} lasso inputs/mouse_hs1940.bed.gz --scheduler random --block 1 \
         --tol 1e-14 --max-rounds 1000000000 --quiet \"$@\"",
        env!("CARGO_BIN_EXE_strads")
    );
    let (mut children, ids) = waiting(&["sh", "-c", &fit, "sh"]);
    sleep(Duration::from_millis(300));
    children.kill(0);
    children.wait();
    assert_gone(&ids);
}
