//! The Lasso as a model-parallel program in owned form.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};

use super::certificate::{Measure, replica_measure};
use super::change::Change;
use super::design::Rows;
use super::division::Divided;
use super::effect::put_vector;
use super::free::Free;
use super::lambda::Continuation;
use super::newton::Newton;
use super::options::{Lambda, Options, Scheduler};
use super::rows::{RowId, RowStore};
use super::shard::Shard;
use super::vector::RowVector;
use super::working::WorkingColumns;
use crate::container::{Columns, Moves, Partials};
use crate::program::{Program, Round, Work};
use crate::shard::Layout;

/// What pull decides for a coefficient, on the model's scale.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Step {
    /// The coefficient before.
    pub old: f64,
    /// The coefficient a full step leads to.
    pub new: f64,
    /// Its l1 weight, λ and factor multiplied in.
    pub l1: f64,
    /// Its l2 weight.
    pub l2: f64,
}

/// Names a parameter of the model.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Parameter {
    /// The unpenalised intercept.
    Intercept,
    /// The coefficient of a column.
    Column(u32),
}

/// A parameter that changed in an epoch, on the data's own scale.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Coefficient {
    /// Which.
    pub parameter: Parameter,
    /// Its value before the epoch.
    pub old: f64,
    /// Its value now.
    pub new: f64,
}

/// One worker's part of a Lasso. `I` identifies rows in live use.
pub struct Lasso<I = u64> {
    pub(super) options: Options,
    pub(super) layout: Layout,
    pub(super) local: Range<usize>,
    pub(super) rows: Rows,
    pub(super) shards: Vec<Shard>,
    pub(super) factors: Option<Arc<Vec<f64>>>,
    pub(super) columns: usize,
    pub(super) residual: RowVector,
    /// What unpenalised columns leave of the residual, if there are any: the certificate's point.
    pub(super) dual: Option<RowVector>,
    /// How far that point has travelled (root mean square) over all certify rounds.
    pub(super) travelled: f64,
    pub(super) seen: Vec<f64>,
    /// The point is where it was last seen.
    pub(super) at_rest: bool,
    pub(super) lambda: Lambda,
    pub(super) path: Continuation,
    /// λ the coefficients are optimal for, and the λ above the stage's.
    pub(super) solved: Option<f64>,
    /// The same of coefficients that were restored, until the epoch begins.
    pub(super) restored: Option<f64>,
    pub(super) above: f64,
    pub(super) fresh: bool,
    /// The epoch began with a repair of what few rows changed, not with a refresh.
    pub(super) repaired: bool,
    /// Certificates in the stage so far.
    pub(super) looks: u32,
    /// Only unpenalised columns are being solved for.
    pub(super) null: bool,
    pub(super) lambda_max: f64,
    pub(super) cost: f64,
    pub(super) support: u64,
    pub(super) working: WorkingColumns,
    pub(super) newton: Newton,
    /// A block that waits for what the shards take of its solution.
    pub(super) divided: Option<Divided>,
    pub(super) free: Free,
    pub(super) updates: u64,
    /// Couple rounds of the epoch.
    pub(super) couples: u64,
    pub(super) intercept: f64,
    published: f64,
    pub(super) started: Instant,
    pub(super) measure: Measure,
    pub(super) warm: Arc<Vec<(u32, f64)>>,
    pub(super) live: RowStore<I>,
}

impl<I: RowId> Lasso<I> {
    /// A model without data, for the shards `local` of `shards`.
    pub fn new(options: Options, shards: usize, local: Range<usize>) -> Self {
        let lambda = options.lambda;
        Lasso {
            options,
            layout: Layout::new(shards),
            shards: local.clone().map(|_| Shard::default()).collect(),
            local,
            rows: Rows::default(),
            factors: None,
            columns: 0,
            residual: RowVector::default(),
            dual: None,
            travelled: 0.0,
            seen: Vec::new(),
            at_rest: false,
            lambda,
            path: Continuation::default(),
            solved: None,
            restored: None,
            above: f64::INFINITY,
            fresh: false,
            repaired: false,
            looks: 0,
            null: false,
            lambda_max: f64::NAN,
            cost: 1.0,
            support: 0,
            working: WorkingColumns::default(),
            newton: Newton::default(),
            divided: None,
            free: Free::default(),
            updates: 0,
            couples: 0,
            intercept: 0.0,
            published: 0.0,
            started: Instant::now(),
            measure: Measure::default(),
            warm: Arc::default(),
            live: RowStore::default(),
        }
    }

