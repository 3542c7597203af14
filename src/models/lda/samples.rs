//! Word-topic counts summed up over states of the sampler.

use super::slice;
use crate::container::Slice;

/// Sums of a slice's counts: 16 bytes a count.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    /// Ascending (position, code), with the sum.
    sums: Vec<((u32, u16), u32)>,
    samples: u32,
}

impl Samples {
    /// Adds a state.
    pub fn add(&mut self, slice: &Slice<u32>, topics: usize) {
        let mut state = Vec::new();
        for word in 0..slice.head.len() {
            let row = slice::row(&slice.head, &slice.cells, word);
            let counts = slice::counts(row, topics);
            state.extend(counts.map(|(code, count)| ((word as u32, code), count)));
        }
        state.append(&mut self.sums);
        // Stable, so that equal keys are neighbours; sums do not depend on their order.
        state.sort_by_key(|(key, _)| *key);
        state.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 = first.1.saturating_add(next.1);
            }
            same
        });
        self.sums = state;
        self.samples += 1;
    }

    /// As they are stored: the head is the number of samples, the cells are positions, codes and
    /// sums in turn.
    pub fn stored(&self) -> Slice<u32> {
        let cells = self.sums.iter().flat_map(|&((at, code), sum)| [at, u32::from(code), sum]);
        Slice { head: vec![u64::from(self.samples)], cells: cells.collect() }
    }

    /// What [`Samples::stored`] gave.
    pub fn from_stored(stored: &Slice<u32>) -> Self {
        let sums = stored.cells.chunks_exact(3).map(|sum| ((sum[0], sum[1] as u16), sum[2]));
        let samples = stored.head.first().map_or(0, |samples| *samples as u32);
        Samples { sums: sums.collect(), samples }
    }

    /// As a slice of pairs: the head is the number of samples and where each word's pairs end, the
    /// cells are codes and sums in turn.
    pub fn into_slice(self, words: usize) -> Slice<u32> {
        let mut head = vec![u64::from(self.samples)];
        let mut cells = Vec::with_capacity(2 * self.sums.len());
        let mut sums = self.sums.into_iter().peekable();
        for word in 0..words as u32 {
            while let Some(((_, code), sum)) = sums.next_if(|((at, _), _)| *at == word) {
                cells.extend([u32::from(code), sum]);
            }
            head.push(cells.len() as u64 / 2);
        }
        Slice { head, cells }
    }
}
