//! The topics of one word, and how likely each is before a document is looked at.

use super::unit::{LANES, Table, Unit, pick};

/// What is known of a topic beyond the word at hand.
#[derive(Clone, Copy, Debug)]
pub(in crate::models::lda) struct Prior {
    /// β.
    pub beta: f32,
    /// `V β`.
    pub beta_sum: f32,
}

/// For the word at hand: counts, `φ_k = (n_wk + β_wk) / (n_k + Σβ)`, and sums of `α_k φ_k` over
/// blocks of 16, of 256 and of all topics, all kept up to date as tokens move.
///
/// Topics are known by codes `1..=K`; code 0 stands for none and has no mass. 4 bytes a topic and
/// table, so that for `K` up to a few thousand everything stays in the first-level cache.
///
/// Sums are kept up by differences in single precision and computed afresh for every word and
/// after [`REFRESH`] tokens, so that their error stays near 2⁻²⁴ of the largest.
pub(super) struct Masses {
    /// `K`.
    pub topics: usize,
    pub prior: Prior,
    /// β of the word at hand in each topic, if it differs from topic to topic.
    pub word_prior: Option<Box<Table<f32>>>,
    /// Prior tokens of each topic beyond `V β`, if there are any.
    pub topic_prior: Option<Box<Table<f32>>>,
    /// `α_k`.
    pub alpha: Box<Table<f32>>,
    /// `φ_k`.
    pub phi: Box<Table<f32>>,
    /// `n_wk`.
    pub word: Box<Table<u32>>,
    /// `n_k`, as this shard knows it.
    pub total: Box<Table<i64>>,
    /// `1 / (n_k + Σβ)`.
    inverse: Box<Table<f32>>,
    /// Sums over 16 topics.
    blocks: Box<[f32; 1 << 12]>,
    /// Sums over 256 topics.
    groups: [f32; 1 << 8],
    /// The sum over all.
    pub all: f32,
}

/// Tokens of a word after which sums are computed afresh.
pub(super) const REFRESH: usize = 1 << 13;

impl Masses {
    pub fn new(topics: usize) -> Self {
        Masses {
            topics,
            prior: Prior { beta: 0.0, beta_sum: 0.0 },
            word_prior: None,
            topic_prior: None,
            alpha: Table::zeroed(),
            phi: Table::zeroed(),
            word: Table::zeroed(),
            total: Table::zeroed(),
            inverse: Table::zeroed(),
            blocks: Box::new([0.0; 1 << 12]),
            groups: [0.0; 1 << 8],
            all: 0.0,
        }
    }

    /// β of the word at hand.
    #[inline(always)]
    pub fn beta(&self, code: u16) -> f32 {
        match &self.word_prior {
            None => self.prior.beta,
            Some(prior) => prior.0[usize::from(code)],
        }
    }

    /// `n_k + Σβ` after so many tokens more.
    #[inline(always)]
    pub fn denominator(&self, code: u16, more: i64) -> f32 {
        let total = (self.total.0[usize::from(code)] + more) as f32 + self.prior.beta_sum;
        match &self.topic_prior {
            None => total,
            Some(prior) => total + prior.0[usize::from(code)],
        }
    }

    /// Takes in totals that others changed.
    #[inline(always)]
    pub fn load_totals(&mut self) {
        for code in 1..=self.topics as u16 {
            self.inverse.0[usize::from(code)] = 1.0 / self.denominator(code, 0);
        }
    }

    /// `φ` and all sums, from the counts.
    #[inline(always)]
    pub fn fill<U: Unit>(&mut self, unit: U) {
        let blocks = self.topics / LANES + 1;
        for block in 0..blocks {
            let at = block * LANES;
            let beta = match &self.word_prior {
                None => unit.splat(self.prior.beta),
                Some(prior) => unit.floats(lanes(&prior.0, at)),
            };
            let count = unit.float(unit.words(lanes(&self.word.0, at)));
            let inverse = unit.floats(lanes(&self.inverse.0, at));
            *lanes_mut(&mut self.phi.0, at) = unit.array(unit.mul(unit.add(count, beta), inverse));
        }
        self.sum(unit);
    }

    /// All sums, from `φ`.
    #[inline(always)]
    pub fn sum<U: Unit>(&mut self, unit: U) {
        for block in 0..self.topics / LANES + 1 {
            self.sum_block(unit, block);
        }
        for group in 0..self.topics / (LANES * LANES) + 1 {
            self.sum_group(unit, group);
        }
        self.sum_all();
    }

    #[inline(always)]
    fn sum_block<U: Unit>(&mut self, unit: U, block: usize) {
        let alpha = unit.floats(lanes(&self.alpha.0, block * LANES));
        let phi = unit.floats(lanes(&self.phi.0, block * LANES));
        self.blocks[block] = unit.total(unit.mul(alpha, phi));
    }

    #[inline(always)]
    fn sum_group<U: Unit>(&mut self, unit: U, group: usize) {
        self.groups[group] = unit.total(unit.floats(lanes(&self.blocks[..], group * LANES)));
    }

