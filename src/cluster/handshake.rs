//! The three messages that make a connection part of the computation.
//!
//! The caller sends its [`Hello`]. The callee replies with its own and an answer, so that both know
//! what differs. The caller confirms: a caller that has given up in the meantime must not count as
//! connected. Nothing is sent to a connection that does not begin as a hello.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::hello::{BYTES, Hello, MAGIC, Refusal};

/// How long one handshake may take, from the connection to the last message.
const LONGEST: Duration = Duration::from_secs(5);

/// The callee's answer, after its hello.
const WELCOME: u8 = 1;
const TAKEN: u8 = 2;
const REFUSED: u8 = 3;

/// The caller's last word.
const CONFIRM: u8 = 6;

/// Introduces ourselves to `callee`, on a connection that we have opened.
pub(super) fn call(stream: &TcpStream, ours: &Hello, callee: u32) -> Result<(), Refusal> {
    let mut wire = Wire::new(stream)?;
    wire.send(&ours.encode(callee))?;
    let theirs = wire.hello()?;
    let [answer] = wire.receive()?;
    let who = format!("process {callee}");
    let end = |why: String| Refusal::Final(format!("{who} {why}"));
    ours.check_release(&theirs).map_err(end)?;
    ours.check_run(&theirs).map_err(end)?;
    if theirs.process != callee {
        return Err(end(format!("answers as process {}: hostfiles differ", theirs.process)));
    }
    match answer {
        WELCOME => wire.send(&[CONFIRM]),
        TAKEN => Err(end(format!("is connected with another process {} already", ours.process))),
        _ => Err(Refusal::passing("turned us away")),
    }
}

/// Hears out whoever has opened a connection with us, and gives the index of the process.
/// `taken` says whether a process is connected already.
pub(super) fn answer(
    stream: &TcpStream,
    ours: &Hello,
    taken: impl Fn(u32) -> bool,
) -> Result<u32, Refusal> {
    let mut wire = Wire::new(stream)?;
    let theirs = wire.hello()?;
    let judgement = judge(ours, &theirs, taken);
    let answer = match &judgement {
        Ok(()) => WELCOME,
        Err(refused) => refused.0,
    };
    let mut reply = ours.encode(theirs.process).to_vec();
    reply.push(answer);
    wire.send(&reply)?;
    judgement.map_err(|refused| refused.1)?;
    match wire.receive()? {
        [CONFIRM] => Ok(theirs.process),
        _ => Err(Refusal::passing("did not confirm")),
    }
}

/// Whether a caller may join; if not, what to answer and why.
fn judge(ours: &Hello, theirs: &Hello, taken: impl Fn(u32) -> bool) -> Result<(), (u8, Refusal)> {
    let caller = theirs.process;
    let named = |why: String| format!("process {caller} {why}");
    let passing = |why: String| (REFUSED, Refusal::Passing(named(why)));
    ours.check_release(theirs).map_err(passing)?;
    ours.check_run(theirs).map_err(|why| (REFUSED, Refusal::Final(named(why))))?;
    if theirs.callee != ours.process {
        return Err(passing(format!("takes us for process {}: hostfiles differ", theirs.callee)));
    }
    if caller <= ours.process || caller >= ours.processes {
        return Err(passing(format!("has no business calling process {}", ours.process)));
    }
    if taken(caller) {
        return Err((TAKEN, Refusal::Passing(named("is connected already".into()))));
    }
    Ok(())
}

/// A connection whose every read and write ends by one common deadline.
struct Wire<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Wire<'a> {
    fn new(stream: &'a TcpStream) -> Result<Self, Refusal> {
        stream.set_nonblocking(false).map_err(Refusal::passing)?;
        Ok(Wire { stream, deadline: Instant::now() + LONGEST })
    }

    /// A zero time limit would mean none at all.
    fn left(&self) -> Option<Duration> {
        Some(self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.stream
            .set_write_timeout(self.left())
            .and_then(|()| self.stream.write_all(bytes))
            .map_err(explain)
    }

    /// Reads `N` bytes. A peer that sends them one by one gains no time by it.
    fn receive<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
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

    /// Reads a hello; the first bytes suffice to see that it is none.
    fn hello(&mut self) -> Result<Hello, Refusal> {
        let stranger = || Refusal::passing("not a strads process");
        let magic: [u8; MAGIC.len()] = self.receive()?;
        if magic != MAGIC {
            return Err(stranger());
        }
        let rest: [u8; BYTES - MAGIC.len()] = self.receive()?;
        let mut bytes = [0; BYTES];
        bytes.iter_mut().zip(magic.iter().chain(&rest)).for_each(|(to, from)| *to = *from);
        Hello::decode(&bytes).ok_or_else(stranger)
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
            while stream.write_all(&MAGIC[..1]).is_ok() {
                sleep(Duration::from_millis(20));
            }
        });
        let (stream, _) = listener.accept().expect("a caller");
        let deadline = Instant::now() + Duration::from_millis(100);
        let received = Wire { stream: &stream, deadline }.receive::<BYTES>();
        assert!(matches!(received, Err(Refusal::Passing(_))));
        drop(stream);
        dripping.join().expect("it ends with the connection");
    }
}
