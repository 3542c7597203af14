//! The passes over a tile, on AVX-512, AVX2 and plain vectors, all with the same bits.

mod step;
mod unit;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use unit::{LANES, Line};

use step::{BATCH, Batch, SHORT, Steps, errors};
use unit::{Portable, Unit};

use super::row::Masks;
use super::tile::Tile;
use crate::shard::Path;
#[cfg(target_arch = "x86_64")]
use crate::shard::with_unit;

/// The rows of both sides that a tile's ratings are of.
pub(super) struct Sides<'a> {
    /// The shard's user rows.
    pub users: &'a mut [Line],
    /// The slice's item rows; the last is all zeros.
    pub items: &'a mut [Line],
    /// Lines of a row.
    pub width: usize,
}

/// Goes over a tile once: a step for every micro-batch. `rates` are `η_u` and `η_uλ_u` of each
/// user.
pub(super) fn update(
    path: Path,
    tile: &Tile,
    sides: &mut Sides<'_>,
    rates: &[[f32; 2]],
    masks: &Masks,
) {
    match path {
        Path::Portable => update_on(Portable, tile, sides, rates, masks),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(simd) => with_unit(
            simd,
            #[inline(always)]
            || update_on(simd, tile, sides, rates, masks),
        ),
        #[cfg(target_arch = "x86_64")]
        Path::Avx512(simd) => with_unit(
            simd,
            #[inline(always)]
            || update_on(simd, tile, sides, rates, masks),
        ),
    }
}

/// The sum of squared errors over a tile, weighted, in the order of the ratings.
pub(super) fn squares(path: Path, tile: &Tile, sides: &mut Sides<'_>) -> f64 {
    match path {
        Path::Portable => squares_on(Portable, tile, sides),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(simd) => with_unit(
            simd,
            #[inline(always)]
            || squares_on(simd, tile, sides),
        ),
        #[cfg(target_arch = "x86_64")]
        Path::Avx512(simd) => with_unit(
            simd,
            #[inline(always)]
            || squares_on(simd, tile, sides),
        ),
    }
}

#[inline(always)]
fn update_on<U: Unit>(
    unit: U,
    tile: &Tile,
    sides: &mut Sides<'_>,
    rates: &[[f32; 2]],
    masks: &Masks,
) {
    let width = sides.width;
    // The usual widths with their loops unrolled.
    match width {
        1 => runs(unit, tile, sides, 1, rates, masks),
        2 => runs(unit, tile, sides, 2, rates, masks),
        3 => runs(unit, tile, sides, 3, rates, masks),
        7 => runs(unit, tile, sides, 7, rates, masks),
        _ => runs(unit, tile, sides, width, rates, masks),
    }
}

#[inline(always)]
fn runs<U: Unit>(
    unit: U,
    tile: &Tile,
    sides: &mut Sides<'_>,
    width: usize,
    rates: &[[f32; 2]],
    masks: &Masks,
) {
    let items = &mut *sides.items;
    let mut start = 0;
    for run in &tile.runs {
        let user = &mut sides.users[run.user as usize * width..][..width];
        let [rate, shrink] = rates[run.user as usize];
        let mut left = run.count as usize;
        while left > 0 {
            let (rows, taken) = rows(tile, start, left, width);
            let batch = batch(tile, start, &rows[..taken]);
            let errors = errors(unit, &batch, user, items);
            let own = [rate, shrink * left.min(taken) as f32];
            Steps::new(unit, &batch, errors, items, width, own, masks).go(unit, user, items);
            start += taken;
            left = left.saturating_sub(taken);
        }
    }
}

#[inline(always)]
fn squares_on<U: Unit>(unit: U, tile: &Tile, sides: &mut Sides<'_>) -> f64 {
    let (items, width) = (&*sides.items, sides.width);
    let (mut start, mut sum) = (0, 0.0);
    for run in &tile.runs {
        let user = &sides.users[run.user as usize * width..][..width];
        let mut left = run.count as usize;
        while left > 0 {
            let (rows, taken) = rows(tile, start, left, width);
            let batch = batch(tile, start, &rows[..taken]);
            let errors = errors(unit, &batch, user, items);
            for at in 0..left.min(taken) {
                let weight = batch.weights.map_or(1.0, |weights| f64::from(weights[at]));
                sum += weight * f64::from(errors[at]) * f64::from(errors[at]);
            }
            start += taken;
            left = left.saturating_sub(taken);
        }
    }
    sum
}

/// Where the rows of the next batch start, and how many there are.
#[inline(always)]
fn rows(tile: &Tile, start: usize, left: usize, width: usize) -> ([usize; BATCH], usize) {
    let mut rows = [0; BATCH];
    let taken = if left > SHORT { BATCH } else { SHORT };
    let places = &tile.places[start..start + taken];
    for at in 0..taken {
        rows[at] = usize::from(places[at]) * width;
    }
    (rows, taken)
}

/// The next batch. Tiles are padded, so that there is always a whole line.
#[inline(always)]
fn batch<'a>(tile: &'a Tile, start: usize, rows: &'a [usize]) -> Batch<'a> {
    const NONE: &Line = &[0.0; LANES];
    let ratings = tile.values[start..].first_chunk().unwrap_or(NONE);
    let weights = match tile.weights.is_empty() {
        true => None,
        false => tile.weights[start..].first_chunk(),
    };
    Batch { rows, ratings, weights }
}
