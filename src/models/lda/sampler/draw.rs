//! The randomness of one token in one sweep.

use crate::random::Draws;

/// One draw of 64 bits; two independent fractions of 24 bits are taken from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw(u64);

/// 2⁻²⁴.
const STEP: f32 = 1.0 / (1u32 << 24) as f32;

impl Draw {
    /// The draw of a token: the one with this number among those of the word in the document.
    /// `word` are the draws of the seed, the sweep and the word.
    #[inline(always)]
    pub fn new(word: &Draws, document: u32, number: u32) -> Self {
        Draw(word.at(u64::from(number) << 32 | u64::from(document)))
    }

    /// In `[0, 1)`.
    #[inline(always)]
    pub fn first(self) -> f32 {
        (self.0 >> 40) as u32 as f32 * STEP
    }

    /// In `[0, 1)`.
    #[inline(always)]
    pub fn second(self) -> f32 {
        (self.0 & 0xff_ffff) as u32 as f32 * STEP
    }

    /// Any code of so many topics.
    pub fn any(self, topics: usize) -> u16 {
        (self.0 % topics as u64) as u16 + 1
    }
}
