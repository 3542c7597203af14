//! Keys that moved much and do not interfere.

use std::collections::BTreeSet;

use super::couplings::Couplings;
use super::priority::Priority;
use super::width::Width;
use super::{Next, Report, Scheduler, View};
use crate::program::Key;

/// The most keys of an automatic block. The check compares each candidate with every key kept, so
/// its time grows with the square of the width while that of the updates grows linearly: with all
/// couplings remembered 18 µs at 32 keys, 45 µs at 64, 140 µs at 128 (measured). A key's share of
/// that and of the engine's cost is least at 64.
const WIDEST: usize = 64;

/// The dynamic schedule of STRADS (Lee et al. 2014; Kim et al. 2016): priority plus dependency
/// check.
///
/// 1. Draws `U'` candidates as [`Priority`] does, keys in flight left out.
/// 2. Goes through them in drawn order and keeps those whose coupling with every key kept before
///    that is decided apart ([`View::apart`]) and with every key in flight is less than ρ, until
///    there are `U`.
///
/// So every block has pairwise couplings below ρ, across shards and against blocks in flight; keys
/// that one shard decides one after the other may be coupled. The first
/// candidate is always kept unless it interferes with one in flight; if all candidates do, the
/// block is empty, and blocks in flight land meanwhile.
///
/// Couplings that are not known yet are asked for in a [`Next::Couple`] round, of all keys with an
/// unknown pair at once, and then the *same* candidates are judged. A pair that is still unknown
/// counts as dependent, so there is never a second such round for the same candidates.
///
/// A schedule takes at most `U'·(U' + in flight)` comparisons. Couplings are remembered within an
/// epoch, 65 536 pairs at most (0.8 MB for four-byte keys, wherever the schedule is decided).
/// Never finishes unless there are no keys.
#[derive(Clone, Debug)]
pub struct Dynamic<K> {
    priority: Priority,
    width: Width,
    candidates: Option<usize>,
    rho: f32,
    couplings: Couplings<K>,
    /// Drawn and not decided: not empty only after a [`Next::Couple`].
    drawn: Vec<K>,
}

impl<K: Key> Dynamic<K> {
    /// Blocks of up to `width` keys out of `candidates` (twice the width unless given, and never
    /// less than the width) drawn by `priority`. A `rho` of zero or less, or none at all, makes
    /// blocks of one key; above one nothing counts as interfering.
    pub fn new(priority: Priority, width: Width, candidates: Option<usize>, rho: f32) -> Self {
        let (couplings, drawn) = (Couplings::new(), Vec::new());
        Dynamic { priority, width, candidates, rho, couplings, drawn }
    }

    /// Keeps candidates in drawn order; unknown couplings count as weak if `unknown` collects
    /// their keys, and as strong without it.
    fn thin(
        &mut self,
        view: &View<'_, K>,
        width: usize,
        mut unknown: Option<&mut BTreeSet<K>>,
        block: &mut Vec<K>,
    ) {
        for &candidate in &self.drawn {
            // Which unknown couplings will matter is not known: all that may are collected.
            if block.len() >= width && unknown.as_ref().is_none_or(|unknown| unknown.is_empty()) {
                break;
            }
            let apart = block.iter().filter(|&&other| (view.apart)(candidate, other));
            let free = view.in_flight.iter().chain(apart).all(|&other| {
                match (self.couplings.of(candidate, other, view.coupling), &mut unknown) {
                    (Some(coupling), _) => coupling < self.rho,
                    (None, Some(unknown)) => {
                        unknown.extend([candidate, other]);
                        true
                    }
                    (None, None) => false,
                }
            });
            if free {
                block.push(candidate);
            }
        }
    }

    fn width(&self, view: &View<'_, K>) -> usize {
        let width = self.width.keys(view.cost, view.shards, view.universe);
        if self.width == Width::Auto { width.min(WIDEST) } else { width }
    }
}

