//! A connection with a peer while the computation runs.
//!
//! Bytes travel in frames: a length of four little-endian bytes, and as many bytes. A frame
//! without bytes is a heartbeat; each side sends one whenever it has had nothing else to say for a
//! while, so that silence means a peer that has stopped, hangs in the system, or cannot be
//! reached. A connection that is silent for longer than the peer timeout, or takes no bytes for as
//! long, fails, and with it the computation. The heart beats in a thread of its own: workers that
//! compute for long are not mistaken for lost ones.
//!
//! With [`Seal`] the bytes of a frame are encrypted and authenticated, heartbeats too.

mod reader;
mod seal;
mod writer;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use timely::communication::allocator::zero_copy::stream::Stream;

use reader::Reader;
use writer::Writer;

pub(super) use seal::Seal;

/// What is said of a peer that has sent nothing for too long, or taken nothing.
pub(super) const SILENT: [&str; 2] = ["no sign of life", "takes nothing"];

/// The most bytes of a frame.
const LONGEST: usize = 1 << 20;

/// A connection that has completed its handshake.
pub(super) struct Link {
    tcp: TcpStream,
    /// Bytes come in through one handle only; each handle starts at a frame.
    reader: Reader,
    writer: Arc<Writer>,
}

impl Link {
    /// Starts the heart of a connection. `silence` is the peer timeout.
    ///
    /// # Errors
    /// The system's, if it has no time limits for this socket or no thread for us.
    pub(super) fn new(tcp: TcpStream, seal: Option<Seal>, silence: Duration) -> io::Result<Link> {
        tcp.set_nodelay(true)?;
        tcp.set_nonblocking(false)?;
        tcp.set_read_timeout(Some(silence))?;
        tcp.set_write_timeout(Some(silence))?;
        let seal = seal.map(Arc::new);
        let reader = Reader::new(seal.clone(), silence);
        let writer = Writer::start(tcp.try_clone()?, seal, silence)?;
        Ok(Link { tcp, reader, writer })
    }

    /// Whether the peer is still there. For connections that nobody reads from yet.
    pub(super) fn is_alive(&self) -> bool {
        self.writer.while_quiet(|| {
            self.tcp.set_nonblocking(true).is_ok_and(|()| {
                let alive = match self.tcp.peek(&mut [0]) {
                    Ok(read) => read > 0,
                    Err(error) => {
                        matches!(
                            error.kind(),
                            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                        )
                    }
                };
                alive && self.tcp.set_nonblocking(false).is_ok()
            })
        })
    }
}

impl Read for Link {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.reader.read(&mut self.tcp, to)
    }
}

impl Write for Link {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.writer.write(from)
    }

    /// Frames leave at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Link {
    fn try_clone(&self) -> io::Result<Link> {
        let (tcp, writer) = (self.tcp.try_clone()?, self.writer.clone());
        Ok(Link { tcp, reader: self.reader.fresh(), writer })
    }

    /// Links block, within their time limits.
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match nonblocking {
            false => Ok(()),
            true => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.writer.close();
        self.tcp.shutdown(how)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