    #[inline(always)]
    fn sum_all(&mut self) {
        self.all = self.groups[..self.topics / (LANES * LANES) + 1].iter().sum();
    }

    /// Sets a topic's `φ`; sums follow.
    #[inline(always)]
    fn set(&mut self, code: u16, phi: f32) {
        let at = usize::from(code);
        let moved = self.alpha.0[at] * (phi - self.phi.0[at]);
        self.phi.0[at] = phi;
        self.blocks[at >> 4] += moved;
        self.groups[at >> 8] += moved;
        self.all += moved;
    }

    /// A token of the word enters (1) or leaves (−1) a topic.
    #[inline(always)]
    pub fn count(&mut self, code: u16, change: i32) {
        let at = usize::from(code);
        self.word.0[at] = self.word.0[at].wrapping_add_signed(change);
        self.total.0[at] += i64::from(change);
        let inverse = 1.0 / self.denominator(code, 0);
        self.inverse.0[at] = inverse;
        self.set(code, (self.word.0[at] as f32 + self.beta(code)) * inverse);
    }

    /// Gives a topic the count of a word that is being loaded over [`Masses::fill`] of no counts.
    #[inline(always)]
    pub fn load(&mut self, code: u16, count: u32) {
        let at = usize::from(code);
        self.word.0[at] = count;
        self.set(code, (count as f32 + self.prior.beta) * self.inverse.0[at]);
    }

    /// Takes the counts of the listed topics away, as if the word had never been loaded.
    #[inline(always)]
    pub fn unload<U: Unit>(&mut self, unit: U, codes: &[u16]) {
        for &code in codes {
            let at = usize::from(code);
            self.word.0[at] = 0;
            self.phi.0[at] = self.prior.beta * self.inverse.0[at];
        }
        codes.iter().for_each(|&code| self.sum_block(unit, usize::from(code) >> 4));
        codes.iter().for_each(|&code| self.sum_group(unit, usize::from(code) >> 8));
        self.sum_all();
    }

    /// The mass of a token's present topic, and what its topic adds to [`Masses::all`], given how
    /// many tokens of the document are in it.
    #[inline(always)]
    pub fn stay(&self, code: u16, in_document: u32) -> f32 {
        let at = usize::from(code);
        let document = (in_document as i32 - 1) as f32 + self.alpha.0[at];
        let word = self.word.0[at].wrapping_sub(1) as i32 as f32 + self.beta(code);
        document * word / self.denominator(code, -1)
    }

    /// `α φ` over all topics but one.
    #[inline(always)]
    pub fn others(&self, code: u16) -> f32 {
        (self.all - self.alpha.0[usize::from(code)] * self.phi.0[usize::from(code)]).max(0.0)
    }

    /// A topic other than `but`, with probability proportional to `α φ`: `at` is a place in
    /// `0..others(but)`. Nothing if rounding leaves none.
    #[inline(always)]
    pub fn draw<U: Unit>(&self, unit: U, but: u16, mut at: f32) -> Option<u16> {
        let own = usize::from(but);
        let mass = self.alpha.0[own] * self.phi.0[own];
        let without = |sums: &[f32; LANES], lane: usize| {
            let mut sums = *sums;
            if lane < LANES {
                sums[lane] = (sums[lane] - mass).max(0.0);
            }
            unit.floats(&sums)
        };
        let last = self.topics / (LANES * LANES) / LANES;
        let mut group = 0;
        for chunk in 0..=last {
            let sums =
                without(lanes(&self.groups, chunk * LANES), (own >> 8).wrapping_sub(chunk * LANES));
            let prefix = unit.prefix(sums);
            let all = unit.array(prefix)[LANES - 1];
            if at < all || chunk == last {
                let (lane, rest) = pick(unit, sums, prefix, at)?;
                (group, at) = (chunk * LANES + lane, rest);
                break;
            }
            at -= all;
        }
        let lane = if group == own >> 8 { own >> 4 & 15 } else { LANES };
        let sums = without(lanes(&self.blocks[..], group * LANES), lane);
        let (lane, at) = pick(unit, sums, unit.prefix(sums), at)?;
        let block = group * LANES + lane;
        let alpha = unit.floats(lanes(&self.alpha.0, block * LANES));
        let masses = unit.mul(alpha, unit.floats(lanes(&self.phi.0, block * LANES)));
        let own = if block == own >> 4 { 1 << (own & 15) } else { 0 };
        let masses = unit.clear(own, masses);
        let (lane, _) = pick(unit, masses, unit.prefix(masses), at)?;
        Some((block * LANES + lane) as u16)
    }
}

/// Sixteen entries; an array's length is a multiple of that, and so is `at`.
#[inline(always)]
pub(super) fn lanes<T>(table: &[T], at: usize) -> &[T; LANES] {
    &table.as_chunks::<LANES>().0[at / LANES]
}

/// Sixteen entries to be written.
#[inline(always)]
fn lanes_mut<T>(table: &mut [T], at: usize) -> &mut [T; LANES] {
    &mut table.as_chunks_mut::<LANES>().0[at / LANES]
}
