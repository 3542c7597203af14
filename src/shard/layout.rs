//! Which shard a column lives on.
//!
//! Columns are dealt to shards in runs of [`RUN`]: a pure function of the column and the number
//! of shards, so that the number of columns may grow, neighbours (often correlated, as genotypes
//! are) mostly stay together, and hot and cold columns spread evenly.

/// Neighbouring columns that are dealt together.
pub const RUN: usize = 16;

/// The placement of columns on a fixed number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    shards: usize,
}

impl Layout {
    /// A layout over `shards` shards (at least one).
    pub fn new(shards: usize) -> Self {
        Layout { shards: shards.max(1) }
    }

    /// The number of shards.
    pub fn shards(self) -> usize {
        self.shards
    }

    /// The shard a column lives on.
    pub fn shard_of(self, column: usize) -> usize {
        (column / RUN) % self.shards
    }

    /// A column's position within its shard.
    pub fn local(self, column: usize) -> usize {
        (column / RUN / self.shards) * RUN + column % RUN
    }

    /// The column at a position of a shard: the inverse of `shard_of` and `local`.
    pub fn column(self, shard: usize, local: usize) -> usize {
        ((local / RUN) * self.shards + shard) * RUN + local % RUN
    }

    /// How many of `columns` columns live on a shard.
    pub fn count(self, shard: usize, columns: usize) -> usize {
        let stripe = RUN * self.shards;
        (columns / stripe) * RUN + (columns % stripe).saturating_sub(shard * RUN).min(RUN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_a_bijection() {
        for shards in [1, 2, 3, 4, 7] {
            let layout = Layout::new(shards);
            for columns in [0, 1, 15, 16, 17, 64, 65, 200] {
                let mut seen = vec![0; shards];
                for column in 0..columns {
                    let shard = layout.shard_of(column);
                    assert_eq!(layout.local(column), seen[shard]);
                    assert_eq!(layout.column(shard, layout.local(column)), column);
                    seen[shard] += 1;
                }
                for (shard, seen) in seen.into_iter().enumerate() {
                    assert_eq!(layout.count(shard, columns), seen);
                }
            }
        }
    }
}
