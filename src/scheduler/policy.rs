//! The policies by name, and their options.

use std::fmt;
use std::str::FromStr;

use super::Scheduler;
use super::dynamic::Dynamic;
use super::priority::{Priority, Source};
use super::round_robin::RoundRobin;
use super::uniform::Random;
use super::width::Width;
use crate::program::Key;

/// Which keys are updated next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Every key in turn: [`RoundRobin`].
    RoundRobin,
    /// Keys at random, all alike: [`Random`].
    Random,
    /// Keys that moved much, more often: [`Priority`].
    Priority,
    /// The same, leaving out keys that interfere: [`Dynamic`].
    #[default]
    Dynamic,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Policy; 4] =
        [Policy::RoundRobin, Policy::Random, Policy::Priority, Policy::Dynamic];

    /// The policy's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Policy::RoundRobin => "round-robin",
            Policy::Random => "random",
            Policy::Priority => "priority",
            Policy::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(self.name())
    }
}

/// A name that is no policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPolicy(String);

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Policy::ALL.map(Policy::name).join(", ");
        write!(to, "unknown scheduler `{}`, expected one of {names}", self.0)
    }
}

impl std::error::Error for UnknownPolicy {}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        Policy::ALL
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

/// The options of a policy; each policy reads those it has a use for.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `width` | `Auto` | U, the keys of a block: by default as many as hide the cost of a round ([`crate::scheduler::width`]), for `Dynamic` at most 64 | at least 1 |
/// | `candidates` | 2·U | U′, the keys drawn for the dependency check: with twice the width a block stays full until half of the candidates interfere, and drawing costs less than checking | at least U |
/// | `rho` | 0.1 | ρ, the coupling at which two keys interfere: two keys updated together miss each other's step by at most ρ times that step | (0, 1]; 0 makes blocks of one key |
/// | `eta` | 10⁻⁶ | η, what a key that no longer moves still weighs, in units of \|δβ\|: a million idle keys together weigh as much as one key that moves by 1, so they are looked at now and then and do not drown those that move; with `Source::Moved` 10⁻⁴ to 10⁻³ of a typical \|β\| did better | positive |
/// | `seed` | 0 | all random draws | any |
/// | `start` | 0 | the key that `RoundRobin` begins with, to go on with a cycle | below the number of keys |
/// | `source` | `Violation` | where priorities come from: the paper's \|δβ\|, or violations of optimality besides, which need far fewer updates ([`Source`]) | |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyOptions {
    /// U, the number of keys of a block.
    pub width: Width,
    /// U′, the number of candidates of the dependency check; twice the width if not given.
    pub candidates: Option<usize>,
    /// ρ, the coupling at which two keys interfere, in `[0, 1]`.
    pub rho: f32,
    /// η, what a key that no longer moves still weighs, in units of |δβ|.
    pub eta: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// Where a cycle through all keys begins.
    pub start: usize,
    /// Where priorities come from.
    pub source: Source,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        PolicyOptions {
            width: Width::Auto,
            candidates: None,
            rho: 0.1,
            eta: 1e-6,
            seed: 0,
            start: 0,
            source: Source::default(),
        }
    }
}

/// The scheduler of a policy.
pub fn build<K: Key>(policy: Policy, options: PolicyOptions) -> Box<dyn Scheduler<K>> {
    let PolicyOptions { width, candidates, rho, eta, seed, start, source } = options;
    let priority = Priority::new(width, eta, seed, source);
    match policy {
        Policy::RoundRobin => Box::new(RoundRobin::starting_at(start, width)),
        Policy::Random => Box::new(Random::new(width, seed)),
        Policy::Priority => Box::new(priority),
        Policy::Dynamic => Box::new(Dynamic::new(priority, width, candidates, rho)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::testing::{schedule, view};
    use crate::scheduler::{Next, View};

    #[test]
    fn names_are_read_back() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let error = "newest".parse::<Policy>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown scheduler `newest`, expected one of round-robin, random, priority, dynamic"
        );
    }

    #[test]
    fn every_policy_fills_its_width_with_distinct_keys_and_repeats_itself() {
        for policy in Policy::ALL {
            let options = PolicyOptions { width: Width::Fixed(7), ..Default::default() };
            let mut first = build::<u32>(policy, options);
            let mut second = build::<u32>(policy, options);
            for round in 0..20 {
                let (next, mut block) = schedule(&mut first, &view(round, 40, &[]));
                assert_eq!(
                    (next, &block),
                    (Next::Update, &schedule(&mut second, &view(round, 40, &[])).1)
                );
                block.sort_unstable();
                block.dedup();
                assert_eq!(block.len(), 7, "{policy}");
            }
        }
    }

    #[test]
    fn automatic_widths_follow_cost_and_shards() {
        for policy in Policy::ALL {
            let mut scheduler = build::<u32>(policy, PolicyOptions::default());
            let view = View { cost: 10_000.0, shards: 2, ..view(0, 10_000, &[]) };
            assert_eq!(schedule(&mut scheduler, &view).1.len(), 50);
        }
        let mut scheduler = build::<u32>(Policy::Dynamic, PolicyOptions::default());
        assert_eq!(schedule(&mut scheduler, &view(0, 10_000, &[])).1.len(), 64);
    }
}
