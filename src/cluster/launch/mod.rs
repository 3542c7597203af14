//! Starting all processes of a run on this host, and starting them again when one dies.
//!
//! Every process gets the same command line and the flags `-n`, `-p` and `-h` with ports that were
//! free a moment ago, and in its environment a secret, a name and a generation of this run (see
//! [`super::Flags`]). Processes left over from an earlier generation cannot join a later one.

mod group;
mod outlive;

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::NamedTempFile;

use super::fail::note;
use super::{ClusterError, fail};
use group::{End, Group};

pub use outlive::die_with_launcher;

/// The pause before the first restart; it doubles with each, up to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A command to run as several processes.
///
/// ```no_run
/// use strads::cluster::Launch;
///
/// let code = Launch {
///     processes: 4,
///     restarts: 2,
///     program: "./my-model".into(),
///     arguments: vec!["data.csv".into()],
///     again: vec!["--resume".into()],
/// }
/// .run()?;
/// # Ok::<(), strads::cluster::ClusterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Launch {
    /// How many processes.
    pub processes: usize,
    /// How often all of them are started again after one has died.
    pub restarts: u64,
    /// The program.
    pub program: OsString,
    /// Its arguments; the launch flags are added.
    pub arguments: Vec<OsString>,
    /// What is added when the processes are started again.
    pub again: Vec<OsString>,
}

/// Environment variables that the processes find.
pub(super) struct Environment {
    /// Pairs of name and value.
    pub(super) variables: Vec<(&'static str, String)>,
}

impl Launch {
    /// Starts the processes and waits until they have ended; gives the exit code of the run: 0 if
    /// all ended well, else the first that is neither 0 nor [`fail::LOST`].
    ///
    /// Their output is ours; each line on stderr is preceded by the index of its process. If one
    /// dies of a signal or exits with [`fail::LOST`], the others are ended and all are started
    /// again. Other exit codes are final. SIGINT, SIGTERM and SIGHUP are passed on and end the run.
    /// However this process ends, the others end too (on Linux even if it is killed, provided that
    /// they run [`super::execute`]).
    ///
    /// # Errors
    /// [`ClusterError`] if a process cannot be started, or the system has no port, no random
    /// bytes or no signals for us.
    pub fn run(&self) -> Result<i32, ClusterError> {
        if self.processes == 0 {
            return Err(ClusterError::Usage("-n 0: at least one process is needed".into()));
        }
        let failed = |what: &str, why: &dyn std::fmt::Display| {
            ClusterError::Failed(format!("cannot {what}: {why}"))
        };
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| failed("wait for signals", &error))?;
        let (job, secret) = (random_word()?, secret()?);
        let mut pause = PAUSES.0;
        for generation in 0.. {
            let hosts = hostfile(self.processes).map_err(|error| failed("get ports", &error))?;
            let environment = environment(&job, secret.as_deref(), generation);
            let arguments = self.arguments(generation > 0);
            let program = (self.program.as_os_str(), &arguments[..]);
            let group = Group::start(self.processes, program, hosts.path(), &environment)
                .map_err(|error| failed(&format!("start {}", self.program.display()), &error))?;
            match group.wait(&mut signals) {
                End::Code(code) => return Ok(code),
                End::Died(why) if generation < self.restarts => {
                    let (n, again, restarts) = (self.processes, generation + 1, self.restarts);
                    note(format!("{why}: starting all {n} again ({again} of {restarts})"));
                }
                End::Died(why) => {
                    note(format!("{why}: giving up"));
                    return Ok(fail::LOST);
                }
            }
            sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
        unreachable!("there are fewer restarts than generations")
    }

    fn arguments(&self, again: bool) -> Vec<OsString> {
        let more = if again { &self.again[..] } else { &[] };
        self.arguments.iter().chain(more).cloned().collect()
    }
}

fn environment(job: &str, secret: Option<&str>, generation: u64) -> Environment {
    let mut variables = vec![
        ("STRADS_JOB", job.to_string()),
        ("STRADS_GENERATION", generation.to_string()),
        (outlive::LAUNCHER, std::process::id().to_string()),
    ];
    variables.extend(secret.map(|secret| ("STRADS_SECRET", secret.to_string())));
    Environment { variables }
}

/// A secret for this run; none if the user has given one.
fn secret() -> Result<Option<String>, ClusterError> {
    match std::env::var_os("STRADS_SECRET") {
        Some(_) => Ok(None),
        None => random_word().map(Some),
    }
}

/// 32 random bytes in hexadecimal.
fn random_word() -> Result<String, ClusterError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| ClusterError::Failed(format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Ports of the loopback that are free, as a hostfile.
fn hostfile(processes: usize) -> std::io::Result<NamedTempFile> {
    // All are held at once so that they are different ones.
    let held: Vec<_> =
        (0..processes).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut file = NamedTempFile::with_prefix("strads-hosts-")?;
    for listener in held {
        writeln!(file, "{}", listener.local_addr()?)?;
    }
    Ok(file)
}
