//! NumPy `.npy` files, versions 1 to 3, of real numbers in one or two dimensions.
//!
//! Types f4, f8, i1 to i8, u1 to u8 and b1 in either byte order; 64-bit integers are rounded to
//! the nearest double. A vector is one column.

mod header;

use super::by_row::ByRow;
use super::dense::{self, ByColumn, by_column};
use super::options::{Kept, Parts};
use super::ordered::{Job, in_order};
use super::stream::{Chunk, Cut, End, Stream};
use super::{ReadError, Table};
use header::{Header, Type};

/// The values of a chunk.
#[derive(Default)]
struct Piece {
    /// How many were read before an error.
    count: usize,
    values: Vec<f64>,
}

pub(super) fn read(job: &Job, mut stream: Stream) -> Result<Table, ReadError> {
    let header = header::read(&mut stream, job.most)?;
    let (rows, columns) = (header.rows, header.columns);
    let mut table = Table { rows, columns, ..Table::default() };
    if !header.fortran && header.columns > 1 {
        table.bytes = in_rows(job, stream, &header, &mut table)?.bytes;
        return Ok(table);
    }
    let rows = matches!(job.options.parts, Parts::Rows);
    let kept = if rows { Kept::whole(job.options) } else { job.kept() };
    let mut by_column = ByColumn::new(kept, header.rows);
    table.bytes = elements(job, stream, &header, |piece| by_column.extend(&piece))?.bytes;
    table.shards = by_column.finish();
    Ok(if rows { table.into_rows(job.options) } else { table })
}

/// Reads a vector, or a matrix with one column.
pub(super) fn vector(
    job: &Job,
    mut stream: Stream,
    values: &mut Vec<f64>,
) -> Result<End, ReadError> {
    let header = header::read(&mut stream, job.most)?;
    if header.columns != 1 {
        let found = format!("{} columns", header.columns);
        return Err(ReadError::content(&stream.name, (1, 1), "one column", found));
    }
    elements(job, stream, &header, |piece| values.extend(piece))
}

/// Reads every value in the order of the file.
fn elements(
    job: &Job,
    stream: Stream,
    header: &Header,
    mut take: impl FnMut(Vec<f64>),
) -> Result<End, ReadError> {
    let name = stream.name.clone();
    let size = header.kind.size();
    let parse = |chunk: &Chunk, piece: &mut Piece| decode(&name, chunk, header.kind, piece);
    let end = in_order(job, stream, Cut::Units(size), parse, |piece: Piece, chunk| {
        header.check_surplus(&name, chunk.offset + (piece.count * size) as u64)?;
        take(piece.values);
        Ok(())
    })?;
    header.check_end(&name, end.bytes)?;
    Ok(end)
}

fn in_rows(
    job: &Job,
    stream: Stream,
    header: &Header,
    table: &mut Table,
) -> Result<End, ReadError> {
    let name = stream.name.clone();
    let mut by_row = ByRow::new(job, header.columns);
    let places = dense::kept_columns(&by_row.kept, header.columns);
    let turned = by_row.by_column;
    let size = header.kind.size();
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        decode(&name, chunk, header.kind, piece)?;
        // A last row that is not whole fails at the end of the file.
        let whole = piece.count / header.columns * header.columns;
        piece.values.truncate(whole);
        if turned {
            piece.values = by_column(&piece.values, header.columns, places.iter().copied());
        }
        Ok(())
    };
    let unit = header.columns * size;
    let end = in_order(job, stream, Cut::Units(unit), parse, |piece: Piece, chunk| {
        header.check_surplus(&name, chunk.offset + (piece.count * size) as u64)?;
        by_row.push(piece.count / header.columns, piece.values);
        Ok(())
    })?;
    header.check_end(&name, end.bytes)?;
    by_row.finish(job, table);
    Ok(end)
}

/// The whole elements of a chunk as doubles.
fn decode(name: &str, chunk: &Chunk, kind: Type, piece: &mut Piece) -> Result<(), ReadError> {
    kind.decode(&chunk.bytes, &mut piece.values);
    let strange = piece.values.iter().position(|value| !value.is_finite());
    piece.count = strange.unwrap_or(piece.values.len());
    let Some(place) = strange else {
        return Ok(());
    };
    let column = chunk.offset + (place * kind.size()) as u64 + 1;
    let found = piece.values.get(place).map_or(String::new(), f64::to_string);
    Err(ReadError::content(name, (1, column), "a finite number", found))
}
