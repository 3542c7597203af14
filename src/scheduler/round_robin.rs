//! Every key in turn.

use super::width::Width;
use super::{Next, Report, Scheduler, View};
use crate::program::Key;

/// Cycles through `0..universe`, a block at a time. Its position is carried across epochs, so that
/// short epochs do not update the first keys only; where the universe shrank below it, the cycle
/// starts over. Never finishes unless there are no keys.
///
/// Keys in flight are left to the engine to drop: the cycle meets them only where the blocks in
/// flight cover all of it.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    width: Width,
    position: usize,
}

impl RoundRobin {
    /// Starts at key 0 with blocks of `width` keys.
    pub fn new(width: Width) -> Self {
        RoundRobin::starting_at(0, width)
    }

    /// Starts at the key at a position; beyond the universe that is key 0.
    pub fn starting_at(position: usize, width: Width) -> Self {
        RoundRobin { width, position }
    }
}

impl<K: Key> Scheduler<K> for RoundRobin {
    fn schedule(&mut self, view: &View<'_, K>, block: &mut Vec<K>) -> Next {
        if view.universe == 0 {
            return Next::Finish;
        }
        for _ in 0..self.width.keys(view.cost, view.shards, view.universe) {
            if self.position >= view.universe {
                self.position = 0;
            }
            block.push(K::from_index(self.position));
            self.position += 1;
        }
        Next::Update
    }

    fn observe(&mut self, _report: &Report<'_, K>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::testing::{schedule, view};

    #[test]
    fn cycles_across_epochs() {
        let mut policy = RoundRobin::new(Width::Fixed(3));
        assert_eq!(schedule(&mut policy, &view(0, 5, &[])), (Next::Update, vec![0, 1, 2]));
        Scheduler::<u32>::begin(&mut policy, 1);
        assert_eq!(schedule(&mut policy, &view(0, 5, &[])).1, [3, 4, 0]);
        assert_eq!(schedule(&mut policy, &view(1, 5, &[])).1, [1, 2, 3]);
    }

    #[test]
    fn follows_the_universe() {
        let mut policy = RoundRobin::new(Width::Fixed(4));
        assert_eq!(schedule(&mut policy, &view(0, 4, &[])).1, [0, 1, 2, 3]);
        assert_eq!(schedule(&mut policy, &view(0, 6, &[])).1, [4, 5, 0, 1]);
        assert_eq!(schedule(&mut policy, &view(0, 2, &[])).1, [0, 1]);
        assert_eq!(schedule(&mut policy, &view(0, 0, &[])), (Next::Finish, vec![]));
        assert_eq!(schedule(&mut policy, &view(0, 3, &[])).1, [2, 0, 1]);
    }
}
