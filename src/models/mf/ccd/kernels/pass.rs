//! One pass over the ratings of a tile: residuals are brought up to date and, if a block is to be
//! solved for, the normal equations of every row are summed up.

use super::Pair;
use super::unit::{BATCH, BLOCK, Portable, Unit, pair};
use crate::shard::Path;
#[cfg(target_arch = "x86_64")]
use crate::shard::with_unit;

/// The normal equations of a row in a block of eight: `Σ u f`, then for turns `s = 0..=4` of the
/// factor `Σ w f_i f_{(i+s) mod 8}`.
pub(in super::super) type State = [[f32; BLOCK]; 6];

/// How ratings are weighed.
pub(super) const PLAIN: u8 = 0;
pub(super) const WEIGHTED: u8 = 1;
pub(super) const IMPLICIT: u8 = 2;

/// Changes that a residual has not seen: of the rows whose ratings these are, and of the other
/// side since.
#[derive(Clone, Copy)]
pub(in super::super) struct Term<'a> {
    /// The other side's block (this tile's part): factors and their last changes.
    pub table: &'a [Pair],
    /// The rows' own factors in that block.
    pub x: &'a [[f32; BLOCK]],
    /// The rows' own change that is not in the residuals yet.
    pub delta: Option<&'a [[f32; BLOCK]]>,
    /// Whether the other side's last change is not in them either.
    pub fresh: bool,
}

impl<'a> Term<'a> {
    /// The same with a part of the table.
    pub fn of(self, rows: std::ops::Range<usize>) -> Term<'a> {
        Term { table: &self.table[rows], ..self }
    }

    /// What factors and last changes are to be multiplied with. With own change `δ`, own factor `x`
    /// (after it), other factor `f` and other change `d` (in `f` already), `x·f` grew by
    /// `δ·f + (x − δ)·d`.
    #[inline(always)]
    fn coefficients(&self, row: usize) -> [Pair; 2] {
        let (mut by_factor, mut by_change) = ([0.0; 2 * BLOCK], [0.0; 2 * BLOCK]);
        if let Some(delta) = self.delta {
            by_factor[..BLOCK].copy_from_slice(&delta[row]);
            by_factor[BLOCK..].copy_from_slice(&delta[row]);
        }
        if self.fresh {
            for i in 0..2 * BLOCK {
                by_change[i] = self.x[row][i % BLOCK] - by_factor[i];
            }
        }
        [by_factor, by_change]
    }
}

/// A tile's ratings, row by row, and their residuals.
pub(in super::super) struct Part<'a> {
    /// Where each row's ratings start; one more.
    pub starts: &'a [u32],
    /// The row of the table that each rating is of. Row 0 holds zeros.
    pub places: &'a [u16],
    /// What is left of each rating.
    pub residuals: &'a mut [f32],
    /// Weights; confidences above one for implicit feedback.
    pub weights: Option<&'a [f32]>,
    /// Whether feedback is implicit.
    pub implicit: bool,
}

/// Brings residuals up to date by `current` and, if there is one, `last`, and adds the rows' normal
/// equations in `current`'s block to `states`.
pub(in super::super) fn accumulate(
    path: Path,
    part: &mut Part<'_>,
    current: Term<'_>,
    last: Option<Term<'_>>,
    states: &mut [State],
) {
    match (part.weights.is_some(), part.implicit) {
        (false, _) => weighed::<PLAIN>(path, part, current, last, states),
        (true, false) => weighed::<WEIGHTED>(path, part, current, last, states),
        (true, true) => weighed::<IMPLICIT>(path, part, current, last, states),
    }
}

fn weighed<const MODE: u8>(
    path: Path,
    part: &mut Part<'_>,
    current: Term<'_>,
    last: Option<Term<'_>>,
    states: &mut [State],
) {
    match last {
        Some(last) => on_path::<MODE, true, true>(path, part, current, last, states),
        None => on_path::<MODE, false, true>(path, part, current, current, states),
    }
}

/// Brings residuals up to date by one block's changes.
pub(in super::super) fn subtract(path: Path, part: &mut Part<'_>, term: Term<'_>) {
    on_path::<PLAIN, false, false>(path, part, term, term, &mut []);
}

fn on_path<const MODE: u8, const TWO: bool, const SOLVE: bool>(
    path: Path,
    part: &mut Part<'_>,
    current: Term<'_>,
    last: Term<'_>,
    states: &mut [State],
) {
    match path {
        Path::Portable => rows::<_, MODE, TWO, SOLVE>(Portable, part, current, last, states),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(simd) => with_unit(
            simd,
            #[inline(always)]
            || rows::<_, MODE, TWO, SOLVE>(simd, part, current, last, states),
        ),
        #[cfg(target_arch = "x86_64")]
        Path::Avx512(simd) => with_unit(
            simd,
            #[inline(always)]
            || rows::<_, MODE, TWO, SOLVE>(simd, part, current, last, states),
        ),
    }
}

