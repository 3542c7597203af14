//! Connecting the processes of a run: listen, call those below, answer those above.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::ClusterError;
use super::answer::Desk;
use super::dial::dial;
use super::handshake::Identity;
use super::link::Link;
use super::meeting::{Meeting, Progress};

/// How often start-up looks for calls and connections.
const POLL: Duration = Duration::from_millis(2);

/// How long a process that knows the run to be impossible stays to tell its other peers.
const GRACE: Duration = Duration::from_millis(300);

/// How long to wait for a port that is in use: a process that was just killed may still hold it,
/// or a peer on this host that calls the port may have been given it as its own end.
const PORT_WAIT: Duration = Duration::from_secs(2);

/// Connects with every other process, within `timeout`. The connections come in process order, none
/// at our own place; each may be silent for `silence`.
pub(super) fn connect(
    us: Identity,
    addresses: Vec<String>,
    timeout: Duration,
    silence: Duration,
) -> Result<Vec<Option<Link>>, ClusterError> {
    let deadline = Instant::now() + timeout;
    let meeting = Arc::new(Meeting::new(us, addresses, deadline, silence));
    let listener = listen(&meeting)?;
    let mut desk = Desk::new(listener, meeting.clone());
    let result = assemble(&meeting, &mut desk, timeout);
    meeting.end();
    result
}

fn assemble(
    meeting: &Arc<Meeting>,
    desk: &mut Desk,
    timeout: Duration,
) -> Result<Vec<Option<Link>>, ClusterError> {
    start_dialers(meeting)?;
    let mut leave_at = None;
    loop {
        desk.serve().map_err(|e| ClusterError::Failed(format!("cannot accept calls: {e}")))?;
        let (missing, lost) = match meeting.progress() {
            Progress::Complete(links) => return Ok(links),
            Progress::Incomplete { missing, lost } => (missing, lost),
        };
        let now = Instant::now();
        if let Some(why) = meeting.verdict() {
            if now >= *leave_at.get_or_insert(now + GRACE) {
                return Err(ClusterError::Usage(why));
            }
        } else if let Some(peer) = lost {
            let who = meeting.describe(&missing);
            let why = format!("lost process {peer} while starting, with no sign yet of {who}");
            return Err(ClusterError::Unreachable(why));
        } else if now >= meeting.deadline {
            let (seconds, who) = (timeout.as_secs(), meeting.describe(&missing));
            return Err(ClusterError::Unreachable(format!("after {seconds} s no sign of {who}")));
        }
        thread::sleep(POLL);
    }
}

/// Calls each process below us, on a thread of its own.
fn start_dialers(meeting: &Arc<Meeting>) -> Result<(), ClusterError> {
    for peer in 0..meeting.me() {
        let meeting = meeting.clone();
        thread::Builder::new()
            .name(format!("strads:dial-{peer}"))
            .spawn(move || dial(&meeting, peer))
            .map_err(|error| ClusterError::Failed(format!("no thread to call with: {error}")))?;
    }
    Ok(())
}

/// Listens on our own address.
fn listen(meeting: &Meeting) -> Result<TcpListener, ClusterError> {
    let address = meeting.addresses.get(meeting.me()).map(String::as_str).unwrap_or_default();
    let give_up = meeting.deadline.min(Instant::now() + PORT_WAIT);
    loop {
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < give_up => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                let why = format!("process {} cannot listen on {address}: {error}", meeting.me());
                return Err(ClusterError::Failed(why));
            }
        }
    }
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
