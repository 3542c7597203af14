//! How much is done in an epoch of a corpus that changes.

use super::measure::Measure;
use crate::program::Work;
use crate::scheduler::{Sweeps, Swept};

/// Sweeps over all tokens that changes make due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upkeep {
    /// By the time that as many tokens have come or gone as there are.
    sweeps: u64,
    /// What is not a whole sweep yet, as a share of one.
    owed: f64,
}

impl Upkeep {
    /// Nothing is owed yet. For `sweeps` see [`LiveOptions::upkeep`](super::LiveOptions::upkeep).
    pub fn new(sweeps: u64) -> Upkeep {
        Upkeep { sweeps, owed: 0.0 }
    }

    /// The same, but that so much is owed.
    pub fn owing(self, owed: f64) -> Upkeep {
        Upkeep { owed, ..self }
    }

    /// What is owed, as a share of a sweep.
    pub fn owed(&self) -> f64 {
        self.owed
    }

    /// Sweeps over everything that are due after the changes of an epoch that is not the first,
    /// as its first measure has them. They are not owed any more.
    pub fn due(&mut self, measure: &Measure) -> u64 {
        let share = measure.changed as f64 / measure.tokens.max(1) as f64;
        self.owed += self.sweeps as f64 * share.min(1.0);
        let due = self.owed.floor();
        self.owed -= due;
        due as u64
    }
}

/// The first epoch is a training run; a later one has sweeps over its new documents, and sweeps
/// over everything in proportion to what came and went: what is not a whole sweep yet is owed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epochs {
    first: u64,
    passes: u64,
    upkeep: Upkeep,
    /// The sweeps of the running epoch.
    sweeps: u64,
}

impl Epochs {
    /// A schedule that owes nothing.
    pub fn new(first: u64, passes: u64, upkeep: u64) -> Self {
        Epochs { first, passes, upkeep: Upkeep::new(upkeep), sweeps: 0 }
    }
}

impl Sweeps<Measure> for Epochs {
    fn next(&mut self, swept: &Swept<Measure>) -> Option<Work> {
        if swept.sweep.number == 0 {
            self.sweeps = match swept.sweep.epoch {
                0 => {
                    self.upkeep = self.upkeep.owing(swept.certificate.owed);
                    self.first
                }
                _ => self.passes + self.upkeep.due(&swept.certificate),
            };
        }
        (swept.sweep.number < self.sweeps).then_some(Work::Update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Sweep;

    /// The sweeps of epochs that change so many of 1000 tokens.
    fn sweeps(schedule: Epochs, changed: &[u64]) -> Vec<u64> {
        let mut schedule = schedule;
        let sweeps = |(epoch, &changed): (u64, &u64)| {
            let certificate = Measure { tokens: 1000, changed, ..Measure::default() };
            let next = |number: &u64| {
                let sweep = Sweep { epoch, number: *number, work: Work::Update };
                schedule.next(&Swept { sweep, certificate, late: false }).is_some()
            };
            (0..).take_while(next).count() as u64
        };
        (0..).zip(changed).map(sweeps).collect()
    }

    #[test]
    fn work_is_proportional_to_the_change() {
        let schedule = Epochs::new(7, 2, 10);
        assert_eq!(sweeps(schedule, &[1000, 60, 60, 0, 100, 5000]), [7, 2, 3, 2, 3, 12]);
        assert_eq!(sweeps(Epochs::new(7, 0, 0), &[1, 1000]), [7, 0]);
    }

    #[test]
    fn what_is_owed_is_made_up_for() {
        let mut upkeep = Upkeep::new(10).owing(0.7);
        let measure = |changed| Measure { tokens: 1000, changed, ..Measure::default() };
        assert_eq!(upkeep.due(&measure(20)), 0);
        assert!((upkeep.owed() - 0.9).abs() < 1e-12);
        assert_eq!(upkeep.due(&measure(20)), 1);
        let first = Measure { owed: 0.9, ..measure(1000) };
        let mut schedule = Epochs::new(0, 2, 10);
        let next = |schedule: &mut Epochs, epoch, number, certificate| {
            let sweep = Sweep { epoch, number, work: Work::Update };
            schedule.next(&Swept { sweep, certificate, late: false })
        };
        assert_eq!(next(&mut schedule, 0, 0, first), None);
        assert!(next(&mut schedule, 1, 0, measure(20)).is_some());
        assert!(next(&mut schedule, 1, 2, measure(20)).is_some());
        assert_eq!(next(&mut schedule, 1, 3, measure(20)), None);
    }
}
