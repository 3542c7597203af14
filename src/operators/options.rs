//! How a program is run: form, placement of shards, place of the scheduler, staleness.

use std::ops::Range;

/// Which of the engine's forms runs the program (see [`crate::program::Program`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Shards hold their keys' data: one all-gather a round.
    #[default]
    Owned,
    /// Shards hold rows: partials travel to the key's shard, deltas to every worker.
    Partial,
}

/// Where the schedule is decided. The decisions are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// On every worker alike, from the same gathered reports: no hop of its own.
    #[default]
    Replicated,
    /// On the worker of shard 0, which sends every block to all workers: one more hop a round, and
    /// the scheduler's memory is needed once.
    Central,
}

/// How a program is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `shards` | 0 | logical shards; results depend on it; 0 = as many as there are workers | any |
/// | `form` | `Owned` | what a shard holds | |
/// | `scheduling` | `Replicated` | where the schedule is decided | |
/// | `staleness` | 0 | rounds that may be decided before an earlier one is applied; 0 = bulk-synchronous | ≤ 1024 |
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Logical shards, the unit of ownership; 0 for one a worker.
    pub shards: usize,
    /// What a shard holds.
    pub form: Form,
    /// Where the schedule is decided.
    pub scheduling: Scheduling,
    /// Round *t* sees exactly the rounds up to *t − 1 − staleness*.
    pub staleness: u64,
}

impl Options {
    /// Where the shards live among `peers` workers.
    pub fn placement(&self, peers: usize) -> Placement {
        Placement::new(if self.shards == 0 { peers } else { self.shards }, peers)
    }
}

/// Where logical shards live: contiguous runs of shards on each worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    shards: usize,
    peers: usize,
}

impl Placement {
    /// `shards` logical shards on `peers` workers, at least one of each.
    pub fn new(shards: usize, peers: usize) -> Self {
        Placement { shards: shards.max(1), peers: peers.max(1) }
    }

    /// The number of logical shards.
    pub fn shards(self) -> usize {
        self.shards
    }

    /// The number of workers.
    pub fn peers(self) -> usize {
        self.peers
    }

    /// The worker a shard lives on.
    pub fn worker_of(self, shard: usize) -> usize {
        (shard * self.peers / self.shards).min(self.peers - 1)
    }

    /// The shards that live on a worker.
    pub fn local(self, worker: usize) -> Range<usize> {
        let start = |worker: usize| (worker * self.shards).div_ceil(self.peers);
        start(worker)..start(worker + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Placement;

    #[test]
    fn every_shard_lives_where_it_is_looked_for() {
        for shards in 1..9 {
            for peers in 1..9 {
                let placement = Placement::new(shards, peers);
                let mut next = 0;
                for worker in 0..peers {
                    for shard in placement.local(worker) {
                        assert_eq!(shard, next);
                        assert_eq!(placement.worker_of(shard), worker);
                        next += 1;
                    }
                }
                assert_eq!(next, shards);
            }
        }
    }
}
