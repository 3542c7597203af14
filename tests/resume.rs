//! Runs that are killed and go on: the same bytes as runs that were left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod support;

#[path = "resume/batch.rs"]
mod batch;
#[path = "resume/live.rs"]
mod live;
#[path = "resume/refusals.rs"]
mod refusals;

use strads::report::failpoint;
use support::{Children, Outcome, free_addresses, hostfile};

const DIABETES: [&str; 3] = ["inputs/diabetes.csv", "--target", "progression"];
const TEXTS: &str = "inputs/texts.svmlight.gz";

/// Processes, and threads of each.
type Layout = (usize, usize);

const LAYOUTS: [Layout; 4] = [(1, 1), (1, 2), (2, 1), (2, 2)];

/// A command whose runs are compared.
struct Job {
    arguments: Vec<String>,
    directory: tempfile::TempDir,
}

/// What a run left: the bytes of its model, and its result without what the layout decides.
#[derive(PartialEq)]
struct Left {
    model: Vec<u8>,
    result: String,
}

impl Job {
    fn new(arguments: &[&str]) -> Job {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Job { arguments: arguments.iter().map(|word| (*word).to_owned()).collect(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs all processes with checkpoints in a directory of this name; the last of them passes a
    /// failpoint.
    fn run(&self, name: &str, layout: Layout, more: &[&str], failpoint: &str) -> Vec<Outcome> {
        self.run_at(layout.0 - 1, name, layout, more, failpoint)
    }

    /// The same, where another process passes it.
    fn run_at(
        &self,
        fails: usize,
        name: &str,
        layout: Layout,
        more: &[&str],
        failpoint: &str,
    ) -> Vec<Outcome> {
        let (processes, threads) = layout;
        let hosts = hostfile(&free_addresses(processes));
        let mut children = Children::new();
        for process in 0..processes {
            let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
            command.args(&self.arguments).args(more).args(["--format", "json"]);
            command.arg("--checkpoint").arg(self.path(name));
            command.arg("--model").arg(self.path(&format!("{name}.safetensors")));
            command.args(["-w", &threads.to_string()]);
            if processes > 1 {
                command.args(["-n", &processes.to_string(), "-p", &process.to_string(), "-h"]);
                command.arg(hosts.path());
            }
            if process == fails {
                command.env("STRADS_FAILPOINT", failpoint);
            }
            children.spawn(command.env("RUST_BACKTRACE", "0"));
        }
        children.wait()
    }

    /// A run that comes to its end.
    fn done(&self, name: &str, layout: Layout, more: &[&str]) -> Left {
        let outcomes = self.run(name, layout, more, "");
        for outcome in &outcomes {
            assert_eq!(outcome.code, Some(0), "{:?} {layout:?}: {outcome:?}", self.arguments);
        }
        self.left(name, &outcomes[0].stdout)
    }

    fn left(&self, name: &str, stdout: &str) -> Left {
        let mut result: Value = serde_json::from_str(stdout).expect("one JSON object");
        let object = result.as_object_mut().expect("an object");
        for name in ["seconds", "peak_bytes", "workers", "processes", "memory"] {
            object.remove(name);
        }
        let model = fs::read(self.path(&format!("{name}.safetensors"))).expect("a model");
        Left { model, result: result.to_string() }
    }

    /// The checkpoints there are, complete ones.
    fn checkpoints(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(name)).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut complete: Vec<_> = paths.filter(|path| path.join("MANIFEST").exists()).collect();
        complete.sort();
        complete
    }
}

/// Everything in a directory, to put back later.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("room");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("room");
        }
    }
}
