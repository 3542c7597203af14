//! The columns of shards: a file a shard.

use std::io;

use super::section::Damage;
use super::shards::{Set, others, read_all};
use super::{Entry, arrays};
use crate::formats::{ReadOptions, Table};
use crate::shard::{ColumnShard, Layout};

type Shards = Vec<(usize, ColumnShard)>;

fn set(layout: Layout) -> Set {
    Set { ending: "columns", kind: 8, shards: layout.shards() }
}

/// Writes the columns of the kept shards.
pub(super) fn write(entry: &Entry, table: &Table, options: &ReadOptions) -> io::Result<()> {
    let layout = Layout::new(options.shards);
    for (shard, columns) in table.shards.iter().filter(|(_, columns)| !columns.is_empty()) {
        entry.write(&set(layout).name(*shard), |to| {
            arrays::write(to, |part| set(layout).label(entry, *shard, part), columns)
        })?;
    }
    Ok(())
}

/// Reads the columns of the shards that are to be kept; if there are none for so many shards, from
/// those of another number of shards.
pub(super) fn read(entry: &Entry, table: &Table, options: &ReadOptions) -> Result<Shards, Damage> {
    let ours = Layout::new(options.shards);
    let keep = options.keep.start..options.keep.end.min(ours.shards());
    let own: Vec<usize> = keep.clone().collect();
    let read = |layout: Layout, shards: &[usize]| {
        read_all(options.threads, shards, |shard| read_one(entry, table, layout, shard))
    };
    let mut outcome = read(ours, &own);
    for theirs in others(entry, &set(ours)).into_iter().map(Layout::new) {
        if outcome.is_ok() {
            break;
        }
        // A run of columns is on shard `run mod shards`, in their layout as in ours.
        let common = common_divisor(ours.shards(), theirs.shards());
        let needed = |shard: &usize| own.iter().any(|own| own % common == shard % common);
        let needed: Vec<usize> = (0..theirs.shards()).filter(needed).collect();
        let dealt = read(theirs, &needed);
        let dealt = dealt.and_then(|shards| deal(table, theirs, &shards, ours, &own));
        outcome = dealt.or(outcome);
    }
    outcome
}

fn read_one(
    entry: &Entry,
    table: &Table,
    layout: Layout,
    shard: usize,
) -> Result<ColumnShard, Damage> {
    let count = layout.count(shard, table.columns);
    if count == 0 {
        return Ok(ColumnShard::new(table.rows));
    }
    let mut file = entry.open(&set(layout).name(shard))?;
    let label = |part| set(layout).label(entry, shard, part);
    let columns = arrays::read(&mut file, label, table.rows, count)?;
    file.end()?;
    Ok(columns)
}

/// The columns of shards `own` of our layout, from the shards of theirs that have them.
fn deal(
    table: &Table,
    theirs: Layout,
    shards: &Shards,
    ours: Layout,
    own: &[usize],
) -> Result<Shards, Damage> {
    let mut words = Vec::new();
    let mut one = |own: usize| {
        let mut columns = ColumnShard::new(table.rows);
        for local in 0..ours.count(own, table.columns) {
            let column = ours.column(own, local);
            let shard = theirs.shard_of(column);
            let missing = Damage::Content("a shard is missing");
            let place = shards.binary_search_by_key(&shard, |(shard, _)| *shard);
            let (_, from) = &shards[place.map_err(|_| missing)?];
            words.clear();
            from.encode(theirs.local(column), &mut words);
            columns.decode(&words).map_err(|_| Damage::Content("a bad column"))?;
        }
        columns.shrink();
        Ok((own, columns))
    };
    own.iter().map(|&own| one(own)).collect()
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
