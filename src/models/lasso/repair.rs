//! Repairing a model's derived state after few rows have changed, at a cost that follows them.
//!
//! Rows that came or went change a column's sums by their own entries, and everything by the means:
//!
//! * means, scales and norms follow from sums about fixed points ([`super::moving`]);
//! * a correlation `c = Σ w x r / W` changes by `Σ Δ(w r) x` over the rows that changed, and by the
//!   shift that makes the residual sum to zero again. What is not known of it (the residual has
//!   travelled since it was taken) is a sum over rows that stay, and so is neither more nor less
//!   known than before: the bounds of columns that nothing happened to still hold, and the first
//!   certificate looks at few columns;
//! * the residual of a new row is its response less what every shard makes of its entries: these
//!   shares, and the new values of the columns that all workers hold, are what a refresh sends.
//!
//! The correlations of the columns in the support with one another follow alike. Their rounding adds
//! up until columns are made anew, but they only lead Newton steps, which are taken if the objective
//! falls.

use std::collections::BTreeMap;

use super::design::{FACT_WORDS, Facts, Rows, sum};
use super::effect::{damaged, put_vector, sum_vectors};
use super::gram::{Entry, Repair};
use super::moving::STEEP;
use super::newton::Newton;
use super::options::{Lambda, Options};
use super::program::Lasso;
use super::quiet::Quiet;
use super::rows::{Pending, RowId, Touched};
use super::shard::Shard;
use super::vector::RowVector;
use crate::program::Round;
use crate::shard::Weights;

/// What a shard tells of itself after rows have changed.
#[derive(Default)]
struct Share<'a> {
    columns: usize,
    lambda_max: f64,
    warm: bool,
    /// What the coefficients make of the rows that came.
    fitted: &'a [u64],
    /// The facts of its columns that all workers hold, in their order.
    facts: &'a [u64],
    /// Slot, row and value of what changed in them.
    values: &'a [u64],
    /// All fitted values, where they are to be checked.
    check: &'a [u64],
}

impl<I: RowId> Lasso<I> {
    /// Changes the columns' values and facts, once what belongs to all rows is changed; `total` is
    /// the weight of all rows before.
    pub(super) fn patch(&mut self, total: f64, touched: Vec<Touched>) {
        for (local, shard) in self.shards.iter_mut().enumerate() {
            for row in &touched {
                shard.change_row(row, &row.parts[local]);
            }
            let entries = touched.iter().flat_map(|row| &row.parts[local]);
            let columns = entries.map(|(at, _)| *at).collect();
            shard.restate_moved(columns, total, self.travelled, &self.rows, &self.options);
        }
        self.live.recount(&touched);
        self.lambda_max = f64::NAN;
        self.live.pending = Some(Pending { rows: touched, total });
    }

