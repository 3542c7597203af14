//! A connection during its handshake: every read and write ends by one common deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::hello::Refusal;

/// How long one handshake may take, from the connection to the last message.
const LONGEST: Duration = Duration::from_secs(5);

/// A connection and when its handshake must be over.
pub(super) struct Wire<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Wire<'a> {
    /// Begins a handshake.
    pub(super) fn new(stream: &'a TcpStream) -> Result<Self, Refusal> {
        stream.set_nonblocking(false).map_err(Refusal::passing)?;
        stream.set_nodelay(true).map_err(Refusal::passing)?;
        Ok(Wire { stream, deadline: Instant::now() + LONGEST })
    }

    /// A zero time limit would mean none at all.
    fn left(&self) -> Option<Duration> {
        Some(self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
    }

    /// Writes all of `bytes`, few enough for any socket's buffer.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.stream
            .set_write_timeout(self.left())
            .and_then(|()| self.stream.write_all(bytes))
            .map_err(explain)
    }

    /// Reads `N` bytes. A peer that sends them one by one gains no time by it.
    pub(super) fn receive<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let mut bytes = [0; N];
        let mut empty = &mut bytes[..];
        while !empty.is_empty() {
            if Instant::now() >= self.deadline {
                return Err(explain(ErrorKind::TimedOut.into()));
            }
            self.stream.set_read_timeout(self.left()).map_err(explain)?;
            match self.stream.read(empty) {
                Ok(0) => return Err(explain(ErrorKind::UnexpectedEof.into())),
                Ok(read) => empty = empty.split_at_mut(read).1,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(explain(error)),
            }
        }
        Ok(bytes)
    }
}

/// The system's words for a peer that went silent or away, in ours.
fn explain(error: io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            Refusal::Passing(format!("no handshake within {} s", LONGEST.as_secs()))
        }
        ErrorKind::UnexpectedEof => Refusal::passing("closed during the handshake"),
        _ => Refusal::passing(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread::{sleep, spawn};

    #[test]
    fn bytes_that_drip_in_gain_no_time() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let dripping = spawn(move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            while stream.write_all(b"S").is_ok() {
                sleep(Duration::from_millis(20));
            }
        });
        let (stream, _) = listener.accept().expect("a caller");
        let deadline = Instant::now() + Duration::from_millis(100);
        let received = Wire { stream: &stream, deadline }.receive::<100>();
        assert!(matches!(received, Err(Refusal::Passing(_))));
        drop(stream);
        dripping.join().expect("it ends with the connection");
    }
}
