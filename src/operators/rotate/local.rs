//! One shard on its way through a sweep.

use std::collections::BTreeMap;

use super::ring::Ring;
use crate::container::Slice;

/// What a shard could do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Hear the summaries of a group.
    Sync(u64),
    /// Work on a slice that is there.
    Work(usize),
    /// Measure: the sweep is done, and the shard's slices are home.
    Certify,
    /// Wait for a slice, or for the end of the sweep.
    Wait,
}

/// Where a shard stands, and the slices it holds.
pub(super) struct Local<C> {
    pub number: usize,
    /// Slices that wait for the shard. None is here twice: it travels the whole ring in between.
    pub held: BTreeMap<usize, Slice<C>>,
    /// Sub-rounds done in this sweep.
    pub done: u64,
    /// Groups whose summaries it has heard in this sweep.
    pub synced: u64,
    pub certified: bool,
}

impl<C> Local<C> {
    pub fn new(number: usize) -> Self {
        Local { number, held: BTreeMap::new(), done: 0, synced: 0, certified: false }
    }

    /// A new sweep begins.
    pub fn restart(&mut self) {
        self.done = 0;
        self.synced = 0;
        self.certified = false;
    }

    /// What comes next. Whether a group's summaries are there is for the caller to see.
    pub fn step(&self, ring: &Ring) -> Step {
        let swept = self.done == ring.rounds();
        let due = if swept { ring.groups() } else { ring.seen(self.done) };
        if self.synced < due {
            return Step::Sync(self.synced);
        }
        if !swept {
            let slice = ring.slice(self.number, self.done);
            return if self.held.contains_key(&slice) { Step::Work(slice) } else { Step::Wait };
        }
        let home = ring.home(self.number);
        if self.certified || self.held.len() < home.len() { Step::Wait } else { Step::Certify }
    }

    /// Lets `f` see the slices at home, in order. Others may be there already: a worker that has
    /// heard the last certificate goes on while this one has not.
    pub fn with_home<R>(
        &mut self,
        ring: &Ring,
        f: impl FnOnce(&mut [(usize, Slice<C>)]) -> R,
    ) -> R {
        let home = ring.home(self.number);
        let mut slices: Vec<_> = home.filter_map(|slice| self.held.remove_entry(&slice)).collect();
        let result = f(&mut slices);
        self.held.extend(slices);
        result
    }
}