    /// A shard's share in what a repair must know; see [`Share`].
    pub(super) fn repair_effect(&self, pending: &Pending, shard: usize, effect: &mut Vec<u64>) {
        let local = shard - self.local.start;
        let own = &self.shards[local];
        let last = own.columns.len().checked_sub(1);
        effect.push(last.map_or(0, |last| self.layout.column(shard, last) + 1) as u64);
        let warm = own.beta.iter().any(|beta| *beta != 0.0);
        // A warm model sets out from the λ it has; one whose coefficients are all zero, from λ_max.
        let lambda_max = match !warm || matches!(self.lambda, Lambda::Ratio(_)) {
            true => own.lambda_max(&self.rows, &self.options),
            false => f64::NAN,
        };
        effect.extend([lambda_max.to_bits(), u64::from(warm)]);
        let mut section = |fill: &mut dyn FnMut(&mut Vec<u64>)| {
            let at = effect.len();
            effect.push(0);
            fill(effect);
            effect[at] = (effect.len() - at - 1) as u64;
        };
        section(&mut |words| {
            let came = pending.rows.iter().filter(|row| row.before == 0.0);
            let fitted = |row: &Touched| {
                row.parts[local].iter().map(|&(at, value)| own.value(at) * value).sum::<f64>()
            };
            words.extend(came.map(|row| fitted(row).to_bits()));
        });
        let held = || {
            let slots = (0..self.working.len()).map(|slot| (slot, self.working.key(slot)));
            slots.filter(|(_, key)| self.layout.shard_of(*key as usize) == shard)
        };
        // A bit a column: most entries are of columns that are not held.
        let mut bits = vec![0u64; own.columns.len().div_ceil(64)];
        section(&mut |words| {
            for (_, key) in held() {
                let at = self.layout.local(key as usize);
                bits[at / 64] |= 1 << (at % 64);
                words.extend(own.facts[at].encode());
            }
        });
        section(&mut |words| {
            for row in pending.rows.iter().filter(|row| row.before * row.after == 0.0) {
                let is_held = |&&(at, _): &&(usize, f64)| bits[at / 64] & 1 << (at % 64) != 0;
                for &(at, value) in row.parts[local].iter().filter(is_held) {
                    let key = self.layout.column(shard, at) as u32;
                    if let Some(slot) = self.working.slot(key) {
                        let value = if row.after > 0.0 { value } else { 0.0 };
                        words.extend([slot as u64, u64::from(row.place), value.to_bits()]);
                    }
                }
            }
        });
        section(&mut |words| {
            if cfg!(debug_assertions)
                && let Some(fitted) = own.fitted(&self.rows)
            {
                put_vector(&fitted, words);
            }
        });
    }

    /// Repairs the residual, correlations and replicated columns. Gives whether the model is warm.
    pub(super) fn repair(&mut self, pending: Pending, round: &Round<'_, Self>) -> bool {
        let shares: Vec<Share<'_>> =
            round.moves.effects().map(|words| take(words).unwrap_or_else(|| damaged())).collect();
        self.repair_held(&pending, &shares);
        let largest = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
        self.lambda_max = shares.iter().map(|share| share.lambda_max).fold(0.0, largest);
        self.columns = shares.iter().map(|share| share.columns).fold(self.columns, usize::max);
        let moved = self.repair_residual(&pending, &shares);
        for (local, shard) in self.shards.iter_mut().enumerate() {
            for (row, change) in pending.rows.iter().zip(&moved.changes) {
                shard.add_to_correlations(&row.parts[local], *change, &self.rows);
            }
            shard.shift_correlations(moved.shift, self.travelled, &self.rows);
        }
        self.travelled += STEEP * moved.shift.abs();
        if cfg!(debug_assertions) {
            self.check_repair(&shares);
        }
        shares.iter().any(|share| share.warm)
    }

