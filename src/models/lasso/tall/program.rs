//! The Lasso as a model-parallel program in partial form.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::time::Instant;

use super::data::{Change, Data, Piece};
use super::passes::{EXTRA, Part};
use super::solver::Solver;
use crate::container::{Columns, Moves, Partials};
use crate::models::lasso::certificate::Measure;
use crate::models::lasso::memory::Memory;
use crate::models::lasso::options::{Lambda, Options};
use crate::models::lasso::program::{Coefficient, Parameter};
use crate::program::{Program, Round, Work};
use crate::report::peak_resident_bytes;
use crate::shard::RowShard;
use crate::shard::gram::{TILE, tiles};

/// One worker's part of a Lasso on tall data.
pub struct Tall {
    pub(super) options: Options,
    pub(super) shards: usize,
    pub(super) local: Range<usize>,
    pub(super) data: Data,
    pub(super) parts: Vec<RowShard>,
    /// The means of the columns and of the response; zeros without an intercept.
    pub(super) shift: Vec<f64>,
    /// The sums of products, fold by fold.
    pub(super) sums: Vec<f64>,
    pub(super) solver: Option<Solver>,
    pub(super) lambda: Lambda,
    /// λ the coefficients are optimal for.
    pub(super) solved: Option<f64>,
    /// Coefficients that were restored, and λ they are optimal for, until the solver is there.
    pub(super) restored: (Vec<(u32, f64)>, Option<f64>),
    pub(super) lambda_max: f64,
    pub(super) held_out: Option<usize>,
    /// Whether the solver's fold is the one asked for.
    pub(super) framed: bool,
    /// What is known of the coefficients as they stand.
    pub(super) measure: Option<Measure>,
    pub(super) last: Measure,
    /// Whether the coefficients have been measured and not changed since.
    pub(super) improvable: bool,
    pub(super) published: Vec<f64>,
    pub(super) intercept: (f64, f64),
    pub(super) started: Instant,
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

    pub(super) fn folds(&self) -> usize {
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