#[inline(always)]
fn rows<U: Unit, const MODE: u8, const TWO: bool, const SOLVE: bool>(
    unit: U,
    part: &mut Part<'_>,
    current: Term<'_>,
    last: Term<'_>,
    states: &mut [State],
) {
    let zero = unit.load(&[0.0; 16]);
    let tables = [current.table, last.table];
    for row in 0..part.starts.len().saturating_sub(1) {
        let (start, end) = (part.starts[row] as usize, part.starts[row + 1] as usize);
        if start == end {
            continue;
        }
        let by_current = loaded(unit, current.coefficients(row));
        let by_last = if TWO { loaded(unit, last.coefficients(row)) } else { [zero; 2] };
        let mut sums = [zero; 6];
        let places = &part.places[start..end];
        let residuals = &mut part.residuals[start..end];
        let weights = if MODE == PLAIN { None } else { part.weights.map(|all| &all[start..end]) };
        let mut at = 0;
        while let (Some(places), Some(residuals)) =
            (places[at..].first_chunk(), residuals[at..].first_chunk_mut())
        {
            let weights = match weights.and_then(|weights| weights[at..].first_chunk()) {
                Some(weights) => unit.load(weights),
                None => zero,
            };
            let pairs = batch::<U, TWO>(unit, places, residuals, tables, by_current, by_last);
            if SOLVE {
                add_up::<U, MODE>(unit, &pairs, residuals, weights, &mut sums);
            }
            at += BATCH;
        }
        if at < places.len() {
            // Row 0 of every table is zero, so that places beyond the last rating add nothing.
            let rest = padded(&places[at..]);
            let mut left = padded(&residuals[at..]);
            let weights =
                unit.load(&weights.map_or([0.0; BATCH], |weights| padded(&weights[at..])));
            let pairs = batch::<U, TWO>(unit, &rest, &mut left, tables, by_current, by_last);
            let count = residuals.len() - at;
            residuals[at..].copy_from_slice(&left[..count]);
            if SOLVE {
                add_up::<U, MODE>(unit, &pairs, &left, weights, &mut sums);
            }
        }
        if SOLVE {
            fold(unit, &sums, &mut states[row]);
        }
    }
}

#[inline(always)]
fn loaded<U: Unit>(unit: U, coefficients: [Pair; 2]) -> [U::Lanes; 2] {
    [unit.load(&coefficients[0]), unit.load(&coefficients[1])]
}

/// The last ratings of a row as a batch.
#[inline(always)]
fn padded<T: Copy + Default>(rest: &[T]) -> [T; BATCH] {
    let mut batch = [T::default(); BATCH];
    batch[..rest.len()].copy_from_slice(rest);
    batch
}

/// Brings a batch's residuals up to date; gives the factors of its ratings in pairs.
#[inline(always)]
fn batch<U: Unit, const TWO: bool>(
    unit: U,
    places: &[u16; BATCH],
    residuals: &mut [f32; BATCH],
    [current, last]: [&[Pair]; 2],
    by_current: [U::Lanes; 2],
    by_last: [U::Lanes; 2],
) -> [U::Lanes; 8] {
    let zero = unit.load(&[0.0; 16]);
    let (mut factors, mut grown) = ([zero; 8], [zero; 8]);
    for q in 0..8 {
        let (first, second) = pair(q);
        let (first, second) = (usize::from(places[first]), usize::from(places[second]));
        let (a, b) = (unit.load(&current[first]), unit.load(&current[second]));
        factors[q] = unit.low_halves(a, b);
        let by_factor = unit.mul(factors[q], by_current[0]);
        let by_change = unit.mul(unit.high_halves(a, b), by_current[1]);
        grown[q] = unit.add(by_factor, by_change);
        if TWO {
            let (a, b) = (unit.load(&last[first]), unit.load(&last[second]));
            let by_factor = unit.mul(unit.low_halves(a, b), by_last[0]);
            let by_change = unit.mul(unit.high_halves(a, b), by_last[1]);
            grown[q] = unit.add(grown[q], unit.add(by_factor, by_change));
        }
    }
    let left = unit.sub(unit.load(residuals), unit.sum_pairs(&grown));
    unit.store(left, residuals);
    factors
}

/// Adds a batch to a row's normal equations.
#[inline(always)]
fn add_up<U: Unit, const MODE: u8>(
    unit: U,
    factors: &[U::Lanes; 8],
    residuals: &[f32; BATCH],
    weights: U::Lanes,
    sums: &mut [U::Lanes; 6],
) {
    let residuals = unit.load(residuals);
    let pulls = match MODE {
        PLAIN => residuals,
        WEIGHTED => unit.mul(weights, residuals),
        _ => unit.add(unit.mul(weights, residuals), unit.load(&[1.0; BATCH])),
    };
    add_pair::<U, MODE, 0>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 1>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 2>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 3>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 4>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 5>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 6>(unit, factors, pulls, weights, sums);
    add_pair::<U, MODE, 7>(unit, factors, pulls, weights, sums);
}

#[inline(always)]
fn add_pair<U: Unit, const MODE: u8, const Q: usize>(
    unit: U,
    factors: &[U::Lanes; 8],
    pulls: U::Lanes,
    weights: U::Lanes,
    sums: &mut [U::Lanes; 6],
) {
    let f = factors[Q];
    let weighed = if MODE == PLAIN { f } else { unit.mul(f, unit.spread::<Q>(weights)) };
    sums[0] = unit.add(sums[0], unit.mul(f, unit.spread::<Q>(pulls)));
    sums[1] = unit.add(sums[1], unit.mul(weighed, f));
    sums[2] = unit.add(sums[2], unit.mul(weighed, unit.rotate::<1>(f)));
    sums[3] = unit.add(sums[3], unit.mul(weighed, unit.rotate::<2>(f)));
    sums[4] = unit.add(sums[4], unit.mul(weighed, unit.rotate::<3>(f)));
    sums[5] = unit.add(sums[5], unit.mul(weighed, unit.rotate::<4>(f)));
}

/// Adds both halves of the sums to a row's state.
#[inline(always)]
fn fold<U: Unit>(unit: U, sums: &[U::Lanes; 6], state: &mut State) {
    for s in 0..6 {
        let mut lanes = [0.0; 16];
        unit.store(sums[s], &mut lanes);
        for i in 0..BLOCK {
            state[s][i] += lanes[i] + lanes[i + BLOCK];
        }
    }
}
