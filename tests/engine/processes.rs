//! Tests of several processes: each is this test binary again, told to run one test.

use std::cell::Cell;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use timely::communication::Config as Communication;

/// A child that ended, or was ended when time was up.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// The printed lines that begin with `@`. What the test harness says of the test may come
    /// before the first of them on the same line.
    pub fn marked(&self) -> impl Iterator<Item = String> {
        let lines = self.stdout.lines();
        lines.filter_map(|line| line.find('@').map(|at| line[at..].to_owned()))
    }
}

/// Where a child runs: its number, threads, and the addresses of several computations.
pub struct Place {
    process: usize,
    threads: usize,
    computations: Vec<Vec<String>>,
    next: Cell<usize>,
}

impl Place {
    /// Nothing unless this process was started by [`children`].
    pub fn of_child() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let hosts = std::fs::read_to_string(std::env::var("STRADS_TEST_HOSTS").ok()?).ok()?;
        let addresses = |line: &str| line.split(' ').map(str::to_owned).collect();
        Some(Place {
            process: number("STRADS_TEST_PROCESS")?,
            threads: number("STRADS_TEST_THREADS")?,
            computations: hosts.lines().map(addresses).collect(),
            next: Cell::new(0),
        })
    }

    /// The same as the command's flags.
    pub fn flags(&self) -> strads::cluster::Flags {
        use strads::cluster::Flags;
        match &self.computations[0][..] {
            [_] => Flags::threads(self.threads),
            addresses => Flags::cluster(self.threads, self.process, addresses.to_vec()),
        }
    }

    /// The configuration of the next computation.
    pub fn next(&self) -> Communication {
        let addresses = self.computations[self.next.replace(self.next.get() + 1)].clone();
        match (addresses.len(), self.threads) {
            (1, 1) => Communication::Thread,
            (1, threads) => Communication::Process(threads),
            (_, threads) => Communication::Cluster {
                threads,
                process: self.process,
                addresses,
                report: false,
                zerocopy: false,
            },
        }
    }
}

/// Addresses that nobody listens at.
pub fn free_addresses(count: usize) -> Vec<String> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback can be bound");
    let listeners: Vec<TcpListener> = (0..count).map(bind).collect();
    let address = |listener: &TcpListener| listener.local_addr().expect("bound").to_string();
    listeners.iter().map(address).collect()
}

/// Runs `test` of this binary in so many processes of so many threads, which may set up so many
/// computations one after the other.
pub fn children(test: &str, processes: usize, threads: usize, computations: usize) -> Vec<Ended> {
    let addresses = free_addresses(processes * computations);
    let lines: Vec<String> = addresses.chunks(processes).map(|line| line.join(" ")).collect();
    let folder = tempfile::tempdir().expect("a folder for the hosts");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, lines.join("\n")).expect("hosts are written");
    let commands = (0..processes).map(|process| {
        let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
        command
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env("STRADS_TEST_PROCESS", process.to_string())
            .env("STRADS_TEST_THREADS", threads.to_string())
            .env("STRADS_TEST_HOSTS", &hosts);
        command
    });
    run_all(commands.collect())
}

/// Runs commands at once; ends those that are still running after a minute.
pub fn run_all(commands: Vec<Command>) -> Vec<Ended> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let started: Vec<_> = commands.into_iter().map(|command| start(command, deadline)).collect();
    started.into_iter().map(|child| child.join().expect("a child is waited for")).collect()
}

fn start(mut command: Command, deadline: Instant) -> std::thread::JoinHandle<Ended> {
    let pipe = Stdio::piped;
    let child = command.stdin(Stdio::null()).stdout(pipe()).stderr(pipe()).spawn();
    let mut child = child.expect("the child starts");
    std::thread::spawn(move || {
        let stdout = drain(child.stdout.take().expect("piped"));
        let stderr = drain(child.stderr.take().expect("piped"));
        let code = wait(&mut child, deadline);
        let text = |reader: std::thread::JoinHandle<String>| reader.join().unwrap_or_default();
        Ended { code, stdout: text(stdout), stderr: text(stderr) }
    })
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("children write text");
        text
    })
}

fn wait(child: &mut Child, deadline: Instant) -> Option<i32> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("the child is ours");
    child.wait().expect("the child is ours");
    None
}
