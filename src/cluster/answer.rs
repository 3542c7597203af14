//! Answering calls: each on its own short-lived thread, so that a silent one delays nobody.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::fail::note;
use super::handshake;
use super::hello::Refusal;
use super::meeting::Meeting;

/// The most calls that are answered at once. Further ones are closed; peers call again.
const MOST_CALLS: usize = 256;

/// Accepts calls for one meeting.
pub(super) struct Desk {
    listener: TcpListener,
    meeting: Arc<Meeting>,
    /// Calls being answered.
    busy: Arc<AtomicUsize>,
}

impl Desk {
    /// Takes a non-blocking listener.
    pub(super) fn new(listener: TcpListener, meeting: Arc<Meeting>) -> Desk {
        Desk { listener, meeting, busy: Arc::default() }
    }

    /// Answers all calls that are waiting, without blocking.
    ///
    /// # Errors
    /// The listener's, if it cannot accept any more.
    pub(super) fn serve(&self) -> std::io::Result<()> {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
        loop {
            match self.listener.accept() {
                Ok((stream, from)) => self.take(stream, from),
                Err(error) => match error.kind() {
                    WouldBlock => return Ok(()),
                    ConnectionAborted | ConnectionReset | Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn take(&self, stream: TcpStream, from: SocketAddr) {
        if self.busy.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            return turned_away(from, "too many calls at once");
        }
        let (meeting, busy) = (self.meeting.clone(), self.busy.clone());
        let spawned = thread::Builder::new().name("strads:answer".into()).spawn(move || {
            answer(&meeting, stream, from);
            busy.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = spawned {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            turned_away(from, &format!("no thread to answer it: {error}"));
        }
    }
}

fn answer(meeting: &Meeting, stream: TcpStream, from: SocketAddr) {
    let caller = handshake::answer(&stream, &meeting.hello, |peer| meeting.has(peer));
    match caller.and_then(|peer| meeting.join(peer, stream)) {
        Ok(()) => {}
        Err(Refusal::Passing(why)) => turned_away(from, &why),
        Err(Refusal::Final(why)) => meeting.give_up(why),
    }
}

fn turned_away(from: SocketAddr, why: &str) {
    note(format!("turned away {from}: {why}"));
}
