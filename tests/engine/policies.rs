//! Small schedulers.

use std::collections::BTreeSet;

use strads::program::Work;
use strads::scheduler::{Next, Report, Scheduler, View};

use super::problem::draw;

/// When to measure and when to stop, and how keys are picked.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub pick: Pick,
    pub width: usize,
    /// Update rounds between certificates; every other certificate follows a refresh.
    pub every: u64,
    /// Update rounds an epoch at most.
    pub limit: u64,
    pub tolerance: f64,
}

#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// One key after the other.
    Cyclic,
    /// At random, thinned to pairs that hardly interfere.
    Random,
    /// Those that violate optimality most, and among equals those not picked for longest.
    Greedy,
    /// Always the same keys, each named twice: the engine must leave out what is in flight.
    Stubborn,
}

pub struct Scheduling {
    policy: Policy,
    cursor: usize,
    updates: u64,
    /// Update rounds at the last refresh and certificate.
    refreshed: u64,
    certified: u64,
    finished: bool,
    /// Candidates that wait to be compared.
    candidates: Vec<u32>,
    /// Each key's violation when last measured, nothing once picked, and when it was picked.
    priority: Vec<(f32, u64)>,
}

impl Scheduling {
    pub fn new(policy: Policy) -> Self {
        Scheduling {
            policy,
            cursor: 0,
            updates: 0,
            refreshed: 0,
            certified: 0,
            finished: false,
            candidates: Vec::new(),
            priority: Vec::new(),
        }
    }

    /// Keys that hardly interfere with those before them; nothing if some must be gathered.
    fn thinned(&self, view: &View<'_, u32>) -> Option<Vec<u32>> {
        let mut kept: Vec<u32> = Vec::new();
        for &key in &self.candidates {
            let mut free = true;
            for &other in kept.iter().chain(view.in_flight) {
                free &= (view.coupling)(key, other)? < 0.5;
            }
            if free {
                kept.push(key);
            }
        }
        Some(kept)
    }

    fn random(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
        if self.candidates.is_empty() {
            let at = |lane| view.epoch << 40 | view.round << 16 | lane;
            let unit = |lane| (draw(7, at(lane as u64)) + 1.0) / 2.0;
            let keys = (0..self.policy.width).map(|lane| unit(lane) * view.universe as f64);
            self.candidates =
                keys.map(|key| key as u32).collect::<BTreeSet<_>>().into_iter().collect();
        }
        match self.thinned(view) {
            None => {
                block.extend(self.candidates.iter().chain(view.in_flight));
                Next::Couple
            }
            Some(kept) => {
                self.candidates.clear();
                *block = kept;
                Next::Update
            }
        }
    }

    fn greedy(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) {
        self.priority.resize(view.universe, (0.0, 0));
        let mut keys: Vec<u32> = (0..view.universe as u32).collect();
        keys.retain(|key| !view.in_flight.contains(key));
        keys.sort_by(|&a, &b| {
            let ((x, old), (y, older)) = (self.priority[a as usize], self.priority[b as usize]);
            y.total_cmp(&x).then(old.cmp(&older)).then(a.cmp(&b))
        });
        block.extend(keys.iter().take(self.policy.width));
        block.iter().for_each(|&key| self.priority[key as usize] = (0.0, self.updates + 1));
    }
}

impl Scheduler<u32> for Scheduling {
    fn begin(&mut self, _epoch: u64) {
        (self.updates, self.refreshed, self.certified, self.finished) = (0, 0, 0, false);
        self.candidates.clear();
        self.priority.clear();
    }

    fn schedule(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
        let Policy { pick, width, every, limit, .. } = self.policy;
        let due = self.updates >= limit || self.updates.is_multiple_of(every);
        if self.finished {
            return Next::Finish;
        }
        if due && self.updates.is_multiple_of(2 * every) && self.refreshed < self.updates {
            self.refreshed = self.updates;
            return Next::Refresh;
        }
        if due && self.certified < self.updates {
            self.certified = self.updates;
            return Next::Certify;
        }
        match pick {
            Pick::Cyclic => {
                block.extend((0..width).map(|lane| ((self.cursor + lane) % view.universe) as u32));
                self.cursor = (self.cursor + width) % view.universe;
            }
            Pick::Random => {
                if self.random(view, block) == Next::Couple {
                    return Next::Couple;
                }
            }
            Pick::Greedy => self.greedy(view, block),
            Pick::Stubborn => block.extend((0..width as u32).flat_map(|key| [key, key])),
        }
        self.updates += 1;
        Next::Update
    }

    fn observe(&mut self, report: &Report<'_, u32>) {
        if report.work == Work::Certify {
            for (&key, &violation) in report.keys.iter().zip(report.moved) {
                if let Some((priority, _)) = self.priority.get_mut(key as usize) {
                    *priority = violation;
                }
            }
            let reached = report.error.is_some_and(|error| error <= self.policy.tolerance);
            self.finished = reached || self.certified >= self.policy.limit;
        }
    }
}
