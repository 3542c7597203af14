//! The columns of shards: a file a shard, a section for some columns at a time.

use std::io;

use super::Entry;
use super::section::{self, Damage};
use super::shards::{Set, others, read_all};
use crate::formats::{ReadOptions, Table};
use crate::shard::{ColumnShard, Layout};

/// The words from which a section is long enough: little enough to stay in a processor's cache
/// from being read to being taken in.
const SECTION: usize = 1 << 16;

type Shards = Vec<(usize, ColumnShard)>;

fn set(layout: Layout) -> Set {
    Set { ending: "columns", kind: 8, shards: layout.shards() }
}

/// Writes the columns of the kept shards.
pub(super) fn write(entry: &Entry, table: &Table, options: &ReadOptions) -> io::Result<()> {
    let layout = Layout::new(options.shards);
    for (shard, columns) in table.shards.iter().filter(|(_, columns)| !columns.is_empty()) {
        entry.write(&set(layout).name(*shard), |to| {
            let (mut words, mut section) = (Vec::new(), 0);
            for column in 0..columns.len() {
                columns.encode(column, &mut words);
                if words.len() >= SECTION || column + 1 == columns.len() {
                    section::write(to, &set(layout).label(entry, *shard, section), &words)?;
                    words.clear();
                    section += 1;
                }
            }
            Ok(())
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
    let mut columns = ColumnShard::new(table.rows);
    let count = layout.count(shard, table.columns);
    if count == 0 {
        return Ok(columns);
    }
    let mut file = entry.open(&set(layout).name(shard))?;
    let mut section = 0;
    while columns.len() < count {
        let mut words = file.next::<u64>(&set(layout).label(entry, shard, section))?;
        while !words.is_empty() && columns.len() < count {
            let used = columns.decode(words).map_err(|_| Damage::Content("a bad column"))?;
            words = &words[used..];
        }
        if !words.is_empty() {
            return Err(Damage::Content("columns that should not be there"));
        }
        section += 1;
    }
    file.end()?;
    columns.shrink();
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
