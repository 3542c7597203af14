//! The Lasso as a model-parallel program in partial form.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};

use super::frame::{Frame, loss};
use super::passes::{EXTRA, Part, Table};
use super::solver::{Anchor, Solver};
use crate::container::{Columns, Moves, Partials};
use crate::models::lasso::certificate::Measure;
use crate::models::lasso::design::Facts;
use crate::models::lasso::lambda::Continuation;
use crate::models::lasso::memory::Memory;
use crate::models::lasso::options::{Lambda, Options};
use crate::models::lasso::program::{Coefficient, Parameter};
use crate::models::lasso::stages::NULL_GAP;
use crate::program::{Program, Round, Work};
use crate::report::peak_resident_bytes;
use crate::shard::RowShard;
use crate::shard::gram::{TILE, tiles};

/// A λ under which every penalised coefficient is zero.
const NULL_LAMBDA: f64 = 1e150;
/// The gap at which a λ on the way to the one asked for is left.
const STAGE_GAP: f64 = 1e-3;
/// The share of the tolerance that a solution by the Gram matrix is left.
const SHARE: f64 = 0.3;

/// What can happen to a tall Lasso.
#[derive(Clone, Debug)]
pub enum Change {
    /// All of this worker's data: comes once, first.
    Data(Box<Data>),
    /// Another λ; the coefficients stay as a warm start.
    Lambda(Lambda),
    /// The fold to hold out from now on.
    HoldOut(Option<usize>),
}

/// The rows of this worker's shards, and what belongs to all of the table.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The number of columns.
    pub columns: usize,
    /// What belongs to all rows.
    pub table: Table,
    /// Penalty factors of all columns, if they are not one each.
    pub factors: Option<Arc<Vec<f64>>>,
    /// The rows of this worker's shards.
    pub shards: Vec<(usize, RowShard)>,
    /// Coefficients to start from, on the data's scale.
    pub warm: Option<Arc<Vec<(u32, f64)>>>,
}

/// A piece of a long vector of sums; the last one is filled up with zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Piece([f64; TILE]);

/// One worker's part of a Lasso on tall data.
pub struct Tall {
    options: Options,
    shards: usize,
    local: Range<usize>,
    data: Data,
    parts: Vec<RowShard>,
    /// The means of the columns and of the response; zeros without an intercept.
    shift: Vec<f64>,
    /// The sums of products, fold by fold.
    sums: Vec<f64>,
    solver: Option<Solver>,
    lambda: Lambda,
    /// λ the coefficients are optimal for.
    solved: Option<f64>,
    /// Coefficients that were restored, and λ they are optimal for, until the solver is there.
    restored: (Vec<(u32, f64)>, Option<f64>),
    lambda_max: f64,
    held_out: Option<usize>,
    /// Whether the solver's fold is the one asked for.
    framed: bool,
    /// What is known of the coefficients as they stand.
    measure: Option<Measure>,
    last: Measure,
    /// Whether the coefficients have been measured and not changed since.
    improvable: bool,
    published: Vec<f64>,
    intercept: (f64, f64),
    started: Instant,
}

impl Tall {
    /// A model without data, for the shards `local` of `shards`.
    pub fn new(options: Options, shards: usize, local: Range<usize>) -> Self {
        Tall {
            lambda: options.lambda,
            options,
            shards: shards.max(1),
            parts: local.clone().map(|_| RowShard::default()).collect(),
            local,
            data: Data::default(),
            shift: Vec::new(),
            sums: Vec::new(),
            solver: None,
            solved: None,
            restored: (Vec::new(), None),
            lambda_max: f64::NAN,
            held_out: None,
            framed: false,
            measure: None,
            last: Measure::default(),
            improvable: false,
            published: Vec::new(),
            intercept: (0.0, 0.0),
            started: Instant::now(),
        }
    }

    /// The smallest λ at which all penalised coefficients are zero, if it has been taken.
    pub fn lambda_max(&self) -> Option<f64> {
        (!self.lambda_max.is_nan()).then_some(self.lambda_max)
    }

    /// What this worker of a process holds. The solver's Gram matrix and factor take two numbers a
    /// pair of columns.
    pub fn memory(&self, process: usize) -> Memory {
        let (table, columns) = (&self.data.table, self.data.columns);
        let weighted = usize::from(table.weights.is_some());
        let pairs = self.sums.len() + 2 * columns * columns;
        Memory {
            process,
            data: self.parts.iter().map(RowShard::bytes).sum(),
            response: table.response.len() * (1 + weighted) * size_of::<f64>(),
            products: pairs * size_of::<f64>(),
            peak: peak_resident_bytes(),
            ..Memory::default()
        }
    }

