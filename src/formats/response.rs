//! A response that has a file of its own.
//!
//! A `.npy` vector; a csv or tsv with a header, the column by name or number; or else columns
//! between blanks without a header, a row a line. Empty lines are passed over.

use super::cursor::{Cursor, blank};
use super::ordered::{Job, one_by_one};
use super::stream::{Cut, End, Stream};
use super::{Format, ReadError, csv, npy};
use std::path::Path;

/// A response for every row of the data; a missing one is NaN.
pub(super) struct Response {
    pub values: Vec<f64>,
    pub bytes: u64,
}

/// Reads the response of `rows` rows; `NA` and `nan` are refused unless some may be missing.
pub(super) fn read(
    job: &Job,
    path: &Path,
    rows: usize,
    may_miss: bool,
) -> Result<Response, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    let mut values = Vec::new();
    let format = Format::of_content(stream.peek(6))
        .filter(|&format| format == Format::Npy)
        .or_else(|| Format::of_name(path));
    let name = stream.name.clone();
    let end = match format {
        Some(Format::Npy) => npy::vector(job, stream, &mut values)?,
        Some(Format::Csv) => from_csv(job, stream, b',', may_miss, &mut values)?,
        Some(Format::Tsv) => from_csv(job, stream, b'\t', may_miss, &mut values)?,
        _ => from_text(job, stream, may_miss, &mut values)?,
    };
    if values.len() != rows {
        let expected = format!("{rows} responses, one a row");
        let found = values.len().to_string();
        return Err(ReadError::content(&name, (end.line, 1), expected, found));
    }
    Ok(Response { values, bytes: end.bytes })
}

fn from_csv(
    job: &Job,
    mut stream: Stream,
    separator: u8,
    may_miss: bool,
    values: &mut Vec<f64>,
) -> Result<End, ReadError> {
    let name = stream.name.clone();
    let names = csv::header(&mut stream, separator)?;
    let column = match &job.options.target {
        Some(target) => csv::find(&names, target, &name)?,
        None => job.options.response_column.saturating_sub(1),
    };
    one_by_one(job, &mut stream, Cut::Records, |chunk| {
        let mut cursor = Cursor::separated(&name, chunk, separator);
        while !cursor.ended() {
            if !cursor.line_ends() {
                for field in 0..column {
                    csv::field(&mut cursor, separator)?;
                    csv::next_field(
                        &mut cursor,
                        separator,
                        field + 1,
                        names.len().max(column + 1),
                    )?;
                }
                let start = cursor.at;
                if may_miss && missing(&csv::field(&mut cursor, separator)?) {
                    values.push(f64::NAN);
                } else {
                    cursor.at = start;
                    values.push(csv::number(&mut cursor, separator)?);
                }
                while !cursor.line_ends() {
                    cursor.at += 1;
                    csv::field(&mut cursor, separator)?;
                }
            }
            cursor.skip_line();
        }
        Ok(())
    })
}

fn from_text(
    job: &Job,
    mut stream: Stream,
    may_miss: bool,
    values: &mut Vec<f64>,
) -> Result<End, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    one_by_one(job, &mut stream, Cut::Lines, |chunk| {
        let mut cursor = Cursor::new(&name, chunk);
        while !cursor.ended() {
            cursor.skip_blanks();
            if !cursor.line_ends() {
                for _ in 1..job.options.response_column {
                    cursor.token();
                    cursor.skip_blanks();
                }
                values.push(number_or_missing(&mut cursor, may_miss, |_| false)?);
            }
            cursor.skip_line();
        }
        Ok(())
    })
}

/// The token here as a number; NaN if it may be missing and it is, by its text or its value.
pub(super) fn number_or_missing(
    cursor: &mut Cursor,
    may_miss: bool,
    is_missing: impl Fn(f64) -> bool,
) -> Result<f64, ReadError> {
    let start = cursor.at;
    if may_miss && missing(cursor.token()) {
        return Ok(f64::NAN);
    }
    cursor.at = start;
    let value = cursor.number(blank)?;
    Ok(if may_miss && is_missing(value) { f64::NAN } else { value })
}

fn missing(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.eq_ignore_ascii_case(b"na") || text.eq_ignore_ascii_case(b"nan")
}
