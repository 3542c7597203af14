//! svmlight: `label index:value index:value … # comment`, a row a line.
//!
//! A label is any finite number. Indices come in any order but each at most once a row; `qid:` is
//! passed over; values that are zero are not stored, but their index counts. Empty lines and
//! lines that are only a comment are passed over.

use super::cursor::Cursor;
use super::options::Kept;
use super::ordered::{Job, in_order};
use super::sparse::{Build, Entries, Rows};
use super::stream::{Chunk, Cut, Stream};
use super::{Base, ReadError, Table};

/// The rows of a chunk.
#[derive(Default)]
struct Piece {
    labels: Vec<f64>,
    ends: Vec<u32>,
    /// Indices as the file has them.
    indices: Vec<u32>,
    values: Vec<f64>,
    /// One more than the largest index, kept or not.
    above: usize,
    zero: bool,
}

/// Which indices are allowed, and which are kept.
struct Rules {
    base: Base,
    kept: Kept,
    largest: usize,
}

impl Rules {
    /// Whether an index is of a kept column, or may be while the base is not known.
    #[inline]
    fn keeps(&self, index: usize) -> bool {
        let (zero, one) = (self.base != Base::One, self.base != Base::Zero);
        zero && self.kept.holds(index) || one && index > 0 && self.kept.holds(index - 1)
    }
}

pub(super) fn read(job: &Job, mut stream: Stream) -> Result<Table, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    let base = job.options.base;
    let largest = job.most - usize::from(base == Base::Zero);
    let rules = Rules { base, kept: job.kept(), largest };
    let mut table = Table::default();
    let mut entries = Vec::new();
    let (mut above, mut zero) = (0, false);
    let parse =
        |chunk: &Chunk, piece: &mut Piece| rows(&mut Cursor::new(&name, chunk), &rules, piece);
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Piece, _| {
        let first = table.response.len();
        if first + piece.labels.len() > job.most {
            let expected = format!("at most {} rows", job.most);
            return Err(ReadError::content(&name, (1, 1), expected, "more"));
        }
        above = above.max(piece.above);
        zero |= piece.zero;
        table.response.extend_from_slice(&piece.labels);
        entries.push(Entries {
            rows: Rows::Runs { first: first as u32, ends: piece.ends },
            columns: piece.indices,
            values: piece.values,
        });
        Ok(())
    })?;
    if table.response.is_empty() {
        return Err(ReadError::content(&name, (end.line, 1), "a row", "the end of the file"));
    }
    let first = base == Base::One || base == Base::Auto && !zero;
    table.rows = table.response.len();
    table.columns = above.saturating_sub(usize::from(first));
    table.bytes = end.bytes;
    job.check_memory(&name, table.columns)?;
    let build = Build {
        entries: &entries,
        base: u32::from(first),
        rows: table.rows,
        columns: table.columns,
        kept: &rules.kept,
        threads: job.options.threads,
        dense: false,
    };
    // A row was refused if an index came twice, so no column has two entries in a row.
    table.shards = build
        .shards()
        .map_err(|_| ReadError::content(&name, (1, 1), "each index once a row", "one again"))?;
    Ok(table)
}

fn rows(cursor: &mut Cursor, rules: &Rules, piece: &mut Piece) -> Result<(), ReadError> {
    let mut seen = Seen::default();
    while !cursor.ended() {
        cursor.skip_blanks();
        if !row_ends(cursor) {
            let label = cursor.number(ends)?;
            seen.clear();
            let outcome = features(cursor, rules, piece, &mut seen);
            seen.check(cursor)?;
            outcome?;
            piece.labels.push(label);
            piece.ends.push(piece.indices.len() as u32);
        }
        cursor.skip_line();
    }
    piece.indices.shrink_to_fit();
    piece.values.shrink_to_fit();
    Ok(())
}

/// The pairs of one row.
fn features(
    cursor: &mut Cursor,
    rules: &Rules,
    piece: &mut Piece,
    seen: &mut Seen,
) -> Result<(), ReadError> {
    loop {
        cursor.skip_blanks();
        if row_ends(cursor) {
            return Ok(());
        }
        let start = cursor.at;
        if cursor.byte() == Some(b'q') {
            query(cursor)?;
            continue;
        }
        let index = cursor.whole("an index", rules.largest)?;
        if cursor.byte() != Some(b':') {
            return Err(cursor.expected("`:`"));
        }
        cursor.at += 1;
        let value = cursor.number(ends)?;
        if index == 0 {
            if rules.base == Base::One {
                return Err(cursor.expected_at(start, "an index of at least 1", "`0`"));
            }
            piece.zero = true;
        }
        seen.add(index, start);
        piece.above = piece.above.max(index + 1);
        if value != 0.0 && rules.keeps(index) {
            piece.indices.push(index as u32);
            piece.values.push(value);
        }
    }
}

/// Passes over `qid:` and its number.
fn query(cursor: &mut Cursor) -> Result<(), ReadError> {
    let start = cursor.at;
    while !matches!(cursor.byte(), None | Some(b':')) && !cursor.line_ends() {
        cursor.at += 1;
    }
    if cursor.since(start) != b"qid" || cursor.byte() != Some(b':') {
        cursor.at = start;
        return Err(cursor.expected("an index"));
    }
    cursor.at += 1;
    cursor.number(ends).map(|_| ())
}

fn ends(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'#')
}

fn row_ends(cursor: &Cursor) -> bool {
    cursor.line_ends() || cursor.byte() == Some(b'#')
}

/// The indices of a row and where they are, to find one that comes twice.
#[derive(Default)]
struct Seen {
    indices: Vec<(usize, usize)>,
    unordered: bool,
}

impl Seen {
    fn clear(&mut self) {
        self.indices.clear();
        self.unordered = false;
    }

    #[inline]
    fn add(&mut self, index: usize, at: usize) {
        self.unordered |= self.indices.last().is_some_and(|&(last, _)| index <= last);
        self.indices.push((index, at));
    }

    /// Fails at the first index of the row that was there before.
    fn check(&mut self, cursor: &Cursor) -> Result<(), ReadError> {
        if !self.unordered {
            return Ok(());
        }
        self.indices.sort_unstable();
        let again = self.indices.windows(2).filter_map(|pair| match pair {
            [(first, _), (second, at)] if first == second => Some((*at, *second)),
            _ => None,
        });
        again.min().map_or(Ok(()), |(at, index)| {
            Err(cursor.expected_at(at, "each index once a row", format!("`{index}` again")))
        })
    }
}
