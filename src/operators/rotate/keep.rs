//! Checkpoints of a rotating program: its shards with the slices at home there, after a sweep.
//!
//! A scheduler is a function of what it was told, so that nothing of it is stored but that: the
//! sweeps so far with their certificates. A run that goes on tells it, and the world, again.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, CheckpointError, Keeper, Progress};
use crate::program::{Certificate, Rotating, Sweep, Work};
use crate::report::hex;
use crate::scheduler::Swept;

/// What a worker knows of the checkpoints of its run.
pub(super) struct Keep<C> {
    keeper: Arc<Keeper>,
    /// Whether this is the worker that has checkpoints completed.
    completes: bool,
    /// The sweeps so far.
    swept: Vec<Swept<C>>,
}

impl<C: Certificate> Keep<C> {
    pub fn new(keeper: Arc<Keeper>, completes: bool) -> Self {
        Keep { keeper, completes, swept: Vec::new() }
    }

    /// The checkpoint to go on from.
    pub fn from(&self) -> Option<&Checkpoint> {
        self.keeper.from()
    }

    /// Takes note of a sweep.
    pub fn push(&mut self, swept: Swept<C>) {
        self.swept.push(swept);
    }

    /// Whether there is a checkpoint after a sweep that is not the last.
    pub fn is_due(&self, sweep: &Sweep) -> bool {
        sweep.number > 0 && sweep.number.is_multiple_of(self.keeper.every())
    }

    /// Has a shard written.
    pub fn part(&self, sweep: &Sweep, shard: usize, state: Vec<u8>) {
        self.keeper.part(sweep.number, shard, state);
    }

    /// Has the checkpoint after a sweep completed. Of all workers, one does.
    pub fn complete(&self, sweep: &Sweep) {
        if self.completes {
            let progress = Progress { epoch: sweep.epoch, round: sweep.number };
            let records: Vec<u8> = self.swept.iter().flat_map(record).collect();
            self.keeper.complete(sweep.number, progress, json!({ "swept": hex::of(&records) }));
        }
    }
}

/// Restores a shard.
///
/// # Errors
/// If its part cannot be read, or is not what the program wrote.
pub(super) fn restore<P: Rotating>(
    program: &mut P,
    shard: usize,
    from: &Checkpoint,
) -> Result<(), CheckpointError> {
    let state = from.state(shard)?;
    let mut rest = &state[..];
    let read = program.restore(shard, &mut rest).and_then(|()| match rest {
        [] => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "bytes are left over")),
    });
    read.map_err(|error| from.damaged(format!("shard {shard}: {error}")))
}

/// The sweeps before a checkpoint, in order.
///
/// # Errors
/// If they are not there.
pub(super) fn swept<C: Certificate>(from: &Checkpoint) -> Result<Vec<Swept<C>>, CheckpointError> {
    let lost = || from.damaged("expected the sweeps so far".into());
    let text = from.manifest.notes.get("swept").and_then(Value::as_str).ok_or_else(lost)?;
    let bytes = hex::bytes(text).ok_or_else(lost)?;
    let records = bytes.chunks(HEAD + size_of::<C>()).map(read);
    let swept: Vec<Swept<C>> = records.collect::<Option<_>>().ok_or_else(lost)?;
    let numbers = swept.iter().map(|swept| swept.sweep.number);
    match numbers.eq(0..=from.manifest.progress.round) {
        true => Ok(swept),
        false => Err(lost()),
    }
}

/// Bytes of a sweep besides its certificate: epoch, number, work, late.
const HEAD: usize = 18;

const WORKS: [Work; 4] = [Work::Refresh, Work::Update, Work::Couple, Work::Certify];

fn record<C: Certificate>(swept: &Swept<C>) -> Vec<u8> {
    let Sweep { epoch, number, work } = swept.sweep;
    let work = WORKS.iter().position(|known| *known == work).unwrap_or_default();
    let head = [epoch.to_le_bytes(), number.to_le_bytes()].concat();
    let flags = [work as u8, u8::from(swept.late)];
    [&head[..], &flags, bytemuck::bytes_of(&swept.certificate)].concat()
}

fn read<C: Certificate>(record: &[u8]) -> Option<Swept<C>> {
    let (epoch, rest) = record.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let ([work, late], rest) = rest.split_first_chunk()?;
    let work = *WORKS.get(usize::from(*work))?;
    let (epoch, number) = (u64::from_le_bytes(*epoch), u64::from_le_bytes(*number));
    let certificate = bytemuck::try_pod_read_unaligned(rest).ok()?;
    Some(Swept { sweep: Sweep { epoch, number, work }, certificate, late: *late != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Loss(f64);

    impl Certificate for Loss {
        fn merge(&mut self, _share: &Self) {}
        fn error(&self) -> f64 {
            self.0
        }
    }

    #[test]
    fn sweeps_are_read_back() {
        for (number, work) in (0..).zip(WORKS) {
            let sweep = Sweep { epoch: 3, number, work };
            let swept = Swept { sweep, certificate: Loss(0.1 + number as f64), late: number == 2 };
            let bytes = record(&swept);
            assert_eq!(bytes.len(), HEAD + size_of::<Loss>());
            assert_eq!(read(&bytes), Some(swept));
            (0..bytes.len()).for_each(|end| assert_eq!(read::<Loss>(&bytes[..end]), None));
        }
    }
}
