//! Helpers for tests that run several processes: the test binary starts itself again, once for
//! each process, with the name of the one test that this process shall play.
//!
//! A test that is played this way begins with `let Some(role) = support::role() else { return };`
//! and so does nothing when the test harness runs it by itself.

// Each test binary uses its own part of these helpers.
#![allow(dead_code)]

pub mod kept;

use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// The environment variable with the arguments of a played test.
const ROLE: &str = "STRADS_TEST_ROLE";

/// The most time any group of processes gets, far beyond what it needs.
pub const LIMIT: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(5);

/// The arguments given to [`Children::play`], if this process was started by it.
pub fn role() -> Option<Vec<String>> {
    let arguments = env::var(ROLE).ok()?;
    Some(arguments.split_whitespace().map(String::from).collect())
}

/// Loopback addresses whose ports were free a moment ago.
pub fn free_addresses(n: usize) -> Vec<String> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners: Vec<_> = (0..n).map(bind).collect();
    listeners.iter().map(|l| l.local_addr().expect("it is bound").to_string()).collect()
}

/// A hostfile with the given addresses; it is removed when dropped.
pub fn hostfile(addresses: &[String]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(addresses.join("\n").as_bytes()).expect("room for a hostfile");
    file
}

/// What became of a process.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code; none if a signal ended the process.
    pub code: Option<i32>,
    /// All that it printed.
    pub stdout: String,
    /// All that it complained of.
    pub stderr: String,
}

impl Outcome {
    /// The lines on stderr.
    pub fn complaints(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }
}

/// Processes of one test. Whatever is still running when this is dropped is killed.
#[derive(Default)]
pub struct Children(Vec<Running>);

struct Running {
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Children {
    /// No processes yet.
    pub fn new() -> Children {
        Children::default()
    }

    /// Starts any command; gives its index among the children.
    pub fn spawn(&mut self, command: &mut Command) -> usize {
        let file = || NamedTempFile::new().expect("a temporary file");
        let (stdout, stderr) = (file(), file());
        let into = |file: &NamedTempFile| Stdio::from(file.reopen().expect("it was just made"));
        let child = command
            .stdin(Stdio::null())
            .stdout(into(&stdout))
            .stderr(into(&stderr))
            .spawn()
            .expect("the program exists");
        self.0.push(Running { child, stdout, stderr });
        self.0.len() - 1
    }

    /// Starts this test binary as a process that plays `test` alone, with these arguments.
    pub fn play(&mut self, test: &str, arguments: &str) -> usize {
        self.play_with(test, arguments, &[])
    }

    /// The same, with these environment variables set.
    pub fn play_with(&mut self, test: &str, arguments: &str, variables: &[(&str, &str)]) -> usize {
        let mut command = Command::new(env::current_exe().expect("the path of this binary"));
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.envs(variables.iter().copied());
        self.spawn(command.env(ROLE, arguments).env("RUST_BACKTRACE", "0"))
    }

    /// Waits until a child has printed `text` on stdout.
    pub fn wait_for(&self, index: usize, text: &str) {
        let start = Instant::now();
        while !read(&self.0[index].stdout).contains(text) {
            assert!(start.elapsed() < LIMIT, "child {index} never printed '{text}'");
            sleep(POLL);
        }
    }

    /// Ends a child the hard way: SIGKILL on Unix.
    pub fn kill(&mut self, index: usize) {
        self.0[index].child.kill().expect("it was running");
    }

    /// Sends a child a signal, by its name without SIG.
    pub fn signal(&self, index: usize, name: &str) {
        let id = self.0[index].child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("a kill command").success());
    }

    /// What a child has printed on stdout so far.
    pub fn said(&self, index: usize) -> String {
        read(&self.0[index].stdout)
    }

    /// What a child has complained of so far.
    pub fn complained(&self, index: usize) -> String {
        read(&self.0[index].stderr)
    }

    /// Waits for all children, in the order they were started.
    pub fn wait(mut self) -> Vec<Outcome> {
        let start = Instant::now();
        let mut outcomes = Vec::new();
        for (index, running) in self.0.iter_mut().enumerate() {
            let status = loop {
                match running.child.try_wait().expect("our own child") {
                    Some(status) => break status,
                    None => sleep(POLL),
                }
                let stderr = read(&running.stderr);
                assert!(start.elapsed() < LIMIT, "child {index} does not end; stderr: {stderr}");
            };
            let (stdout, stderr) = (read(&running.stdout), read(&running.stderr));
            outcomes.push(Outcome { code: status.code(), stdout, stderr });
        }
        outcomes
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for running in &mut self.0 {
            // Fails only for children that have ended.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

fn read(file: &NamedTempFile) -> String {
    let bytes = fs::read(file.path()).expect("it exists until it is dropped");
    String::from_utf8_lossy(&bytes).into_owned()
}
