//! Stochastic gradient descent as a rotating program.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::measure::Measure;
use super::plan::Plan;
use super::row::{self, ITEM_BIAS, USER_BIAS, width};
use super::schedule::measures_all;
use super::shard::{SHY, Shard};
use super::side::{First, item_lines, lines_of, user_lines};
use super::terms::Terms;
use crate::container::{Slice, plain};
use crate::models::mf::Options;
use crate::operators::Ring;
use crate::program::{Rotating, Sweep, Turn, Work};
use crate::shard::Path;

/// This worker's shards.
pub(super) struct Sgd {
    options: Options,
    ring: Ring,
    worker: usize,
    path: Path,
    fit: Option<(Arc<Plan>, Terms)>,
    /// Slices that a checkpoint had, until they are born.
    stored: BTreeMap<usize, Slice<f32>>,
    shards: BTreeMap<usize, Shard>,
    /// The running sweep, what the one before it was for, and update sweeps before it.
    sweep: Option<Sweep>,
    before: Work,
    epoch: u64,
}

impl Sgd {
    /// Nothing yet; the plan of the fit comes as a change.
    pub fn new(options: Options, ring: Ring, worker: usize, path: Path) -> Self {
        Sgd {
            options,
            ring,
            worker,
            path,
            fit: None,
            stored: BTreeMap::new(),
            shards: BTreeMap::new(),
            sweep: None,
            before: Work::Refresh,
            epoch: 0,
        }
    }

    /// Takes note of a sweep that begins: everywhere on the worker the one before has ended.
    fn begin(&mut self, sweep: Sweep) {
        if self.sweep == Some(sweep) {
            return;
        }
        if let Some(last) = self.sweep.replace(sweep) {
            self.before = last.work;
            self.epoch += u64::from(last.work == Work::Update);
        }
        self.shards.values_mut().for_each(|shard| shard.measure = Measure::default());
    }
}

/// Sets how far a slice's items step in an epoch. Before the first their biases are sums of ratings,
/// if they are not those of a model.
fn pace(plan: &Plan, terms: &Terms, epoch: u64, width: usize, slice: (usize, &mut Slice<f32>)) {
    let lines = item_lines(slice.1);
    let sums = epoch == 0 && terms.biases && plan.problem.warm.is_none();
    for (row, &item) in lines.chunks_mut(width).zip(plan.slice(slice.0)) {
        let count = plan.counts[item as usize];
        let rate = terms.item(epoch, count as usize);
        let last = &mut row[width - 1];
        if sums {
            last[ITEM_BIAS] /= (f64::from(count) + SHY) as f32;
        }
        (last[row::RATE], last[row::SHRINK]) = (rate.step, rate.shrink);
    }
}

impl Rotating for Sgd {
    type Change = Arc<Plan>;
    type Cell = f32;
    type Summary = ();
    type Certificate = Measure;
    /// The rows of a slice's items, or, from the number of slices on, of a shard's users.
    type Output = (usize, Slice<f32>);

    fn ingest(&mut self, changes: &mut Vec<Arc<Plan>>) {
        let Some(plan) = changes.pop() else { return };
        let terms = Terms::new(&self.options, &plan);
        let first = First { plan: &plan, options: &self.options };
        let shard = |number: usize| {
            let width = width(self.options.rank);
            (number, Shard::new(number, &first, self.ring.slices(), width))
        };
        self.shards = self.ring.placement().local(self.worker).map(shard).collect();
        self.fit = Some((plan, terms));
    }

    fn slice(&mut self, index: usize) -> Slice<f32> {
        match (self.stored.remove(&index), &self.fit) {
            (Some(slice), _) => slice,
            (None, Some((plan, _))) => First { plan, options: &self.options }.slice(index),
            (None, None) => Slice::default(),
        }
    }