    /// The last certificate: the same on every worker.
    pub fn measure(&self) -> &Measure {
        &self.last
    }

    /// λ the coefficients are optimal for.
    pub(in crate::models::lasso) fn solved(&self) -> Option<f64> {
        self.solved
    }

    /// Says for which λ restored coefficients are optimal.
    pub(in crate::models::lasso) fn set_solved(&mut self, solved: Option<f64>) {
        self.restored.1 = solved;
    }

    /// Takes the rows out: this model is done.
    pub(in crate::models::lasso) fn release(&mut self) -> Vec<(usize, RowShard)> {
        self.local.clone().zip(std::mem::take(&mut self.parts)).collect()
    }

    /// Coefficients of a shard's columns that are not zero, on the data's scale.
    fn nonzeros(&self, shard: usize) -> Vec<(u32, f64)> {
        let values = self.solver.as_ref().map(Solver::values).unwrap_or_default();
        let own = values.into_iter().enumerate().skip(shard).step_by(self.shards);
        own.filter(|(_, value)| *value != 0.0).map(|(at, value)| (at as u32, value)).collect()
    }

    fn load(&mut self, mut data: Data) {
        for (shard, rows) in std::mem::take(&mut data.shards) {
            if self.local.contains(&shard) {
                self.parts[shard - self.local.start] = rows;
            }
        }
        self.published = vec![0.0; data.columns];
        self.data = data;
    }

