//! The banner, the comments and the size line.

use super::super::ReadError;
use super::super::cursor::{Cursor, quoted};
use super::super::stream::{Chunk, Cut, End, Stream};
use super::each_line;

/// What the file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub array: bool,
    pub pattern: bool,
    pub symmetric: bool,
    pub rows: usize,
    pub columns: usize,
    /// How many entries or values follow.
    count: u64,
}

impl Header {
    /// Fails at the first entry of a chunk that is one too many, `before` the chunk and `more`
    /// in it.
    pub fn check_surplus(
        &self,
        name: &str,
        chunk: &Chunk,
        before: u64,
        more: u64,
    ) -> Result<(), ReadError> {
        if before.saturating_add(more) <= self.count {
            return Ok(());
        }
        let mut count = before;
        each_line(name, chunk, |cursor, _| {
            if count == self.count {
                let expected = format!("the end of the file after {} entries", self.count);
                return Err(cursor.expected_at(cursor.at, expected, "more"));
            }
            count += 1;
            cursor.skip_line();
            Ok(())
        })
    }

    /// Fails if there were fewer entries than promised.
    pub fn check_end(&self, name: &str, end: End, count: u64) -> Result<(), ReadError> {
        if count == self.count {
            return Ok(());
        }
        let (expected, found) = (format!("{} entries", self.count), count.to_string());
        Err(ReadError::content(name, (end.line, 1), expected, found))
    }
}

/// Reads up to and with the size line of a matrix of at most `most` rows and columns.
pub(super) fn read(stream: &mut Stream, most: usize) -> Result<Header, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    let empty = Chunk { line: 1, ..Chunk::default() };
    let banner = stream.first(Cut::Lines)?.unwrap_or(empty);
    let mut cursor = Cursor::new(&name, &banner);
    word(&mut cursor, &["%%MatrixMarket"])?;
    word(&mut cursor, &["matrix"])?;
    let array = word(&mut cursor, &["coordinate", "array"])? == 1;
    let fields = ["real", "double", "integer", "pattern"];
    let pattern = word(&mut cursor, &fields[..4 - usize::from(array)])? == 3;
    let symmetric = word(&mut cursor, &["general", "symmetric"])? == 1;
    cursor.end_line()?;
    loop {
        let Some(line) = stream.first(Cut::Lines)? else {
            let line = stream.position().line;
            let found = "the end of the file";
            return Err(ReadError::content(&name, (line, 1), "a line with the size", found));
        };
        let mut cursor = Cursor::new(&name, &line);
        cursor.skip_blanks();
        if cursor.line_ends() || cursor.byte() == Some(b'%') {
            continue;
        }
        let (rows, columns) = sides(&mut cursor, symmetric, most)?;
        let count = match (array, symmetric) {
            (false, _) => number(&mut cursor, "how many entries", usize::MAX)? as u64,
            (true, false) => (rows as u64).saturating_mul(columns as u64),
            (true, true) => (rows as u64).saturating_mul(rows as u64 + 1) / 2,
        };
        cursor.end_line()?;
        return Ok(Header { array, pattern, symmetric, rows, columns, count });
    }
}

/// The number of rows, at least one, and of columns; the same if the matrix is symmetric.
fn sides(cursor: &mut Cursor, symmetric: bool, most: usize) -> Result<(usize, usize), ReadError> {
    let start = cursor.at;
    let rows = number(cursor, "a number of rows", most)?;
    if rows == 0 {
        return Err(cursor.expected_at(start, "at least one row", "`0`"));
    }
    let start = cursor.at;
    let columns = number(cursor, "a number of columns", most)?;
    if symmetric && columns != rows {
        let expected = format!("{rows} columns of a symmetric matrix");
        return Err(cursor.expected_at(start, expected, format!("`{columns}`")));
    }
    Ok((rows, columns))
}

fn number(cursor: &mut Cursor, what: &str, most: usize) -> Result<usize, ReadError> {
    let value = cursor.whole(what, most)?;
    cursor.skip_blanks();
    Ok(value)
}

/// The place of the next word among those that may come, in any case.
fn word(cursor: &mut Cursor, words: &[&str]) -> Result<usize, ReadError> {
    let start = cursor.at;
    let found = cursor.token();
    let place = words.iter().position(|word| word.as_bytes().eq_ignore_ascii_case(found));
    cursor.skip_blanks();
    place.ok_or_else(|| {
        let expected: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        let found = if found.is_empty() { "the end of the line".into() } else { quoted(found) };
        cursor.expected_at(start, expected.join(" or "), found)
    })
}
