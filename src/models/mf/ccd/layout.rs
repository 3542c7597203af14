//! Where rows (users, or items) are: on which shard, and at which row of a block's table.
//!
//! Rows are ranked: by falling number of ratings in a batch fit, by their number in a live model.
//! Ranks are dealt to shards forth and back, so that shards have as many ratings each; a table holds
//! the rows of all shards by rank, in tiles of which each begins with a row of zeros.

/// Rows of a table that are worked on together: with 64 bytes a row a tile takes 512 KB, so that it
/// stays in the cache of a core while rows of it are gathered, and so that two bytes name a row.
const TILE: usize = 8192;

/// The rows of one side over all shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// The number of rows.
    pub count: usize,
    /// The number of shards.
    pub shards: usize,
}

impl Rows {
    /// The shard a rank lives on, and its row there.
    pub fn place(self, rank: usize) -> (usize, usize) {
        let (local, shard) = (rank / self.shards, rank % self.shards);
        (self.turn(shard, local), local)
    }

    /// Every other turn goes backwards.
    fn turn(self, shard: usize, local: usize) -> usize {
        if local.is_multiple_of(2) { shard } else { self.shards - 1 - shard }
    }

    /// The rank of a shard's row.
    pub fn rank(self, shard: usize, local: usize) -> usize {
        local * self.shards + self.turn(shard, local)
    }

    /// The number of rows of a shard.
    pub fn local(self, shard: usize) -> usize {
        let (full, rest) = (self.count / self.shards, self.count % self.shards);
        // The last turn reaches some shards only.
        full + usize::from(self.rank(shard, full) - full * self.shards < rest)
    }

    /// The number of tiles.
    pub fn tiles(self) -> usize {
        self.count.div_ceil(TILE - 1)
    }

    /// Rows of a table, zeros included.
    pub fn table(self) -> usize {
        self.count + self.tiles()
    }

    /// The tile a rank is in, and its place there.
    pub fn tile(rank: usize) -> (usize, usize) {
        (rank / (TILE - 1), rank % (TILE - 1) + 1)
    }

    /// The row of a table that holds a rank.
    pub fn row(rank: usize) -> usize {
        rank + rank / (TILE - 1) + 1
    }

    /// The rows of a table that make a tile.
    pub fn of_tile(self, tile: usize) -> std::ops::Range<usize> {
        tile * TILE..((tile + 1) * TILE).min(self.table())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_its_place() {
        for shards in 1..6 {
            for count in 0..40 {
                let rows = Rows { count, shards };
                let mut locals = vec![0; shards];
                for rank in 0..count {
                    let (shard, local) = rows.place(rank);
                    assert_eq!(rows.rank(shard, local), rank);
                    assert_eq!(local, locals[shard]);
                    locals[shard] += 1;
                }
                for (shard, local) in locals.into_iter().enumerate() {
                    assert_eq!(rows.local(shard), local);
                }
            }
        }
    }

    #[test]
    fn tiles_begin_with_a_row_of_zeros() {
        let rows = Rows { count: 3 * TILE, shards: 2 };
        let mut next = 0;
        for tile in 0..rows.tiles() {
            assert_eq!(rows.of_tile(tile).start, next);
            next = rows.of_tile(tile).end;
        }
        assert_eq!(next, rows.table());
        for rank in [0, 1, TILE - 2, TILE - 1, 2 * TILE, rows.count - 1] {
            let (tile, place) = Rows::tile(rank);
            assert_eq!(tile * (TILE - 1) + place - 1, rank);
            assert_eq!(rows.of_tile(tile).start + place, Rows::row(rank));
            assert!(place > 0 && rows.of_tile(tile).contains(&Rows::row(rank)));
        }
    }
}
