//! Sweeps of a rotating program: how many, when measured, when done.

use std::time::Instant;

use crate::program::{Certificate, Sweep, Work};

/// What became of a sweep, the same on every worker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swept<C> {
    /// The sweep.
    pub sweep: Sweep,
    /// The merged certificate after it.
    pub certificate: C,
    /// Whether some worker's [`Sweeps::is_late`] said so.
    pub late: bool,
}

/// Decides sweep by sweep what a rotating program does next. Runs on every worker alike: it must
/// be a function of what it was told.
pub trait Sweeps<C>: 'static {
    /// A new epoch's data has arrived; the engine's own refresh sweep runs.
    fn begin(&mut self, epoch: u64) {
        let _ = epoch;
    }

    /// What the next sweep is for, or nothing if the epoch is done. `swept` is the last sweep.
    fn next(&mut self, swept: &Swept<C>) -> Option<Work>;

    /// Whether this worker's clock says that it is time to end. Any worker's word counts for all;
    /// this alone may look at the outside world.
    fn is_late(&self) -> bool {
        false
    }
}

/// When a rotating program is measured, and when an epoch ends.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `sweeps` | 100 | update sweeps of an epoch, at most | any |
/// | `certify_every` | 0 | update sweeps from one [`Work::Certify`] sweep to the next; 0 = none, for programs whose certificates need no sweep of their own | any |
/// | `tolerance` | 0 | the certificate's error at which the model is good enough | ≥ 0 |
/// | `patience` | 0 | measurements in a row without a new least error upon which the epoch ends; 0 = any number | any |
/// | `max_seconds` | ∞ | wall time of an epoch upon which the running sweep is the last; results then depend on the clock | ≥ 0 |
///
/// Only finite errors count as measurements, so a program may measure when it sees fit. An error
/// that is not a number ends the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepLimits {
    /// Update sweeps of an epoch, at most.
    pub sweeps: u64,
    /// Update sweeps from one certify sweep to the next; none if 0.
    pub certify_every: u64,
    /// The certificate's error at which the model is good enough.
    pub tolerance: f64,
    /// Measurements without a new least error upon which the epoch ends; any number if 0.
    pub patience: u64,
    /// Seconds of an epoch upon which the running sweep is the last.
    pub max_seconds: f64,
}

impl Default for SweepLimits {
    fn default() -> Self {
        SweepLimits {
            sweeps: 100,
            certify_every: 0,
            tolerance: 0.0,
            patience: 0,
            max_seconds: f64::INFINITY,
        }
    }
}

/// Update sweeps, with measurements between, until a limit is reached or the model is good enough
/// or gets no better.
///
/// ```
/// use strads::program::{Certificate, Sweep, Work};
/// use strads::scheduler::{Rotation, SweepLimits, Swept, Sweeps};
///
/// #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(C)]
/// struct Loss(f64);
/// impl Certificate for Loss {
///     fn merge(&mut self, share: &Self) {
///         self.0 += share.0;
///     }
///     fn error(&self) -> f64 {
///         self.0
///     }
/// }
///
/// let mut scheduler = Rotation::new(SweepLimits { patience: 1, ..Default::default() });
/// Sweeps::<Loss>::begin(&mut scheduler, 0);
/// let mut after = |number, loss| {
///     let sweep = Sweep { epoch: 0, number, work: Work::Update };
///     scheduler.next(&Swept { sweep, certificate: Loss(loss), late: false })
/// };
/// assert_eq!(after(0, 3.0), Some(Work::Update));
/// assert_eq!(after(1, 2.0), Some(Work::Update));
/// assert_eq!(after(2, 2.5), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    limits: SweepLimits,
    progress: Progress,
}

/// Where an epoch stands.
#[derive(Clone, Debug)]
struct Progress {
    started: Option<Instant>,
    updates: u64,
    /// Update sweeps since the last certify sweep.
    unmeasured: u64,
    least: f64,
    worse: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Progress { started: None, updates: 0, unmeasured: 0, least: f64::INFINITY, worse: 0 }
    }
}

impl Rotation {
    /// Sweeps within limits.
    pub fn new(limits: SweepLimits) -> Self {
        Rotation { limits, progress: Progress::default() }
    }

    /// Takes note of a measurement; true if it says that the epoch is done.
    fn settles(&mut self, error: f64) -> bool {
        if error.is_nan() || error <= self.limits.tolerance {
            return true;
        }
        let progress = &mut self.progress;
        if error < progress.least {
            (progress.least, progress.worse) = (error, 0);
        } else if error.is_finite() {
            progress.worse += 1;
        }
        self.limits.patience > 0 && progress.worse >= self.limits.patience
    }
}

