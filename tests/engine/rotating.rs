//! A program whose every number depends on the order in which everything happens.

use std::collections::{BTreeMap, BTreeSet};

use bytemuck::{Pod, Zeroable};
use strads::container::Slice;
use strads::operators::Ring;
use strads::program::{Certificate, Rotating, Sweep, Turn, Work};

use super::problem::draw;

/// A word of a document that appears so many times more.
pub type Word = (u32, u32, i64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Trace {
    hash: u64,
    pub error: f64,
}

impl Certificate for Trace {
    fn merge(&mut self, share: &Self) {
        self.hash = mixed(self.hash, share.hash);
        self.error += share.error;
    }
    fn error(&self) -> f64 {
        self.error
    }
}

pub fn mixed(a: u64, b: u64) -> u64 {
    (a.rotate_left(7) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[derive(Default)]
struct Shard {
    /// Counts that slices have, and those that they should.
    counts: BTreeMap<u32, (i64, i64)>,
    hash: u64,
    /// What it believes of all shards.
    view: f64,
    told: f64,
}

pub struct Rotor {
    ring: Ring,
    /// Cells by which a slice grows each time.
    growth: usize,
    shards: BTreeMap<usize, Shard>,
    /// Where and when work was done, by shard.
    pub turns: BTreeMap<usize, Vec<Turn>>,
}

impl Rotor {
    pub fn new(ring: Ring, worker: usize, growth: usize) -> Self {
        let local = ring.placement().local(worker);
        let shards: BTreeMap<_, _> = local.map(|shard| (shard, Shard::default())).collect();
        Rotor { ring, growth, shards, turns: BTreeMap::new() }
    }

    fn shard(&mut self, shard: usize) -> &mut Shard {
        self.shards.get_mut(&shard).expect("work is for local shards")
    }
}

/// The words of a slice with their counts, and whether the slice is whole.
pub fn counts(slice: &Slice<u32>) -> (Vec<(u32, i64)>, bool) {
    let words = slice.head[2..].chunks(2).map(|pair| (pair[0] as u32, pair[1] as i64));
    let sum = slice.cells.iter().fold(0, |sum: u64, &cell| mixed(sum, u64::from(cell)));
    (words.filter(|&(_, count)| count != 0).collect(), sum == slice.head[1])
}

fn add(head: &mut Vec<u64>, word: u32, more: i64) {
    let known = head[2..].chunks(2).position(|pair| pair[0] == u64::from(word));
    let at = known.map_or(head.len(), |at| 2 + 2 * at);
    if at == head.len() {
        head.extend([u64::from(word), 0]);
    }
    head[at + 1] = (head[at + 1] as i64 + more) as u64;
}

impl Rotating for Rotor {
    type Change = Word;
    type Cell = u32;
    type Summary = f64;
    type Certificate = Trace;
    /// Number, slice, and the hash of the shard it is at home at.
    type Output = (usize, Slice<u32>);

    fn ingest(&mut self, changes: &mut Vec<Word>) {
        for (document, word, more) in changes.drain(..) {
            let shards = self.ring.shards();
            let shard = self.shard(document as usize % shards);
            shard.counts.entry(word).or_default().1 += more;
        }
    }

    fn slice(&mut self, index: usize) -> Slice<u32> {
        Slice { head: vec![index as u64, 0], cells: Vec::new() }
    }

    fn work(&mut self, turn: &Turn, slice: &mut Slice<u32>) {
        self.turns.entry(turn.shard).or_default().push(*turn);
        let (growth, slices) = (self.growth, self.ring.slices());
        let shard = self.shard(turn.shard);
        shard.hash = mixed(shard.hash, slice.head[0]);
        match turn.sweep.work {
            Work::Refresh => {
                for (&word, count) in &mut shard.counts {
                    if word as usize % slices == turn.slice && count.0 != count.1 {
                        add(&mut slice.head, word, count.1 - count.0);
                        count.0 = count.1;
                    }
                }
            }
            Work::Update => {
                let step = draw(shard.hash, turn.round) + shard.view;
                shard.view = shard.view * 0.75 + step;
                shard.told += step;
                slice.head[0] = mixed(slice.head[0], shard.view.to_bits() ^ shard.hash);
                for at in 0..growth * (1 + turn.slice % 3) {
                    let cell = mixed(shard.hash, at as u64) as u32;
                    slice.cells.push(cell);
                    slice.head[1] = mixed(slice.head[1], u64::from(cell));
                }
            }
            Work::Certify | Work::Couple => shard.hash = mixed(shard.hash, slice.head[1]),
        }
    }

    fn summary(&mut self, shard: usize, _sweep: &Sweep, summary: &mut Vec<f64>) {
        let told = std::mem::take(&mut self.shard(shard).told);
        summary.extend([told].iter().filter(|&&told| told != 0.0));
    }

    fn sync(&mut self, shard: usize, summaries: &[&[f64]]) {
        let number = shard;
        let shard = self.shard(shard);
        for (_, part) in summaries.iter().enumerate().filter(|&(at, _)| at != number) {
            shard.view = part.iter().fold(shard.view * 0.5, |view, more| view + more);
        }
    }

    fn certificate(
        &mut self,
        shard: usize,
        sweep: &Sweep,
        slices: &[(usize, Slice<u32>)],
    ) -> Trace {
        let home: Vec<usize> = slices.iter().map(|(index, _)| *index).collect();
        assert!(home.iter().copied().eq(self.ring.home(shard)));
        let own = self.shard(shard);
        let hash = slices.iter().fold(own.hash ^ own.view.to_bits(), |hash, (_, slice)| {
            mixed(mixed(hash, slice.head[0]), slice.cells.len() as u64)
        });
        Trace { hash, error: 1.0 / (1.0 + sweep.number as f64) }
    }

    fn publish(
        &mut self,
        _shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Self::Output>,
    ) {
        changes.extend(slices.iter().cloned());
    }
}

/// The words that are left after changes, by word.
pub fn recount<'a>(changes: impl IntoIterator<Item = &'a Word>) -> BTreeSet<(u32, i64)> {
    let mut counts: BTreeMap<u32, i64> = BTreeMap::new();
    changes.into_iter().for_each(|&(_, word, more)| *counts.entry(word).or_default() += more);
    counts.into_iter().filter(|&(_, count)| count != 0).collect()
}
