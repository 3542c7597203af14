//! The receiving side of a connection.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::seal::Seal;
use super::{LONGEST, SILENT};

/// Takes frames apart.
pub(super) struct Reader {
    /// Bytes of the current frame that are still to be read from the socket.
    left: usize,
    seal: Option<Opened>,
    silence: Duration,
}

/// Sealed frames are opened whole.
struct Opened {
    seal: Arc<Seal>,
    /// The number of the last frame.
    number: u64,
    sealed: Vec<u8>,
    /// What was in it, and how much of that has been handed out.
    plain: Vec<u8>,
    given: usize,
}

impl Reader {
    /// Before the first frame.
    pub(super) fn new(seal: Option<Arc<Seal>>, silence: Duration) -> Reader {
        let seal = seal.map(|seal| Opened {
            seal,
            number: 0,
            sealed: Vec::new(),
            plain: Vec::new(),
            given: 0,
        });
        Reader { left: 0, seal, silence }
    }

    /// Another handle of a connection that has not been read from.
    pub(super) fn fresh(&self) -> Reader {
        Reader::new(self.seal.as_ref().map(|opened| opened.seal.clone()), self.silence)
    }

    /// Reads some bytes; none when the peer has closed the connection between two frames.
    pub(super) fn read(&mut self, tcp: &mut TcpStream, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        let silence = self.silence;
        self.some(tcp, to).map_err(|error| explain(error, silence, SILENT[0]))
    }

    fn some(&mut self, tcp: &mut TcpStream, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.seal {
            None => {
                while self.left == 0 {
                    match length(tcp)? {
                        None => return Ok(0),
                        Some(length) => self.left = length,
                    }
                }
                let most = self.left.min(to.len());
                let read = read_some(tcp, &mut to[..most])?;
                self.left -= read;
                Ok(read)
            }
            Some(opened) => {
                while opened.given == opened.plain.len() {
                    if !opened.next(tcp)? {
                        return Ok(0);
                    }
                }
                let rest = &opened.plain[opened.given..];
                let most = rest.len().min(to.len());
                to[..most].copy_from_slice(&rest[..most]);
                opened.given += most;
                Ok(most)
            }
        }
    }
}

impl Opened {
    /// Reads and opens a frame; false at the end of the connection.
    fn next(&mut self, tcp: &mut TcpStream) -> io::Result<bool> {
        let Some(length) = length(tcp)? else { return Ok(false) };
        self.sealed.resize(length, 0);
        tcp.read_exact(&mut self.sealed)?;
        self.number += 1;
        self.given = 0;
        self.seal.open(self.number, &self.sealed, &mut self.plain)?;
        Ok(true)
    }
}

/// The length of the next frame; none at the end of the connection.
fn length(tcp: &mut TcpStream) -> io::Result<Option<usize>> {
    let mut bytes = [0; 4];
    let (first, rest) = bytes.split_at_mut(1);
    if read_some_or_end(tcp, first)? == 0 {
        return Ok(None);
    }
    tcp.read_exact(rest)?;
    match u32::from_le_bytes(bytes) as usize {
        length if length > LONGEST => {
            Err(io::Error::new(ErrorKind::InvalidData, "a frame of an impossible length"))
        }
        length => Ok(Some(length)),
    }
}

fn read_some(tcp: &mut TcpStream, to: &mut [u8]) -> io::Result<usize> {
    match read_some_or_end(tcp, to)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        read => Ok(read),
    }
}

fn read_some_or_end(tcp: &mut TcpStream, to: &mut [u8]) -> io::Result<usize> {
    loop {
        match tcp.read(to) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The system's words for a time limit that has passed, in ours.
pub(super) fn explain(error: io::Error, silence: Duration, what: &str) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            let seconds = silence.as_secs_f64();
            io::Error::new(ErrorKind::TimedOut, format!("{what} for {seconds} s"))
        }
        _ => error,
    }
}