    /// Whether some columns are not penalised.
    pub(super) fn has_free(&self) -> bool {
        self.factors.as_ref().is_some_and(|factors| factors.contains(&0.0))
    }

    /// The point that certificates are taken at, as it was at the last of them.
    pub(super) fn point(&self) -> &RowVector {
        self.dual.as_ref().unwrap_or(&self.residual)
    }

    pub(super) fn is_joint(&self) -> bool {
        self.options.scheduler == Scheduler::WorkingSet
    }

    /// The smallest λ at which all penalised coefficients are zero, if it has been taken.
    pub fn lambda_max(&self) -> Option<f64> {
        (!self.lambda_max.is_nan()).then_some(self.lambda_max)
    }

    /// Has a batch fit start from coefficients (data's scale, by column) once its data is there.
    pub fn start_from(&mut self, coefficients: &Arc<Vec<(u32, f64)>>) {
        self.warm = Arc::clone(coefficients);
    }

    /// The last certificate: the same on every worker.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        let places = self.rows.weights.as_ref().filter(|_| self.rows.masked);
        let empty = places.map_or(0, |weights| weights.iter().filter(|w| **w == 0.0).count());
        self.rows.response.len() - empty
    }

    /// Whether the epoch's time is over. Asked of shard 0 only; the certificate tells the others.
    pub(super) fn is_late(&self) -> bool {
        let limit = self.options.max_seconds;
        limit.is_some_and(|limit| self.started.elapsed().as_secs_f64() > limit)
    }

    pub(super) fn shard(&mut self, shard: usize) -> &mut Shard {
        &mut self.shards[shard - self.local.start]
    }
}

impl<I: RowId> Program for Lasso<I> {
    type Change = Change<I>;
    type Key = u32;
    /// `Σ w x̃ r / W`.
    type Partial = f64;
    type Delta = Step;
    type Effect = u64;
    type Certificate = Measure;
    type Output = Coefficient;

    const SEQUENTIAL: bool = true;