    fn work(&mut self, turn: &Turn, slice: &mut Slice<f32>) {
        self.begin(turn.sweep);
        let Some((plan, terms)) = &self.fit else { return };
        let Some(shard) = self.shards.get_mut(&turn.shard) else { return };
        let is_home = self.ring.home(turn.shard).contains(&turn.slice);
        match turn.sweep.work {
            Work::Refresh if terms.biases && plan.problem.warm.is_none() => {
                shard.refresh(turn.slice, slice);
            }
            Work::Update => {
                if turn.round == 0 {
                    shard.pace(plan, terms, self.epoch);
                }
                // A sweep begins at home.
                if is_home {
                    pace(plan, terms, self.epoch, shard.width, (turn.slice, slice));
                }
                shard.update(self.path, turn.slice, item_lines(slice), terms);
            }
            Work::Certify => {
                let all = measures_all(plan.holds(), self.before);
                shard.certify(self.path, turn.slice, item_lines(slice), all);
            }
            Work::Refresh | Work::Couple => {}
        }
    }

    fn certificate(
        &mut self,
        shard: usize,
        _sweep: &Sweep,
        slices: &[(usize, Slice<f32>)],
    ) -> Measure {
        let rank = self.options.rank;
        let (Some((plan, terms)), Some(shard)) = (&self.fit, self.shards.get_mut(&shard)) else {
            return Measure::default();
        };
        let mut measure = std::mem::take(&mut shard.measure);
        if !measure.is_full() {
            return measure;
        }
        let (users, width) = (&plan.users[shard.users.clone()], shard.width);
        for (row, &user) in user_lines(&mut shard.rows).chunks(width).zip(users) {
            let count = plan.problem.train.row(user as usize).len();
            let (square, bias) = (row::square(row, rank), row[width - 1][USER_BIAS]);
            measure.penalty += terms.user_penalty(count, square, bias);
        }
        for (slice, rows) in slices {
            for (row, &item) in lines_of(rows).chunks(width).zip(plan.slice(*slice)) {
                let count = plan.counts[item as usize] as usize;
                let (square, bias) = (row::square(row, rank), row[width - 1][ITEM_BIAS]);
                measure.penalty += terms.item_penalty(count, square, bias);
            }
        }
        measure
    }

    fn publish(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<f32>)],
        changes: &mut Vec<Self::Output>,
    ) {
        changes.extend(slices.iter_mut().map(|(at, slice)| (*at, std::mem::take(slice))));
        if let Some(own) = self.shards.get_mut(&shard) {
            let rows = Slice { head: Vec::new(), cells: own.take_rows() };
            changes.push((self.ring.slices() + shard, rows));
        }
    }

    fn snapshot(
        &self,
        shard: usize,
        slices: &[(usize, Slice<f32>)],
        to: &mut dyn io::Write,
    ) -> io::Result<()> {
        let (Some(shard), Some(sweep)) = (self.shards.get(&shard), self.sweep) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        plain::write(&[sweep.number, u64::from(sweep.work == Work::Update), self.epoch], to)?;
        plain::write(&shard.rows, to)?;
        slices.iter().try_for_each(|(_, slice)| plain::write(lines_of(slice), to))
    }

    fn restore(&mut self, shard: usize, from: &mut dyn io::Read) -> io::Result<()> {
        let home = self.ring.home(shard);
        let (Some((plan, _)), Some(shard)) = (&self.fit, self.shards.get_mut(&shard)) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut clock = [0; 3];
        plain::read(&mut clock, from)?;
        let [number, updates, epoch] = clock;
        let work = if updates == 1 { Work::Update } else { Work::Certify };
        (self.sweep, self.epoch) = (Some(Sweep { epoch: 0, number, work }), epoch);
        plain::read(&mut shard.rows, from)?;
        for index in home {
            let mut slice = First { plan, options: &self.options }.slice(index);
            plain::read(item_lines(&mut slice), from)?;
            self.stored.insert(index, slice);
        }
        Ok(())
    }
}
