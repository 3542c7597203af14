//! The columns of a shard, or of a block of rows: a section for each of the arrays they lie in.
//!
//! The first section is the form of every column. Arrays of forms that no column has are left out.

use std::io::{self, Read, Write};

use super::flat::Flat;
use super::section::{self, Damage, Label, Sections};
use crate::shard::{Arrays, ColumnShard, Stored, present};

/// More than the sections there may be.
pub(super) const PARTS: u64 = 16;

/// Which section each array is.
const FORMS: u64 = 0;
const WIDE: u64 = 1;
const NARROW: u64 = 2;
const SCALES: u64 = 3;
const BYTES: u64 = 4;
const TABLES: u64 = 5;
const LINES: u64 = 6;
const SPARSE_WIDE: [u64; 3] = [7, 8, 9];
const SPARSE_NARROW: [u64; 3] = [10, 11, 12];

/// Writes columns as they were read: nothing was put into them since.
pub(super) fn write(
    to: &mut impl Write,
    label: impl Fn(u64) -> Label,
    columns: &ColumnShard,
) -> io::Result<()> {
    let outline = columns.outline();
    let outline = outline.ok_or_else(|| io::Error::other("the columns were changed"))?;
    section::write(to, &label(FORMS), &outline.forms)?;
    let [wide, narrow, codes, sparse_wide, sparse_narrow, bytes] = present(&outline.forms);
    if wide {
        section::write(to, &label(WIDE), &columns.wide)?;
    }
    if narrow {
        section::write(to, &label(NARROW), &columns.narrow)?;
    }
    if bytes {
        section::write(to, &label(SCALES), &outline.scales)?;
        section::write(to, &label(BYTES), &columns.bytes)?;
    }
    if codes {
        section::write(to, &label(TABLES), &columns.tables)?;
        section::write(to, &label(LINES), &columns.lines)?;
    }
    if sparse_wide {
        let [lengths, rows, values] = SPARSE_WIDE.map(&label);
        section::write(to, &lengths, &outline.lengths_wide)?;
        section::write(to, &rows, &columns.sparse_wide.rows)?;
        section::write(to, &values, &columns.sparse_wide.values)?;
    }
    if sparse_narrow {
        let [lengths, rows, values] = SPARSE_NARROW.map(&label);
        section::write(to, &lengths, &outline.lengths_narrow)?;
        section::write(to, &rows, &columns.sparse_narrow.rows)?;
        section::write(to, &values, &columns.sparse_narrow.values)?;
    }
    Ok(())
}

/// Reads `count` columns over `rows` rows.
pub(super) fn read(
    from: &mut Sections<impl Read>,
    label: impl Fn(u64) -> Label,
    rows: usize,
    count: usize,
) -> Result<ColumnShard, Damage> {
    let mut arrays = Arrays { forms: from.next(&label(FORMS))?, ..Arrays::default() };
    if arrays.forms.len() != count {
        return Err(Damage::Content("another number of columns"));
    }
    let [wide, narrow, codes, sparse_wide, sparse_narrow, bytes] = present(&arrays.forms);
    if wide {
        arrays.wide = from.next(&label(WIDE))?;
    }
    if narrow {
        arrays.narrow = from.next(&label(NARROW))?;
    }
    if bytes {
        arrays.scales = from.next(&label(SCALES))?;
        arrays.bytes = from.next(&label(BYTES))?;
    }
    if codes {
        arrays.tables = from.next(&label(TABLES))?;
        arrays.lines = from.next(&label(LINES))?;
    }
    if sparse_wide {
        arrays.sparse_wide = stored(from, SPARSE_WIDE.map(&label))?;
    }
    if sparse_narrow {
        arrays.sparse_narrow = stored(from, SPARSE_NARROW.map(&label))?;
    }
    ColumnShard::from_arrays(rows, arrays).map_err(|_| Damage::Content("a bad column"))
}

fn stored<T: Flat>(
    from: &mut Sections<impl Read>,
    [lengths, rows, values]: [Label; 3],
) -> Result<Stored<T>, Damage> {
    Ok(Stored {
        lengths: from.next(&lengths)?,
        rows: from.next(&rows)?,
        values: from.next(&values)?,
    })
}
