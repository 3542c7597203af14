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

#[cfg(test)]
mod tests {
    use super::super::measure::{HELD, TRAIN};
    use super::*;
    use crate::program::Sweep;

    /// The works of a fit whose held-out errors and objectives, measurement by measurement, are the
    /// given ones (the last for ever): u(pdate), h(eld out are measured), a(ll are measured).
    fn works(mut scheduler: Epochs, held: &[f64], objectives: &[f64]) -> String {
        scheduler.begin(0);
        let mut trace = String::new();
        let (mut work, mut before) = (Work::Refresh, Work::Refresh);
        let (mut at_held, mut at_all) = (0, 0);
        for number in 0..40 {
            let mut certificate = Measure::default();
            if work == Work::Certify {
                let all = measures_all(scheduler.holds, before);
                trace.push(if all { 'a' } else { 'h' });
                let next = |values: &[f64], at: &mut usize| {
                    *at += 1;
                    values[(*at - 1).min(values.len() - 1)]
                };
                match all {
                    true => certificate.squares[TRAIN] = next(objectives, &mut at_all),
                    false => certificate.squares[HELD] = next(held, &mut at_held).powi(2),
                }
                certificate.totals[if all { TRAIN } else { HELD }] = 1.0;
            } else if work == Work::Update {
                trace.push('u');
            }
            let sweep = Sweep { epoch: 0, number, work };
            let late = scheduler.is_late();
            let Some(next) = scheduler.next(&Swept { sweep, certificate, late }) else { break };
            (before, work) = (work, next);
        }
        trace
    }

    fn epochs(epochs: u64, holds: bool, traces: bool, tolerance: Option<f64>) -> Epochs {
        let progress = Progress::default();
        let sweeps = u64::MAX;
        Epochs { epochs, sweeps, holds, traces, tolerance, max_seconds: None, progress }
    }

    #[test]
    fn fits_end_with_everything_measured() {
        assert_eq!(works(epochs(3, false, false, None), &[1.0], &[1.0]), "uuua");
        assert_eq!(works(epochs(3, false, true, None), &[1.0], &[1.0]), "uauaua");
        assert_eq!(works(epochs(2, true, false, None), &[3.0, 2.0], &[1.0]), "uhuha");
        assert_eq!(works(epochs(2, true, true, None), &[3.0, 2.0], &[1.0]), "uhauha");
    }

    #[test]
    fn fits_end_when_no_better() {
        assert_eq!(works(epochs(9, true, false, None), &[3.0, 2.0, 2.5], &[1.0]), "uhuhuha");
        assert_eq!(works(epochs(9, true, false, None), &[3.0, f64::NAN], &[1.0]), "uhuha");
        let falling = [4.0, 2.0, 1.9, 1.89];
        assert_eq!(works(epochs(9, false, true, Some(0.1)), &[1.0], &falling), "uauaua");
        assert_eq!(works(epochs(9, false, true, None), &[1.0], &[1.0, f64::NAN]), "uaua");
    }

    #[test]
    fn limits_end_fits() {
        let late = Epochs { max_seconds: Some(0.0), ..epochs(9, false, false, None) };
        assert_eq!(works(late, &[1.0], &[1.0]), "ua");
        let few = Epochs { sweeps: 2, ..epochs(9, false, false, None) };
        assert_eq!(works(few, &[1.0], &[1.0]), "uua");
    }
}