    /// Puts new facts and values into the columns that all workers hold.
    fn repair_held(&mut self, pending: &Pending, shares: &[Share<'_>]) {
        let old = self.working.facts.clone();
        let mut rows = BTreeMap::new();
        for (shard, share) in shares.iter().enumerate() {
            self.replace_held(shard, share, &mut rows).unwrap_or_else(|| damaged());
        }
        let single = |row: &Touched| row.before + row.after == 1.0;
        if pending.rows.iter().all(single) {
            self.newton.repair(&Repair {
                old: &old,
                new: &self.working.facts,
                totals: (pending.total, self.rows.total),
                rows: &rows.into_iter().collect::<Vec<_>>(),
            });
        } else {
            self.newton = Newton::default();
        }
    }

    fn replace_held(
        &mut self,
        shard: usize,
        share: &Share<'_>,
        rows: &mut BTreeMap<usize, Vec<Entry>>,
    ) -> Option<()> {
        let mut facts = share.facts.as_chunks::<FACT_WORDS>().0.iter();
        for slot in 0..self.working.len() {
            if self.layout.shard_of(self.working.key(slot) as usize) == shard {
                self.working.facts[slot] = Facts::decode(*facts.next()?);
            }
        }
        for &[slot, row, value] in share.values.as_chunks::<3>().0 {
            let known = slot < self.working.len() as u64 && row < self.rows.response.len() as u64;
            known.then_some(())?;
            let (slot, row, new) = (slot as usize, row as usize, f64::from_bits(value));
            let old = self.working.put(slot, row, new);
            rows.entry(row).or_default().push((slot, old, new));
        }
        Some(())
    }

    /// Makes the residual that of the rows there are.
    fn repair_residual(&mut self, pending: &Pending, shares: &[Share<'_>]) -> Moved {
        let (mut changes, mut came) = (Vec::new(), 0);
        for row in &pending.rows {
            let place = row.place as usize;
            let old = if row.before > 0.0 { self.residual.value(place) } else { 0.0 };
            let new = match (row.before > 0.0, row.after > 0.0) {
                (_, false) => 0.0,
                (true, true) => old,
                (false, true) => {
                    let share = |share: &Share<'_>| share.fitted.get(came).copied();
                    let fitted = shares.iter().map(|s| share(s).unwrap_or_else(|| damaged()));
                    let fitted: f64 = fitted.map(f64::from_bits).sum();
                    row.response - self.intercept - fitted
                }
            };
            came += usize::from(row.before == 0.0);
            changes.push(row.after * new - row.before * old);
            self.residual.set(place, new);
        }
        let mut shift = 0.0;
        if self.options.intercept {
            let term = |row: usize| self.rows.weight(row) * self.residual.value(row);
            shift = sum(self.rows.response.len(), term) / self.rows.total;
            self.residual.offset -= shift;
        }
        self.residual.weigh(&self.rows);
        Moved { changes, shift }
    }

    /// Everything that was repaired must be what it is when taken anew, up to rounding.
    fn check_repair(&self, shares: &[Share<'_>]) {
        let checks = shares.iter().map(|share| share.check);
        let fitted = sum_vectors(checks, &self.rows).unwrap_or_else(|_| damaged());
        let mut drift = RowVector::new(self.rows.centred(), 0.0, &self.rows);
        drift.add_vector(-1.0, &fitted);
        let scale = self.rows.square.max(drift.inner(&drift, &self.rows));
        drift.add_vector(-1.0, &self.residual);
        let drift = drift.inner(&drift, &self.rows);
        assert!(drift <= 1e-16 * scale, "the residual drifted by {drift:e} of {scale:e}");
        let scale = (scale / self.rows.total).sqrt();
        let weights = self.rows.weights.as_ref().map(|weights| Weights::new(weights));
        for shard in &self.shards {
            for (at, facts) in shard.facts.iter().enumerate() {
                let exact = Facts::of(&shard.columns, at, &self.rows, weights, &self.options, 1.0);
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (a.abs() + b.abs());
                assert!(close(facts.norm, exact.norm) && close(facts.scale, exact.scale));
                let taken = self.residual.correlation(&shard.columns, at, facts, &self.rows);
                let (root, known) = (facts.norm.sqrt(), shard.correlation[at]);
                let way = root * (self.travelled - shard.taken[at]);
                let off = (taken - known).abs() - way;
                let spread = root + facts.mean.abs() * facts.scale;
                assert!(facts.scale == 0.0 || off <= 1e-7 * scale * spread, "{off:e} at {at}");
            }
        }
    }
}

/// What a repair did to the residual.
struct Moved {
    /// By how much `w r` changed, for each row that did.
    changes: Vec<f64>,
    /// What was then taken off every row.
    shift: f64,
}

fn take(words: &[u64]) -> Option<Share<'_>> {
    let [columns, lambda_max, warm, rest @ ..] = words else { return None };
    let mut rest = rest;
    let mut section = || {
        let (&count, from) = rest.split_first()?;
        let (section, left) = from.split_at_checked(usize::try_from(count).ok()?)?;
        rest = left;
        Some(section)
    };
    let (columns, lambda_max) = (*columns as usize, f64::from_bits(*lambda_max));
    let (fitted, facts, values, check) = (section()?, section()?, section()?, section()?);
    Some(Share { columns, lambda_max, warm: *warm == 1, fitted, facts, values, check })
}

impl Shard {
    /// Changes a row's entries, and the sums of their columns.
    fn change_row(&mut self, row: &Touched, entries: &[(usize, f64)]) {
        let Some(moving) = &mut self.moving else { return };
        let (there, comes) = (row.before > 0.0, row.after > 0.0);
        for &(at, value) in entries {
            while self.columns.len() <= at {
                self.columns.push_sparse(&[], &[]);
            }
            moving.resize_for(at);
            moving.change(at, value, row.response, row.before, row.after);
            if there != comes {
                self.columns.put(at, row.place as usize, if comes { value } else { 0.0 });
            }
        }
    }

    /// Takes the facts anew from the sums: of the columns `touched`, and of all if the rows weigh
    /// more or less than before. Coefficients keep their value on the data's scale, and correlations
    /// what is known of them.
    fn restate_moved(
        &mut self,
        mut touched: Vec<usize>,
        total: f64,
        travelled: f64,
        rows: &Rows,
        options: &Options,
    ) {
        let count = self.columns.len();
        self.facts.resize(count, Facts { factor: 1.0, ..Facts::default() });
        self.beta.resize(count, 0.0);
        self.published.resize(self.published.len().max(count), 0.0);
        self.correlation.resize(count, 0.0);
        self.taken.resize(count, f64::NEG_INFINITY);
        self.screened.resize(count, false);
        self.at_response = false;
        // (Copies are counted: no sum of them is rounded.)
        let weights = rows.weights.as_ref().map(|all| Weights::of_total(all, rows.total));
        let mut restate = |at| self.restate_column(at, (total, travelled), rows, weights, options);
        if rows.total == total {
            // Only what was touched is not what it was.
            touched.sort_unstable();
            touched.dedup();
            touched.iter().for_each(|&at| restate(at));
            touched.into_iter().for_each(|at| self.quiet.wake(at));
        } else {
            (0..count).for_each(restate);
            self.quiet = Quiet::default();
        }
    }

    fn restate_column(
        &mut self,
        at: usize,
        (total, travelled): (f64, f64),
        rows: &Rows,
        weights: Option<Weights<'_>>,
        options: &Options,
    ) {
        let Some(moving) = &mut self.moving else { return };
        let old = self.facts[at];
        let new = moving.facts((&self.columns, at), rows.total - total, rows, weights, options);
        self.facts[at] = new;
        let known = old.scale > 0.0 && new.scale > 0.0;
        let growth = if known { new.scale / old.scale * (total / rows.total) } else { 0.0 };
        if self.beta[at] != 0.0 {
            let value = self.beta[at] * old.scale;
            self.beta[at] = if new.scale > 0.0 { value / new.scale } else { 0.0 };
            self.changed.iter_mut().for_each(|changed| changed.push(at));
        }
        self.correlation[at] *= growth;
        // The way from which what is not known follows, with the new norm.
        self.taken[at] = match known {
            true => {
                travelled + (self.taken[at] - travelled) * growth * (old.norm / new.norm).sqrt()
            }
            false => f64::NEG_INFINITY,
        };
    }

    /// Adds a row's change of `w r` to the correlations of its columns.
    fn add_to_correlations(&mut self, entries: &[(usize, f64)], change: f64, rows: &Rows) {
        for &(at, value) in entries {
            self.correlation[at] += self.facts[at].scale * value * change / rows.total;
        }
    }

    /// Takes the same off every row of the residual. For columns whose mean is a small part of their
    /// spread it is counted as a way of the residual, unless they are in the model: what is known of
    /// those stays known.
    fn shift_correlations(&mut self, shift: f64, travelled: f64, rows: &Rows) {
        let Some(moving) = self.moving.as_ref().filter(|_| shift != 0.0) else { return };
        let way = STEEP * shift.abs();
        let model = (0..self.beta.len()).filter(|&at| self.beta[at] != 0.0);
        let mut known: Vec<usize> = model.chain(moving.steep().iter().copied()).collect();
        known.sort_unstable();
        known.dedup();
        for at in known {
            let facts = &self.facts[at];
            let change = shift * facts.scale * facts.sum / rows.total;
            self.correlation[at] -= change;
            if self.taken[at] == travelled {
                self.taken[at] += way;
            }
            self.quiet.hasten(at, change.abs() / facts.norm.sqrt());
        }
    }
}