impl<C: Certificate> Sweeps<C> for Rotation {
    fn begin(&mut self, _epoch: u64) {
        self.progress = Progress { started: Some(Instant::now()), ..Progress::default() };
    }

    fn next(&mut self, swept: &Swept<C>) -> Option<Work> {
        match swept.sweep.work {
            Work::Update => {
                self.progress.updates += 1;
                self.progress.unmeasured += 1;
            }
            Work::Certify => self.progress.unmeasured = 0,
            Work::Refresh | Work::Couple => {}
        }
        if self.settles(swept.certificate.error()) {
            return None;
        }
        let last = swept.late || self.progress.updates >= self.limits.sweeps;
        let every = if last { 1 } else { self.limits.certify_every };
        if self.limits.certify_every > 0 && self.progress.unmeasured >= every {
            return Some(Work::Certify);
        }
        (!last).then_some(Work::Update)
    }

    fn is_late(&self) -> bool {
        let elapsed = self.progress.started.map_or(0.0, |start| start.elapsed().as_secs_f64());
        elapsed >= self.limits.max_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Error(f64);

    impl Certificate for Error {
        fn merge(&mut self, _share: &Self) {}
        fn error(&self) -> f64 {
            self.0
        }
    }

    /// The works of an epoch whose measurements (after every sweep, or every certify sweep if the
    /// limits have them) are the given ones, the last for ever; at most 20.
    fn works(limits: SweepLimits, errors: &[f64], late_at: u64) -> String {
        let mut scheduler = Rotation::new(limits);
        let mut told = 0;
        let mut trace = String::new();
        for _ in 0..2 {
            Sweeps::<Error>::begin(&mut scheduler, 0);
            trace.push('(');
            let mut work = Work::Refresh;
            for number in 0..20 {
                let measured = limits.certify_every == 0 || work == Work::Certify;
                let error =
                    if measured { errors[told.min(errors.len() - 1)] } else { f64::INFINITY };
                told += usize::from(measured);
                let sweep = Sweep { epoch: 0, number, work };
                let late = number >= late_at;
                let Some(next) = scheduler.next(&Swept { sweep, certificate: Error(error), late })
                else {
                    break;
                };
                work = next;
                trace.push(if work == Work::Update { 'u' } else { 'c' });
            }
            told = 0;
        }
        assert_eq!(trace[..trace.len() / 2], trace[trace.len() / 2..], "an epoch starts afresh");
        trace[1..trace.len() / 2].to_owned()
    }

    #[test]
    fn sweeps_measures_and_stops() {
        let limits = |sweeps, certify_every, patience| SweepLimits {
            sweeps,
            certify_every,
            patience,
            tolerance: 0.1,
            ..SweepLimits::default()
        };
        let never = u64::MAX;
        assert_eq!(works(limits(0, 0, 0), &[1.0], never), "");
        assert_eq!(works(limits(3, 0, 0), &[1.0], never), "uuu");
        assert_eq!(works(limits(5, 2, 0), &[1.0], never), "uucuucuc");
        assert_eq!(works(limits(9, 0, 0), &[1.0, 0.5, 0.1], never), "uu");
        assert_eq!(works(limits(9, 0, 2), &[1.0, 0.5, 0.6, 0.4, 0.4, 0.4], never), "uuuuu");
        assert_eq!(works(limits(9, 1, 1), &[1.0, 0.5, 0.6], never), "ucucuc");
        assert_eq!(works(limits(9, 0, 1), &[f64::INFINITY], never), "uuuuuuuuu");
        assert_eq!(works(limits(9, 0, 0), &[1.0, f64::NAN], never), "u");
        assert_eq!(works(limits(9, 0, 0), &[1.0], 4), "uuuu");
        assert_eq!(works(limits(9, 3, 0), &[1.0], 1), "uc");
    }

    #[test]
    fn the_clock_runs_from_the_epochs_begin() {
        let mut scheduler = Rotation::new(SweepLimits { max_seconds: 0.0, ..Default::default() });
        Sweeps::<Error>::begin(&mut scheduler, 0);
        assert!(Sweeps::<Error>::is_late(&scheduler));
        let mut scheduler = Rotation::new(SweepLimits::default());
        Sweeps::<Error>::begin(&mut scheduler, 0);
        assert!(!Sweeps::<Error>::is_late(&scheduler));
    }
}
