//! Epochs of updates, until the held-out ratings are no better predicted.

use std::time::Instant;

use super::measure::Measure;
use crate::program::{Certificate, Work};
use crate::scheduler::{Sweeps, Swept};

/// How long to go, and what to measure on the way.
///
/// A certify sweep measures the ratings held out to see when to stop, if there are any; right after
/// another it measures everything.
#[derive(Clone, Debug)]
pub(super) struct Epochs {
    /// Epochs at most.
    pub epochs: u64,
    /// Sweeps at most.
    pub sweeps: u64,
    /// Whether ratings are held out.
    pub holds: bool,
    /// Whether everything is measured after every epoch.
    pub traces: bool,
    /// Fraction of the objective below which an epoch is the last.
    pub tolerance: Option<f64>,
    pub max_seconds: Option<f64>,
    pub progress: Progress,
}

/// Where a fit stands.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    started: Option<Instant>,
    done: u64,
    ends: bool,
    least: f64,
    objective: f64,
    last: Work,
}

impl Default for Progress {
    fn default() -> Self {
        let (least, objective) = (f64::INFINITY, f64::INFINITY);
        Progress { started: None, done: 0, ends: false, least, objective, last: Work::Refresh }
    }
}

/// Whether a certify sweep measures everything.
pub(super) fn measures_all(holds: bool, before: Work) -> bool {
    !holds || before == Work::Certify
}

impl Epochs {
    fn decide(&mut self, swept: &Swept<Measure>) -> Option<Work> {
        let progress = &mut self.progress;
        match swept.sweep.work {
            Work::Refresh | Work::Couple => Some(Work::Update),
            Work::Update => {
                progress.done += 1;
                progress.ends |=
                    progress.done >= self.epochs || swept.sweep.number >= self.sweeps || swept.late;
                let measure = self.holds || self.traces || progress.ends;
                Some(if measure { Work::Certify } else { Work::Update })
            }
            Work::Certify if measures_all(self.holds, progress.last) => {
                let objective = swept.certificate.objective();
                let fall = progress.objective - objective;
                let enough = self.tolerance.is_some_and(|least| fall <= least * objective);
                progress.objective = objective;
                progress.ends |= enough || !objective.is_finite();
                (!progress.ends).then_some(Work::Update)
            }
            Work::Certify => {
                let error = swept.certificate.error();
                // Also if it is not a number.
                let better = error < progress.least;
                progress.ends |= !better;
                progress.least = progress.least.min(error);
                Some(if self.traces || progress.ends { Work::Certify } else { Work::Update })
            }
        }
    }
}

impl Sweeps<Measure> for Epochs {
    fn begin(&mut self, _epoch: u64) {
        self.progress = Progress { started: Some(Instant::now()), ..Progress::default() };
    }

    fn next(&mut self, swept: &Swept<Measure>) -> Option<Work> {
        let next = self.decide(swept);
        self.progress.last = swept.sweep.work;
        next
    }

    fn is_late(&self) -> bool {
        let elapsed = self.progress.started.map_or(0.0, |start| start.elapsed().as_secs_f64());
        self.max_seconds.is_some_and(|most| elapsed >= most)
    }
}
