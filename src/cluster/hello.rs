//! What two processes tell each other before they compute together.

use sha2::{Digest, Sha256};

/// The version of the handshake itself.
const PROTOCOL: u16 = 2;

/// How every hello begins.
pub(super) const MAGIC: [u8; 6] = *b"STRADS";

/// The size of a hello on the wire in bytes.
pub(super) const BYTES: usize = 146;

/// Why a connection does not become part of the computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a peer of this run; the peer may still come on another connection.
    Passing(String),
    /// A peer that was started differently, and has proven to be one: this run cannot become
    /// complete.
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
    /// Whether connections are encrypted: 0 or 1.
    encrypted: u16,
    /// The number of processes.
    pub(super) processes: u32,
    /// The number of worker threads in each of them.
    threads: u32,
    /// The index of the sender.
    pub(super) process: u32,
    /// The index of the process the sender believes to talk to.
    pub(super) callee: u32,
    /// How often the run has been started anew.
    generation: u64,
    /// SHA-256 of the name of the run.
    job: [u8; 32],
    /// SHA-256 of the options that all processes must share.
    digest: [u8; 32],
    /// Random bytes of this connection: what is proven for one proves nothing for another.
    nonce: [u8; 32],
}

/// What a process says of itself on every connection alike.
pub(super) struct Run<'a> {
    /// The number of processes, of threads in each, and the index of this one.
    pub(super) processes: u32,
    pub(super) threads: u32,
    pub(super) process: u32,
    /// Whether connections are to be encrypted.
    pub(super) encrypted: bool,
    /// How often the run has been started anew.
    pub(super) generation: u64,
    /// The name of the run.
    pub(super) job: &'a str,
    /// The options that all processes must share.
    pub(super) options: &'a [u8],
}

impl Hello {
    /// The hello of a process to no one in particular yet.
    pub(super) fn new(run: &Run<'_>) -> Hello {
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let mut release = [0; 16];
        release.iter_mut().zip(version).for_each(|(to, from)| *to = *from);
        Hello {
            protocol: PROTOCOL,
            release,
            encrypted: run.encrypted.into(),
            processes: run.processes,
            threads: run.threads,
            process: run.process,
            callee: 0,
            generation: run.generation,
            job: Sha256::digest(run.job).into(),
            digest: Sha256::digest(run.options).into(),
            nonce: [0; 32],
        }
    }

