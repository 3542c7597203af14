//! The example of a program of one's own runs as its documentation says.

use std::process::Command;

use super::processes::{free_addresses, run_all};

fn example(arguments: &[&str]) -> Command {
    let own = std::env::current_exe().expect("this binary has a path");
    let target = own.parent().and_then(|folder| folder.parent()).expect("target/<profile>/deps");
    let mut command = Command::new(target.join("examples").join("compose_custom"));
    command.args(arguments);
    command
}

/// The weights that all processes print together.
fn weights(commands: Vec<Command>) -> Vec<String> {
    let mut lines = Vec::new();
    for ended in run_all(commands) {
        assert!(ended.succeeded(), "{}", ended.stderr);
        let own = ended.stdout.lines().filter(|line| line.starts_with("weight"));
        lines.extend(own.map(str::to_owned));
    }
    lines.sort();
    lines
}

const WANTED: [&str; 3] = ["weight 0: 3.000", "weight 1: -2.000", "weight 2: 1.000"];

#[test]
fn on_two_threads() {
    assert_eq!(weights(vec![example(&["-w", "2"])]), WANTED);
}

#[test]
fn on_two_processes() {
    let folder = tempfile::tempdir().expect("a folder for the hosts");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, free_addresses(2).join("\n")).expect("hosts are written");
    let hosts = hosts.to_str().expect("a plain path");
    let process = |number| example(&["-n", "2", "-p", number, "-h", hosts]);
    assert_eq!(weights(vec![process("0"), process("1")]), WANTED);
}
