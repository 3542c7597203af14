//! The examples run as their documentation says.

use std::process::Command;

use super::processes::{free_addresses, run_all};

fn example(name: &str, arguments: &[&str]) -> Command {
    let own = std::env::current_exe().expect("this binary has a path");
    let target = own.parent().and_then(|folder| folder.parent()).expect("target/<profile>/deps");
    let mut command = Command::new(target.join("examples").join(name));
    command.args(arguments);
    command
}

/// The lines with a word that all processes print together.
fn lines(word: &str, commands: Vec<Command>) -> Vec<String> {
    let mut lines = Vec::new();
    for ended in run_all(commands) {
        assert!(ended.succeeded(), "{}", ended.stderr);
        let own = ended.stdout.lines().filter(|line| line.starts_with(word));
        lines.extend(own.map(str::to_owned));
    }
    lines.sort();
    lines
}

const WEIGHTS: [&str; 3] = ["weight 0: 3.000", "weight 1: -2.000", "weight 2: 1.000"];
const ALARMS: [&str; 4] = [
    "epoch 1: sensor 7 is off",
    "epoch 2: sensor 42 is off",
    "epoch 2: sensor 7 is as expected, or gone",
    "epoch 3: sensor 42 is as expected, or gone",
];
const TALK: [&str; 4] = [
    "day 0: talk of apple, pear, plum",
    "day 0: talk of bolt, nut, screw",
    "day 3: talk of flute, harp, viola",
    "day 5: no talk any more of bolt, nut, screw",
];
const REVIEWS: [&str; 4] = [
    "epoch 1: review 200 is not what its words say",
    "epoch 2: review 200 is as it should be, or gone",
    "epoch 2: review 7 is not what its words say",
    "epoch 3: review 7 is as it should be, or gone",
];
/// What each example says: its lines with a word.
const EXAMPLES: [(&str, &str, &[&str]); 4] = [
    ("compose_custom", "weight", &WEIGHTS),
    ("compose_alarms", "epoch", &ALARMS),
    ("compose_window", "day", &TALK),
    ("compose_features", "epoch", &REVIEWS),
];

/// The lists that change; those of the first epoch are the users' own genres.
const LISTS: [&str; 6] = [
    "epoch 1: user 1 no longer needs drama 0",
    "epoch 1: user 1 should see drama 3",
    "epoch 1: user 13 no longer needs drama 0",
    "epoch 1: user 13 should see drama 3",
    "epoch 3: user 3 no longer needs western 0",
    "epoch 3: user 3 should see comedy 0",
];

fn check_recommender(commands: Vec<Command>) {
    let (first, later): (Vec<_>, Vec<_>) =
        lines("epoch", commands).into_iter().partition(|line| line.starts_with("epoch 0"));
    assert_eq!(later, LISTS);
    assert_eq!(first.len(), 24);
    for line in first {
        let user: usize = line.split(' ').nth(3).and_then(|id| id.parse().ok()).expect("a user");
        let genre = ["crime", "drama", "comedy", "western"][user % 4];
        assert!(line.contains(&format!("should see {genre}")), "{line}");
    }
}

#[test]
fn on_two_threads() {
    for (name, word, wanted) in EXAMPLES {
        assert_eq!(lines(word, vec![example(name, &["-w", "2"])]), wanted);
    }
    check_recommender(vec![example("compose_recommender", &["-w", "2"])]);
}

#[test]
fn on_two_processes() {
    for (name, word, wanted) in EXAMPLES {
        let folder = tempfile::tempdir().expect("a folder for the hosts");
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, free_addresses(2).join("\n")).expect("hosts are written");
        let hosts = hosts.to_str().expect("a plain path");
        let process = |number| example(name, &["-n", "2", "-p", number, "-h", hosts]);
        assert_eq!(lines(word, vec![process("0"), process("1")]), wanted);
    }
    let folder = tempfile::tempdir().expect("a folder for the hosts");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, free_addresses(2).join("\n")).expect("hosts are written");
    let hosts = hosts.to_str().expect("a plain path");
    let process = |number| example("compose_recommender", &["-n", "2", "-p", number, "-h", hosts]);
    check_recommender(vec![process("0"), process("1")]);
}
