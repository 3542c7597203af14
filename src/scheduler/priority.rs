//! Keys that moved much, more often.

use super::tree::WeightTree;
use super::width::Width;
use super::{Next, Report, Scheduler, View};
use crate::program::{Key, Work};
use crate::random::{Draws, purpose};

const PURPOSE: u64 = purpose("priority draw");

/// The weight of a key nothing is known of, and the most that any key is given. So large that
/// keys known to have moved are hardly drawn while there is such a key; exact sums in the tree
/// let the smallest weights count again as soon as there is none.
const UNSEEN: f64 = (1u128 << 100) as f64;

/// Where priorities come from.
///
/// Moves alone never tell that a key which once stood still has been put out of its optimum by
/// others: only η brings it back. On a Lasso of 4000 correlated columns (groups of ten, neighbours
/// at 0.9; blocks of 64, a certify round every 4000 updates) 40 000 updates with violations came
/// closer to the optimum than 100 000 without, each at its best η.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// How much a key moved when it was last updated: |δβ|, as in the paper.
    Moved,
    /// The same, and a certify round that proposes keys says how much each violates optimality,
    /// on the scale of moves: that is its priority until it is updated, and all keys not proposed
    /// are taken to be optimal. For programs that propose nothing the same as `Moved`.
    #[default]
    Violation,
}

/// Distinct keys drawn with probability proportional to c = |δβ| + η (Lee et al. 2014), δβ a
/// key's last move (or its violation of optimality, see [`Source`]). Keys not seen yet all have
/// the same overwhelming weight, so that they are drawn first, and uniformly.
///
/// A block of `U` keys is drawn without replacement: each key in proportion among those that
/// remain, keys in flight left out. It depends on seed, epoch, round, weights and keys in flight
/// alone, and costs O(U log universe). Memory: 8/7 · 8 bytes a key, wherever the schedule is
/// decided. Weights survive a change of data, keys that are new count as unseen. Never finishes
/// unless there are no keys.
#[derive(Clone, Debug)]
pub struct Priority {
    width: Width,
    eta: f64,
    seed: u64,
    source: Source,
    weights: WeightTree,
    /// The weight of keys that `weights` does not have yet.
    fresh: f64,
    /// Weights set to zero for the duration of a draw.
    removed: Vec<(usize, f64)>,
}

impl Priority {
    /// Blocks of `width` keys. `eta` is positive, in units of |δβ|: what a key that no longer
    /// moves still weighs. Anything else counts as a very small η.
    pub fn new(width: Width, eta: f64, seed: u64, source: Source) -> Self {
        Priority {
            width,
            eta: if eta > 0.0 { eta.min(UNSEEN) } else { f64::MIN_POSITIVE },
            seed,
            source,
            weights: WeightTree::default(),
            fresh: UNSEEN,
            removed: Vec::new(),
        }
    }

    /// The weight of a key's move or violation: largest for what is not a number.
    fn weight(&self, moved: f32) -> f64 {
        let moved = f64::from(moved).abs();
        // The minimum with what is not a number is the other.
        (moved + self.eta).min(UNSEEN)
    }

    /// Draws up to `count` distinct keys that are not in flight and appends them as drawn.
    pub(super) fn draw<K: Key>(&mut self, view: &View<'_, K>, count: usize, keys: &mut Vec<K>) {
        self.weights.resize(view.universe, self.fresh);
        for key in view.in_flight {
            self.remove(key.index());
        }
        let mut draws = Draws::new(self.seed, PURPOSE, view.epoch, view.round);
        for _ in 0..count {
            let Some(key) = self.weights.find(draws.next_f64()) else { break };
            self.remove(key);
            keys.push(K::from_index(key));
        }
        // Backwards, as a key that is in flight twice was removed twice.
        while let Some((key, weight)) = self.removed.pop() {
            self.weights.set(key, weight);
        }
    }

    fn remove(&mut self, key: usize) {
        self.removed.push((key, self.weights.get(key)));
        self.weights.set(key, 0.0);
    }