impl<K: Key> Scheduler<K> for Dynamic<K> {
    fn begin(&mut self, epoch: u64) {
        Scheduler::<K>::begin(&mut self.priority, epoch);
        self.couplings.clear();
        self.drawn.clear();
    }

    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        if view.universe == 0 {
            return Next::Finish;
        }
        let width = self.width(view);
        if self.drawn.is_empty() {
            let count = self.candidates.unwrap_or(width.saturating_mul(2)).max(width);
            self.priority.draw(view, count, &mut self.drawn);
            let mut unknown = BTreeSet::new();
            self.thin(view, width, Some(&mut unknown), block);
            if !unknown.is_empty() {
                block.clear();
                block.extend(unknown);
                return Next::Couple;
            }
        } else {
            self.thin(view, width, None, block);
        }
        self.drawn.clear();
        Next::Update
    }

    fn observe(&mut self, report: &Report<'_, K>) {
        self.priority.observe(report);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::scheduler::priority::Source;
    use crate::scheduler::testing::{moved, schedule, view};

    const KEYS: usize = 24;
    const RHO: f32 = 0.1;

    fn policy(width: usize, candidates: Option<usize>) -> Dynamic<u32> {
        let width = Width::Fixed(width);
        Dynamic::new(Priority::new(width, 1e-3, 2, Source::Moved), width, candidates, RHO)
    }

    /// Couplings of pairs, known once both keys are gathered, or never.
    #[derive(Debug)]
    struct Data {
        couplings: Vec<f32>,
        never: Vec<bool>,
        gathered: RefCell<BTreeSet<u32>>,
    }

    impl Data {
        fn truth(&self, a: u32, b: u32) -> f32 {
            self.couplings[a.min(b) as usize * KEYS + a.max(b) as usize]
        }

        fn answer(&self, a: u32, b: u32) -> Option<f32> {
            let gathered = self.gathered.borrow();
            let never = self.never[a.min(b) as usize * KEYS + a.max(b) as usize];
            (!never && gathered.contains(&a) && gathered.contains(&b)).then(|| self.truth(a, b))
        }

        fn check(&self, block: &[u32], in_flight: &[u32]) {
            for (position, &key) in block.iter().enumerate() {
                for &other in block[..position].iter().chain(in_flight) {
                    assert!(key != other && self.truth(key, other) < RHO);
                }
            }
        }
    }

    fn data() -> impl Strategy<Value = Data> {
        let coupling = prop_oneof![3 => 0.0f32..0.0999, 1 => Just(RHO), 1 => 0.1f32..1.0];
        (
            prop::collection::vec(coupling, KEYS * KEYS),
            prop::collection::vec(prop::bool::weighted(0.1), KEYS * KEYS),
            prop::collection::btree_set(0..KEYS as u32, 0..KEYS),
        )
            .prop_map(|(couplings, never, gathered)| Data {
                couplings,
                never,
                gathered: RefCell::new(gathered),
            })
    }

    proptest! {
        /// Runs an engine of fixed lag over random data: whatever it answers, every block is
        /// independent, couple rounds never follow each other, and keys keep being updated.
        #[test]
        fn blocks_never_interfere_and_never_starve(
            data in data(),
            width in 1usize..12,
            candidates in prop::option::of(1usize..30),
            lag in 0usize..4,
        ) {
            let mut policy = policy(width, candidates);
            let mut flight: std::collections::VecDeque<Vec<u32>> = Default::default();
            let (mut coupled, mut asked) = (false, BTreeSet::new());
            for round in 0..60 {
                let in_flight: Vec<u32> = flight.iter().flatten().copied().collect();
                let coupling = |a, b| data.answer(a, b);
                let view = View { coupling: &coupling, ..view(round, KEYS, &in_flight) };
                let (next, block) = schedule(&mut policy, &view);
                match next {
                    Next::Couple => {
                        prop_assert!(!coupled && block.len() > 1);
                        asked = block.iter().copied().collect();
                        prop_assert_eq!(asked.len(), block.len());
                        data.gathered.borrow_mut().extend(block);
                        coupled = true;
                        continue;
                    }
                    Next::Update => {}
                    _ => panic!("{next:?}"),
                }
                // The same candidates are judged: none that was not asked for or known before.
                prop_assert!(!coupled || block.iter().any(|key| asked.contains(key))
                    || !in_flight.is_empty());
                coupled = false;
                data.check(&block, &in_flight);
                prop_assert!(block.len() <= width);
                prop_assert!(!block.is_empty() || !in_flight.is_empty());
                flight.push_back(block);
                if flight.len() > lag {
                    let block = flight.pop_front().unwrap();
                    let moves: Vec<f32> = block.iter().map(|&key| 1.0 / (1.0 + key as f32)).collect();
                    moved(&mut policy, &block, &moves);
                }
            }
        }
    }

    #[test]
    fn keeps_the_first_drawn_and_fills_up_from_the_candidates() {
        // Even keys all interfere with each other, odd keys with nothing.
        let coupling = |a: u32, b: u32| Some(if (a | b) & 1 == 0 { 0.5 } else { 0.0 });
        let mut policy = policy(6, Some(KEYS));
        for round in 0..50 {
            let view = View { coupling: &coupling, ..view(round, KEYS, &[]) };
            let mut drawn = Vec::new();
            policy.clone().priority.draw(&view, KEYS, &mut drawn);
            let mut evens = 0;
            drawn.retain(|key| {
                evens += usize::from(key % 2 == 0);
                key % 2 == 1 || evens == 1
            });
            assert_eq!(schedule(&mut policy, &view), (Next::Update, drawn[..6].to_vec()));
        }
    }

    #[test]
    fn couplings_with_blocks_in_flight_count() {
        let coupling = |a: u32, b: u32| Some(if a / 6 == b / 6 { 1.0 } else { 0.0 });
        let mut policy = policy(8, Some(KEYS));
        let view = View { coupling: &coupling, ..view(0, KEYS, &[0, 7]) };
        let (_, mut block) = schedule(&mut policy, &view);
        block.sort_unstable();
        assert_eq!(block.iter().map(|key| key / 6).collect::<Vec<_>>(), [2, 3]);
        let view = View { in_flight: &[0, 7, 13, 20], ..view };
        assert_eq!(schedule(&mut policy, &view), (Next::Update, vec![]));
    }

    #[test]
    fn what_stays_unknown_is_dependent() {
        let unknown = |_, _| None;
        let mut policy = policy(4, None);
        for round in 0..10 {
            let view = View { coupling: &unknown, ..view(round, KEYS, &[]) };
            let (next, asked) = schedule(&mut policy, &view);
            assert_eq!((next, asked.len()), (Next::Couple, 8));
            let (next, block) = schedule(&mut policy, &view);
            assert_eq!((next, block.len()), (Next::Update, 1));
            assert!(asked.contains(&block[0]));
        }
    }

    #[test]
    fn a_new_epoch_forgets_candidates_and_couplings() {
        let unknown = |_, _| None;
        let mut policy = policy(4, None);
        schedule(&mut policy, &view(0, KEYS, &[]));
        let blind = View { coupling: &unknown, ..view(1, KEYS, &[]) };
        assert_eq!(schedule(&mut policy, &blind).0, Next::Couple);
        policy.begin(1);
        assert!(policy.drawn.is_empty());
        let dense = |_, _| Some(1.0);
        let view = View { coupling: &dense, ..view(0, 2, &[]) };
        let (next, block) = schedule(&mut policy, &view);
        assert_eq!((next, block.len()), (Next::Update, 1));
        assert_eq!(schedule(&mut policy, &View { universe: 0, ..view }).0, Next::Finish);
    }

    #[test]
    fn extreme_thresholds() {
        for (rho, kept) in [(0.0, 1), (f32::NAN, 1), (2.0, 4)] {
            let mut policy = Dynamic { rho, ..policy(4, None) };
            let strong = |_, _| Some(if rho > 1.0 { 1.0 } else { 0.0 });
            let view = View { coupling: &strong, ..view(0, KEYS, &[]) };
            assert_eq!(schedule(&mut policy, &view).1.len(), kept);
        }
    }
}
