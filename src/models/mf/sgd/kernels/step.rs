//! A micro-batch: the ratings of one user that are stepped along together.
//!
//! With errors `e = c·(r − Hw)` of the ratings' items `H`, all from the same `w`:
//!
//! ```text
//! h_j ← (1 − η_jλ_j) h_j + η_j e_j w        w ← (1 − n η_uλ_u) w + η_u Σ e_j h_j(old)
//! ```

use super::unit::{LANES, Line, Unit};
use crate::models::mf::sgd::row::{self, Masks};

/// Ratings of a micro-batch.
pub(super) const BATCH: usize = LANES;
/// Ratings of a short micro-batch, for the end of a user's run.
pub(super) const SHORT: usize = BATCH / 2;
/// Lines whose factors and gradients stay in registers together.
const WIDE: usize = 8;

/// Ratings that are worked on together.
pub(super) struct Batch<'a> {
    /// Where the items' rows start; [`SHORT`] or [`BATCH`] of them.
    pub rows: &'a [usize],
    /// Normalised ratings.
    pub ratings: &'a Line,
    /// What each counts, if not all count 1.
    pub weights: Option<&'a Line>,
}

/// What is left of the ratings; beyond the batch anything.
#[inline(always)]
pub(super) fn errors<U: Unit>(unit: U, batch: &Batch<'_>, user: &[Line], items: &[Line]) -> Line {
    let mut quads = [unit.splat(0.0); 4];
    let fours = batch.rows.as_chunks::<4>().0;
    for q in 0..fours.len().min(4) {
        quads[q] = products(unit, &fours[q], user, items);
    }
    let left = unit.sub(unit.load(batch.ratings), unit.join(quads));
    let mut errors = [0.0; LANES];
    unit.store(left, &mut errors);
    errors
}

/// The products of four rows with the user's, summed over quarters.
#[inline(always)]
fn products<U: Unit>(unit: U, rows: &[usize; 4], user: &[Line], items: &[Line]) -> U::Lanes {
    let width = user.len();
    let row = |at: usize| &items[rows[at]..rows[at] + width];
    let (a, b, c, d) = (row(0), row(1), row(2), row(3));
    let mut sums = [unit.splat(0.0); 4];
    for l in 0..width {
        let w = unit.load(&user[l]);
        sums[0] = unit.fused(w, unit.load(&a[l]), sums[0]);
        sums[1] = unit.fused(w, unit.load(&b[l]), sums[1]);
        sums[2] = unit.fused(w, unit.load(&c[l]), sums[2]);
        sums[3] = unit.fused(w, unit.load(&d[l]), sums[3]);
    }
    unit.quad(sums)
}

/// How far a batch steps.
pub(super) struct Steps<'a, U: Unit> {
    rows: &'a [usize],
    errors: Line,
    /// `η_j e_j`.
    by_user: Line,
    /// `η_jλ_j`.
    shrink: Line,
    /// `η_u` and `n η_uλ_u`.
    own: [f32; 2],
    masks: [U::Lanes; 4],
}

impl<'a, U: Unit> Steps<'a, U> {
    #[inline(always)]
    pub fn new(
        unit: U,
        batch: &Batch<'a>,
        mut errors: Line,
        items: &[Line],
        width: usize,
        own: [f32; 2],
        masks: &Masks,
    ) -> Self {
        if let Some(weights) = batch.weights {
            let weighted = unit.mul(unit.load(weights), unit.load(&errors));
            unit.store(weighted, &mut errors);
        }
        let (mut by_user, mut shrink) = ([0.0; LANES], [0.0; LANES]);
        for at in 0..batch.rows.len().min(LANES) {
            let last = &items[batch.rows[at] + width - 1];
            by_user[at] = last[row::RATE] * errors[at];
            shrink[at] = last[row::SHRINK];
        }
        let masks = [
            unit.load(&masks.user_moves),
            unit.load(&masks.item_moves),
            unit.load(&masks.user_shrinks),
            unit.load(&masks.item_shrinks),
        ];
        Steps { rows: batch.rows, errors, by_user, shrink, own, masks }
    }

