//! The rows of shards: a file a shard, block after block.

use std::io;

use super::section::{Damage, Label};
use super::shards::{Set, others, read_all};
use super::{Entry, arrays};
use crate::formats::{ReadOptions, Table};
use crate::shard::{BLOCK, RowShard};

type Shards = Vec<(usize, RowShard)>;

fn set(shards: usize) -> Set {
    Set { ending: "rows", kind: 9, shards }
}

/// The labels of a block's sections.
fn label(entry: &Entry, set: &Set, shard: usize, block: usize) -> impl Fn(u64) -> Label {
    let first = set.label(entry, shard, block as u64 * arrays::PARTS);
    move |part| first.at(first.kind, first.index + part)
}

/// Writes the rows of the kept shards.
pub(super) fn write(entry: &Entry, shards: &Shards, options: &ReadOptions) -> io::Result<()> {
    let set = set(options.shards.max(1));
    for (shard, rows) in shards {
        entry.write(&set.name(*shard), |to| {
            let mut blocks = rows.blocks().iter().enumerate();
            blocks.try_for_each(|(at, block)| {
                arrays::write(to, label(entry, &set, *shard, at), block)
            })
        })?;
    }
    Ok(())
}

/// Reads the rows of the shards that are to be kept; if there are none for so many shards, from
/// those of another number of shards.
pub(super) fn read(entry: &Entry, table: &Table, options: &ReadOptions) -> Result<Shards, Damage> {
    let ours = options.shards.max(1);
    let keep = options.keep.start..options.keep.end.min(ours);
    let read = |count: usize, shards: &[usize]| {
        read_all(options.threads, shards, |shard| read_one(entry, table, &set(count), shard))
    };
    let own: Vec<usize> = keep.clone().collect();
    let mut outcome = read(ours, &own);
    for theirs in others(entry, &set(ours)) {
        if outcome.is_ok() {
            break;
        }
        let all: Vec<usize> = (0..theirs).collect();
        let dealt =
            read(theirs, &all).map(|shards| whole(table, shards).deal_blocks(ours, keep.clone()));
        outcome = dealt.or(outcome);
    }
    outcome
}

fn read_one(entry: &Entry, table: &Table, set: &Set, shard: usize) -> Result<RowShard, Damage> {
    let rows = RowShard::count(shard, table.rows, set.shards);
    let mut file = entry.open(&set.name(shard))?;
    let mut blocks = Vec::with_capacity(rows.div_ceil(BLOCK));
    for first in (0..rows).step_by(BLOCK) {
        let label = label(entry, set, shard, first / BLOCK);
        let rows = BLOCK.min(rows - first);
        blocks.push(arrays::read(&mut file, label, rows, table.columns)?);
    }
    file.end()?;
    Ok(RowShard::from_blocks(table.columns, blocks))
}

/// All rows on one shard, from all shards in order.
fn whole(table: &Table, shards: Shards) -> RowShard {
    let mut shards: Vec<_> =
        shards.into_iter().map(|(_, rows)| rows.into_blocks().into_iter()).collect();
    let count = shards.len();
    let blocks = (0..table.rows.div_ceil(BLOCK))
        .filter_map(|block| shards.get_mut(RowShard::shard_of(block, count))?.next());
    RowShard::from_blocks(table.columns, blocks.collect())
}
