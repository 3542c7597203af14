//! Row shards: blocks of neighbouring rows, each a few compact columns.

use std::ops::Range;

use super::columns::ColumnShard;

/// Neighbouring rows that are stored, dealt and worked on together: a block of a hundred columns
/// fits a core's cache.
pub const BLOCK: usize = 1024;

/// The rows of one shard: blocks of [`BLOCK`] rows (the table's last block may have fewer).
///
/// Block `b` of a table lives on shard `b mod shards`: a pure function of the row and the number
/// of shards, known while a file is still being read. Within a block every column is kept in its
/// most compact exact form (see [`ColumnShard`]), chosen by the block's own values.
#[derive(Clone, Debug, Default)]
pub struct RowShard {
    columns: usize,
    rounding: bool,
    blocks: Vec<ColumnShard>,
}

impl RowShard {
    /// No rows yet, of `columns` columns.
    pub fn new(columns: usize) -> Self {
        RowShard { columns, ..RowShard::default() }
    }

    /// No rows yet, of `columns` columns. The values of blocks are rounded to `f32` as they are
    /// appended: see [`ColumnShard::rounding`].
    pub fn rounding(columns: usize) -> Self {
        RowShard { rounding: true, ..RowShard::new(columns) }
    }

    /// The rows of a shard of `columns` columns, block by block.
    ///
    /// # Panics
    /// If a block has another number of columns, or more than [`BLOCK`] rows.
    pub fn from_blocks(columns: usize, blocks: Vec<ColumnShard>) -> Self {
        let fits = |block: &ColumnShard| block.len() == columns && block.rows() <= BLOCK;
        assert!(blocks.iter().all(fits), "blocks of {columns} columns, at most {BLOCK} rows");
        RowShard { blocks, ..RowShard::new(columns) }
    }

    /// The blocks, in the order of the table, taken out.
    pub fn into_blocks(self) -> Vec<ColumnShard> {
        self.blocks
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The blocks, in the order of the table.
    pub fn blocks(&self) -> &[ColumnShard] {
        &self.blocks
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.blocks.iter().map(ColumnShard::rows).sum()
    }

    /// The memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes() + size_of::<ColumnShard>()).sum()
    }

