//! L1-regularised least squares in both forms: whole columns on a shard, or rows.
//!
//! Push and pull are the same code. Blocks are steps of single coordinates from what the staleness
//! lets them see; sync takes the summed step only as far as an exact line search says, so the
//! objective cannot rise, however wide the block and old the view.

use std::collections::BTreeMap;
use std::ops::Range;

use strads::container::{Columns, Moves, Partials};
use strads::program::{Program, Round, Work};

use super::gap::Gap;
use super::line_search::{change, exact_step, soft};
use super::problem::Problem;

/// A target with its residual: of all rows (owned form), or of a shard's (partial form).
#[derive(Default)]
pub struct Side {
    target: Vec<f64>,
    pub residual: Vec<f64>,
}

/// The program; `ROWS` says that shards hold rows.
pub struct Least<const ROWS: bool> {
    shards: usize,
    penalty: f64,
    /// By shard and key.
    columns: BTreeMap<(usize, u32), Vec<f64>>,
    /// By shard; in owned form this worker's one copy, at 0.
    pub sides: BTreeMap<usize, Side>,
    pub beta: Vec<f64>,
    published: Vec<f64>,
    /// ½‖y − Xβ‖², maintained.
    half: f64,
    /// The data changed since the residual was computed.
    changed: bool,
    /// Columns gathered by couple rounds.
    seen: BTreeMap<u32, Vec<f64>>,
    /// The objective after each refresh (true) and update.
    pub trace: Vec<(bool, f64)>,
    /// What was found wrong.
    pub faults: Vec<String>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<const ROWS: bool> Least<ROWS> {
    pub fn new(problem: &Problem, shards: usize, local: Range<usize>) -> Self {
        let side = || Side { target: problem.target.clone(), residual: problem.target.clone() };
        let sides = match ROWS {
            false => BTreeMap::from([(0, side())]),
            true => local.map(|shard| (shard, Side::default())).collect(),
        };
        let zeros = vec![0.0; problem.columns.len()];
        Least {
            shards,
            penalty: problem.penalty,
            columns: BTreeMap::new(),
            sides,
            beta: zeros.clone(),
            published: zeros,
            half: 0.0,
            changed: false,
            seen: BTreeMap::new(),
            trace: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn side(&self, shard: usize) -> &Side {
        &self.sides[&if ROWS { shard } else { 0 }]
    }

    /// Σ x_j w_j over the columns that the shard has, on its rows.
    fn image(&self, shard: usize, weights: impl Iterator<Item = (u32, f64)>) -> Vec<f64> {
        let mut image = vec![0.0; self.side(shard).target.len()];
        for (key, weight) in weights {
            if let Some(column) = self.columns.get(&(shard, key)) {
                image.iter_mut().zip(column).for_each(|(image, x)| *image += weight * x);
            }
        }
        image
    }

    /// Xβ as far as the shard knows.
    fn fitted(&self, shard: usize) -> Vec<f64> {
        self.image(shard, (0..).zip(self.beta.iter().copied()))
    }

    /// Takes over the recomputed residual of a side, which must be the one maintained.
    fn correct(&mut self, side: usize, fitted: &[f64]) {
        let Some(side) = self.sides.get_mut(&side) else { return };
        let fresh: Vec<f64> = side.target.iter().zip(fitted).map(|(y, f)| y - f).collect();
        let scale = side.target.iter().fold(1.0, |scale: f64, y| scale.max(y.abs()));
        let far = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-9 * scale;
        if !self.changed && fresh.iter().zip(&side.residual).any(far) {
            self.faults.push("the maintained residual is not the recomputed one".to_owned());
        }
        side.residual = fresh;
    }

    fn note(&mut self, refreshed: bool) {
        let norm: f64 = self.beta.iter().map(|beta| beta.abs()).sum();
        self.trace.push((refreshed, self.half + self.penalty * norm));
    }

    fn refreshed(&mut self, effects: &[&[f64]]) {
        if ROWS {
            self.half = effects.iter().map(|share| share[0]).sum();
        } else {
            let mut fitted = vec![0.0; self.side(0).target.len()];
            for part in effects {
                fitted.iter_mut().zip(*part).for_each(|(sum, part)| *sum += part);
            }
            self.correct(0, &fitted);
            self.half = dot(&self.side(0).residual, &self.side(0).residual) / 2.0;
        }
        self.changed = false;
        self.note(true);
    }

    fn updated(&mut self, moves: &Moves<'_, u32, [f64; 2], f64>) {
        let steps: Vec<[f64; 2]> = moves.iter().map(|(_, step)| step).collect();
        let (mut image, mut shares) = (vec![0.0; self.side_rows()], [0.0; 2]);
        for effect in moves.effects().filter(|effect| !effect.is_empty()) {
            if ROWS {
                shares = [shares[0] + effect[0], shares[1] + effect[1]];
            } else {
                image.iter_mut().zip(effect).for_each(|(sum, part)| *sum += part);
            }
        }
        if !ROWS {
            shares = [dot(&self.side(0).residual, &image), dot(&image, &image)];
        }
        let t = exact_step(&steps, shares, self.penalty);
        if change(&steps, shares, self.penalty, t) > 1e-9 {
            self.faults.push("the line search went up".to_owned());
        }
        for (key, [old, step]) in moves.iter() {
            if self.beta[key as usize] != old {
                self.faults.push(format!("key {key} was updated twice in flight"));
            }
            self.beta[key as usize] = old + t * step;
        }
        let local: Vec<usize> = self.sides.keys().copied().collect();
        for at in local {
            let own = if ROWS {
                self.image(at, moves.iter().map(|(key, [_, step])| (key, step)))
            } else {
                std::mem::take(&mut image)
            };
            if let Some(side) = self.sides.get_mut(&at) {
                side.residual.iter_mut().zip(own).for_each(|(r, d)| *r -= t * d);
            }
        }
        self.half = match ROWS {
            true => self.half - t * shares[0] + t * t * shares[1] / 2.0,
            false => dot(&self.side(0).residual, &self.side(0).residual) / 2.0,
        };
        self.note(false);
    }

    fn side_rows(&self) -> usize {
        if ROWS { 0 } else { self.side(0).target.len() }
    }
}

impl<const ROWS: bool> Program for Least<ROWS> {
    type Change = (u32, Vec<f64>);
    type Key = u32;
    /// x·r and x·x.
    type Partial = [f64; 2];
    /// Old value and step.
    type Delta = [f64; 2];
    type Effect = f64;
    type Certificate = Gap;
    type Output = (u32, f64);

    const GUARDED: bool = ROWS;

    fn ingest(&mut self, changes: &mut Vec<(u32, Vec<f64>)>) {
        self.changed = true;
        self.seen.clear();
        changes.sort_by_key(|(id, _)| *id);
        for (id, mut values) in changes.drain(..) {
            let shard = id as usize % self.shards;
            if !ROWS {
                self.columns.insert((shard, id), values);
            } else if let (Some(target), Some(side)) = (values.pop(), self.sides.get_mut(&shard)) {
                side.target.push(target);
                for (key, value) in (0..).zip(values) {
                    self.columns.entry((shard, key)).or_default().push(value);
                }
            }
        }
    }

    fn push(&mut self, shard: usize, block: &[u32], partials: &mut Columns<u32, [f64; 2]>) {
        for &key in block {
            let column = self.columns.get(&(shard, key)).map_or(&[][..], |column| column);
            partials.push(key, [dot(column, &self.side(shard).residual), dot(column, column)]);
        }
    }

    fn pull(
        &mut self,
        _shard: usize,
        partials: &Partials<'_, u32, [f64; 2]>,
        deltas: &mut Columns<u32, [f64; 2]>,
    ) {
        for (key, parts) in partials.aligned() {
            let [xr, xx] = parts.fold([0.0; 2], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
            let old = self.beta[key as usize];
            let step = soft(xx * old + xr, self.penalty) / xx - old;
            if xx > 0.0 && step != 0.0 {
                deltas.push(key, [old, step]);
            }
        }
    }

    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        block: &[u32],
        moves: &Moves<'_, u32, [f64; 2], f64>,
        effect: &mut Vec<f64>,
    ) {
        match work {
            Work::Refresh if ROWS => {
                self.correct(shard, &self.fitted(shard));
                effect.push(dot(&self.side(shard).residual, &self.side(shard).residual) / 2.0);
            }
            Work::Refresh => *effect = self.fitted(shard),
            Work::Update if moves.iter().next().is_none() => {}
            Work::Update => {
                let image = self.image(shard, moves.iter().map(|(key, [_, step])| (key, step)));
                *effect = match ROWS {
                    true => vec![dot(&self.side(shard).residual, &image), dot(&image, &image)],
                    false => image,
                };
            }
            Work::Couple if !ROWS => {
                for &key in block {
                    if key as usize % self.shards == shard {
                        effect.push(f64::from(key));
                        effect.extend(self.image(shard, [(key, 1.0)].into_iter()));
                    }
                }
            }
            Work::Couple | Work::Certify => {}
        }
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        match round.work {
            Work::Refresh => self.refreshed(&round.moves.effects().collect::<Vec<_>>()),
            Work::Update => self.updated(&round.moves),
            Work::Couple => {
                let rows = self.side_rows();
                for column in round.moves.effects().flat_map(|part| part.chunks(rows + 1)) {
                    self.seen.insert(column[0] as u32, column[1..].to_vec());
                }
            }
            Work::Certify => {}
        }
    }

    fn certificate(&mut self, shard: usize, proposals: &mut Columns<u32, f32>) -> Gap {
        let residual = &self.side(shard).residual;
        let mut share = Gap { penalty: self.penalty, ..Gap::default() };
        if ROWS || shard == 0 {
            share.half = dot(residual, residual) / 2.0;
            share.fit = dot(residual, &self.side(shard).target);
        }
        for key in (0..self.beta.len() as u32).filter(|&key| key as usize % self.shards == shard) {
            share.norm += self.beta[key as usize].abs();
            if let (false, Some(column)) = (ROWS, self.columns.get(&(shard, key))) {
                let steep = dot(column, residual).abs();
                share.steepest = share.steepest.max(steep);
                proposals.push(key, (steep - self.penalty).max(0.0) as f32);
            }
        }
        if ROWS {
            share.steepest = f64::INFINITY;
        }
        share
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<(u32, f64)>) {
        for key in (shard..self.beta.len()).step_by(self.shards) {
            if self.beta[key] != self.published[key] {
                self.published[key] = self.beta[key];
                changes.push((key as u32, self.beta[key]));
            }
        }
    }

    fn universe(&self) -> usize {
        self.beta.len()
    }

    fn priority([_, step]: &[f64; 2]) -> f32 {
        step.abs() as f32
    }

    fn coupling(&self, a: u32, b: u32) -> Option<f32> {
        if ROWS {
            return Some(0.0);
        }
        let (a, b) = (self.seen.get(&a)?, self.seen.get(&b)?);
        let norms = (dot(a, a) * dot(b, b)).sqrt();
        Some(if norms > 0.0 { (dot(a, b) / norms).abs() as f32 } else { 0.0 })
    }
}
