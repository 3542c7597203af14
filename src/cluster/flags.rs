//! The launch flags that every timely program has.

use std::path::PathBuf;
use std::time::Duration;

use super::{ClusterError, hostfile};

/// The most workers a run may have. Timely keeps a queue for every pair of workers in a process;
/// far above any sensible use, this turns a slip of the finger into an error.
const MOST_WORKERS: usize = 4096;

/// The longest connect timeout in seconds: a day.
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
    /// Addresses given by the program; they take the place of a hostfile.
    #[arg(skip)]
    given: Option<Vec<String>>,
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
            given: None,
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

    /// The number of workers over all processes.
    pub fn workers(&self) -> usize {
        self.threads.saturating_mul(self.processes)
    }

    /// Checks the flags, reads the hostfile, and gives the address of every process (none for a
    /// single process).
    ///
    /// # Errors
    /// [`ClusterError::Usage`] if a number is out of range, or if the hostfile cannot be read, has
    /// a line that is no address, or too few of them.
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
        addresses.map_err(ClusterError::Usage)
    }

    /// How long start-up may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout)
    }

    fn check(&self) -> Result<(), String> {
        let Flags { threads, processes, process, connect_timeout, .. } = *self;
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
        if !(1..=LONGEST_TIMEOUT).contains(&connect_timeout) {
            return Err(format!(
                "--connect-timeout {connect_timeout}: expected 1 to {LONGEST_TIMEOUT} seconds"
            ));
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
        let addresses = vec!["a:1".to_string(), "b:1".to_string()];
        let flags = Flags::cluster(2, 1, addresses.clone());
        assert_eq!((flags.workers(), flags.addresses()), (4, Ok(addresses)));
        assert!(Flags::cluster(1, 0, vec![]).addresses().is_err());
        assert!(Flags::cluster(1, 0, vec!["a:1".into(), "a".into()]).addresses().is_err());
    }
}
