//! What two processes tell each other before they compute together.

use sha2::{Digest, Sha256};

/// The version of the handshake itself.
const PROTOCOL: u16 = 1;

/// How every hello begins.
pub(super) const MAGIC: [u8; 6] = *b"STRADS";

/// The size of a hello on the wire in bytes, the same in every version.
pub(super) const BYTES: usize = 72;

/// Why a connection does not become part of the computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a peer of this run; the peer may still come on another connection.
    Passing(String),
    /// A peer that was started differently: this run cannot become complete.
    Final(String),
}

impl Refusal {
    /// Makes a sentence fragment about a stray into a refusal.
    pub(super) fn passing(why: impl ToString) -> Refusal {
        Refusal::Passing(why.to_string())
    }
}

/// One process as it introduces itself. All numbers are little-endian on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// [`PROTOCOL`] of the sender.
    protocol: u16,
    /// The release of the library, padded with zeros. Timely numbers channels by the order in
    /// which a program builds them, so releases do not mix.
    release: [u8; 16],
    /// The number of processes.
    pub(super) processes: u32,
    /// The number of worker threads in each of them.
    threads: u32,
    /// The index of the sender.
    pub(super) process: u32,
    /// The index of the process the sender believes to talk to.
    pub(super) callee: u32,
    /// SHA-256 of the options that all processes must share.
    digest: [u8; 32],
}

impl Hello {
    /// The hello of a process to no one in particular yet.
    pub(super) fn new(processes: u32, threads: u32, process: u32, options: &[u8]) -> Hello {
        let digest = Sha256::digest(options).into();
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let mut release = [0; 16];
        release.iter_mut().zip(version).for_each(|(to, from)| *to = *from);
        Hello { protocol: PROTOCOL, release, processes, threads, process, callee: 0, digest }
    }

    /// The bytes to send to a peer.
    pub(super) fn encode(&self, callee: u32) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let fields: [&[u8]; 8] = [
            &MAGIC,
            &self.protocol.to_le_bytes(),
            &self.release,
            &self.processes.to_le_bytes(),
            &self.threads.to_le_bytes(),
            &self.process.to_le_bytes(),
            &callee.to_le_bytes(),
            &self.digest,
        ];
        bytes.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads a hello, or nothing if the bytes do not begin as one.
    pub(super) fn decode(bytes: &[u8; BYTES]) -> Option<Hello> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (protocol, rest) = rest.split_first_chunk()?;
        let (release, rest) = rest.split_first_chunk()?;
        let (processes, rest) = rest.split_first_chunk()?;
        let (threads, rest) = rest.split_first_chunk()?;
        let (process, rest) = rest.split_first_chunk()?;
        let (callee, rest) = rest.split_first_chunk()?;
        let (digest, _) = rest.split_first_chunk()?;
        Some(Hello {
            protocol: u16::from_le_bytes(*protocol),
            release: *release,
            processes: u32::from_le_bytes(*processes),
            threads: u32::from_le_bytes(*threads),
            process: u32::from_le_bytes(*process),
            callee: u32::from_le_bytes(*callee),
            digest: *digest,
        })
    }

    /// Whether both run the same release; the other fields mean something only then.
    pub(super) fn check_release(&self, theirs: &Hello) -> Result<(), String> {
        if (self.protocol, self.release) == (theirs.protocol, theirs.release) {
            return Ok(());
        }
        Err(format!("runs {}, this process runs {}", theirs.version(), self.version()))
    }

    /// Whether both were started for the same run.
    pub(super) fn check_run(&self, theirs: &Hello) -> Result<(), String> {
        if self.processes != theirs.processes {
            return Err(self.differ("-n", theirs.processes, self.processes));
        }
        if self.threads != theirs.threads {
            return Err(self.differ("-w", theirs.threads, self.threads));
        }
        if self.digest != theirs.digest {
            return Err(format!("was started with other options than process {}", self.process));
        }
        Ok(())
    }

    fn differ(&self, flag: &str, theirs: u32, ours: u32) -> String {
        format!("was started with {flag} {theirs}, process {} with {flag} {ours}", self.process)
    }

    fn version(&self) -> String {
        let release = String::from_utf8_lossy(&self.release);
        let release: String = release.chars().filter(char::is_ascii_graphic).collect();
        format!("strads {release} (protocol {})", self.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hello() -> Hello {
        Hello::new(3, 2, 1, b"lasso")
    }

    #[test]
    fn a_hello_survives_the_wire() {
        let arrived = Hello::decode(&hello().encode(2)).expect("a hello");
        assert_eq!(arrived, Hello { callee: 2, ..hello() });
    }

    #[test]
    fn differences_are_named() {
        let ours = hello();
        let error = |theirs: Hello| ours.check_run(&theirs).expect_err("they differ");
        assert_eq!(ours.check_run(&Hello { process: 2, ..hello() }), Ok(()));
        assert!(error(Hello { processes: 4, ..hello() }).contains("-n 4"));
        assert!(error(Hello { threads: 7, ..hello() }).contains("-w 7"));
        assert!(error(Hello::new(3, 2, 2, b"mf")).contains("other options"));
        let newer = Hello { protocol: 9, release: *b"7.8.9\0\0\0\x1b[1m\0\0\0\0", ..hello() };
        let message = ours.check_release(&newer).expect_err("another release");
        assert!(message.starts_with("runs strads 7.8.9[1m (protocol 9)"), "{message}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_hello_or_nothing(body in proptest::collection::vec(any::<u8>(), BYTES)) {
            let mut bytes: [u8; BYTES] = body.try_into().expect("as many as asked for");
            let found = Hello::decode(&bytes);
            prop_assert_eq!(found.is_some(), bytes.starts_with(&MAGIC));
            bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
            let hello = Hello::decode(&bytes).expect("begins as a hello");
            prop_assert_eq!(hello.encode(hello.callee), bytes);
        }
    }
}
