//! How far a batch fit has come: what decides, beside the coefficients, how it goes on.

use serde::{Deserialize, Serialize};

use super::certificate::Measure;
use super::fit::Plan;
use super::folds::Folds;
use super::options::{Lambda, Options, Scheduler};
use crate::random::{Draws, purpose};

/// Rounds of a λ between two checkpoints at the least: every leg must get somewhere.
const LEAST: u64 = 10;
/// Rounds of joint solving without progress after which a λ is given up, over all legs. (Within a
/// leg its schedule does so.)
const PATIENCE: u64 = 24;

/// A place in a plan: the same on every worker. What is not a finite number is not there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The leg: how many checkpoints there were.
    pub leg: u64,
    /// How many λ are done, counted over folds.
    pub step: usize,
    /// Rounds and updates that the current λ has had.
    pub rounds: u64,
    pub updates: u64,
    /// Rounds of it without progress, and the smallest gap.
    idle: u64,
    gap: Option<f64>,
    /// Rounds of all λ.
    pub total: u64,
    /// Whether those that are done are as good as was asked for.
    pub converged: bool,
    pub lambda_max: Option<f64>,
    /// The λ that the coefficients are on their way from.
    pub solved: Option<f64>,
    /// The path so far.
    pub path: Vec<f64>,
    /// Losses on the rows held out, fold by fold.
    pub losses: Vec<f64>,
}

/// One λ of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// One whose model is kept, of all rows.
    Keep(Lambda),
    /// One of a path, likewise: its share of the way down from λ_max.
    OnPath(f64),
    /// One of a path, on all rows but those of a fold.
    Validate { fold: usize, index: usize },
    /// The one with the smallest loss.
    Best,
}

impl Plan {
    /// The λ of the plan.
    pub(super) fn step(&self, at: usize) -> Option<Step> {
        let on_path = |index: usize, count: usize, min_ratio: f64| {
            Step::OnPath(min_ratio.powf(index as f64 / (count.max(2) - 1) as f64))
        };
        match *self {
            Plan::One(lambda) => (at == 0).then_some(Step::Keep(lambda)),
            Plan::Path { count, min_ratio } => (at < count).then(|| on_path(at, count, min_ratio)),
            Plan::CrossValidate { count, min_ratio, ref folds } => {
                let Some(past) = at.checked_sub(count) else {
                    return Some(on_path(at, count, min_ratio));
                };
                let (fold, index) = (past / count, past % count);
                match (fold.cmp(&folds.count()), index) {
                    (std::cmp::Ordering::Less, _) => Some(Step::Validate { fold, index }),
                    (std::cmp::Ordering::Equal, 0) => Some(Step::Best),
                    _ => None,
                }
            }
        }
    }

    /// Which rows are held out when.
    pub(super) fn folds(&self) -> Option<&Folds> {
        match self {
            Plan::CrossValidate { folds, .. } => Some(folds),
            Plan::One(_) | Plan::Path { .. } => None,
        }
    }
}

impl Position {
    /// The beginning.
    pub fn start() -> Self {
        Position { converged: true, ..Position::default() }
    }

    /// Whether a plan has this place, and nothing is missing of what led there.
    pub fn is_of(&self, plan: &Plan) -> bool {
        let (mut path, mut losses) = (0, 0);
        for at in 0..self.step {
            match plan.step(at) {
                Some(Step::OnPath(_)) => path += 1,
                Some(Step::Validate { .. }) => losses += 1,
                Some(Step::Keep(_) | Step::Best) => {}
                None => return false,
            }
        }
        plan.step(self.step).is_some() && (self.path.len(), self.losses.len()) == (path, losses)
    }

    /// The most rounds that the current λ may take in this leg, with checkpoints after `every`.
    pub fn limit(&self, every: Option<u64>, options: &Options) -> u64 {
        let left = options.max_rounds.saturating_sub(self.rounds).max(1);
        every.map_or(left, |every| left.min(every.max(LEAST)))
    }

    /// The options of this leg: draws of its own, and cycles that go on.
    pub fn options(&self, every: Option<u64>, columns: usize, options: &Options) -> Options {
        let mut own = Options { max_rounds: self.limit(every, options), ..options.clone() };
        if let (Scheduler::Coordinates(_, policy), 1..) = (&mut own.scheduler, self.leg) {
            policy.seed = Draws::new(policy.seed, purpose("leg of a fit"), self.leg, 0).next_u64();
            policy.start = (self.updates % columns.max(1) as u64) as usize;
        }
        own
    }

    /// Takes in some rounds of the current λ, of `limit` that it could have had; gives whether it
    /// is over.
    pub fn advance(&mut self, rounds: u64, limit: u64, measure: &Measure, o: &Options) -> bool {
        (self.rounds, self.total) = (self.rounds + rounds, self.total + rounds);
        self.updates += measure.updates;
        let (gap, best) = (measure.relative_gap(), self.gap.unwrap_or(f64::INFINITY));
        let stuck = measure.is_last_stage() && gap >= 0.9 * best;
        self.idle = if stuck { self.idle + rounds } else { 0 };
        self.gap = measure.is_last_stage().then(|| gap.min(best)).filter(|gap| gap.is_finite());
        let given_up = o.scheduler == Scheduler::WorkingSet && self.idle >= PATIENCE;
        let ended = rounds < limit || self.rounds >= o.max_rounds || measure.expired == 1;
        ended || given_up || measure.is_converged(o.tolerance)
    }

    /// Goes to the next λ.
    pub fn next(&mut self) {
        self.step += 1;
        (self.rounds, self.updates, self.idle, self.gap) = (0, 0, 0, None);
    }
}
