//! Answering calls: each on its own short-lived thread, so that a silent one delays nobody.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::fail::note;
use super::handshake;
use super::hello::Refusal;
use super::meeting::Meeting;

/// The most calls that are answered at once. When there are more, the one that has taken longest is
/// closed: a handshake takes milliseconds, so that those who hold the line for nothing make room,
/// however many they are.
const MOST_CALLS: usize = 256;

/// Accepts calls for one meeting.
pub(super) struct Desk {
    listener: TcpListener,
    meeting: Arc<Meeting>,
    calls: Arc<Calls>,
    /// The number of calls so far.
    accepted: u64,
}

/// Calls being answered, the oldest first.
#[derive(Default)]
struct Calls(Mutex<BTreeMap<u64, TcpStream>>);

impl Calls {
    /// Enters a call; ends the oldest one if they are too many.
    fn enter(&self, number: u64, stream: &TcpStream) -> std::io::Result<()> {
        let stream = stream.try_clone()?;
        let mut calls = self.calls();
        if calls.len() >= MOST_CALLS
            && let Some((_, oldest)) = calls.pop_first()
        {
            // Fails only if that call is over anyway.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        calls.insert(number, stream);
        Ok(())
    }

    /// Strikes a call out. False if it was ended by [`Calls::enter`].
    fn leave(&self, number: u64) -> bool {
        self.calls().remove(&number).is_some()
    }

    /// No thread panics while it holds the lock.
    fn calls(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Takes a non-blocking listener.
    pub(super) fn new(listener: TcpListener, meeting: Arc<Meeting>) -> Desk {
        Desk { listener, meeting, calls: Arc::default(), accepted: 0 }
    }

    /// Answers all calls that are waiting, without blocking.
    ///
    /// # Errors
    /// The listener's, if it cannot accept any more.
    pub(super) fn serve(&mut self) -> std::io::Result<()> {
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

    fn take(&mut self, stream: TcpStream, from: SocketAddr) {
        self.accepted += 1;
        let (meeting, calls, number) = (self.meeting.clone(), self.calls.clone(), self.accepted);
        let taken = self.calls.enter(number, &stream).and_then(|()| {
            let answer = move || answer(&meeting, &calls, number, stream, from);
            thread::Builder::new().name("strads:answer".into()).spawn(answer)
        });
        if let Err(error) = taken {
            self.calls.leave(number);
            turned_away(from, &format!("cannot answer it: {error}"));
        }
    }
}

fn answer(meeting: &Meeting, calls: &Calls, number: u64, stream: TcpStream, from: SocketAddr) {
    let caller = handshake::answer(&stream, &meeting.us, |peer| meeting.has(peer));
    if !calls.leave(number) {
        return turned_away(from, "no handshake while too many were calling");
    }
    match caller.and_then(|(peer, seal)| meeting.join(peer, stream, seal)) {
        Ok(()) => {}
        Err(Refusal::Passing(why)) => turned_away(from, &why),
        Err(Refusal::Final(why)) => meeting.give_up(why),
    }
}

fn turned_away(from: SocketAddr, why: &str) {
    note(format!("turned away {from}: {why}"));
}
