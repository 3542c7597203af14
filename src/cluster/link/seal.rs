//! Encryption of a connection: the Noise protocol with a pre-shared key (NNpsk0), in which both
//! sides draw fresh keys for every connection, so that a secret that leaks later opens no recorded
//! one. Frames are numbered: a frame that is lost, repeated or exchanged does not open.

use std::fmt;
use std::io::{self, ErrorKind};

use snow::{Builder, HandshakeState, StatelessTransportState};

use super::super::hello::{BYTES, Refusal};
use super::super::secret::Secret;
use super::super::wire::Wire;

/// AES-GCM has hardware instructions on the processors this runs on.
const PATTERN: &str = "Noise_NNpsk0_25519_AESGCM_SHA256";

/// What the key is derived for.
const PURPOSE: &str = "strads: key of a connection";

/// The bytes of each of the two messages: a public key and a tag.
const MESSAGE: usize = 48;

/// The bytes that sealing adds to a frame.
const TAG: usize = 16;

/// The most bytes that one frame can seal: a message of the protocol has at most 65,535.
pub(super) const MOST: usize = 65_535 - TAG;

/// The keys of one connection.
pub(in super::super) struct Seal(StatelessTransportState);

/// Never prints the keys.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seal")
    }
}

impl Seal {
    /// Agrees on keys with the process we have called.
    pub(in super::super) fn call(
        wire: &mut Wire<'_>,
        secret: &Secret,
        hellos: &[&[u8; BYTES]; 2],
    ) -> Result<Seal, Refusal> {
        let mut noise = begin(secret, hellos, true)?;
        wire.send(&next(&mut noise)?)?;
        take(&mut noise, &wire.receive()?)?;
        finish(noise)
    }

    /// Agrees on keys with the process that has called us.
    pub(in super::super) fn answer(
        wire: &mut Wire<'_>,
        secret: &Secret,
        hellos: &[&[u8; BYTES]; 2],
    ) -> Result<Seal, Refusal> {
        let mut noise = begin(secret, hellos, false)?;
        take(&mut noise, &wire.receive()?)?;
        wire.send(&next(&mut noise)?)?;
        finish(noise)
    }

    /// Seals at most [`MOST`] bytes as frame `number` of our direction; gives the sealed ones.
    pub(super) fn close<'a>(
        &self,
        number: u64,
        plain: &[u8],
        sealed: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        sealed.resize(plain.len() + TAG, 0);
        let length = self.0.write_message(number, plain, sealed).map_err(io::Error::other)?;
        Ok(&sealed[..length])
    }

    /// Opens frame `number` of the peer's direction into `plain`.
    pub(super) fn open(&self, number: u64, sealed: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        plain.resize(sealed.len(), 0);
        let length = self.0.read_message(number, sealed, plain).map_err(|_| {
            io::Error::new(ErrorKind::InvalidData, "a frame that is not from this peer")
        })?;
        plain.truncate(length);
        Ok(())
    }
}

fn begin(
    secret: &Secret,
    hellos: &[&[u8; BYTES]; 2],
    initiator: bool,
) -> Result<HandshakeState, Refusal> {
    let [first, second] = hellos;
    let key = secret.prove(PURPOSE, &[*first, *second]);
    let pattern = PATTERN.parse().map_err(Refusal::passing)?;
    let builder = Builder::new(pattern).psk(0, &key).map_err(Refusal::passing)?;
    let noise = if initiator { builder.build_initiator() } else { builder.build_responder() };
    noise.map_err(Refusal::passing)
}

fn next(noise: &mut HandshakeState) -> Result<[u8; MESSAGE], Refusal> {
    let mut message = [0; MESSAGE];
    match noise.write_message(&[], &mut message) {
        Ok(MESSAGE) => Ok(message),
        Ok(other) => Err(Refusal::Passing(format!("a key message of {other} bytes"))),
        Err(error) => Err(Refusal::passing(error)),
    }
}

fn take(noise: &mut HandshakeState, message: &[u8; MESSAGE]) -> Result<(), Refusal> {
    noise
        .read_message(message, &mut [0; MESSAGE])
        .map_err(|_| Refusal::passing("keys do not agree"))
        .map(|_| ())
}

fn finish(noise: HandshakeState) -> Result<Seal, Refusal> {
    noise.into_stateless_transport_mode().map(Seal).map_err(Refusal::passing)
}
