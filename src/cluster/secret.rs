//! The secret that the processes of a run share, and proofs of knowing it.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The environment variable that may hold the secret.
const VARIABLE: &str = "STRADS_SECRET";

/// Anybody who overhears a handshake can try secrets offline: short ones are refused.
const SHORTEST: usize = 16;

/// The largest secret file in bytes.
const LARGEST: u64 = 4096;

/// The bytes of a proof on the wire: an HMAC-SHA-256.
pub(super) const PROOF: usize = 32;

/// A shared secret; empty if the run has none, upon which proofs prove nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// The secret of a file, without the line end, or else of the environment, or else none.
    pub(super) fn find(file: Option<&Path>) -> Result<Secret, String> {
        match (file, env::var_os(VARIABLE)) {
            (Some(path), _) => Secret::read(path),
            (None, Some(value)) => Secret::check(value.into_encoded_bytes(), VARIABLE),
            (None, None) => Ok(Secret::default()),
        }
    }

    /// A secret given by the program.
    pub(super) fn given(bytes: &[u8]) -> Result<Secret, String> {
        Secret::check(bytes.to_vec(), "the given secret")
    }

    /// Whether there is no secret.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Its bytes; nothing if there is no secret.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then_some(self.0)
    }

    /// The proof that whoever made it knew the secret and saw `parts`. `purpose` keeps a proof of
    /// one kind from being used as one of another.
    pub(super) fn prove(&self, purpose: &str, parts: &[&[u8]]) -> [u8; PROOF] {
        self.mac(purpose, parts).finalize().into_bytes().into()
    }

    /// Whether `proof` is [`Secret::prove`] of the same arguments, in time that does not tell how
    /// much of it is right.
    pub(super) fn accepts(&self, proof: &[u8; PROOF], purpose: &str, parts: &[&[u8]]) -> bool {
        self.mac(purpose, parts).verify_slice(proof).is_ok()
    }

    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("an HMAC takes keys of any length"));
        // The purpose is not followed by bytes an attacker could make part of it: the parts are of
        // fixed lengths each.
        mac.update(purpose.as_bytes());
        parts.iter().for_each(|part| mac.update(part));
        mac
    }

    fn read(path: &Path) -> Result<Secret, String> {
        let name = format!("secret file {}", path.display());
        let mut bytes = Vec::new();
        let size = File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("{name}: {error}"))?;
        if size as u64 > LARGEST {
            return Err(format!("{name}: larger than {LARGEST} bytes"));
        }
        let end = bytes.iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |last| last + 1);
        bytes.truncate(end);
        Secret::check(bytes, &name)
    }

    fn check(bytes: Vec<u8>, name: &str) -> Result<Secret, String> {
        match bytes.len() {
            short if short < SHORTEST => {
                Err(format!("{name}: expected a secret of {SHORTEST} bytes or more, found {short}"))
            }
            _ => Ok(Secret(bytes)),
        }
    }
}

/// Never prints the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "no secret" } else { "a secret" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn of_file(text: &[u8]) -> Result<Secret, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text).expect("room for a secret");
        Secret::find(Some(file.path()))
    }

    #[test]
    fn proofs_are_hmac_sha_256() {
        // RFC 4231, test case 2, with the text cut in two.
        let proof = Secret(b"Jefe".to_vec()).prove("what do ya want ", &[b"for ", b"nothing?"]);
        let hex: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn only_the_same_secret_purpose_and_parts_are_accepted() {
        let secret = Secret::given(b"a secret of many bytes").expect("long enough");
        let proof = secret.prove("p", &[b"x"]);
        assert!(secret.accepts(&proof, "p", &[b"x"]));
        assert!(!secret.accepts(&proof, "q", &[b"x"]) && !secret.accepts(&proof, "p", &[b"y"]));
        assert!(!Secret::default().accepts(&proof, "p", &[b"x"]));
        for bit in 0..PROOF * 8 {
            let mut wrong = proof;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.accepts(&wrong, "p", &[b"x"]));
        }
    }

    #[test]
    fn files_end_with_or_without_a_newline() {
        let secret = of_file(b"0123456789abcdef").expect("long enough");
        assert_eq!(of_file(b"0123456789abcdef\r\n"), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "a secret");
    }

    #[test]
    fn bad_secrets_are_one_line() {
        for text in [&b""[..], b"short\n", &[b'x'; 5000]] {
            let error = of_file(text).expect_err("too short or too long");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(Secret::find(Some(Path::new("/nonexistent/secret"))).is_err());
    }
}
