//! When to measure, and when to stop.

use super::{Next, Report, Scheduler, View};
use crate::program::Work;

/// When an epoch is measured and when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stopping {
    /// The certificate's error at which the model is good enough.
    pub tolerance: f64,
    /// The number of updated keys after which the model is measured again (at least one).
    pub every: u64,
    /// The number of updated keys at which an epoch ends at the latest.
    pub max_updates: u64,
    /// The number of rounds of any kind at which an epoch ends at the latest.
    pub max_rounds: u64,
}

impl Stopping {
    /// Stops an epoch after so many rounds, measured only at its start and end.
    pub fn after(rounds: u64) -> Self {
        Stopping { tolerance: 0.0, every: u64::MAX, max_updates: u64::MAX, max_rounds: rounds }
    }
}

/// What is known of the model as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Derived state is fresh, the model has not been measured.
    Refreshed,
    /// A measurement is on its way.
    Measuring,
    /// The last measurement is that of the model as it stands.
    Measured,
    /// Keys were updated since.
    Moving,
}

/// Measures and stops what a policy schedules, epoch by epoch.
///
/// Every epoch starts with [`Next::Certify`], right after the engine's own refresh, so that its
/// starting point is known (data that hardly changed may need nothing else). Then the policy's
/// rounds run; after [`Stopping::every`] updated keys follow [`Next::Refresh`] and
/// [`Next::Certify`]. The epoch finishes when the measured error is at most the tolerance, or a
/// limit is reached, or the policy itself finishes: always on a certificate of the model as it
/// stands. Limits are looked at between rounds, so the last block and the last measurement may
/// exceed them; updates are counted when they are observed.
#[derive(Clone, Debug)]
pub struct Certified<S> {
    policy: S,
    stopping: Stopping,
    phase: Phase,
    error: f64,
    updates: u64,
    /// The number of updates at which the next measurement is due.
    due: u64,
    /// The policy has no more to do.
    finished: bool,
}

impl<S> Certified<S> {
    /// Runs `policy` under `stopping`.
    pub fn new(policy: S, stopping: Stopping) -> Self {
        let (phase, error) = (Phase::Refreshed, f64::INFINITY);
        Certified { policy, stopping, phase, error, updates: 0, due: 0, finished: false }
    }

    /// Whether the last measurement of this epoch met the tolerance.
    pub fn converged(&self) -> bool {
        self.error <= self.stopping.tolerance
    }

    /// The error last measured in this epoch; infinite before.
    pub fn error(&self) -> f64 {
        self.error
    }

    /// The number of keys updated in this epoch.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    fn measure(&mut self) -> Next {
        self.phase = Phase::Measuring;
        self.due = self.updates.saturating_add(self.stopping.every.max(1));
        Next::Certify
    }

    /// What brings the epoch to its end from here.
    fn conclude(&mut self) -> Next {
        match self.phase {
            Phase::Measured => Next::Finish,
            Phase::Refreshed | Phase::Measuring => self.measure(),
            Phase::Moving => {
                self.phase = Phase::Refreshed;
                Next::Refresh
            }
        }
    }

    fn over<K>(&self, view: &View<'_, K>) -> bool {
        self.finished
            || view.universe == 0
            || self.updates >= self.stopping.max_updates
            || view.round >= self.stopping.max_rounds
    }
}

