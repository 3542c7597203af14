//! MatrixMarket: coordinate or array; real, integer or pattern; general or symmetric.
//!
//! Each place may have one entry; of a symmetric matrix each entry stands for two unless it is on
//! the diagonal. Empty lines and lines that start with `%` are passed over.

mod header;

use super::cursor::{Cursor, blank, blank as ends};
use super::dense::ByColumn;
use super::options::Kept;
use super::ordered::{Job, in_order};
use super::sparse::{Build, Entries, Rows, first_repeated};
use super::stream::{Chunk, Cut, End, Stream};
use super::{Base, ReadError, Table};
use crate::shard::ColumnShard;
use header::Header;

type Shards = Vec<(usize, ColumnShard)>;

pub(super) fn read(job: &Job, mut stream: Stream) -> Result<Table, ReadError> {
    let header = header::read(&mut stream, job.most)?;
    job.check_memory(&stream.name, header.columns)?;
    let (shards, end) = match (header.array, header.symmetric) {
        (false, _) => coordinate(job, stream, &header)?,
        (true, false) => array(job, stream, &header)?,
        (true, true) => triangle(job, stream, &header)?,
    };
    let (rows, columns) = (header.rows, header.columns);
    Ok(Table { rows, columns, shards, bytes: end.bytes, ..Table::default() })
}

/// Entries with their places, as they are gathered.
#[derive(Default)]
struct Places {
    rows: Vec<u32>,
    columns: Vec<u32>,
    lines: Vec<u32>,
    values: Vec<f64>,
}

impl Places {
    /// Takes an entry, and its mirror image if there is one, where the column is kept.
    fn push(&mut self, kept: &Kept, mirror: bool, place: (usize, usize), line: u32, value: f64) {
        let (row, column) = place;
        let image = (mirror && row != column).then_some((column, row));
        for (row, column) in [Some(place), image].into_iter().flatten() {
            if kept.holds(column) {
                self.rows.push(row as u32);
                self.columns.push(column as u32);
                self.lines.push(line);
                self.values.push(value);
            }
        }
    }

    fn entries(mut self, first: u64) -> Entries {
        self.rows.shrink_to_fit();
        self.columns.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.values.shrink_to_fit();
        let rows = Rows::Each { first, rows: self.rows, lines: self.lines };
        Entries { rows, columns: self.columns, values: self.values }
    }
}

/// What a chunk of a coordinate file has.
#[derive(Default)]
struct Piece {
    /// How many entries there are, kept or not.
    count: u64,
    places: Places,
}

fn coordinate(job: &Job, stream: Stream, header: &Header) -> Result<(Shards, End), ReadError> {
    let name = stream.name.clone();
    let kept = job.kept();
    let base = usize::from(job.options.base != Base::Zero);
    let (mut count, mut all) = (0, Vec::new());
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        each_line(&name, chunk, |cursor, line| {
            let row = index(cursor, "a row", base, header.rows)?;
            let column = index(cursor, "a column", base, header.columns)?;
            let value = if header.pattern { 1.0 } else { cursor.number(ends)? };
            cursor.skip_blanks();
            cursor.end_line()?;
            piece.places.push(&kept, header.symmetric, (row, column), line, value);
            piece.count += 1;
            Ok(())
        })
    };
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Piece, chunk| {
        header.check_surplus(&name, chunk, count, piece.count)?;
        count += piece.count;
        all.push(piece.places.entries(chunk.line));
        Ok(())
    })?;
    header.check_end(&name, end, count)?;
    Ok((build(job, &name, &kept, header, &all)?, end))
}

/// A row or column number of at most `count`, from 0.
fn index(cursor: &mut Cursor, what: &str, base: usize, count: usize) -> Result<usize, ReadError> {
    let start = cursor.at;
    let value = cursor.whole(what, (count + base).saturating_sub(1))?;
    let Some(index) = value.checked_sub(base) else {
        return Err(cursor.expected_at(start, format!("{what} of at least 1"), "`0`"));
    };
    if !cursor.byte().is_some_and(blank) && !cursor.line_ends() {
        cursor.at = start;
        return Err(cursor.expected(what));
    }
    cursor.skip_blanks();
    Ok(index)
}

fn build(
    job: &Job,
    name: &str,
    kept: &Kept,
    header: &Header,
    entries: &[Entries],
) -> Result<Shards, ReadError> {
    let build = Build {
        entries,
        base: 0,
        rows: header.rows,
        columns: header.columns,
        kept,
        threads: job.options.threads,
        dense: header.array,
    };
    build.shards().map_err(|_| {
        let base = u32::from(job.options.base != Base::Zero);
        let (line, row, column) = first_repeated(entries).unwrap_or((1, 0, 0));
        let found = format!("row {} column {} again", row + base, column + base);
        ReadError::content(name, (line, 1), "each place once", found)
    })
}

/// What a chunk of an array file has.
#[derive(Default)]
struct Values {
    values: Vec<f64>,
    lines: Vec<u32>,
}

/// Reads the values of an array in the order of the file.
fn values(
    job: &Job,
    stream: Stream,
    header: &Header,
    mut take: impl FnMut(Values, u64),
) -> Result<End, ReadError> {
    let name = stream.name.clone();
    let mut count = 0;
    let parse = |chunk: &Chunk, piece: &mut Values| {
        each_line(&name, chunk, |cursor, line| {
            let value = cursor.number(ends)?;
            cursor.skip_blanks();
            cursor.end_line()?;
            piece.values.push(value);
            piece.lines.push(line);
            Ok(())
        })
    };
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Values, chunk| {
        let more = piece.values.len() as u64;
        header.check_surplus(&name, chunk, count, more)?;
        count += more;
        take(piece, chunk.line);
        Ok(())
    })?;
    header.check_end(&name, end, count)?;
    Ok(end)
}

fn array(job: &Job, stream: Stream, header: &Header) -> Result<(Shards, End), ReadError> {
    let mut columns = ByColumn::new(job.kept(), header.rows);
    let end = values(job, stream, header, |piece, _| columns.extend(&piece.values))?;
    Ok((columns.finish(), end))
}

/// A symmetric array: the columns from the diagonal down.
fn triangle(job: &Job, stream: Stream, header: &Header) -> Result<(Shards, End), ReadError> {
    let name = stream.name.clone();
    let kept = job.kept();
    let (mut row, mut column) = (0, 0);
    let mut all = Vec::new();
    let end = values(job, stream, header, |piece, first| {
        let mut places = Places::default();
        for (value, line) in piece.values.into_iter().zip(piece.lines) {
            places.push(&kept, true, (row, column), line, value);
            row += 1;
            if row == header.rows {
                column += 1;
                row = column;
            }
        }
        all.push(places.entries(first));
    })?;
    Ok((build(job, &name, &kept, header, &all)?, end))
}

/// Calls at the first token of every line that has one, with the line's place in the chunk.
fn each_line(
    name: &str,
    chunk: &Chunk,
    mut call: impl FnMut(&mut Cursor, u32) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut cursor = Cursor::new(name, chunk);
    let mut line = 0;
    while !cursor.ended() {
        cursor.skip_blanks();
        if cursor.line_ends() || cursor.byte() == Some(b'%') {
            cursor.skip_line();
        } else {
            call(&mut cursor, line)?;
        }
        line += 1;
    }
    Ok(())
}
