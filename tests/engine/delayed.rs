//! A program that is slowed down here and there, differently in every run, or fails.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use strads::container::{Columns, Moves, Partials};
use strads::program::{Program, Round, Work};

use super::problem::draw;

/// Runs `P`, and sleeps up to two milliseconds in one call of eight if it is slow.
pub struct Delayed<P> {
    pub program: P,
    seed: u64,
    calls: u64,
    slow: bool,
    /// Whether the push of the third update round panics.
    pub fails: bool,
    pushes: u64,
}

impl<P> Delayed<P> {
    pub fn new(program: P, slow: bool) -> Self {
        Delayed {
            program,
            seed: RandomState::new().build_hasher().finish(),
            calls: 0,
            slow,
            fails: false,
            pushes: 0,
        }
    }

    fn pause(&mut self) {
        self.calls += 1;
        let drawn = draw(self.seed, self.calls);
        if self.slow && drawn < -0.75 {
            std::thread::sleep(Duration::from_micros(((drawn + 1.0) * 8000.0) as u64));
        }
    }
}

impl<P: Program> Program for Delayed<P> {
    type Change = P::Change;
    type Key = P::Key;
    type Partial = P::Partial;
    type Delta = P::Delta;
    type Effect = P::Effect;
    type Certificate = P::Certificate;
    type Output = P::Output;

    const GUARDED: bool = P::GUARDED;

    fn ingest(&mut self, changes: &mut Vec<P::Change>) {
        self.pause();
        self.program.ingest(changes);
    }

    fn push(&mut self, shard: usize, block: &[P::Key], partials: &mut Columns<P::Key, P::Partial>) {
        self.pause();
        self.pushes += 1;
        assert!(!self.fails || self.pushes < 3, "this push fails");
        self.program.push(shard, block, partials);
    }

    fn pull(
        &mut self,
        shard: usize,
        partials: &Partials<'_, P::Key, P::Partial>,
        deltas: &mut Columns<P::Key, P::Delta>,
    ) {
        self.pause();
        self.program.pull(shard, partials, deltas);
    }

    fn effect(
        &mut self,
        shard: usize,
        work: Work,
        block: &[P::Key],
        moves: &Moves<'_, P::Key, P::Delta, P::Effect>,
        effect: &mut Vec<P::Effect>,
    ) {
        self.pause();
        self.program.effect(shard, work, block, moves, effect);
    }

    fn sync(&mut self, round: &Round<'_, Self>) {
        self.pause();
        let &Round { work, round, moves, certificate } = round;
        self.program.sync(&Round { work, round, moves, certificate });
    }

    fn certificate(
        &mut self,
        shard: usize,
        proposals: &mut Columns<P::Key, f32>,
    ) -> P::Certificate {
        self.pause();
        self.program.certificate(shard, proposals)
    }

    fn publish(&mut self, shard: usize, changes: &mut Vec<P::Output>) {
        self.program.publish(shard, changes);
    }

    fn universe(&self) -> usize {
        self.program.universe()
    }

    fn shard_of(key: P::Key, shards: usize) -> usize {
        P::shard_of(key, shards)
    }

    fn priority(delta: &P::Delta) -> f32 {
        P::priority(delta)
    }

    fn coupling(&self, a: P::Key, b: P::Key) -> Option<f32> {
        self.program.coupling(a, b)
    }
}
