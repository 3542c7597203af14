//! The Lasso as a model-parallel program in owned form.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};

use super::block::{Block, WorkingColumns, replica_measure};
use super::certificate::Measure;
use super::change::{Change, Data};
use super::design::Rows;
use super::effect::{put_column, put_vector, sum_vectors};
use super::guard::line_search;
use super::lambda::Continuation;
use super::options::{Lambda, Options, Scheduler};
use super::rows::{RowId, RowStore};
use super::shard::Shard;
use super::vector::RowVector;
use crate::container::{Columns, Moves, Partials};
use crate::program::{Program, Round, Work};
use crate::shard::Layout;

/// Gap at which a stage on the way to the λ asked for is left, and its blocks' own.
const STAGE_GAP: f64 = 1e-2;
const STAGE_BLOCK_GAP: f64 = 3e-2;
/// The last stage's blocks are solved to this fraction of the tolerance.
const BLOCK_SHARE: f64 = 0.3;
/// Bytes of replicated columns at which those of no use to the block are forgotten.
const STORE: usize = 64 << 20;

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
    residual: RowVector,
    /// How far the residual has travelled (root mean square) over all certify rounds.
    travelled: f64,
    seen: Vec<f64>,
    lambda: Lambda,
    path: Continuation,
    /// λ the coefficients are optimal for, and the λ above the stage's.
    solved: Option<f64>,
    above: f64,
    fresh: bool,
    lambda_max: f64,
    cost: f64,
    support: u64,
    working: WorkingColumns,
    updates: u64,
    intercept: f64,
    published: f64,
    started: Instant,
    measure: Measure,
    warm: Arc<Vec<(u32, f64)>>,
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
            travelled: 0.0,
            seen: Vec::new(),
            lambda,
            path: Continuation::default(),
            solved: None,
            above: f64::INFINITY,
            fresh: false,
            lambda_max: f64::NAN,
            cost: 1.0,
            support: 0,
            working: WorkingColumns::default(),
            updates: 0,
            intercept: 0.0,
            published: 0.0,
            started: Instant::now(),
            measure: Measure::default(),
            warm: Arc::default(),
            live: RowStore::default(),
        }
    }

    fn is_joint(&self) -> bool {
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
        self.rows.response.len()
    }

    /// Whether the epoch's time is over. Asked of shard 0 only; the certificate tells the others.
    fn is_late(&self) -> bool {
        let limit = self.options.max_seconds;
        limit.is_some_and(|limit| self.started.elapsed().as_secs_f64() > limit)
    }

    fn shard(&mut self, shard: usize) -> &mut Shard {
        &mut self.shards[shard - self.local.start]
    }

    pub(super) fn load(&mut self, data: Data) {
        self.columns = data.columns;
        self.factors = data.factors;
        self.rows = Rows::new(data.response, data.weights, self.options.intercept);
        for (shard, columns) in data.shards {
            if self.local.contains(&shard) {
                self.shard(shard).columns = columns;
            }
        }
        self.restate();
        for &(key, value) in Arc::clone(&self.warm).iter() {
            let shard = self.layout.shard_of(key as usize);
            if self.local.contains(&shard) {
                let position = self.layout.local(key as usize);
                self.shard(shard).put(position, value);
            }
        }
    }

    /// Takes means, scales and norms anew, keeping coefficients on the data's scale.
    pub(super) fn restate(&mut self) {
        let rows = &self.rows;
        for (shard, local) in self.shards.iter_mut().zip(self.local.clone()) {
            let factor = |position: usize| {
                let column = self.layout.column(local, position);
                let factors = self.factors.as_ref();
                factors.and_then(|factors| factors.get(column)).copied().unwrap_or(1.0)
            };
            shard.restate(rows, &self.options, factor);
        }
        self.working = WorkingColumns::new(rows.response.len());
        self.solved = None;
        self.lambda_max = f64::NAN;
    }

    /// The share of the shards in what a refresh must know: entries, columns, λ_max, fitted values.
    fn refresh_effect(&mut self, shard: usize, effect: &mut Vec<u64>) {
        let (layout, options) = (self.layout, &self.options);
        let shard_index = shard;
        let shard = &self.shards[shard - self.local.start];
        let fitted = shard.fitted(&self.rows);
        // A shard all zero has its response correlations for the first certificate as well.
        let asked = matches!(self.lambda, Lambda::Ratio(_)) || fitted.is_none();
        let needed = asked && self.lambda_max.is_nan();
        let lambda_max = match needed {
            true => shard.lambda_max(&self.rows, options),
            false => f64::NAN,
        };
        let last = shard.columns.len().checked_sub(1);
        let columns = last.map_or(0, |last| layout.column(shard_index, last) + 1);
        effect.extend([shard.entries() as u64, columns as u64, lambda_max.to_bits()]);
        effect.push(u64::from(fitted.is_some()));
        if let Some(fitted) = fitted {
            put_vector(&fitted, effect);
        }
    }

    fn refresh(&mut self, round: &Round<'_, Self>) {
        let (mut entries, mut lambda_max, mut warm) = (0u64, 0.0f64, false);
        let mut columns = self.columns as u64;
        let mut fitted: Vec<&[u64]> = Vec::new();
        for words in round.moves.effects() {
            let [stored, width, largest, nonzero, vector @ ..] = words else { damaged() };
            entries += stored;
            columns = columns.max(*width);
            warm |= *nonzero == 1;
            let largest = f64::from_bits(*largest);
            lambda_max = if largest.is_nan() { f64::NAN } else { lambda_max.max(largest) };
            fitted.push(vector);
        }
        self.columns = columns as usize;
        if self.lambda_max.is_nan() {
            self.lambda_max = lambda_max;
        }
        self.cost = 2.0 * entries as f64 / (columns as f64).max(1.0);
        let mut residual = RowVector::new(self.rows.centred(), 0.0, &self.rows);
        let fitted = sum_vectors(fitted.into_iter(), &self.rows).unwrap_or_else(|_| damaged());
        residual.add_vector(-1.0, &fitted);
        self.conserve(round, &residual);
        self.residual = residual;
        if round.round == 0 {
            self.begin(warm);
        }
    }

    /// A refreshed residual must be the maintained one, up to rounding.
    fn conserve(&self, round: &Round<'_, Self>, fresh: &RowVector) {
        if cfg!(debug_assertions) && round.round > 0 {
            let mut drift = fresh.clone();
            drift.add_vector(-1.0, &self.residual);
            let drift = drift.inner(&drift, &self.rows);
            assert!(drift <= 1e-16 * self.rows.square, "the residual drifted by {drift:e}");
        }
    }

    /// Sets out for the λ asked for, from where the coefficients are known to be good.
    fn begin(&mut self, warm: bool) {
        self.updates = 0;
        self.started = Instant::now();
        let target = match self.lambda {
            Lambda::Value(lambda) => lambda,
            Lambda::Ratio(ratio) if self.lambda_max > 0.0 => ratio * self.lambda_max,
            // Nothing correlates with the response: any λ keeps all coefficients zero.
            Lambda::Ratio(_) => 1.0,
        };
        let start = match (warm, self.solved) {
            (false, _) => self.lambda_max,
            (true, Some(solved)) => solved,
            (true, None) => target,
        };
        let start = if self.is_joint() { start } else { target };
        self.path = Continuation::new(start, target);
        self.above = start;
        self.enter_stage();
        // A new epoch starts with nothing known of the columns.
        self.seen = self.residual.values().collect();
        self.travelled = 0.0;
        self.shards.iter_mut().for_each(Shard::forget);
    }

    fn enter_stage(&mut self) {
        self.fresh = true;
        self.shards.iter_mut().for_each(Shard::unscreen);
    }

    /// The residual's way since the last certify round, added to the way travelled.
    fn travel(&mut self) {
        let mut square = 0.0;
        for (i, (value, seen)) in self.residual.values().zip(&mut self.seen).enumerate() {
            square += self.rows.weight(i) * (value - *seen).powi(2);
            *seen = value;
        }
        if self.rows.total > 0.0 {
            self.travelled += (square / self.rows.total).sqrt();
        }
    }

    /// The pull, in units of the bound, from which a column is worth proposing: the strong rule
    /// (Tibshirani et al., JRSS-B 2012) for a stage that has just begun or is about to.
    fn threshold(&self) -> f64 {
        let lambda = self.path.lambda();
        let strong = |lambda: f64, above: f64| (2.0 * lambda - above).max(0.3 * lambda);
        let threshold =
            if self.fresh { strong(lambda, self.above) } else { strong(self.path.next(), lambda) };
        (threshold / lambda).min(1.0)
    }

    /// Goes on to the next stage, or screens columns, once the model has been measured.
    fn measured(&mut self, measure: &Measure) {
        self.intercept = measure.intercept;
        self.support = measure.nonzeros;
        self.measure = *measure;
        if self.options.screening && self.is_joint() {
            for shard in &mut self.shards {
                shard.screen(measure, &self.options, self.travelled);
            }
        }
        let reached = measure.relative_gap() <= STAGE_GAP;
        if !self.path.is_last() && reached {
            self.above = self.path.lambda();
            self.path.advance();
            self.enter_stage();
        }
        if self.path.is_last() {
            self.solved = Some(self.path.target());
        }
    }

    fn solve_block(&mut self, round: &Round<'_, Self>) {
        for words in round.moves.effects() {
            self.working.accept(words).unwrap_or_else(|_| damaged());
        }
        let (mut slots, mut beta, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (key, step) in round.moves.iter() {
            slots.push(self.working.slot(key).unwrap_or_else(|| damaged()));
            beta.push(step.old);
            keys.push(key);
        }
        let tolerance = match self.path.is_last() {
            true => BLOCK_SHARE * self.options.tolerance,
            false => STAGE_BLOCK_GAP,
        };
        let mut block = Block {
            columns: &self.working,
            rows: &self.rows,
            options: &self.options,
            lambda: self.path.lambda(),
            slots,
            beta,
        };
        self.updates += block.solve(&mut self.residual, tolerance);
        let beta = block.beta;
        for (key, beta) in keys.into_iter().zip(beta) {
            self.set(key, beta);
        }
        self.fresh = false;
        self.forget_columns();
    }

    /// Applies single steps decided apart, as far along their sum as the objective falls.
    fn step(&mut self, round: &Round<'_, Self>) {
        let sum = sum_vectors(round.moves.effects(), &self.rows).unwrap_or_else(|_| damaged());
        let (keys, steps): (Vec<u32>, Vec<Step>) = round.moves.iter().unzip();
        let slope = self.residual.inner(&sum, &self.rows) / self.rows.total;
        let curvature = sum.inner(&sum, &self.rows) / self.rows.total;
        let length = line_search(&steps, slope, curvature, self.options.positive);
        self.residual.add_vector(-length.t, &sum);
        for (at, (key, step)) in keys.into_iter().zip(&steps).enumerate() {
            self.set(key, length.end(at, step));
        }
        self.updates += steps.len() as u64;
    }

    fn set(&mut self, key: u32, beta: f64) {
        let shard = self.layout.shard_of(key as usize);
        if self.local.contains(&shard) {
            let position = self.layout.local(key as usize);
            self.shard(shard).beta[position] = beta;
        }
    }

    fn forget_columns(&mut self) {
        if self.working.bytes() > STORE && self.working.len() as u64 > 4 * self.support.max(1) {
            self.working.clear();
        }
    }
}

