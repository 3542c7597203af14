//! The sending side of a connection, and its heart.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::seal::{self, Seal};
use super::{LONGEST, SILENT, reader};

/// Frames to one peer, from the thread that sends data and from the heart.
pub(super) struct Writer {
    state: Mutex<State>,
    /// Wakes the heart when the connection is closed.
    closed: Condvar,
    seal: Option<Arc<Seal>>,
    silence: Duration,
}

struct State {
    tcp: TcpStream,
    /// Whether a frame has been sent since the heart last looked.
    said: bool,
    /// Nothing more may be sent: closed, or broken by an earlier error.
    over: bool,
    /// The number of the next sealed frame.
    number: u64,
    /// The bytes of a sealed frame.
    sealed: Vec<u8>,
}

impl Writer {
    /// Starts the heart.
    pub(super) fn start(
        tcp: TcpStream,
        seal: Option<Arc<Seal>>,
        silence: Duration,
    ) -> io::Result<Arc<Writer>> {
        let state = State { tcp, said: false, over: false, number: 0, sealed: Vec::new() };
        let writer =
            Arc::new(Writer { state: Mutex::new(state), closed: Condvar::new(), seal, silence });
        let heart = Arc::downgrade(&writer);
        // Several beats fit into the time that a peer is patient.
        let pause = (silence / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
        thread::Builder::new().name("strads:heart".into()).spawn(move || beat(&heart, pause))?;
        Ok(writer)
    }

    /// Sends a frame with the first bytes of `from`; gives how many.
    pub(super) fn write(&self, from: &[u8]) -> io::Result<usize> {
        let most = if self.seal.is_some() { seal::MOST } else { LONGEST };
        let taken = &from[..from.len().min(most)];
        if !taken.is_empty() {
            self.frame(&mut self.state(), taken)?;
        }
        Ok(taken.len())
    }

    /// Ends the heart; nothing is sent from now on.
    pub(super) fn close(&self) {
        self.state().over = true;
        self.closed.notify_all();
    }

    /// Does something while no frame is being sent.
    pub(super) fn while_quiet<T>(&self, action: impl FnOnce() -> T) -> T {
        let _quiet = self.state();
        action()
    }

    fn frame(&self, state: &mut State, payload: &[u8]) -> io::Result<()> {
        if state.over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let State { tcp, number, sealed, .. } = state;
        let bytes = match &self.seal {
            None => payload,
            Some(seal) => {
                *number += 1;
                seal.close(*number, payload, sealed)?
            }
        };
        let sent = send(tcp, bytes);
        state.said = true;
        // Half a frame may have left: nobody could make sense of what followed.
        state.over = sent.is_err();
        sent.map_err(|error| reader::explain(error, self.silence, SILENT[1]))
    }

    /// No thread panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a length and the bytes, in one call to the system if it takes them.
fn send(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u32).to_le_bytes();
    let mut slices = [IoSlice::new(&length), IoSlice::new(bytes)];
    let mut left = &mut slices[..];
    while !left.is_empty() {
        match tcp.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends a heartbeat in every pause in which nothing else was sent, for as long as the connection
/// is open. Errors are left to the threads that send and receive data: they meet them too.
fn beat(writer: &Weak<Writer>, pause: Duration) {
    while let Some(writer) = writer.upgrade() {
        let state = writer.state();
        let (mut state, _) =
            writer.closed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
        if state.over || !std::mem::take(&mut state.said) && writer.frame(&mut state, &[]).is_err()
        {
            return;
        }
        // A heartbeat of our own does not count as something said.
        state.said = false;
    }
}
