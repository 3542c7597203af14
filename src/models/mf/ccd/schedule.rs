//! Which block is next, and what a visit to a block is made of.

use std::cell::RefCell;
use std::rc::Rc;

use super::keys::keys_of;
use super::pace::Gains;
use super::program::{ITEMS, USERS};
use super::stored::{History, Visit};
use crate::program::{Certificate, Work};
use crate::scheduler::{self, Next, Policy, PolicyOptions, Report, Scheduler, View, Width};

/// When an epoch ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stopping {
    /// Ends once a sweep lowers the objective by at most this part of it.
    pub tolerance: Option<f64>,
    /// Ends after so many sweeps at the latest.
    pub sweeps: u64,
    /// Ends after so many rounds at the latest, save those that take the last measure.
    pub rounds: u64,
}

/// Rounds that solve for rows alone: items and users twice.
const REPAIRS: u8 = 4;

/// Runs sweeps of visits to blocks. A visit gathers the block's factors (a [`Work::Couple`] round),
/// then solves for items and for users in turn, a round each, how often [`super::pace`] says. A sweep is as many visits as there are
/// blocks, in an order that a policy decides, and ends with a measure.
///
/// The policy sees blocks as its keys and by how much the objective fell in a visit as how much they
/// moved. Data that a model is to go on from, and the last measure, are looked at afresh: a refresh,
/// and a gathering of every block.
pub(super) struct Sweeps {
    policy: Box<dyn Scheduler<u32>>,
    blocks: usize,
    stopping: Stopping,
    stage: Stage,
    /// Whether there are factors from before.
    warm: bool,
    /// Whether ratings come and go.
    live: bool,
    /// Whether the first epoch is a model that is taken as it is.
    adopts: bool,
    sweeps: u64,
    visits: usize,
    gains: Gains,
    error: f64,
    /// The round in which the block that is visited was chosen.
    chosen: u64,
    /// Visits and measures, of a fit that keeps checkpoints.
    history: Option<Rc<RefCell<History>>>,
    /// Rounds before the checkpoint that the fit goes on from.
    before: u64,
}

/// The round that is next, or on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Rows that few changes touch are to be solved for alone. In step 0 those that begin are
    /// gathered, then items and users are solved for in turn.
    Repair { step: u8 },
    /// What was repaired is to be measured.
    Repaired,
    /// Residuals are to be taken afresh, to begin with or for the last measure.
    Refresh { last: bool },
    /// A block is to be taken off fresh residuals; for the last measure only those of the users
    /// (but a live model is gathered whole).
    Fresh { block: usize, last: bool },
    /// The model is to be measured.
    Measure { last: bool },
    /// A block is to be chosen.
    Choose,
    /// A block was chosen, its factors are to be gathered.
    Visit { block: usize },
    /// A side is to be solved in a block.
    Solve { block: usize, side: usize },
    /// The last measure was taken.
    Done,
}

impl Sweeps {
    /// Sweeps over `blocks` blocks, beginning from factors there are if `warm`.
    pub fn new(policy: Policy, seed: u64, blocks: usize, warm: bool, stopping: Stopping) -> Self {
        let options = PolicyOptions { width: Width::Fixed(1), seed, ..PolicyOptions::default() };
        Sweeps {
            policy: scheduler::build(policy, options),
            blocks,
            stopping,
            stage: Stage::Done,
            warm,
            live: false,
            adopts: false,
            sweeps: 0,
            visits: 0,
            gains: Gains::default(),
            error: f64::INFINITY,
            chosen: 0,
            history: None,
            before: 0,
        }
    }

    /// The same, which adds its visits to a history, and goes on from what it holds.
    pub fn kept(self, history: Option<Rc<RefCell<History>>>) -> Self {
        Sweeps { history, ..self }
    }

    /// Tells the policy again what it was told before the fit was stopped, and goes on after the
    /// last measure.
    fn resume(&mut self, history: &History) -> Option<Stage> {
        let last = history.measured.last()?;
        let view = View {
            epoch: 0,
            round: 0,
            universe: self.blocks,
            in_flight: &[],
            coupling: &|_, _| Some(0.0),
            apart: &|_, _| false,
            cost: 0.0,
            shards: 1,
        };
        for visit in &history.visits {
            self.choose(&View { round: visit.round, ..view });
            self.tell(visit);
        }
        (self.before, self.sweeps) = (last.round, last.measure.sweeps as u64);
        self.error = last.measure.error();
        Some(self.measured())
    }

    fn tell(&mut self, visit: &Visit) {
        self.policy.observe(&Report {
            round: 0,
            work: Work::Update,
            keys: &[visit.block],
            moved: &[visit.gain],
            error: None,
        });
    }

    /// The same for ratings that come and go.
    pub fn live(policy: Policy, seed: u64, blocks: usize, stopping: Stopping) -> Self {
        Sweeps { live: true, ..Sweeps::new(policy, seed, blocks, false, stopping) }
    }

    /// The same, whose first epoch is only measured if it `adopts` a model.
    pub fn adopting(self, adopts: bool) -> Self {
        Sweeps { adopts, warm: adopts, ..self }
    }

    fn choose(&mut self, view: &View<'_, u32>) -> usize {
        let view = View { universe: self.blocks, in_flight: &[], ..*view };
        let mut block = Vec::new();
        self.policy.schedule(&view, &mut block);
        block.first().map_or(0, |&block| block as usize)
    }

