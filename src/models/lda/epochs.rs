//! How much is done in an epoch of a corpus that changes.

use super::measure::Measure;
use crate::program::Work;
use crate::scheduler::{Sweeps, Swept};

/// The first epoch is a training run; a later one has sweeps over its new documents, and sweeps
/// over everything in proportion to what came and went: what is not a whole sweep yet is owed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epochs {
    first: u64,
    passes: u64,
    upkeep: u64,
    /// Sweeps over everything that are owed, as a share of one.
    owed: f64,
    /// The sweeps of the running epoch.
    sweeps: u64,
}

impl Epochs {
    /// A schedule that owes nothing.
    pub fn new(first: u64, passes: u64, upkeep: u64) -> Self {
        Epochs { first, passes, upkeep, owed: 0.0, sweeps: 0 }
    }

    /// Sweeps over everything that are due after changes.
    fn due(&mut self, measure: &Measure) -> u64 {
        let share = measure.changed as f64 / measure.tokens.max(1) as f64;
        self.owed += self.upkeep as f64 * share.min(1.0);
        let due = self.owed.floor();
        self.owed -= due;
        due as u64
    }
}

impl Sweeps<Measure> for Epochs {
    fn next(&mut self, swept: &Swept<Measure>) -> Option<Work> {
        if swept.sweep.number == 0 {
            self.sweeps = match swept.sweep.epoch {
                0 => self.first,
                _ => self.passes + self.due(&swept.certificate),
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
}