    fn part(&self, shard: usize) -> Part<'_> {
        let rows = &self.parts[shard - self.local.start];
        Part { table: &self.data.table, rows, shard, shards: self.shards }
    }

    fn folds(&self) -> usize {
        self.data.table.folds.as_ref().map_or(1, |folds| folds.count())
    }

    /// The pieces of the sums of products, and of a pass with coefficients.
    fn pieces(&self) -> (usize, usize) {
        let columns = self.data.columns;
        (self.folds() * tiles(columns + 2), (columns + EXTRA).div_ceil(TILE))
    }

    /// The keys whose sums are missing.
    fn missing(&self) -> Range<usize> {
        let (products, passes) = self.pieces();
        match (&self.solver, self.held_out) {
            (None, _) => 0..products,
            (Some(_), None) => products..products + passes,
            // Folds are measured by their Gram matrices.
            (Some(_), Some(_)) => 0..0,
        }
    }

    /// Takes means and scales anew for the rows that are not held out.
    fn state(&mut self) {
        let each = self.sums.len() / self.folds();
        let mut sums = vec![0.0; each];
        for (fold, part) in self.sums.chunks_exact(each).enumerate() {
            if self.held_out != Some(fold) {
                sums.iter_mut().zip(part).for_each(|(to, term)| *to += term);
            }
        }
        let factors = self.data.factors.as_ref().map(|factors| factors.as_slice());
        let frame = Frame::new(&sums, &self.shift, factors, &self.options);
        let mut values = vec![0.0; self.data.columns];
        match self.solver.take() {
            Some(solver) => values = solver.values(),
            None => {
                let warm = self.data.warm.iter().flat_map(|warm| warm.iter());
                warm.for_each(|&(column, value)| values[column as usize] = value);
                let restored = std::mem::take(&mut self.restored.0);
                restored.iter().for_each(|&(column, value)| values[column as usize] = value);
            }
        }
        let mut solver = Solver::new(frame, self.options.clone());
        solver.put(&values);
        self.solver = Some(solver);
        (self.lambda_max, self.solved, self.framed) = (f64::NAN, self.restored.1.take(), true);
    }

    /// Solves for the λ asked for, as far as the Gram matrix tells.
    fn solve(&mut self) {
        if !self.framed {
            self.state();
        }
        let Some(mut solver) = self.solver.take() else { return };
        solver.updates = 0;
        let warm = solver.beta.iter().any(|beta| *beta != 0.0);
        let asked = matches!(self.lambda, Lambda::Ratio(_)) || !warm;
        if self.lambda_max.is_nan() && asked {
            self.lambda_max = self.largest(&solver);
        }
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
        let mut path = Continuation::new(start, target);
        while !path.is_last() {
            solver.solve(path.lambda(), STAGE_GAP);
            path.advance();
        }
        solver.solve(target, SHARE * self.options.tolerance);
        self.solved = Some(target);
        self.measure = self.held_out.map(|fold| self.measured_on(&solver, fold));
        self.solver = Some(solver);
    }

    /// λ_max of the residual that unpenalised columns leave.
    fn largest(&self, solver: &Solver) -> f64 {
        let mut null = Solver::new(solver.frame.clone(), self.options.clone());
        if self.data.factors.as_ref().is_some_and(|factors| factors.contains(&0.0)) {
            null.solve(NULL_LAMBDA, NULL_GAP);
        }
        null.lambda_max()
    }

    /// The certificate by the Gram matrix, with the loss on the rows held out.
    fn measured_on(&self, solver: &Solver, fold: usize) -> Measure {
        let each = self.sums.len() / self.folds();
        let sums = &self.sums[fold * each..][..each];
        let measure = solver.measure();
        let held_out = loss(sums, &self.shift, &solver.values(), measure.intercept);
        self.told(Measure { held_out, ..measure })
    }

    fn told(&self, measure: Measure) -> Measure {
        Measure { target: measure.lambda, lambda_max: self.lambda_max, last: 1, ..measure }
    }

    /// Takes in what the rows say of the coefficients.
    fn anchor(&mut self, sums: &[f64]) {
        let Some(mut solver) = self.solver.take() else { return };
        let frame = &solver.frame;
        let (products, extra) = sums.split_at(self.data.columns);
        let [sum, rr, ry, yy] = [extra[0], extra[1], extra[2], extra[3]];
        let correlation = |(product, facts): (&f64, &Facts)| {
            facts.scale * (product - facts.mean * sum) / frame.total
        };
        // What rounding left in the residual's mean goes to the intercept.
        let rest = if self.options.intercept { sum / frame.total } else { 0.0 };
        let anchor = Anchor {
            beta: solver.beta.clone(),
            correlation: products.iter().zip(&frame.facts).map(correlation).collect(),
            rr: rr - rest * sum,
            ry,
            yy,
        };
        solver.anchor(anchor);
        let measure = solver.measure();
        self.measure = Some(self.told(Measure { intercept: measure.intercept + rest, ..measure }));
        self.solver = Some(solver);
    }

    /// Takes in a round's sums.
    fn gather(&mut self, round: &Round<'_, Self>) {
        self.improve();
        let mut sums = Vec::new();
        let mut pieces: Vec<(u32, Piece)> = round.moves.iter().collect();
        pieces.sort_unstable_by_key(|(key, _)| *key);
        pieces.iter().for_each(|(_, piece)| sums.extend_from_slice(&piece.0));
        match pieces.first() {
            Some((0, _)) => {
                self.sums = sums;
                self.framed = false;
                self.solve();
            }
            Some(_) => self.anchor(&sums[..self.data.columns + EXTRA]),
            None => {}
        }
    }

    /// Takes in the means, or sets out for another λ.
    fn refresh(&mut self, round: &Round<'_, Self>) {
        self.started = Instant::now();
        (self.measure, self.improvable) = (None, false);
        if self.solver.is_some() {
            self.solve();
            return;
        }
        let mut totals = vec![0.0; self.data.columns + 2];
        for part in round.moves.effects() {
            totals.iter_mut().zip(part).for_each(|(to, term)| *to += f64::from_bits(*term));
        }
        let total = totals.pop().unwrap_or_default();
        let mean = |sum: f64| match self.options.intercept && total > 0.0 {
            true => sum / total,
            false => 0.0,
        };
        self.shift = totals.into_iter().map(mean).collect();
    }

    /// Keeps the certificate.
    fn measured(&mut self, measure: &Measure) {
        if measure.total == 0.0 {
            return;
        }
        self.last = *measure;
        self.intercept.1 = measure.intercept;
        self.improvable = true;
    }

    /// Solves again from what the rows said, since that was not good enough: another round has
    /// begun. A certificate that ends an epoch stays true of its coefficients.
    fn improve(&mut self) {
        if !std::mem::take(&mut self.improvable) {
            return;
        }
        let Some(mut solver) = self.solver.take() else { return };
        solver.solve(self.last.lambda, SHARE * self.options.tolerance);
        self.measure = self.held_out.map(|fold| self.measured_on(&solver, fold));
        self.solver = Some(solver);
    }

    fn is_late(&self) -> bool {
        let limit = self.options.max_seconds;
        limit.is_some_and(|limit| self.started.elapsed().as_secs_f64() > limit)
    }
}

