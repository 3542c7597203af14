//! The launch flags that every timely program has.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;
use super::{ClusterError, hostfile};

/// The most workers a run may have. Timely keeps a queue for every pair of workers in a process;
/// far above any sensible use, this turns a slip of the finger into an error.
const MOST_WORKERS: usize = 4096;

/// The longest timeout in seconds: a day.
const LONGEST_TIMEOUT: u64 = 24 * 60 * 60;

/// How many threads and processes run a computation, and which of the processes this is.
///
/// As `clap` arguments these are timely's own flags, `-h` for the hostfile among them, so that the
/// command (and each subcommand) that flattens them must disable the short help flag:
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// #[command(disable_help_flag = true)]
/// struct Command {
///     #[command(flatten)]
///     cluster: strads::cluster::Flags,
///     /// Print help
///     #[arg(long, action = clap::ArgAction::Help)]
///     help: Option<bool>,
/// }
///
/// let command = Command::parse_from(["program", "-w", "2", "-n", "3", "-p", "1"]);
/// assert_eq!(command.cluster.workers(), 6);
/// ```
#[derive(clap::Args, Clone, Debug)]
// Or else this documentation would become the help text of the command.
#[command(about = None, long_about = None)]
pub struct Flags {
    /// Worker threads in each process
    #[arg(short = 'w', long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Processes that run the computation together
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    pub processes: usize,
    /// Which of the processes this one is, counted from 0
    #[arg(short = 'p', long, value_name = "I", default_value_t = 0)]
    pub process: usize,
    /// File with the address HOST:PORT of each process, one a line, process 0 first
    /// [default: process I at localhost:(2101 + I)]
    #[arg(short = 'h', long, value_name = "FILE")]
    pub hostfile: Option<PathBuf>,
    /// How long to wait for the other processes when starting
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub connect_timeout: u64,
    /// How long another process may be silent before it counts as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub peer_timeout: u64,
    /// File with the secret that all processes share, 16 bytes or more [default: STRADS_SECRET];
    /// required unless all processes are on this host's loopback
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Encrypt what processes send each other
    #[arg(long)]
    pub encrypt: bool,
    /// Name of this run: processes of others are turned away
    #[arg(long, value_name = "NAME", env = "STRADS_JOB", default_value = "", hide_env = true)]
    pub job: String,
    /// How often this run has been started anew: processes left over from before are turned away
    #[arg(long, value_name = "N", env = "STRADS_GENERATION", default_value_t = 0, hide_env = true)]
    pub generation: u64,
    /// Addresses given by the program; they take the place of a hostfile.
    #[arg(skip)]
    given: Option<Vec<String>>,
    /// A secret given by the program; it takes the place of a file.
    #[arg(skip)]
    given_secret: Option<Vec<u8>>,
}

/// A command line of nothing but flags.
#[derive(clap::Parser)]
#[command(disable_help_flag = true, about = None, long_about = None)]
struct Alone {
    #[command(flatten)]
    flags: Flags,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

impl Flags {
    /// The flags of this process's own command line, for programs without other options. Ends the
    /// process with one message if there is anything else on it.
    pub fn from_args() -> Flags {
        <Alone as clap::Parser>::parse().flags
    }

    /// One worker in this process.
    pub fn thread() -> Flags {
        Flags::threads(1)
    }

    /// `threads` workers in this process.
    pub fn threads(threads: usize) -> Flags {
        Flags {
            threads,
            processes: 1,
            process: 0,
            hostfile: None,
            connect_timeout: 30,
            peer_timeout: 30,
            secret_file: None,
            encrypt: false,
            job: String::new(),
            generation: 0,
            given: None,
            given_secret: None,
        }
    }

    /// `threads` workers in each of as many processes as there are addresses `HOST:PORT`; this
    /// is process number `process`.
    pub fn cluster(threads: usize, process: usize, addresses: Vec<String>) -> Flags {
        Flags {
            processes: addresses.len(),
            process,
            given: Some(addresses),
            ..Flags::threads(threads)
        }
    }

    /// The same with a secret that all processes share, 16 bytes or more.
    pub fn with_secret(self, secret: &[u8]) -> Flags {
        Flags { given_secret: Some(secret.to_vec()), ..self }
    }

    /// The number of workers over all processes.
    pub fn workers(&self) -> usize {
        self.threads.saturating_mul(self.processes)
    }

    /// Checks the flags, reads the hostfile, and gives the address of every process (none for a
    /// single process).
    ///
    /// # Errors
    /// [`ClusterError::Usage`] if a number is out of range, if the hostfile cannot be read, has a
    /// line that is no address, or too few of them, or if a secret is missing or no good.
    pub fn addresses(&self) -> Result<Vec<String>, ClusterError> {
        self.check().map_err(ClusterError::Usage)?;
        let processes = self.processes;
        if processes == 1 {
            return Ok(Vec::new());
        }
        let addresses = match (&self.given, &self.hostfile) {
            (Some(given), _) => hostfile::check(given, processes),
            (None, Some(file)) => hostfile::read(file, processes),
            (None, None) => Ok((0..processes).map(|i| format!("localhost:{}", 2101 + i)).collect()),
        };
        let addresses = addresses.map_err(ClusterError::Usage)?;
        self.check_secret(&addresses).map_err(ClusterError::Usage)?;
        Ok(addresses)
    }

