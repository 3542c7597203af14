//! Columns of a factor's new rows that shards take together.
//!
//! The factor grows by panels of columns. A panel's own rows are taken alike by everybody; of the
//! rows below it tiles are dealt to the shards in turn. Each entry comes of the same operations
//! whoever takes it and whatever the panels are, so the factor has the bits of
//! [`Factor::extend`].

use super::cost;
use super::factor::{Factor, Growth, PANEL};
use super::tiles::TILE;

/// Columns of a panel at least, and the most panels that are taken as one.
const WIDTH: usize = 64;
const PANELS: usize = 4;

impl Factor {
    /// Opens the next panel that is worth a round among so many shards, if there is one, and tells
    /// where it ends.
    pub fn open(&mut self, shards: usize) -> Option<usize> {
        let Growth { first, end, done } = self.growth;
        // Columns before the first of the rows have no rows of their own to take.
        let whole = (done < first).then_some(first);
        let wider = (1..=PANELS).map(|count| first.max(done) + count * WIDTH);
        let pays = |&right: &usize| {
            let rows = end.saturating_sub(right.max(first));
            cost::pays(cost::columns(done, right, rows), rows * (right - done), shards)
        };
        let right = whole.into_iter().chain(wider).find(pays)?;
        self.complete(right);
        Some(right)
    }

    /// The tiles of the rows below a panel that a shard takes.
    fn dealt(&self, right: usize, (shard, shards): (usize, usize)) -> Vec<usize> {
        let Growth { first, end, .. } = self.growth;
        (right.max(first)..end).step_by(TILE).skip(shard).step_by(shards).collect()
    }

    /// Where a row's entries in a panel are.
    fn places(&self, row: usize, right: usize) -> std::ops::Range<usize> {
        row * self.stride + self.growth.done..row * self.stride + right
    }

    /// Takes a shard's entries of a panel, and gives them.
    pub fn take(&mut self, right: usize, part: (usize, usize), words: &mut Vec<u64>) {
        let Growth { done, end, .. } = self.growth;
        let tops = self.dealt(right, part);
        for tops in tops.chunks(PANEL / TILE) {
            for left in (done..right).step_by(TILE) {
                tops.iter().for_each(|&top| self.tile(top, left, end));
            }
        }
        for row in tops.iter().flat_map(|&top| top..(top + TILE).min(end)) {
            words.extend(self.cells[self.places(row, right)].iter().map(|value| value.to_bits()));
        }
    }

    /// Puts in the entries of all shards: nothing if they are not as many as there should be.
    pub fn close<'a>(
        &mut self,
        right: usize,
        shards: usize,
        shares: impl Iterator<Item = &'a [u64]>,
    ) -> Option<()> {
        for (shard, mut words) in shares.enumerate() {
            let tops = self.dealt(right, (shard, shards));
            for row in tops.iter().flat_map(|&top| top..(top + TILE).min(self.growth.end)) {
                let places = self.places(row, right);
                let (entries, rest) = words.split_at_checked(places.len())?;
                let cells = self.cells[places].iter_mut();
                cells.zip(entries).for_each(|(cell, word)| *cell = f64::from_bits(*word));
                words = rest;
            }
            if !words.is_empty() {
                return None;
            }
        }
        self.growth.done = right;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::Factor;

    fn fill(row: usize, cells: &mut [f64]) {
        for (column, cell) in cells.iter_mut().enumerate() {
            *cell = ((row * 31 + column * 17) as f64).sin() / (1.0 + row.abs_diff(column) as f64);
        }
        cells[row] = 4.0;
    }

    /// A factor that several workers extend together; each holds one shard.
    fn extended_together(start: &Factor, order: usize, shards: usize) -> (Vec<Factor>, usize) {
        let mut workers = vec![start.clone(); shards];
        workers.iter_mut().for_each(|worker| worker.begin(order, fill));
        let mut rounds = 0;
        loop {
            let opened: Vec<_> = workers.iter_mut().map(|worker| worker.open(shards)).collect();
            assert!(opened.iter().all(|end| *end == opened[0]));
            let Some(right) = opened[0] else { break };
            let mut shares = vec![Vec::new(); shards];
            for (shard, worker) in workers.iter_mut().enumerate() {
                worker.take(right, (shard, shards), &mut shares[shard]);
            }
            for worker in &mut workers {
                let all = shares.iter().map(Vec::as_slice);
                assert_eq!(worker.close(right, shards, all), Some(()));
            }
            rounds += 1;
        }
        workers.iter_mut().for_each(Factor::finish);
        (workers, rounds)
    }

    fn bits(factor: &Factor) -> Vec<u64> {
        let mut x: Vec<f64> = (0..factor.order()).map(|i| (i as f64 * 0.3).cos()).collect();
        factor.solve(&mut x);
        let rows = (0..factor.order()).flat_map(|row| {
            let from = row * factor.stride;
            factor.cells[from..from + row + 1].iter().copied()
        });
        rows.chain(x).map(f64::to_bits).collect()
    }

    #[test]
    fn shares_make_the_bits_of_a_factor_alone() {
        for (before, order) in [(0, 900), (450, 901), (3, 703), (650, 902), (10, 40), (0, 1)] {
            let mut start = Factor::default();
            start.extend(before, fill);
            let mut alone = start.clone();
            alone.extend(order, fill);
            for shards in [1, 2, 3, 5] {
                let (workers, rounds) = extended_together(&start, order, shards);
                assert_eq!(rounds > 0, shards > 1 && order > 600, "{before}, {order}, {shards}");
                workers.iter().for_each(|worker| assert_eq!(bits(worker), bits(&alone)));
            }
        }
    }

    #[test]
    fn shares_of_another_length_are_noticed() {
        let mut factor = Factor::default();
        factor.begin(900, fill);
        let right = factor.open(2).expect("it is large");
        let mut shares = [Vec::new(), Vec::new()];
        factor.take(right, (0, 2), &mut shares[0]);
        factor.take(right, (1, 2), &mut shares[1]);
        shares[1].push(0);
        assert_eq!(factor.close(right, 2, shares.iter().map(Vec::as_slice)), None);
        shares[1].truncate(9);
        assert_eq!(factor.close(right, 2, shares.iter().map(Vec::as_slice)), None);
    }
}