/// Another process of the same build wrote these words: they were damaged in transit.
fn damaged() -> ! {
    panic!("a block from another process was damaged in transit")
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

    fn ingest(&mut self, changes: &mut Vec<Change<I>>) {
        let mut rows = Vec::new();
        for change in changes.drain(..) {
            match change {
                Change::Data(data) => self.load(*data),
                Change::Row(row) => rows.push(row),
                Change::Lambda(lambda) => self.lambda = lambda,
                Change::Weights(weights) => {
                    let response = Arc::clone(&self.rows.response);
                    self.rows = Rows::new(response, Some(weights), self.options.intercept);
                    self.restate();
                }
            }
        }
        if !rows.is_empty() {
            self.absorb_rows(rows);
        }
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
                self.send_columns(shard, &keys, effect);
            }
            Work::Couple => self.send_columns(shard, block, effect),
            Work::Certify => {}
        }
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        match (round.work, round.certificate) {
            (Work::Refresh, _) => self.refresh(round),
            (Work::Update, _) if self.is_joint() => self.solve_block(round),
            (Work::Update, _) => self.step(round),
            (Work::Couple, _) => {
                if self.working.bytes() > STORE {
                    self.working.clear();
                }
                for words in round.moves.effects() {
                    self.working.accept(words).unwrap_or_else(|_| damaged());
                }
            }
            (Work::Certify, Some(measure)) => self.measured(measure),
            (Work::Certify, None) => {}
        }
    }

    fn certificate(&mut self, shard: usize, proposals: &mut Columns<u32, f32>) -> Measure {
        if shard == self.local.start {
            self.travel();
        }
        let mut measure = if shard == 0 {
            Measure {
                updates: self.updates,
                intercept: self.rows.mean,
                expired: u64::from(self.is_late()),
                ..replica_measure(&self.residual, &self.rows)
            }
        } else {
            Measure::default()
        };
        measure.lambda = self.path.lambda();
        measure.target = self.path.target();
        measure.lambda_max = self.lambda_max;
        measure.last = u64::from(self.path.is_last());
        let threshold = self.threshold();
        let most = 200.max(2 * self.support as usize);
        let (residual, rows, options) = (&self.residual, &self.rows, &self.options);
        let pass = super::shard::Pass {
            residual,
            rows,
            options,
            lambda: self.path.lambda(),
            travelled: self.travelled,
            threshold,
            most,
        };
        let (layout, index) = (self.layout, shard - self.local.start);
        let key = |position: usize| layout.column(shard, position) as u32;
        self.shards[index].certify(&pass, key, &mut measure, proposals);
        measure
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<Coefficient>) {
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

    fn coupling(&self, a: u32, b: u32) -> Option<f32> {
        self.working.coupling(a, b, &self.rows)
    }

    fn cost(&self) -> f64 {
        self.cost
    }
}

impl<I: RowId> Lasso<I> {
    /// The columns of a shard's keys that the others do not hold yet.
    fn send_columns(&self, shard: usize, keys: &[u32], effect: &mut Vec<u64>) {
        let index = shard - self.local.start;
        for &key in keys {
            let position = self.layout.local(key as usize);
            let own = self.layout.shard_of(key as usize) == shard;
            if let (true, false, Some(facts)) =
                (own, self.working.holds(key), self.shards[index].facts.get(position))
            {
                put_column(key, facts, &self.shards[index].columns, position, effect);
            }
        }
    }
}
