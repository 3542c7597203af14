//! Rows of users in a shard and of items in a slice, from their first values on.

use bytemuck::{Pod, Zeroable};

use super::kernels::{LANES, Line};
use super::plan::Plan;
use super::row::{ITEM_BIAS, USER_BIAS, width};
use crate::container::Slice;
use crate::models::mf::{Factorisation, Options};
use crate::random::{Draws, purpose};

const USER: u64 = purpose("first factors of users");
const ITEM: u64 = purpose("first factors of items");

/// First factors of normalised ratings have a standard deviation of this over √rank.
const FIRST: f64 = 0.035;

/// A line that begins where a cache line does.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Aligned(Line);

/// First values of rows.
pub(super) struct First<'a> {
    pub plan: &'a Plan,
    pub options: &'a Options,
}

impl First<'_> {
    /// Rows of users.
    pub fn users(&self, users: &[u32]) -> Vec<Aligned> {
        let width = width(self.options.rank);
        let mut rows = vec![Aligned::zeroed(); users.len() * width];
        let lines: &mut [Line] = bytemuck::cast_slice_mut(&mut rows);
        for (row, &user) in lines.chunks_mut(width).zip(users) {
            let bias = self.fill(row, USER, user, |warm, user| {
                // What was taken off the ratings then and is not now belongs to the biases.
                let moved = warm.mean - self.plan.mean;
                (warm.user(user), f64::from(warm.user_bias[user]) + moved)
            });
            row[width - 1][USER_BIAS] = bias;
            row[width - 1][ITEM_BIAS] = 1.0;
        }
        rows
    }

    /// A slice's rows of items, and one of zeros.
    pub fn slice(&self, slice: usize) -> Slice<f32> {
        let width = width(self.options.rank);
        let mut cells = vec![0.0; (self.plan.per_slice + 1) * width * LANES + LANES];
        let lines = bytemuck::cast_slice_mut::<f32, Line>(&mut cells);
        for (row, &item) in lines.chunks_mut(width).zip(self.plan.slice(slice)) {
            let bias = self.fill(row, ITEM, item, |warm, item| {
                (warm.item(item), f64::from(warm.item_bias[item]))
            });
            row[width - 1][ITEM_BIAS] = bias;
            row[width - 1][USER_BIAS] = 1.0;
        }
        Slice { head: vec![0], cells }
    }

    /// Fills in factors, at random or those of a model; gives the bias.
    fn fill<'m>(
        &'m self,
        row: &mut [Line],
        side: u64,
        id: u32,
        warm: impl Fn(&'m Factorisation, usize) -> (&'m [f32], f64),
    ) -> f32 {
        let factors = &mut row.as_flattened_mut()[..self.options.rank];
        if let Some(model) = &self.plan.problem.warm {
            let (from, bias) = warm(model, id as usize);
            let scale = 1.0 / self.plan.deviation.sqrt();
            for (to, &from) in factors.iter_mut().zip(from) {
                *to = (f64::from(from) * scale) as f32;
            }
            return (bias / self.plan.deviation) as f32;
        }
        let scale = FIRST * (12.0 / self.options.rank as f64).sqrt();
        let mut draws = Draws::new(self.options.seed, side, 0, u64::from(id));
        for factor in factors {
            *factor = (scale * (draws.next_f64() - 0.5)) as f32;
        }
        0.0
    }
}

/// A shard's rows as lines.
pub(super) fn user_lines(rows: &mut [Aligned]) -> &mut [Line] {
    bytemuck::cast_slice_mut(rows)
}

/// A slice's rows as lines, moved to where a cache line begins if they came from another process.
pub(super) fn item_lines(slice: &mut Slice<f32>) -> &mut [Line] {
    let length = slice.cells.len() - LANES;
    let (is, should) = (slice.head[0] as usize, slice.cells.as_ptr().align_offset(64).min(LANES));
    if is != should {
        slice.cells.copy_within(is..is + length, should);
        slice.head[0] = should as u64;
    }
    bytemuck::cast_slice_mut(&mut slice.cells[should..should + length])
}

/// A slice's rows as lines, wherever they begin.
pub(super) fn lines_of(slice: &Slice<f32>) -> &[Line] {
    let start = slice.head[0] as usize;
    bytemuck::cast_slice(&slice.cells[start..start + slice.cells.len() - LANES])
}
