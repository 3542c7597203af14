//! The processes of one generation, from their start to the end of the last.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::iterator::Signals;

use super::{Environment, fail};

const POLL: Duration = Duration::from_millis(10);

/// How long the others may take to end by themselves when one has failed, and how long all may take
/// to end when they are told to.
const GRACE: Duration = Duration::from_secs(3);

/// How a generation ended.
pub(super) enum End {
    /// For good, with an exit code.
    Code(i32),
    /// One died, for this reason.
    Died(String),
}

/// Whatever is still running when this is dropped is killed.
pub(super) struct Group {
    members: Vec<Member>,
    relays: Vec<JoinHandle<()>>,
}

struct Member {
    child: Child,
    status: Option<ExitStatus>,
}

impl Group {
    /// Starts every process.
    pub(super) fn start(
        processes: usize,
        (program, arguments): (&OsStr, &[OsString]),
        hosts: &Path,
        environment: &Environment,
    ) -> io::Result<Group> {
        let mut group = Group { members: Vec::new(), relays: Vec::new() };
        for process in 0..processes {
            let mut child = Command::new(program)
                .args(arguments)
                .args(["-n", &processes.to_string(), "-p", &process.to_string(), "-h"])
                .arg(hosts)
                .envs(environment.variables.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                // A group of its own, so that what it starts can be ended with it.
                .process_group(0)
                .spawn()?;
            let stderr = child.stderr.take();
            group.members.push(Member { child, status: None });
            if let Some(stderr) = stderr {
                group.relays.push(thread::Builder::new().spawn(move || relay(process, stderr))?);
            }
        }
        Ok(group)
    }

    /// Waits until all have ended.
    pub(super) fn wait(mut self, signals: &mut Signals) -> End {
        let (mut told, mut deadline) = (None, None);
        while !self.look() {
            for signal in signals.pending() {
                told = Some(signal);
                self.send(Signal::from_named_raw(signal).unwrap_or(Signal::TERM));
            }
            let ending = told.is_some() || self.has_failed();
            if ending && Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + GRACE) {
                self.send(Signal::KILL);
            }
            sleep(POLL);
        }
        // What a process has started may live on, and holds its stderr open.
        self.send(Signal::KILL);
        self.relays.drain(..).for_each(|relay| drop(relay.join()));
        match told {
            Some(signal) => End::Code(128 + signal),
            None => self.end(),
        }
    }

    /// Notes who has ended; true if all have.
    fn look(&mut self) -> bool {
        for member in &mut self.members {
            if member.status.is_none() {
                // The only error is that there is no such child, and then it has ended.
                member.status = member.child.try_wait().unwrap_or_default();
            }
        }
        self.members.iter().all(|member| member.status.is_some())
    }

    fn has_failed(&self) -> bool {
        self.members.iter().filter_map(|member| member.status).any(|status| !status.success())
    }

    /// Sends a signal to every process, and to what it has started. Groups that are gone need none.
    fn send(&self, signal: Signal) {
        for member in &self.members {
            if let Some(id) = i32::try_from(member.child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(id, signal);
            }
        }
    }

    fn end(&self) -> End {
        let statuses = || self.members.iter().filter_map(|member| member.status).enumerate();
        let codes = || statuses().filter_map(|(_, status)| status.code());
        if let Some(code) = codes().find(|code| ![0, fail::LOST].contains(code)) {
            return End::Code(code);
        }
        // The one that was killed is the cause; those that exit have lost it.
        let killed = statuses().find_map(|(i, status)| status.signal().map(|s| (i, s)));
        match killed {
            Some((i, signal)) => End::Died(format!("process {i} died of signal {signal}")),
            None if self.has_failed() => End::Died("processes lost each other".into()),
            None => End::Code(0),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.members.iter().any(|member| member.status.is_none()) {
            self.send(Signal::KILL);
            self.members.iter_mut().for_each(|member| drop(member.child.wait()));
        }
    }
}

/// Passes on what a process says on stderr, line by line.
fn relay(process: usize, stderr: impl Read) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                if !line.ends_with(b"\n") {
                    line.push(b'\n');
                }
                let text = [format!("[{process}] ").as_bytes(), &line].concat();
                // A stderr that is closed is no reason to fail.
                let _ = io::stderr().write_all(&text);
            }
        }
    }
}
