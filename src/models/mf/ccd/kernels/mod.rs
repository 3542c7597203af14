//! The passes over ratings, on AVX-512, AVX2 and plain vectors, all with the same bits.

// Plain loops over lanes are what gets inlined and vectorised for every unit.
#![allow(clippy::needless_range_loop)]

mod pass;
#[cfg(test)]
mod tests;
mod unit;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use pass::{Part, State, Term, accumulate, subtract};
pub(super) use unit::BLOCK;

/// What one row of a block's table holds: the factor, and its last change.
pub(super) type Pair = [f32; 2 * BLOCK];