    /// The hello for a connection with `callee`, with a nonce of its own.
    ///
    /// # Errors
    /// If the operating system has no random bytes.
    pub(super) fn to(&self, callee: u32) -> Result<Hello, Refusal> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(Refusal::passing)?;
        Ok(Hello { callee, nonce, ..self.clone() })
    }

    /// Whether connections are encrypted.
    pub(super) fn encrypted(&self) -> bool {
        self.encrypted != 0
    }

    /// The bytes on the wire.
    pub(super) fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let fields: [&[u8]; 12] = [
            &MAGIC,
            &self.protocol.to_le_bytes(),
            &self.release,
            &self.encrypted.to_le_bytes(),
            &self.processes.to_le_bytes(),
            &self.threads.to_le_bytes(),
            &self.process.to_le_bytes(),
            &self.callee.to_le_bytes(),
            &self.generation.to_le_bytes(),
            &self.job,
            &self.digest,
            &self.nonce,
        ];
        bytes.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads a hello, or nothing if the bytes do not begin as one.
    pub(super) fn decode(bytes: &[u8; BYTES]) -> Option<Hello> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (protocol, rest) = rest.split_first_chunk()?;
        let (release, rest) = rest.split_first_chunk()?;
        let (encrypted, rest) = rest.split_first_chunk()?;
        let (processes, rest) = rest.split_first_chunk()?;
        let (threads, rest) = rest.split_first_chunk()?;
        let (process, rest) = rest.split_first_chunk()?;
        let (callee, rest) = rest.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (job, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (nonce, _) = rest.split_first_chunk()?;
        Some(Hello {
            protocol: u16::from_le_bytes(*protocol),
            release: *release,
            encrypted: u16::from_le_bytes(*encrypted),
            processes: u32::from_le_bytes(*processes),
            threads: u32::from_le_bytes(*threads),
            process: u32::from_le_bytes(*process),
            callee: u32::from_le_bytes(*callee),
            generation: u64::from_le_bytes(*generation),
            job: *job,
            digest: *digest,
            nonce: *nonce,
        })
    }

    /// Whether both run the same release; the other fields mean something only then.
    pub(super) fn check_release(&self, theirs: &Hello) -> Result<(), String> {
        if (self.protocol, self.release) == (theirs.protocol, theirs.release) {
            return Ok(());
        }
        Err(format!("runs {}, this process runs {}", theirs.version(), self.version()))
    }

    /// Whether both belong to the same run, started the same number of times. A process of an
    /// earlier generation is one that its supervisor has not ended yet: no reason to give up.
    pub(super) fn check_generation(&self, theirs: &Hello) -> Result<(), String> {
        if self.job != theirs.job {
            return Err("belongs to another run (--job)".into());
        }
        if self.generation != theirs.generation {
            let (theirs, ours) = (theirs.generation, self.generation);
            return Err(format!("is of generation {theirs}, this process of {ours}"));
        }
        Ok(())
    }

    /// Whether both were started in the same way.
    pub(super) fn check_run(&self, theirs: &Hello) -> Result<(), String> {
        if self.processes != theirs.processes {
            return Err(self.differ("-n", theirs.processes, self.processes));
        }
        if self.threads != theirs.threads {
            return Err(self.differ("-w", theirs.threads, self.threads));
        }
        if self.encrypted != theirs.encrypted {
            let (with, without) = match theirs.encrypted() {
                true => ("with", "without"),
                false => ("without", "with"),
            };
            let me = self.process;
            return Err(format!("was started {with} --encrypt, process {me} {without}"));
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

    const RUN: Run<'_> = Run {
        processes: 3,
        threads: 2,
        process: 1,
        encrypted: false,
        generation: 4,
        job: "nightly",
        options: b"lasso",
    };

    fn hello() -> Hello {
        Hello::new(&RUN)
    }

    #[test]
    fn a_hello_survives_the_wire() {
        let sent = hello().to(2).expect("random bytes");
        assert_eq!(Hello::decode(&sent.encode()).as_ref(), Some(&sent));
        assert_eq!(sent.callee, 2);
        assert_ne!(sent.nonce, hello().to(2).expect("random bytes").nonce);
    }

    #[test]
    fn differences_are_named() {
        let ours = hello();
        let error = |theirs: Hello| ours.check_run(&theirs).expect_err("they differ");
        assert_eq!(ours.check_run(&Hello { process: 2, ..hello() }), Ok(()));
        assert!(error(Hello { processes: 4, ..hello() }).contains("-n 4"));
        assert!(error(Hello { threads: 7, ..hello() }).contains("-w 7"));
        assert!(error(Hello { encrypted: 1, ..hello() }).contains("with --encrypt"));
        let other = Hello::new(&Run { options: b"mf", ..RUN });
        assert!(error(other).contains("other options"));
        let newer = Hello { protocol: 9, release: *b"7.8.9\0\0\0\x1b[1m\0\0\0\0", ..hello() };
        let message = ours.check_release(&newer).expect_err("another release");
        assert!(message.starts_with("runs strads 7.8.9[1m (protocol 9)"), "{message}");
        let stale = ours.check_generation(&Hello { generation: 3, ..hello() });
        assert_eq!(stale, Err("is of generation 3, this process of 4".into()));
        assert!(ours.check_generation(&Hello::new(&Run { job: "daily", ..RUN })).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_hello_or_nothing(body in proptest::collection::vec(any::<u8>(), BYTES)) {
            let mut bytes: [u8; BYTES] = body.try_into().expect("as many as asked for");
            let found = Hello::decode(&bytes);
            prop_assert_eq!(found.is_some(), bytes.starts_with(&MAGIC));
            bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
            let hello = Hello::decode(&bytes).expect("begins as a hello");
            prop_assert_eq!(hello.encode(), bytes);
        }
    }
}
