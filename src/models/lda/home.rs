//! What is known of the slices at home on a shard where the corpus changes: as they were when last
//! looked at, so that only what changed is measured and told.

use super::hyper::Hyper;
use super::measure::{self, SlicePriors};
use super::slice;
use crate::container::Slice;

/// A slice as it was: its own size again, and 8 bytes a word.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    seen: Slice<u32>,
    /// Each word's part of the likelihood.
    likelihoods: Vec<f64>,
    /// Counts that changed and have not been told: position, code, what it was, what it is; in the
    /// order in which that was seen.
    changes: Vec<(u32, u16, [u32; 2])>,
}

impl Home {
    /// The words' part of `ln p(w | z)`, as [`measure::words`] has it. Concentrations must be those
    /// of the last time. Rows that are as they were cost a comparison.
    pub fn look(&mut self, slice: &Slice<u32>, priors: &SlicePriors, hyper: &Hyper) -> f64 {
        let topics = hyper.alpha.len();
        self.likelihoods.resize(slice.head.len(), 0.0);
        let old = &self.seen;
        for (word, likelihood) in self.likelihoods.iter_mut().enumerate() {
            let now = slice::row(&slice.head, &slice.cells, word);
            let was = match word < old.head.len() {
                true => slice::row(&old.head, &old.cells, word),
                false => &[],
            };
            if was != now {
                *likelihood = measure::word((word as u32, now), priors, hyper);
                let changes = &mut self.changes;
                differ(was, now, topics, |code, counts| changes.push((word as u32, code, counts)));
            }
        }
        self.seen.head.clone_from(&slice.head);
        self.seen.cells.clone_from(&slice.cells);
        self.likelihoods.iter().sum()
    }

    /// How counts differ from what was told before: position, code, what it was, what it is.
    pub fn tell(&mut self) -> impl Iterator<Item = (u32, u16, [u32; 2])> + '_ {
        self.changes.sort_by_key(|change| (change.0, change.1));
        self.changes.dedup_by(|next, first| {
            let same = (next.0, next.1) == (first.0, first.1);
            if same {
                first.2[1] = next.2[1];
            }
            same
        });
        self.changes.drain(..).filter(|(_, _, [was, is])| was != is)
    }
}

/// Calls `f` with every count of a word that differs: the code, what it was and what it is.
fn differ(was: &[u32], now: &[u32], topics: usize, mut f: impl FnMut(u16, [u32; 2])) {
    let sides = [was, now].into_iter().enumerate();
    let mut all: Vec<(u16, [u32; 2])> = sides
        .flat_map(|(side, row)| {
            slice::counts(row, topics).map(move |(code, count)| {
                let mut counts = [0; 2];
                counts[side] = count;
                (code, counts)
            })
        })
        .collect();
    all.sort_unstable_by_key(|count| count.0);
    for of_code in all.chunk_by(|a, b| a.0 == b.0) {
        let counts =
            of_code.iter().fold([0; 2], |sum, (_, one)| [sum[0] + one[0], sum[1] + one[1]]);
        if counts[0] != counts[1] {
            f(of_code[0].0, counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_net_change_is_told() {
        let topics = 4;
        let hyper = Hyper { alpha: vec![0.5; topics], beta: 0.1 };
        let sparse = |cells: &[(u32, u32)]| -> Slice<u32> {
            let cells: Vec<u32> = cells.iter().map(|(code, count)| code << 16 | count).collect();
            Slice { head: vec![0, cells.len() as u64], cells }
        };
        let (first, second) = (sparse(&[(1, 1), (3, 1)]), sparse(&[(3, 1), (2, 1)]));
        let mut home = Home::default();
        let fresh = |slice| measure::words(slice, &Vec::new(), &hyper);
        assert_eq!(home.look(&first, &Vec::new(), &hyper), fresh(&first));
        assert_eq!(home.tell().collect::<Vec<_>>(), [(1, 1, [0, 1]), (1, 3, [0, 1])]);
        assert_eq!(home.look(&second, &Vec::new(), &hyper), fresh(&second));
        assert_eq!(home.look(&first, &Vec::new(), &hyper), fresh(&first));
        assert_eq!(home.tell().count(), 0);
        home.look(&second, &Vec::new(), &hyper);
        assert_eq!(home.tell().collect::<Vec<_>>(), [(1, 1, [1, 0]), (1, 2, [0, 1])]);
    }
}
