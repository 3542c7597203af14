//! Comma- or tab-separated values with a header, quoted as RFC 4180 has it.
//!
//! Every field below the header is a finite number, perhaps between quotes or spaces. Empty lines
//! are passed over.

use super::by_row::ByRow;
use super::cursor::Cursor;
use super::dense::by_column;
use super::ordered::{Job, in_order};
use super::stream::{Chunk, Cut, Stream};
use super::{ReadError, Table};

/// What a field is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Kept,
    Elsewhere,
    Response,
}

/// The rows of a chunk: their kept values row by row, or then column by column.
#[derive(Default)]
struct Piece {
    rows: usize,
    values: Vec<f64>,
    response: Vec<f64>,
}

pub(super) fn read(job: &Job, mut stream: Stream, separator: u8) -> Result<Table, ReadError> {
    let name = stream.name.clone();
    let mut names = header(&mut stream, separator)?;
    let target = match &job.options.target {
        Some(target) if job.options.response.is_none() => Some(find(&names, target, &name)?),
        None if job.options.response.is_none() && job.options.need_response => {
            return Err(ReadError::content(&name, (1, 1), "a target column", listed(&names)));
        }
        _ => None,
    };
    let mut by_row = ByRow::new(job, names.len() - usize::from(target.is_some()));
    let roles = roles(names.len(), target, |column| by_row.kept.holds(column));
    let width = roles.iter().filter(|&&role| role == Role::Kept).count();
    let turned = by_row.by_column;
    if let Some(target) = target {
        names.remove(target);
    }
    let mut table = Table { columns: names.len(), names: Some(names), ..Table::default() };
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        let mut cursor = Cursor::separated(&name, chunk, separator);
        rows(&mut cursor, separator, &roles, piece)?;
        if turned {
            piece.values = by_column(&piece.values, width, 0..width);
        }
        Ok(())
    };
    let end = in_order(job, stream, Cut::Records, parse, |piece: Piece, _| {
        table.rows += piece.rows;
        if table.rows > job.most {
            let expected = format!("at most {} rows", job.most);
            return Err(ReadError::content(&name, (1, 1), expected, "more"));
        }
        table.response.extend_from_slice(&piece.response);
        by_row.push(piece.rows, piece.values);
        Ok(())
    })?;
    if table.rows == 0 {
        let expected = "a row of numbers";
        return Err(ReadError::content(&name, (end.line, 1), expected, "the end of the file"));
    }
    table.bytes = end.bytes;
    by_row.finish(job, &mut table);
    Ok(table)
}

fn roles(fields: usize, target: Option<usize>, kept: impl Fn(usize) -> bool) -> Vec<Role> {
    let role = |field: usize| match target {
        Some(target) if field == target => Role::Response,
        Some(target) if kept(field - usize::from(field > target)) => Role::Kept,
        None if kept(field) => Role::Kept,
        _ => Role::Elsewhere,
    };
    (0..fields).map(role).collect()
}

fn rows(
    cursor: &mut Cursor,
    separator: u8,
    roles: &[Role],
    piece: &mut Piece,
) -> Result<(), ReadError> {
    while !cursor.ended() {
        if cursor.line_ends() {
            cursor.skip_line();
            continue;
        }
        for (field, role) in roles.iter().enumerate() {
            if field > 0 {
                next_field(cursor, separator, field, roles.len())?;
            }
            let value = number(cursor, separator)?;
            match role {
                Role::Kept => piece.values.push(value),
                Role::Response => piece.response.push(value),
                Role::Elsewhere => {}
            }
        }
        if !cursor.line_ends() {
            let expected = format!("the end of the line after {} fields", roles.len());
            return Err(cursor.expected_at(cursor.at, expected, "more"));
        }
        cursor.skip_line();
        piece.rows += 1;
    }
    Ok(())
}

/// Passes over the separator before a field.
#[inline]
pub(super) fn next_field(
    cursor: &mut Cursor,
    separator: u8,
    field: usize,
    fields: usize,
) -> Result<(), ReadError> {
    if cursor.byte() == Some(separator) {
        cursor.at += 1;
        return Ok(());
    }
    let found = if cursor.line_ends() { format!("{field}") } else { "something else".into() };
    Err(cursor.expected_at(cursor.at, format!("{fields} fields"), found))
}

/// The number in a field.
#[inline]
pub(super) fn number(cursor: &mut Cursor, separator: u8) -> Result<f64, ReadError> {
    skip_spaces(cursor);
    let value = if cursor.byte() == Some(b'"') {
        cursor.at += 1;
        skip_spaces(cursor);
        let value = cursor.number(|byte| byte == b'"' || byte == b' ')?;
        skip_spaces(cursor);
        if cursor.byte() != Some(b'"') {
            return Err(cursor.expected("`\"`"));
        }
        cursor.at += 1;
        value
    } else {
        cursor.number(|byte| byte == separator || byte == b' ')?
    };
    skip_spaces(cursor);
    if cursor.byte() != Some(separator) && !cursor.line_ends() {
        return Err(cursor.expected("the end of the field"));
    }
    Ok(value)
}

#[inline]
fn skip_spaces(cursor: &mut Cursor) {
    while cursor.byte() == Some(b' ') {
        cursor.at += 1;
    }
}

/// The names in the first line.
pub(super) fn header(stream: &mut Stream, separator: u8) -> Result<Vec<String>, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    let Some(record) = stream.first(Cut::Records)? else {
        return Err(ReadError::content(&name, (1, 1), "a header", "the end of the file"));
    };
    let mut cursor = Cursor::separated(&name, &record, separator);
    let mut names = Vec::new();
    loop {
        let start = cursor.at;
        let text = String::from_utf8(field(&mut cursor, separator)?)
            .map_err(|_| cursor.expected_at(start, "a name in UTF-8", "other bytes"))?;
        names.push(text);
        if cursor.line_ends() {
            return Ok(names);
        }
        cursor.at += 1;
    }
}

/// Passes over a field up to its separator or the end of the line; its text.
pub(super) fn field(cursor: &mut Cursor, separator: u8) -> Result<Vec<u8>, ReadError> {
    let start = cursor.at;
    let mut text = Vec::new();
    let quoted = cursor.byte() == Some(b'"');
    if quoted {
        cursor.at += 1;
        loop {
            let Some(byte) = cursor.byte() else {
                let found = "the end of the file";
                return Err(cursor.expected_at(start, "a quote that is closed", found));
            };
            cursor.at += 1;
            if byte == b'"' {
                if cursor.byte() != Some(b'"') {
                    break;
                }
                cursor.at += 1;
            }
            text.push(byte);
        }
    }
    while let Some(byte) = cursor.byte().filter(|&byte| byte != separator) {
        if cursor.line_ends() {
            break;
        }
        if quoted || byte == b'"' {
            return Err(cursor.expected("quotes around a whole field"));
        }
        text.push(byte);
        cursor.at += 1;
    }
    Ok(text)
}

/// The place of a named column, which must be there once.
pub(super) fn find(names: &[String], target: &str, file: &str) -> Result<usize, ReadError> {
    let mut places = names.iter().enumerate().filter(|(_, name)| *name == target);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        _ => {
            let expected = format!("one column named `{target}`");
            Err(ReadError::content(file, (1, 1), expected, listed(names)))
        }
    }
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(SHOWN + 1) {
        Some(more) => format!("{} and {} more", shown.join(", "), more + 1),
        None => shown.join(", "),
    }
}
