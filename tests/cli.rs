//! The `strads` command as its users see it: the built binary, its output, its exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

mod support;

#[path = "cli/determinism.rs"]
mod determinism;
#[path = "cli/exits.rs"]
mod exits;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/lasso.rs"]
mod lasso;
#[path = "cli/lda.rs"]
mod lda;
#[path = "cli/lda_state.rs"]
mod lda_state;
#[path = "cli/live.rs"]
mod live;
#[path = "cli/live_lda.rs"]
mod live_lda;
#[path = "cli/live_mf.rs"]
mod live_mf;
#[path = "cli/mf.rs"]
mod mf;
#[path = "cli/recommend.rs"]
mod recommend;
#[path = "cli/reference.rs"]
mod reference;

const DIABETES: &str = "inputs/diabetes.csv";
const LECTURES: &str = "inputs/insteval.csv";
const MICE: &str = "inputs/mouse_hs1940.bed.gz";
const MAILS: [&str; 3] = ["inputs/spam.docword.txt.gz", "--vocab", "inputs/spam.vocab.txt"];
const TEXTS: &str = "inputs/texts.svmlight.gz";

/// What became of a run.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The one JSON object that stdout must be.
    fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// The single complaint of a run that must have failed with a code.
    fn complaint(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        let last = self.stderr.lines().find(|line| !line.starts_with("strads: read "));
        last.unwrap_or_default().strip_prefix("strads: ").expect("a complaint")
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.args(arguments).stdin(Stdio::null()).env("RUST_BACKTRACE", "0");
    command
}

fn run(arguments: &[&str]) -> Ran {
    let done = command(arguments).output().expect("the binary was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) }
}

/// A run that must succeed, with its JSON.
fn json(arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--format", "json", "--quiet"]].concat();
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
    assert_eq!(ran.stderr, "");
    ran.json()
}

/// `strads lasso` on the diabetes data.
fn diabetes(options: &[&str]) -> Value {
    json(&[&["lasso", DIABETES, "--target", "progression"], options].concat())
}

/// A directory for a test's files.
fn directory() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().to_owned();
    (directory, move |name: &str| text(path.join(name)))
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("a path in UTF-8")
}

fn contents(path: &str) -> String {
    std::fs::read_to_string(Path::new(path)).expect("the file was written")
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

fn close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(error <= tolerance * expected.abs().max(1e-300), "{found} is not {expected}");
}