    fn ingest(&mut self, changes: &mut Vec<Change<I>>) {
        let (mut rows, mut start) = (Vec::new(), Vec::new());
        for change in changes.drain(..) {
            match change {
                Change::Data(data) => self.load(*data),
                Change::Row(row) => rows.push(row),
                Change::Start(column, value) => start.push((column, value)),
                Change::Lambda(lambda) => self.lambda = lambda,
                Change::Weights { weights, held_out } => {
                    let response = Arc::clone(&self.rows.response);
                    self.rows = Rows::new(response, Some(weights), self.options.intercept);
                    self.rows.held_out = held_out;
                    self.restate();
                }
            }
        }
        if !rows.is_empty() {
            // Coefficients from outside leave nothing that few changes could be repaired from.
            self.absorb_rows(rows, !start.is_empty());
        }
        self.put(&start);
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, f64>) {
        let joint = self.is_joint();
        let shard = &self.shards[shard - self.local.start];
        for &key in block {
            let position = self.layout.local(key as usize);
            // A jointly solved block needs no gradients: the solver takes its own.
            let gradient = match shard.facts.get(position) {
                Some(facts) if !joint => {
                    self.residual.correlation(&shard.columns, position, facts, &self.rows)
                }
                Some(_) => 0.0,
                None => continue,
            };
            partials.push(key, gradient);
        }
    }

    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, u32, f64>,
        deltas: &mut Columns<u32, Step>,
    ) {
        let (lambda, layout, joint) = (self.path.lambda(), self.layout, self.is_joint());
        let shard = &mut self.shards[shard - self.local.start];
        shard.step = None;
        for (keys, gradients) in partials.parts() {
            for (&key, &gradient) in keys.iter().zip(gradients) {
                let position = layout.local(key as usize);
                let step = match joint {
                    true => shard.stay(position),
                    false => shard.decide(position, gradient, lambda, &self.rows, &self.options),
                };
                deltas.push(key, step);
            }
        }
    }

    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        block: &[u32],
        moves: &Moves<'_, u32, Step, u64>,
        effect: &mut Vec<u64>,
    ) {
        match work {
            Work::Refresh => self.refresh_effect(shard, effect),
            Work::Update if !self.is_joint() => {
                if let Some(step) = &self.shards[shard - self.local.start].step {
                    put_vector(step, effect);
                }
            }
            Work::Update => {
                let keys: Vec<u32> = moves.iter().map(|(key, _)| key).collect();
                self.tell(shard, effect);
                self.send_columns(shard, &keys, effect);
            }
            Work::Couple if self.is_joint() => self.take_part(shard, effect),
            Work::Couple => self.send_columns(shard, block, effect),
            Work::Certify => {}
        }
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        if self.is_joint() && round.work == Work::Couple {
            return self.join(round);
        }
        self.end_alone();
        match (round.work, round.certificate) {
            (Work::Refresh, _) => self.refresh(round),
            (Work::Update, _) if self.is_joint() => self.solve_block(round),
            (Work::Update, _) => self.step(round),
            (Work::Couple, _) => self.hold(round),
            (Work::Certify, Some(measure)) => self.measured(measure),
            (Work::Certify, None) => {}
        }
    }

    fn certificate(&mut self, shard: usize, proposals: &mut Columns<u32, f32>) -> Measure {
        if shard == self.local.start {
            self.end_alone();
            self.travel();
        }
        let mut measure = if shard == 0 {
            Measure {
                updates: self.updates,
                couples: self.couples,
                intercept: self.rows.mean,
                expired: u64::from(self.is_late()),
                ..replica_measure(&self.residual, self.point(), &self.rows)
            }
        } else {
            Measure::default()
        };
        measure.lambda = self.path.lambda();
        measure.target = self.path.target();
        measure.lambda_max = self.lambda_max;
        measure.last = u64::from(self.path.is_last() && !self.null);
        let threshold = self.threshold();
        let most = 200.max(2 * self.support as usize);
        let pass = super::look::Pass {
            dual: self.dual.as_ref().unwrap_or(&self.residual),
            residual: &self.residual,
            rows: &self.rows,
            options: &self.options,
            lambda: self.path.lambda(),
            travelled: self.travelled,
            threshold,
            most,
            joint: self.is_joint(),
            exact: self.null,
            repaired: self.repaired,
            turn: self.live.repairs,
        };
        let (layout, index) = (self.layout, shard - self.local.start);
        let key = |position: usize| layout.column(shard, position) as u32;
        self.shards[index].certify(&pass, key, &mut measure, proposals);
        measure
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<Coefficient>) {
        self.end_alone();
        if shard == 0 && self.published != self.intercept {
            let (old, new) = (self.published, self.intercept);
            changes.push(Coefficient { parameter: Parameter::Intercept, old, new });
            self.published = new;
        }
        let layout = self.layout;
        self.shard(shard).publish(changes, |position| layout.column(shard, position) as u32);
    }

    fn snapshot(&self, shard: usize, to: &mut dyn Write) -> io::Result<()> {
        self.shards[shard - self.local.start].snapshot(to)
    }

    fn restore(&mut self, shard: usize, from: &mut dyn Read) -> io::Result<()> {
        self.shard(shard).restore(from)
    }

    fn universe(&self) -> usize {
        self.columns
    }

    fn shard_of(key: u32, shards: usize) -> usize {
        Layout::new(shards).shard_of(key as usize)
    }

    fn priority(step: &Step) -> f32 {
        (step.new - step.old).abs() as f32
    }

    /// Under the joint schedule: nothing while a block waits for a couple round.
    fn coupling(&self, a: u32, b: u32) -> Option<f32> {
        if self.is_joint() {
            return self.divided.is_none().then_some(1.0);
        }
        self.working.coupling(a, b, &self.rows)
    }

    fn cost(&self) -> f64 {
        self.cost
    }
}