    /// The secret that the processes share, if there is one: for ports of the program's own.
    ///
    /// # Errors
    /// [`ClusterError::Usage`] if the secret cannot be read or is too short.
    pub fn shared(&self) -> Result<Option<Vec<u8>>, ClusterError> {
        Ok(self.secret()?.into_bytes())
    }

    /// What the processes share.
    pub(super) fn secret(&self) -> Result<Secret, ClusterError> {
        let secret = match &self.given_secret {
            Some(given) => Secret::given(given),
            None => Secret::find(self.secret_file.as_deref()),
        };
        secret.map_err(ClusterError::Usage)
    }

    /// Whoever reaches the port of a process without a secret can join the run in place of another:
    /// that takes a login on this host, if every process is on the loopback.
    fn check_secret(&self, addresses: &[String]) -> Result<(), String> {
        if !self.secret().map_err(|error| error.to_string())?.is_none() {
            return Ok(());
        }
        if self.encrypt {
            return Err("--encrypt needs a secret: --secret-file or STRADS_SECRET".into());
        }
        match addresses.iter().position(|address| !hostfile::is_loopback(address)) {
            None => Ok(()),
            Some(process) => Err(format!(
                "process {process} at {} is not on the loopback: a secret is required, \
                 --secret-file or STRADS_SECRET",
                addresses[process]
            )),
        }
    }

    /// How long start-up may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout)
    }

    /// How long a peer may be silent.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(self.peer_timeout)
    }

    fn check(&self) -> Result<(), String> {
        let Flags { threads, processes, process, connect_timeout, peer_timeout, .. } = *self;
        if threads == 0 {
            return Err("-w 0: a process needs at least one worker thread".into());
        }
        if processes == 0 {
            return Err("-n 0: at least one process is needed".into());
        }
        if process >= processes {
            return Err(format!(
                "-p {process}: processes are numbered from 0 to {} with -n {processes}",
                processes - 1
            ));
        }
        if self.workers() > MOST_WORKERS {
            return Err(format!(
                "-w {threads} -n {processes}: more than {MOST_WORKERS} workers in all"
            ));
        }
        for (flag, seconds) in [("connect", connect_timeout), ("peer", peer_timeout)] {
            if !(1..=LONGEST_TIMEOUT).contains(&seconds) {
                return Err(format!(
                    "--{flag}-timeout {seconds}: expected 1 to {LONGEST_TIMEOUT} seconds"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    /// Trains
    #[derive(Parser)]
    #[command(disable_help_flag = true)]
    struct Command {
        #[command(flatten)]
        flags: Flags,
    }

    fn parse(line: &str) -> Flags {
        Command::try_parse_from(line.split(' ')).expect("these flags exist").flags
    }

    #[test]
    fn timely_flags_mean_what_they_mean_everywhere() {
        let flags = parse("x -w 3 -n 2 -p 1 -h hosts.txt");
        assert_eq!((flags.threads, flags.processes, flags.process), (3, 2, 1));
        assert_eq!(flags.hostfile, Some("hosts.txt".into()));
        assert_eq!(flags.workers(), 6);
        let flags = parse("x --threads 3 --processes 2 --process 1 --hostfile h");
        assert_eq!((flags.threads, flags.processes, flags.process), (3, 2, 1));
    }

    #[test]
    fn the_command_keeps_its_own_help_text() {
        use clap::CommandFactory;
        let command = Command::command();
        assert_eq!(command.get_about().map(ToString::to_string), Some("Trains".into()));
        assert!(command.get_long_about().is_none());
        command.debug_assert();
    }

    #[test]
    fn defaults_are_one_worker_and_local_ports() {
        let flags = parse("x");
        assert_eq!((flags.workers(), flags.connect_timeout), (1, 30));
        assert_eq!(flags.addresses(), Ok(vec![]));
        let addresses = parse("x -n 2").addresses();
        assert_eq!(addresses, Ok(vec!["localhost:2101".into(), "localhost:2102".into()]));
    }

    #[test]
    fn senseless_numbers_are_usage_errors_of_one_line() {
        for line in [
            "x -w 0",
            "x -n 0",
            "x -p 1",
            "x -n 2 -p 2",
            "x -w 100000",
            "x -w 18446744073709551615 -n 3",
            "x --connect-timeout 0",
            "x --connect-timeout 18446744073709551615",
            "x --peer-timeout 0",
            "x -n 2 --secret-file /nonexistent",
            "x -n 2 --encrypt",
        ] {
            let error = parse(line).addresses().expect_err(line);
            assert_eq!(error.code(), 2, "{line}");
            assert_eq!(error.to_string().lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn constructors_for_programs() {
        assert_eq!(Flags::thread().workers(), 1);
        assert_eq!(Flags::threads(4).workers(), 4);
        let addresses = vec!["a:1".to_string(), "[::1]:1".to_string()];
        let flags = Flags::cluster(2, 1, addresses.clone());
        let error = flags.addresses().expect_err("off the loopback without a secret");
        assert!(
            error.to_string().starts_with("process 0 at a:1 is not on the loopback"),
            "{error}"
        );
        assert!(flags.clone().with_secret(b"short").addresses().is_err());
        let flags = flags.with_secret(b"0123456789abcdef");
        assert_eq!((flags.workers(), flags.addresses()), (4, Ok(addresses)));
        assert!(Flags::cluster(1, 0, vec![]).addresses().is_err());
        assert!(Flags::cluster(1, 0, vec!["a:1".into(), "a".into()]).addresses().is_err());
    }
}