impl Program for Tall {
    type Change = Change;
    /// A piece of the sums.
    type Key = u32;
    type Partial = Piece;
    type Delta = Piece;
    type Effect = u64;
    type Certificate = Measure;
    type Output = Coefficient;

    fn ingest(&mut self, changes: &mut Vec<Change>) {
        for change in changes.drain(..) {
            match change {
                Change::Data(data) => self.load(*data),
                Change::Lambda(lambda) => self.lambda = lambda,
                Change::HoldOut(fold) => {
                    (self.held_out, self.framed) = (fold, false);
                }
            }
        }
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, Piece>) {
        self.improve();
        let Some(&first) = block.first() else { return };
        let sums = match &self.solver {
            None => self.part(shard).gram(&self.shift),
            Some(solver) => self.part(shard).residual(&solver.frame, &solver.beta),
        };
        for &key in block {
            let mut piece = Piece([0.0; TILE]);
            let from = sums.chunks(TILE).nth((key - first) as usize).unwrap_or_default();
            piece.0[..from.len()].copy_from_slice(from);
            partials.push(key, piece);
        }
    }

    fn pull(
        &mut self,
        _shard: usize,
        partials: &Partials<'_, u32, Piece>,
        deltas: &mut Columns<u32, Piece>,
    ) {
        for (key, parts) in partials.aligned() {
            let mut sum = Piece([0.0; TILE]);
            for part in parts {
                sum.0.iter_mut().zip(part.0).for_each(|(to, term)| *to += term);
            }
            deltas.push(key, sum);
        }
    }

    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        _block: &[u32],
        _moves: &Moves<'_, u32, Piece, u64>,
        effect: &mut Vec<u64>,
    ) {
        if work == Work::Refresh && self.solver.is_none() {
            effect.extend(self.part(shard).totals().into_iter().map(f64::to_bits));
        }
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        match (round.work, round.certificate) {
            (Work::Refresh, _) => self.refresh(round),
            (Work::Update, _) => self.gather(round),
            (Work::Certify, Some(measure)) => self.measured(measure),
            (Work::Certify, None) | (Work::Couple, _) => {}
        }
    }

    /// What is known of the coefficients; until the rows have been passed over, nothing. Proposes
    /// the sums that are missing.
    fn certificate(&mut self, shard: usize, proposals: &mut Columns<u32, f32>) -> Measure {
        for key in self.missing().filter(|key| key % self.shards == shard) {
            proposals.push(key as u32, f32::INFINITY);
        }
        match shard {
            0 => Measure {
                expired: u64::from(self.measure.is_some() && self.is_late()),
                ..self.measure.unwrap_or_default()
            },
            _ => Measure::default(),
        }
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<Coefficient>) {
        if shard == 0 && self.intercept.0 != self.intercept.1 {
            let (old, new) = self.intercept;
            changes.push(Coefficient { parameter: Parameter::Intercept, old, new });
            self.intercept.0 = new;
        }
        let values = self.solver.as_ref().map(Solver::values).unwrap_or_default();
        for (at, new) in values.into_iter().enumerate().skip(shard).step_by(self.shards) {
            let old = std::mem::replace(&mut self.published[at], new);
            if old != new {
                let parameter = Parameter::Column(at as u32);
                changes.push(Coefficient { parameter, old, new });
            }
        }
    }

    /// Columns and coefficients of a shard's share of the model, which every worker has.
    fn snapshot(&self, shard: usize, to: &mut dyn Write) -> io::Result<()> {
        let stored = self.nonzeros(shard);
        to.write_all(&(stored.len() as u64).to_le_bytes())?;
        for (column, value) in stored {
            to.write_all(&u64::from(column).to_le_bytes())?;
            to.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }

    fn restore(&mut self, _shard: usize, from: &mut dyn Read) -> io::Result<()> {
        let mut word = [0; 8];
        from.read_exact(&mut word)?;
        for _ in 0..u64::from_le_bytes(word) {
            from.read_exact(&mut word)?;
            let column = u64::from_le_bytes(word);
            from.read_exact(&mut word)?;
            let value = f64::from_le_bytes(word);
            if column >= self.data.columns as u64 || !value.is_finite() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.restored.0.push((column as u32, value));
        }
        Ok(())
    }

    fn universe(&self) -> usize {
        let (products, passes) = self.pieces();
        products + passes
    }
}
