//! Which shard meets which slice when.

use std::ops::Range;

use crate::operators::Placement;

/// How a rotating program is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `shards` | 0 | logical shards; results depend on it; 0 = as many as there are workers | any |
/// | `slices` | 0 | slices of the model, rounded up to a multiple of the shards; results depend on it; 0 = two a shard, so that one travels while the other is worked on | any |
/// | `sync_every` | 0 | sub-rounds from one summary to the next; 0 = one a sweep, at its end | any |
/// | `staleness` | 0 | summaries that may be missing when a shard goes on: in the sub-rounds of group *g* (of `sync_every`) a shard sees exactly the summaries of the groups before *g − staleness*, and at the end of a sweep all of them | any |
#[derive(Clone, Copy, Debug, Default)]
pub struct RotateOptions {
    /// Logical shards; 0 for one a worker.
    pub shards: usize,
    /// Slices of the model; 0 for two a shard.
    pub slices: usize,
    /// Sub-rounds from one summary to the next; 0 for one a sweep.
    pub sync_every: u64,
    /// Summaries that are still on their way while a shard goes on: 0 waits for each.
    pub staleness: u64,
}

impl RotateOptions {
    /// The ring of shards and slices among `peers` workers.
    pub fn ring(&self, peers: usize) -> Ring {
        let shards = if self.shards == 0 { peers } else { self.shards };
        let placement = Placement::new(shards, peers);
        let shards = placement.shards();
        let wanted = if self.slices == 0 { 2 * shards } else { self.slices };
        let slices = wanted.div_ceil(shards).saturating_mul(shards);
        let sync_every = if self.sync_every == 0 { slices as u64 } else { self.sync_every };
        Ring { placement, slices, sync_every, staleness: self.staleness }
    }
}

/// Shards and slices, and the order in which they meet.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    placement: Placement,
    slices: usize,
    sync_every: u64,
    staleness: u64,
}

impl Ring {
    /// Where the shards live.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The number of shards.
    pub fn shards(&self) -> usize {
        self.placement.shards()
    }

    /// The number of slices, a multiple of the shards.
    pub fn slices(&self) -> usize {
        self.slices
    }

    /// The slices at home on a shard.
    pub fn home(&self, shard: usize) -> Range<usize> {
        let each = self.slices / self.shards();
        shard * each..(shard + 1) * each
    }

    /// The slice that a shard meets in a sub-round.
    pub fn slice(&self, shard: usize, round: u64) -> usize {
        // Both terms are below the number of slices.
        (self.home(shard).start + round as usize) % self.slices
    }

    /// The shard that meets a slice after this one.
    pub fn next(&self, shard: usize) -> usize {
        (shard + self.shards() - 1) % self.shards()
    }

    /// Sub-rounds of a sweep.
    pub(super) fn rounds(&self) -> u64 {
        self.slices as u64
    }

    /// Groups of sub-rounds with one summary each.
    pub(super) fn groups(&self) -> u64 {
        self.rounds().div_ceil(self.sync_every)
    }

    /// How many groups' summaries a shard has seen when it works in a sub-round.
    pub(super) fn seen(&self, round: u64) -> u64 {
        (round / self.sync_every).saturating_sub(self.staleness)
    }

    /// The group whose summary is due once `done` sub-rounds are done.
    pub(super) fn due(&self, done: u64) -> Option<u64> {
        let ends = done > 0 && (done.is_multiple_of(self.sync_every) || done == self.rounds());
        ends.then(|| (done - 1) / self.sync_every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings() -> impl Iterator<Item = Ring> {
        (1..7).flat_map(|shards| {
            (0..20)
                .map(move |slices| RotateOptions { shards, slices, ..Default::default() }.ring(2))
        })
    }

    #[test]
    fn no_two_shards_hold_a_slice_and_each_meets_all() {
        for ring in rings() {
            let mut met = vec![0; ring.shards() * ring.slices()];
            for round in 0..ring.rounds() {
                let mut held = vec![0; ring.slices()];
                for shard in 0..ring.shards() {
                    let slice = ring.slice(shard, round);
                    held[slice] += 1;
                    met[shard * ring.slices() + slice] += 1;
                }
                assert!(held.iter().all(|&shards| shards <= 1));
            }
            assert!(met.iter().all(|&times| times == 1), "{ring:?}");
        }
    }

    #[test]
    fn a_slice_is_needed_next_door_one_home_later_and_is_home_after_a_sweep() {
        for ring in rings() {
            let each = (ring.slices() / ring.shards()) as u64;
            for shard in 0..ring.shards() {
                for round in 0..ring.rounds() {
                    let slice = ring.slice(shard, round);
                    assert_eq!(ring.slice(ring.next(shard), round + each), slice);
                }
                let after = ring.rounds()..ring.rounds() + each;
                assert!(after.map(|round| ring.slice(shard, round)).eq(ring.home(shard)));
            }
        }
    }

    #[test]
    fn every_group_is_due_once_and_seen_with_the_lag() {
        for sync_every in 1..9 {
            for staleness in 0..4 {
                let options = RotateOptions { shards: 2, slices: 6, sync_every, staleness };
                let ring = options.ring(1);
                let due: Vec<u64> = (0..=6).filter_map(|done| ring.due(done)).collect();
                assert!(due.iter().copied().eq(0..ring.groups()));
                for round in 0..6 {
                    let before = (0..=round).filter_map(|done| ring.due(done)).count() as u64;
                    assert_eq!(ring.seen(round), before.saturating_sub(staleness));
                }
            }
        }
    }
}
