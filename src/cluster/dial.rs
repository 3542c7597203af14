//! Calling the processes below us, with back-off, until they answer.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::fail::note;
use super::handshake;
use super::hello::Refusal;
use super::meeting::Meeting;

/// The first and the longest pause between two calls.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// How long one attempt to open a connection may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);

/// Calls process `peer` until it is connected or start-up is over.
pub(super) fn dial(meeting: &Meeting, peer: usize) {
    let address = meeting.addresses.get(peer).map(String::as_str).unwrap_or_default();
    let mut pause = PAUSES.0;
    while !meeting.is_over() && Instant::now() < meeting.deadline {
        match open(address, meeting.deadline) {
            Ok(stream) => match introduce(meeting, peer, stream) {
                Ok(()) => return,
                Err(Refusal::Final(why)) => return meeting.give_up(why),
                Err(Refusal::Passing(why)) => {
                    if meeting.trouble(peer, &why) {
                        note(format!("process {peer} at {address}: {why}, calling again"));
                    }
                }
            },
            // Quietly: processes of one run seldom start at the same moment.
            Err(error) => {
                meeting.trouble(peer, &error.to_string());
            }
        }
        sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn introduce(meeting: &Meeting, peer: usize, stream: TcpStream) -> Result<(), Refusal> {
    let callee = peer as u32;
    let seal = handshake::call(&stream, &meeting.us, callee)?;
    meeting.join(callee, stream, seal)
}

/// Connects with the first address of a name that accepts.
fn open(address: &str, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for candidate in address.to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(Duration::from_millis(1), LONGEST_ATTEMPT);
        match TcpStream::connect_timeout(&candidate, limit) {
            Ok(stream) if !is_own_echo(&stream) => return Ok(stream),
            Ok(_) => last = io::ErrorKind::ConnectionRefused.into(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Calling a local port that nobody listens on can, by chance, get that very port as its own end
/// and connect with itself.
fn is_own_echo(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(remote)) => local == remote,
        _ => false,
    }
}