impl<K, S: Scheduler<K>> Scheduler<K> for Certified<S> {
    fn begin(&mut self, epoch: u64) {
        self.policy.begin(epoch);
        self.phase = Phase::Refreshed;
        self.error = f64::INFINITY;
        self.updates = 0;
        self.due = 0;
        self.finished = false;
    }

    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        let settled = self.converged() || self.error.is_nan();
        let good = self.phase == Phase::Measured && settled;
        let due = self.phase == Phase::Moving && self.updates >= self.due;
        if self.phase == Phase::Refreshed || good || due || self.over(view) {
            return self.conclude();
        }
        let next = self.policy.schedule(view, block);
        match next {
            Next::Update => self.phase = Phase::Moving,
            Next::Certify => return self.measure(),
            Next::Finish => {
                self.finished = true;
                block.clear();
                return self.conclude();
            }
            Next::Couple | Next::Refresh => {}
        }
        next
    }

    fn observe(&mut self, report: &Report<'_, K>) {
        match report.work {
            Work::Update => self.updates = self.updates.saturating_add(report.keys.len() as u64),
            Work::Certify => {
                self.error = report.error.unwrap_or(f64::INFINITY);
                match self.phase {
                    Phase::Measuring => self.phase = Phase::Measured,
                    // The engine went on in the meantime: measure again if it was good enough.
                    _ if self.converged() => self.due = self.updates,
                    _ => {}
                }
            }
            Work::Refresh | Work::Couple => {}
        }
        self.policy.observe(report);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::scheduler::testing::{certified, moved, schedule, view};
    use crate::scheduler::{RoundRobin, Width};

    const STOPPING: Stopping =
        Stopping { tolerance: 0.1, every: 10, max_updates: u64::MAX, max_rounds: u64::MAX };

    /// What a round robin of width four is seen to do over ten keys, with a model whose error
    /// falls to `target` after `enough` updates, until it finishes or `limit` decisions are made.
    fn trace(scheduler: &mut Certified<RoundRobin>, enough: u64, limit: u64) -> Vec<Next> {
        let mut trace = Vec::new();
        for round in 0..limit {
            let (next, block) = schedule(scheduler, &view(round, 10, &[]));
            trace.push(next);
            match next {
                Next::Update => moved(scheduler, &block, &vec![1.0; block.len()]),
                Next::Certify => {
                    let error = if scheduler.updates() >= enough { 0.05 } else { 1.0 };
                    certified(scheduler, &[], &[], error);
                }
                Next::Finish => break,
                _ => {}
            }
        }
        trace
    }

    fn robin(stopping: Stopping) -> Certified<RoundRobin> {
        Certified::new(RoundRobin::new(Width::Fixed(4)), stopping)
    }

    #[test]
    fn measures_first_then_every_so_many_updates_and_finishes_when_good() {
        use Next::*;
        let mut scheduler = robin(STOPPING);
        let expected = [Certify, Update, Update, Update, Refresh, Certify, Update, Update, Update];
        let mut expected = expected.to_vec();
        expected.extend([Refresh, Certify, Finish]);
        assert_eq!(trace(&mut scheduler, 20, 100), expected);
        assert!(scheduler.converged());
        assert_eq!((scheduler.updates(), scheduler.error()), (24, 0.05));
        // The next epoch counts anew; a model that is still good is left alone.
        Scheduler::<u32>::begin(&mut scheduler, 1);
        assert!(!scheduler.converged());
        assert_eq!(trace(&mut scheduler, 0, 100), [Certify, Finish]);
        assert_eq!(scheduler.updates(), 0);
    }

    #[test]
    fn limits_end_an_epoch_on_a_certificate() {
        use Next::*;
        for stopping in
            [Stopping { max_updates: 5, ..STOPPING }, Stopping { max_rounds: 3, ..STOPPING }]
        {
            let mut scheduler = robin(stopping);
            let expected = [Certify, Update, Update, Refresh, Certify, Finish];
            assert_eq!(trace(&mut scheduler, u64::MAX, 100), expected);
            assert!(!scheduler.converged());
        }
        let mut scheduler = robin(Stopping { max_rounds: 0, ..STOPPING });
        assert_eq!(trace(&mut scheduler, u64::MAX, 100), [Certify, Finish]);
    }

    #[test]
    fn a_policy_without_work_and_unusable_errors_end_well() {
        let mut scheduler = robin(STOPPING);
        assert_eq!(schedule(&mut scheduler, &view(0, 0, &[])).0, Next::Certify);
        certified(&mut scheduler, &[], &[], f64::NAN);
        assert_eq!(schedule(&mut scheduler, &view(1, 0, &[])).0, Next::Finish);
        assert!(!scheduler.converged());
    }

    /// Updates twice, then has no more to do; asks for comparisons in between.
    struct Short(u32);

    impl Scheduler<u32> for Short {
        fn schedule(&mut self, _view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
            self.0 += 1;
            block.push(self.0);
            [Next::Couple, Next::Update, Next::Certify, Next::Update, Next::Finish]
                [self.0.min(5) as usize - 1]
        }
        fn observe(&mut self, _report: &Report<'_, u32>) {}
    }

    #[test]
    fn what_a_policy_asks_for_is_passed_on_and_its_end_certified() {
        use Next::*;
        let mut scheduler = Certified::new(Box::new(Short(0)) as Box<dyn Scheduler<u32>>, STOPPING);
        let mut seen = Vec::new();
        for round in 0..20 {
            let (next, block) = schedule(&mut scheduler, &view(round, 10, &[]));
            seen.push(next);
            match next {
                Update => moved(&mut scheduler, &block, &[1.0]),
                Certify => certified(&mut scheduler, &[], &[], 1.0),
                Finish => break,
                _ => {}
            }
        }
        assert_eq!(seen, [Certify, Couple, Update, Certify, Update, Refresh, Certify, Finish]);
    }

    /// Rounds decided and not reported.
    type Flight = VecDeque<(Next, Vec<u32>)>;

    proptest! {
        /// An engine that reports updates `lag` decisions late and drains before anything else,
        /// and that reports other rounds at once or late: the epoch ends, on a certificate that
        /// no update has followed.
        #[test]
        fn always_ends_on_a_certificate(
            errors in prop::collection::vec(0.0f64..1.0, 1..20),
            every in 0u64..30,
            max_updates in 0u64..200,
            lag in 0usize..4,
            late in any::<bool>(),
        ) {
            let stopping = Stopping { tolerance: 0.1, every, max_updates, max_rounds: 300 };
            let mut scheduler = robin(stopping);
            let mut flight = Flight::new();
            let mut errors = errors.into_iter().cycle();
            let (mut last, mut error) = (Next::Update, f64::INFINITY);
            let mut land = |scheduler: &mut Certified<RoundRobin>, flight: &mut Flight, left: usize| {
                while flight.len() > left {
                    match flight.pop_front() {
                        Some((Next::Update, block)) => moved(scheduler, &block, &[1.0; 4]),
                        Some((Next::Certify, _)) => {
                            error = errors.next().unwrap_or_default();
                            certified(scheduler, &[], &[], error);
                        }
                        _ => {}
                    }
                }
                error
            };
            for round in 0..320 {
                let (next, block) = schedule(&mut scheduler, &view(round, 10, &[]));
                if next == Next::Finish {
                    break;
                }
                if next != Next::Update {
                    land(&mut scheduler, &mut flight, 0);
                }
                flight.push_back((next, block));
                let left = if next == Next::Update { lag } else { usize::from(late) };
                land(&mut scheduler, &mut flight, left);
                last = next;
            }
            prop_assert_eq!(schedule(&mut scheduler, &view(320, 10, &[])).0, Next::Finish);
            prop_assert_eq!(last, Next::Certify);
            let error = land(&mut scheduler, &mut flight, usize::MAX);
            prop_assert_eq!(scheduler.converged(), error <= 0.1);
        }
    }
}
