//! svmlight, MatrixMarket, csv and tsv.

use super::super::Table;
use super::columns::Columns;
use super::invalid;
use std::io::{self, Write};

/// How many rows of a csv are put together at a time.
const ROWS: usize = 64;

/// Writes rows of labels and pairs. The last column has an entry in the first row, zero or not,
/// so that it is not lost.
pub(super) fn svmlight(to: &mut dyn Write, table: &Table, columns: &Columns) -> io::Result<()> {
    let mut ends = vec![0usize; table.rows + 1];
    for column in 0..columns.len() {
        columns.for_each(column, |row, _| ends[row + 1] += 1);
    }
    let total = ends.iter_mut().fold(0, |sum, end| {
        *end += sum;
        *end
    });
    let mut pairs = vec![(0u32, 0f64); total];
    for column in 0..columns.len() {
        columns.for_each(column, |row, value| {
            pairs[ends[row]] = (column as u32 + 1, value);
            ends[row] += 1;
        });
    }
    let mut start = 0;
    for (row, &end) in ends.iter().take(table.rows).enumerate() {
        number(to, table.response.get(row).copied().unwrap_or(0.0))?;
        for &(index, value) in &pairs[start..end] {
            write!(to, " {index}:")?;
            number(to, value)?;
        }
        let last = columns.len() as u32;
        if row == 0 && last > 0 && pairs[start..end].last().is_none_or(|pair| pair.0 < last) {
            write!(to, " {last}:0")?;
        }
        to.write_all(b"\n")?;
        start = end;
    }
    Ok(())
}

/// Writes a coordinate matrix, column by column.
pub(super) fn mtx(to: &mut dyn Write, table: &Table, columns: &Columns) -> io::Result<()> {
    let mut count = 0u64;
    for column in 0..columns.len() {
        columns.for_each(column, |_, _| count += 1);
    }
    writeln!(to, "%%MatrixMarket matrix coordinate real general")?;
    writeln!(to, "{} {} {count}", table.rows, columns.len())?;
    let mut entries = Vec::new();
    for column in 0..columns.len() {
        entries.clear();
        columns.for_each(column, |row, value| entries.push((row, value)));
        for &(row, value) in &entries {
            write!(to, "{} {} ", row + 1, column + 1)?;
            number(to, value)?;
            to.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Writes a header and rows of numbers, the response first.
pub(super) fn separated(
    to: &mut dyn Write,
    table: &Table,
    columns: &Columns,
    separator: u8,
) -> io::Result<()> {
    if columns.len() == 0 && table.response.is_empty() {
        return Err(invalid("a csv file needs columns"));
    }
    let names: Vec<_> = match &table.names {
        Some(names) => names.clone(),
        None => (1..=columns.len()).map(|column| format!("x{column}")).collect(),
    };
    let response = (!table.response.is_empty()).then(|| free_name(&names));
    for (place, text) in response.iter().chain(&names).enumerate() {
        if place > 0 {
            to.write_all(&[separator])?;
        }
        name(to, text, separator)?;
    }
    to.write_all(b"\n")?;
    let mut values = Vec::new();
    for start in (0..table.rows).step_by(ROWS) {
        let rows = start..table.rows.min(start + ROWS);
        // Column by column, as the values lie.
        values.clear();
        values.extend_from_slice(table.response.get(rows.clone()).unwrap_or_default());
        for column in 0..columns.len() {
            values.extend(rows.clone().map(|row| columns.value(column, row)));
        }
        for row in 0..rows.len() {
            for (place, &value) in values.iter().skip(row).step_by(rows.len()).enumerate() {
                if place > 0 {
                    to.write_all(&[separator])?;
                }
                number(to, value)?;
            }
            to.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Writes a number a line.
pub(super) fn response(to: &mut dyn Write, response: &[f64]) -> io::Result<()> {
    for &value in response {
        number(to, value)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// `y`, after as many underscores as it takes to differ from all features.
fn free_name(names: &[String]) -> String {
    let mut name = "y".to_owned();
    while names.contains(&name) {
        name.insert(0, '_');
    }
    name
}

/// Writes a name, between quotes if it needs them.
fn name(to: &mut dyn Write, name: &str, separator: u8) -> io::Result<()> {
    if !name.bytes().any(|byte| byte == separator || matches!(byte, b'"' | b'\n' | b'\r')) {
        return to.write_all(name.as_bytes());
    }
    write!(to, "\"{}\"", name.replace('"', "\"\""))
}

/// Writes the fewest digits that give the same double back.
fn number(to: &mut dyn Write, value: f64) -> io::Result<()> {
    if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
        write!(to, "{value}")
    } else {
        write!(to, "{value:e}")
    }
}