    /// CRC-32 of all blocks in the form they are stored in.
    pub fn checksum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        self.blocks.iter().for_each(|block| sum.update(&block.checksum().to_le_bytes()));
        sum.finalize()
    }

    /// Appends a block of finite values, row by row.
    ///
    /// # Panics
    /// If the values are no whole number of rows, or more than [`BLOCK`] of them.
    pub fn push_block(&mut self, by_row: &[f64]) {
        let width = self.columns.max(1);
        let rows = by_row.len() / width;
        assert!(by_row.len() == rows * width && rows <= BLOCK, "whole rows, at most {BLOCK}");
        let mut block = match self.rounding {
            true => ColumnShard::rounding(rows),
            false => ColumnShard::new(rows),
        };
        let mut values = Vec::with_capacity(rows);
        for column in 0..self.columns {
            values.clear();
            values.extend(by_row.iter().skip(column).step_by(width));
            block.push_dense(&values);
        }
        block.shrink();
        self.blocks.push(block);
    }

    /// The shard of a table's block.
    pub fn shard_of(block: usize, shards: usize) -> usize {
        block % shards.max(1)
    }

    /// The first row of a shard's block in the table.
    pub fn start(shard: usize, block: usize, shards: usize) -> usize {
        (block * shards.max(1) + shard) * BLOCK
    }

    /// How many of a table's rows live on a shard.
    pub fn count(shard: usize, rows: usize, shards: usize) -> usize {
        let stripe = BLOCK * shards.max(1);
        rows / stripe * BLOCK + (rows % stripe).saturating_sub(shard * BLOCK).min(BLOCK)
    }

    /// Deals whole columns, in the order of the table, to the shards `keep` of `shards`.
    ///
    /// Columns that are stored sparsely stay so in every block.
    pub fn deal(whole: &ColumnShard, shards: usize, keep: Range<usize>) -> Vec<(usize, RowShard)> {
        let (rows, columns) = (whole.rows(), whole.len());
        let shape = |block: usize| (rows - block * BLOCK).min(BLOCK);
        let mut blocks: Vec<ColumnShard> =
            (0..rows.div_ceil(BLOCK)).map(|block| ColumnShard::new(shape(block))).collect();
        let (mut at, mut values) = (Vec::new(), Vec::new());
        for column in 0..columns {
            let sparse = whole.is_sparse(column);
            let mut next = 0;
            let mut flush = |block: usize, at: &mut Vec<u32>, values: &mut Vec<f64>| {
                match sparse {
                    true => blocks[block].push_sparse(at, values),
                    false => blocks[block].push_dense(values),
                }
                at.clear();
                values.clear();
            };
            whole.for_each(column, |row, value| {
                while row >= (next + 1) * BLOCK {
                    flush(next, &mut at, &mut values);
                    next += 1;
                }
                at.push((row - next * BLOCK) as u32);
                values.push(value);
            });
            while next < rows.div_ceil(BLOCK) {
                flush(next, &mut at, &mut values);
                next += 1;
            }
        }
        let whole = blocks.into_iter().enumerate();
        Self::dealt(whole, columns, shards, keep)
    }

    /// Deals this shard's blocks, taken as those of a whole table, to the shards `keep` of
    /// `shards`.
    pub fn deal_blocks(self, shards: usize, keep: Range<usize>) -> Vec<(usize, RowShard)> {
        let columns = self.columns;
        Self::dealt(self.blocks.into_iter().enumerate(), columns, shards, keep)
    }

    fn dealt(
        blocks: impl Iterator<Item = (usize, ColumnShard)>,
        columns: usize,
        shards: usize,
        keep: Range<usize>,
    ) -> Vec<(usize, RowShard)> {
        let mut dealt: Vec<(usize, RowShard)> =
            keep.clone().map(|shard| (shard, RowShard::new(columns))).collect();
        for (at, mut block) in blocks {
            let shard = Self::shard_of(at, shards);
            if keep.contains(&shard) {
                block.shrink();
                dealt[shard - keep.start].1.blocks.push(block);
            }
        }
        dealt
    }

    /// The values of a column, which is taken out.
    pub fn take_column(&mut self, column: usize) -> Vec<f64> {
        let mut taken = Vec::with_capacity(self.rows());
        for block in &mut self.blocks {
            taken.extend((0..block.rows()).map(|row| block.value(column, row)));
            let mut rest = ColumnShard::new(block.rows());
            let (mut at, mut values) = (Vec::new(), Vec::new());
            for other in (0..block.len()).filter(|other| *other != column) {
                at.clear();
                values.clear();
                block.for_each(other, |row, value| {
                    at.push(row as u32);
                    values.push(value);
                });
                match block.is_sparse(other) {
                    true => rest.push_sparse(&at, &values),
                    false => rest.push_dense(&values),
                }
            }
            rest.shrink();
            *block = rest;
        }
        self.columns -= 1;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(row: usize, column: usize) -> f64 {
        match column {
            0 => (row % 3) as f64,
            1 => (row as f64).sin(),
            2 if row.is_multiple_of(7) => 0.5,
            _ => 0.0,
        }
    }

    #[test]
    fn every_row_is_where_it_is_looked_for() {
        for rows in [1, BLOCK - 1, BLOCK, 5 * BLOCK + 17] {
            let mut whole = ColumnShard::new(rows);
            for column in 0..3 {
                let values: Vec<f64> = (0..rows).map(|row| value(row, column)).collect();
                let stored: Vec<u32> =
                    (0..rows as u32).filter(|row| row.is_multiple_of(7)).collect();
                match column {
                    2 => whole.push_sparse(&stored, &vec![0.5; stored.len()]),
                    _ => whole.push_dense(&values),
                }
            }
            for shards in [1, 3] {
                let dealt = RowShard::deal(&whole, shards, 0..shards);
                for (shard, part) in &dealt {
                    assert_eq!(part.rows(), RowShard::count(*shard, rows, shards));
                    for (at, block) in part.blocks().iter().enumerate() {
                        let start = RowShard::start(*shard, at, shards);
                        for row in 0..block.rows() {
                            for column in 0..3 {
                                let expected = value(start + row, column);
                                assert_eq!(block.value(column, row), expected);
                            }
                        }
                    }
                }
                let mut one = dealt.into_iter().next().map(|(_, part)| part).unwrap_or_default();
                let taken = one.take_column(1);
                assert_eq!((taken.len(), one.columns()), (one.rows(), 2));
                assert_eq!(taken[0], value(0, 1));
                assert_eq!(one.blocks()[0].value(1, 0), value(0, 2));
            }
        }
    }
}
