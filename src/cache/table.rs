//! What a table has beside its columns.

use std::io::{self, Read, Write};

use super::section::{self, Damage, Label, Sections};
use crate::formats::Table;

const NUMBERS: u64 = 0;
const RESPONSE: u64 = 1;
const NAMES: u64 = 2;
const ROW_IDS: u64 = 4;

pub(super) fn write(to: &mut impl Write, label: &Label, table: &Table) -> io::Result<()> {
    let Table { rows, columns, names, row_ids, response, left_out, missing, bytes, .. } = table;
    let row_shards = &table.row_shards;
    let numbers = vec![
        *rows as u64,
        *columns as u64,
        *left_out as u64,
        *missing,
        *bytes,
        names.is_some().into(),
        row_ids.is_some().into(),
        row_shards.is_some().into(),
    ];
    section::write(to, &label.at(NUMBERS, 0), &numbers)?;
    section::write(to, &label.at(RESPONSE, 0), response)?;
    for (kind, texts) in [(NAMES, names), (ROW_IDS, row_ids)] {
        if let Some(texts) = texts {
            let lengths: Vec<u64> = texts.iter().map(|text| text.len() as u64).collect();
            section::write(to, &label.at(kind, 0), &lengths)?;
            let letters: Vec<u8> = texts.iter().flat_map(|text| text.bytes()).collect();
            section::write(to, &label.at(kind, 1), &letters)?;
        }
    }
    Ok(())
}

/// A table without shards; those of its rows are empty but there, if it is kept by rows.
pub(super) fn read(from: &mut Sections<impl Read>, label: &Label) -> Result<Table, Damage> {
    let numbers = from.next::<u64>(&label.at(NUMBERS, 0))?;
    let [rows, columns, left_out, missing, bytes, names, row_ids, by_row] = numbers[..] else {
        return Err(Damage::Content("its numbers are too few"));
    };
    let small = |number: u64| match u32::try_from(number) {
        Ok(number) => Ok(number as usize),
        Err(_) => Err(Damage::Content("its numbers are too large")),
    };
    let (rows, columns, left_out) = (small(rows)?, small(columns)?, small(left_out)?);
    let response = from.next::<f64>(&label.at(RESPONSE, 0))?;
    let finite = response.iter().all(|value| value.is_finite());
    if !finite || !response.is_empty() && response.len() != rows {
        return Err(Damage::Content("its response is damaged"));
    }
    let names = (names == 1).then(|| texts(from, label, NAMES, columns)).transpose()?;
    let row_ids = (row_ids == 1).then(|| texts(from, label, ROW_IDS, rows)).transpose()?;
    Ok(Table {
        rows,
        columns,
        names,
        row_ids,
        response,
        shards: Vec::new(),
        row_shards: (by_row == 1).then(Vec::new),
        left_out,
        missing,
        bytes,
    })
}

/// Texts by their lengths and letters.
fn texts(
    from: &mut Sections<impl Read>,
    label: &Label,
    kind: u64,
    count: usize,
) -> Result<Vec<String>, Damage> {
    let damaged = || Damage::Content("its names are damaged");
    let lengths = from.next::<u64>(&label.at(kind, 0))?;
    let letters = from.next::<u8>(&label.at(kind, 1))?;
    let mut letters = &letters[..];
    if lengths.len() != count {
        return Err(damaged());
    }
    let take = |length: u64| {
        let (text, rest) = letters.split_at_checked(usize::try_from(length).ok()?)?;
        letters = rest;
        String::from_utf8(text.to_vec()).ok()
    };
    let texts: Option<Vec<String>> = lengths.into_iter().map(take).collect();
    texts.ok_or_else(damaged)
}
