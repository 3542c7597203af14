//! The working-set schedule: certify, choose the block by violation of optimality, solve, repeat.
//! Where the solution needs what the shards take of it ([`super::division`]), they do in between.

use crate::program::Work;
use crate::scheduler::{Next, Report, Scheduler, View};

/// New columns a round lets in at least, and as a multiple of those that must stay.
const LEAST: usize = 200;
const GROWTH: usize = 2;
/// Certify rounds without progress after which an epoch is given up.
const PATIENCE: u32 = 12;

/// Chooses as block the support and the columns that violate optimality most.
///
/// Proposals of a certify round carry a column's pull over its bound; infinite ones (the support,
/// unpenalised columns) always enter. Of the others the largest enter, at most
/// `max(200, 2 · support)` a round. The epoch ends when the certificate's error is at most the
/// tolerance, when rounds run out, or when the error has not fallen for 12 certificates.
pub struct WorkingSet {
    tolerance: f64,
    max_rounds: u64,
    block: Vec<u32>,
    measured: bool,
    /// Couple rounds so far: not counted among the most there may be.
    couples: u64,
    error: f64,
    best: f64,
    idle: u32,
}

impl WorkingSet {
    /// Stops at `tolerance`, or after `max_rounds` rounds of an epoch.
    pub fn new(tolerance: f64, max_rounds: u64) -> Self {
        WorkingSet {
            tolerance,
            max_rounds,
            block: Vec::new(),
            measured: false,
            couples: 0,
            error: f64::INFINITY,
            best: f64::INFINITY,
            idle: 0,
        }
    }

    fn choose(&mut self, report: &Report<'_, u32>) {
        let mut rest: Vec<(f32, u32)> = Vec::new();
        self.block.clear();
        for (&key, &priority) in report.keys.iter().zip(report.moved) {
            if priority == f32::INFINITY {
                self.block.push(key);
            } else {
                rest.push((priority, key));
            }
        }
        let room = LEAST.max(GROWTH * self.block.len());
        rest.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.block.extend(rest.iter().take(room).map(|(_, key)| key));
        self.block.sort_unstable();
    }
}

impl Scheduler<u32> for WorkingSet {
    fn begin(&mut self, _epoch: u64) {
        *self = WorkingSet::new(self.tolerance, self.max_rounds);
    }

    fn schedule(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
        if !self.measured {
            let waits = |&key: &u32| (view.coupling)(key, key).is_none();
            if self.block.first().is_some_and(waits) {
                self.couples += 1;
                return Next::Couple;
            }
            return Next::Certify;
        }
        let done = self.error <= self.tolerance || self.error.is_nan();
        if done || self.idle >= PATIENCE || view.round - self.couples >= self.max_rounds {
            return Next::Finish;
        }
        self.measured = false;
        block.clone_from(&self.block);
        Next::Update
    }

    fn observe(&mut self, report: &Report<'_, u32>) {
        if report.work != Work::Certify {
            return;
        }
        self.measured = true;
        self.error = report.error.unwrap_or(f64::INFINITY);
        // Stages on the way report no error: they make progress by themselves.
        let stuck = self.error.is_finite() && self.error >= 0.9 * self.best;
        self.idle = if stuck { self.idle + 1 } else { 0 };
        self.best = self.best.min(self.error);
        self.choose(report);
    }
}