    /// Forgets every priority but those of the keys proposed.
    fn reset<K: Key>(&mut self, proposed: &[K]) {
        // The universe is not known before the first draw; what is missing then is added by it.
        let needed = proposed.iter().map(|key| key.index() + 1).max().unwrap_or(0);
        self.weights.fill(self.weights.len().max(needed), self.eta);
        self.fresh = self.eta;
    }
}

impl<K: Key> Scheduler<K> for Priority {
    fn begin(&mut self, _epoch: u64) {
        self.fresh = UNSEEN;
    }

    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        if view.universe == 0 {
            return Next::Finish;
        }
        let width = self.width.keys(view.cost, view.shards, view.universe);
        self.draw(view, width, block);
        Next::Update
    }

    fn observe(&mut self, report: &Report<'_, K>) {
        match (report.work, self.source) {
            (Work::Update, _) => {}
            (Work::Certify, Source::Violation) if !report.keys.is_empty() => {
                self.reset(report.keys)
            }
            _ => return,
        }
        for (key, &moved) in report.keys.iter().zip(report.moved) {
            self.weights.set(key.index(), self.weight(moved));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scheduler::testing::{certified, chi_square_fits, moved, schedule, view};

    fn policy(width: usize, source: Source) -> Priority {
        Priority::new(Width::Fixed(width), 1.0, 5, source)
    }

    /// A policy that has seen `moves` of keys `0..`.
    fn told(width: usize, moves: &[f32]) -> Priority {
        let mut policy = policy(moves.len(), Source::Moved);
        let keys: Vec<u32> = (0..moves.len() as u32).collect();
        schedule(&mut policy, &view(0, moves.len(), &[]));
        moved(&mut policy, &keys, moves);
        policy.width = Width::Fixed(width);
        policy
    }

    #[test]
    fn probabilities_are_proportional_to_moves_plus_eta() {
        let moves = [0.0, 1.0, -3.0, 7.0, 0.5, 20.0, 0.0, 2.0, 2.0, 100.0];
        let mut policy = told(1, &moves);
        let mut counts = vec![0u64; moves.len()];
        for round in 0..50_000 {
            counts[schedule(&mut policy, &view(round, moves.len(), &[])).1[0] as usize] += 1;
        }
        chi_square_fits(&counts, &moves.map(|moved| f64::from(moved).abs() + 1.0));
    }

    #[test]
    fn later_draws_are_proportional_among_what_remains() {
        let weights = [1.0, 2.0, 3.0, 4.0];
        let mut policy = told(2, &[0.0, 1.0, 2.0, 3.0]);
        let (mut counts, mut expected) = (vec![], vec![]);
        for first in 0..4 {
            for second in (0..4).filter(|&second| second != first) {
                counts.push(0);
                expected.push(weights[first] * weights[second] / (10.0 - weights[first]));
            }
        }
        for round in 0..50_000 {
            let (_, block) = schedule(&mut policy, &view(round, 4, &[]));
            let (first, second) = (block[0] as usize, block[1] as usize);
            counts[first * 3 + second - usize::from(second > first)] += 1;
        }
        chi_square_fits(&counts, &expected);
    }

    #[test]
    fn unseen_keys_come_first_and_uniformly() {
        let mut counts = [0u64; 10];
        for round in 0..5_000 {
            let mut policy = policy(2, Source::Moved);
            schedule(&mut policy, &view(0, 10, &[]));
            moved(&mut policy, &[0, 1], &[1e6, f32::MIN_POSITIVE]);
            for key in schedule(&mut policy, &view(round, 10, &[])).1 {
                counts[key as usize] += 1;
            }
        }
        assert_eq!(counts[..2], [0, 0]);
        chi_square_fits(&counts[2..], &[1.0; 8]);
    }

    #[test]
    fn every_key_is_seen_once_before_any_is_seen_twice() {
        let mut policy = policy(10, Source::Moved);
        let mut seen = [0; 100];
        for round in 0..10 {
            let (_, block) = schedule(&mut policy, &view(round, 100, &[]));
            block.iter().for_each(|&key| seen[key as usize] += 1);
            moved(&mut policy, &block, &[1e3; 10]);
        }
        assert_eq!(seen, [1; 100]);
        // Keys that come with new data are unseen too.
        Scheduler::<u32>::begin(&mut policy, 1);
        let (_, block) = schedule(&mut policy, &view(0, 105, &[]));
        assert_eq!(block.iter().filter(|&&key| key >= 100).count(), 5);
    }

    #[test]
    fn violations_replace_what_was_known() {
        let mut policy = policy(4, Source::Violation);
        // Before the first draw, as the certificate of a fresh epoch comes.
        certified(&mut policy, &[8, 3], &[1e9, 1e9], 1.0);
        let (_, mut block) = schedule(&mut policy, &view(0, 20, &[]));
        assert_eq!(block.len(), 4);
        block.truncate(2);
        block.sort_unstable();
        assert_eq!(block, [3, 8]);
        moved(&mut policy, &[8, 3], &[0.0, 0.0]);
        certified(&mut policy, &[5], &[1e9], 1.0);
        assert_eq!(schedule(&mut policy, &view(1, 20, &[])).1[0], 5);
        assert!((policy.weights.total() - 1e9 - 20.0).abs() < 1e-3);
        // Without proposals, and in the paper's way, nothing is replaced.
        certified(&mut policy, &[], &[], 1.0);
        policy.source = Source::Moved;
        certified(&mut policy, &[6], &[1e30], 1.0);
        assert!((policy.weights.total() - 1e9 - 20.0).abs() < 1e-3);
    }

    #[test]
    fn damaged_figures_stay_finite() {
        let mut policy = Priority::new(Width::Fixed(4), f64::NAN, 0, Source::Moved);
        schedule(&mut policy, &view(0, 4, &[]));
        moved(&mut policy, &[0, 1, 2, 3, 77], &[f32::NAN, f32::INFINITY, 0.0, -0.0, 1.0]);
        assert_eq!(policy.weights.total(), 2.0 * UNSEEN);
        let (_, mut block) = schedule(&mut policy, &view(1, 4, &[]));
        block.sort_unstable();
        assert_eq!(block, [0, 1, 2, 3]);
    }

    #[test]
    fn seeds_epochs_and_rounds_differ() {
        let mut policy = told(8, &[1.0; 1000]);
        let drawn = schedule(&mut policy, &view(1, 1000, &[])).1;
        assert_eq!(drawn, schedule(&mut policy, &view(1, 1000, &[])).1);
        assert_ne!(drawn, schedule(&mut policy, &view(2, 1000, &[])).1);
        assert_ne!(drawn, schedule(&mut policy, &View { epoch: 1, ..view(1, 1000, &[]) }).1);
        policy.seed += 1;
        assert_ne!(drawn, schedule(&mut policy, &view(1, 1000, &[])).1);
        assert_eq!(schedule(&mut policy, &view(0, 0, &[])), (Next::Finish, vec![]));
    }

    proptest! {
        #[test]
        fn blocks_are_distinct_and_grounded_and_do_not_depend_on_the_order_of_news(
            moves in prop::collection::vec((0u32..60, 0.0f32..1e6), 0..100),
            in_flight in prop::collection::vec(0u32..60, 0..20),
            width in 1usize..80,
        ) {
            let mut last = std::collections::BTreeMap::new();
            let mut first = policy(width, Source::Moved);
            let mut second = first.clone();
            schedule(&mut first, &view(0, 60, &[]));
            schedule(&mut second, &view(0, 60, &[]));
            for (key, move_) in moves {
                moved(&mut first, &[key], &[move_]);
                last.insert(key, move_);
            }
            for (key, move_) in last.into_iter().rev() {
                moved(&mut second, &[key], &[move_]);
            }
            let before = first.weights.total();
            let view = view(9, 60, &in_flight);
            let (_, block) = schedule(&mut first, &view);
            prop_assert_eq!(&block, &schedule(&mut second, &view).1);
            prop_assert_eq!(first.weights.total(), before);
            let distinct: std::collections::BTreeSet<_> =
                block.iter().chain(&in_flight).copied().collect();
            let flying: std::collections::BTreeSet<_> = in_flight.iter().copied().collect();
            prop_assert_eq!(distinct.len(), block.len() + flying.len());
            prop_assert_eq!(block.len(), width.min(60 - flying.len()));
        }
    }
}
