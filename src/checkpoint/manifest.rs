//! What belongs to a checkpoint, and what it is a checkpoint of.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::footer;

/// What a run must share with a checkpoint to go on from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The command or program.
    pub command: String,
    /// The release of the library.
    pub version: String,
    /// The number of logical shards.
    pub shards: usize,
    /// The seed of all random draws.
    pub seed: u64,
    /// SHA-256 of everything else that decides the result, in hexadecimal.
    pub options: String,
}

impl Identity {
    /// The identity of a run. `options` stands for everything else that decides the result: any
    /// bytes that are the same if and only if the options and the data are.
    pub fn new(command: &str, shards: usize, seed: u64, options: &[u8]) -> Identity {
        let digest = Sha256::digest(options);
        Identity {
            command: command.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            shards,
            seed,
            options: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// What makes the other one a checkpoint of another run.
    pub(super) fn differs(&self, found: &Identity) -> Option<String> {
        let differ =
            |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
                Some(format!("expected {what} {expected}, found {found}"))
            };
        if self.command != found.command {
            return differ("command", &self.command, &found.command);
        }
        if self.version != found.version {
            return differ("release", &self.version, &found.version);
        }
        if self.shards != found.shards {
            return differ("shards", &self.shards, &found.shards);
        }
        if self.seed != found.seed {
            return differ("seed", &self.seed, &found.seed);
        }
        (self.options != found.options).then(|| "other options or data".into())
    }
}

/// How far a run had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs that were complete.
    pub epoch: u64,
    /// Rounds or sweeps of the current epoch that were complete.
    pub round: u64,
}

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The shard whose state it is.
    pub shard: usize,
    /// The file's size in bytes, footer included.
    pub bytes: u64,
    /// CRC-32 of the content.
    pub crc32: u32,
}

impl Part {
    /// The file of a shard with this state.
    pub(super) fn of(shard: usize, state: &[u8]) -> Part {
        let bytes = (state.len() + footer::BYTES) as u64;
        Part { shard, bytes, crc32: crc32fast::hash(state) }
    }
}

/// What belongs to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The checkpoint's number; later ones have larger numbers.
    pub number: u64,
    /// The run.
    pub identity: Identity,
    /// How far it had come.
    pub progress: Progress,
    /// One a shard, by ascending shard.
    pub parts: Vec<Part>,
    /// What the program wants to remember besides; of live runs `feed`, a
    /// [`Position`](crate::feeds::Position).
    pub notes: serde_json::Value,
}