    /// Whether the last measure is good enough.
    fn settled(&self) -> bool {
        self.stopping.tolerance.is_some_and(|tolerance| self.error <= tolerance)
    }

    /// A measure was taken: goes on with a sweep, or to the end.
    fn measured(&mut self) -> Stage {
        let reached = self.settled();
        let over = self.sweeps >= self.stopping.sweeps || self.error.is_nan();
        self.visits = 0;
        if reached || over { Stage::Refresh { last: true } } else { Stage::Choose }
    }

    /// Both sides were solved: once more, or on to the next block.
    fn solved(&mut self, block: usize) -> Stage {
        let first = self.sweeps == 0 && !self.warm;
        if self.gains.again() && first {
            return Stage::Solve { block, side: ITEMS };
        }
        let gain = std::mem::take(&mut self.gains).sum;
        let visit = Visit { round: self.chosen, block: block as u32, gain };
        self.tell(&visit);
        if let Some(history) = &self.history {
            history.borrow_mut().visits.push(visit);
        }
        self.visits += 1;
        if self.visits < self.blocks {
            return Stage::Choose;
        }
        self.sweeps += 1;
        Stage::Measure { last: false }
    }

    /// What follows the round that was just heard of.
    fn after(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Repair { step: REPAIRS } => Stage::Repaired,
            Stage::Repair { step } => Stage::Repair { step: step + 1 },
            Stage::Repaired if self.settled() => Stage::Done,
            Stage::Repaired => Stage::Refresh { last: false },
            Stage::Refresh { last: false } if !self.warm => Stage::Measure { last: false },
            Stage::Refresh { last } => Stage::Fresh { block: 0, last },
            Stage::Fresh { block, last } if block + 1 < self.blocks => {
                Stage::Fresh { block: block + 1, last }
            }
            Stage::Fresh { last, .. } => Stage::Measure { last },
            Stage::Measure { .. } if self.adopts => Stage::Done,
            Stage::Measure { last: false } => self.measured(),
            Stage::Visit { block } => Stage::Solve { block, side: ITEMS },
            Stage::Solve { block, side: ITEMS } => Stage::Solve { block, side: USERS },
            Stage::Solve { block, .. } => self.solved(block),
            Stage::Measure { last: true } | Stage::Choose | Stage::Done => Stage::Done,
        }
    }
}

impl Scheduler<u32> for Sweeps {
    fn begin(&mut self, epoch: u64) {
        self.policy.begin(epoch);
        self.warm |= epoch > 0;
        self.adopts &= epoch == 0;
        let repairs = self.stopping.tolerance.is_some() && !self.adopts;
        self.stage = match (self.live, self.warm) {
            // So many sweeps as asked for, if it is not the tolerance that counts.
            (true, true) if repairs => Stage::Repair { step: 0 },
            (true, _) => Stage::Refresh { last: false },
            (false, true) => Stage::Fresh { block: 0, last: false },
            (false, false) => Stage::Measure { last: false },
        };
        self.sweeps = 0;
        self.visits = 0;
        self.gains = Gains::default();
        if let Some(history) = self.history.clone()
            && let Some(stage) = self.resume(&history.borrow())
        {
            self.stage = stage;
        }
    }

    fn schedule(&mut self, view: &View<'_, u32>, keys: &mut Vec<u32>) -> Next {
        if view.universe == 0 {
            return Next::Finish;
        }
        if self.stage == Stage::Choose {
            self.chosen = self.before + view.round;
            self.stage = match self.chosen >= self.stopping.rounds {
                true => Stage::Refresh { last: true },
                false => {
                    let view = View { round: self.chosen, ..*view };
                    Stage::Visit { block: self.choose(&view) }
                }
            };
        }
        let mut name = |block, side| keys.extend(keys_of(block, side, view.shards));
        match self.stage {
            Stage::Refresh { .. } => Next::Refresh,
            Stage::Measure { .. } | Stage::Repaired => Next::Certify,
            Stage::Repair { step: 0 } => {
                name(self.blocks, ITEMS);
                name(self.blocks, USERS);
                Next::Couple
            }
            Stage::Repair { step } => {
                name(self.blocks, if step % 2 == 1 { ITEMS } else { USERS });
                Next::Update
            }
            Stage::Fresh { block, last } => {
                name(block, ITEMS);
                if !last || self.live {
                    name(block, USERS);
                }
                Next::Couple
            }
            Stage::Visit { block } => {
                name(block, USERS);
                name(block, ITEMS);
                Next::Couple
            }
            Stage::Solve { block, side } => {
                name(block, side);
                Next::Update
            }
            Stage::Choose | Stage::Done => Next::Finish,
        }
    }

    fn observe(&mut self, report: &Report<'_, u32>) {
        match report.work {
            // In shard order, so that all workers choose alike.
            // Too much has changed to be repaired.
            Work::Update if report.moved.contains(&f32::INFINITY) => {
                self.stage = Stage::Refresh { last: false };
                return;
            }
            Work::Update if matches!(self.stage, Stage::Repair { .. }) => {}
            Work::Update => self.gains.add(report.moved.iter().sum()),
            Work::Certify => self.error = report.error.unwrap_or(f64::INFINITY),
            Work::Couple | Work::Refresh => {}
        }
        self.stage = self.after(self.stage);
    }
}