    /// Moves the rows of the batch and the user's, some lines at a time.
    #[inline(always)]
    pub fn go(&self, unit: U, user: &mut [Line], items: &mut [Line]) {
        let mut from = 0;
        while user.len() - from > WIDE {
            self.lines::<WIDE, false>(unit, from, user, items);
            from += WIDE;
        }
        match user.len() - from {
            1 => self.lines::<1, true>(unit, from, user, items),
            2 => self.lines::<2, true>(unit, from, user, items),
            3 => self.lines::<3, true>(unit, from, user, items),
            4 => self.lines::<4, true>(unit, from, user, items),
            5 => self.lines::<5, true>(unit, from, user, items),
            6 => self.lines::<6, true>(unit, from, user, items),
            7 => self.lines::<7, true>(unit, from, user, items),
            _ => self.lines::<8, true>(unit, from, user, items),
        }
    }

    /// Moves `C` lines from line `from` on. `LAST` says that the last of them is the row's last,
    /// of which not every lane is a factor.
    #[inline(always)]
    fn lines<const C: usize, const LAST: bool>(
        &self,
        unit: U,
        from: usize,
        user: &mut [Line],
        items: &mut [Line],
    ) {
        let Some(user) = user[from..].first_chunk_mut::<C>() else { return };
        let zero = unit.splat(0.0);
        let mut w = [zero; C];
        for l in 0..C {
            w[l] = unit.load(&user[l]);
        }
        // Two sums, so that one need not wait for the other.
        let (mut even, mut odd) = ([zero; C], [zero; C]);
        let mut at = 0;
        while at + 1 < self.rows.len() {
            let Some(row) = items[self.rows[at] + from..].first_chunk_mut::<C>() else { return };
            self.item::<C, LAST>(unit, at, &w, row, &mut even);
            let Some(row) = items[self.rows[at + 1] + from..].first_chunk_mut::<C>() else {
                return;
            };
            self.item::<C, LAST>(unit, at + 1, &w, row, &mut odd);
            at += 2;
        }
        let [user_moves, _, user_shrinks, _] = self.masks;
        let (rate, shrink) = (unit.splat(self.own[0]), unit.splat(self.own[1]));
        let one = unit.splat(1.0);
        for l in 0..C {
            let gradient = unit.add(even[l], odd[l]);
            let (rate, shrink) = match LAST && l + 1 == C {
                true => (unit.mul(rate, user_moves), unit.mul(shrink, user_shrinks)),
                false => (rate, shrink),
            };
            let kept = unit.mul(unit.sub(one, shrink), w[l]);
            unit.store(unit.fused(rate, gradient, kept), &mut user[l]);
        }
    }

    /// Adds an item's part of the user's gradient, and moves the item's row.
    #[inline(always)]
    fn item<const C: usize, const LAST: bool>(
        &self,
        unit: U,
        at: usize,
        w: &[U::Lanes; C],
        row: &mut [Line; C],
        gradient: &mut [U::Lanes; C],
    ) {
        let [_, item_moves, _, item_shrinks] = self.masks;
        let (error, rate) = (unit.splat(self.errors[at]), unit.splat(self.by_user[at]));
        let (one, shrink) = (unit.splat(1.0), unit.splat(self.shrink[at]));
        for l in 0..C {
            let h = unit.load(&row[l]);
            gradient[l] = unit.fused(error, h, gradient[l]);
            let (rate, shrink) = match LAST && l + 1 == C {
                true => (unit.mul(rate, item_moves), unit.mul(shrink, item_shrinks)),
                false => (rate, shrink),
            };
            let kept = unit.mul(unit.sub(one, shrink), h);
            unit.store(unit.fused(rate, w[l], kept), &mut row[l]);
        }
    }
}
