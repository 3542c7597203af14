//! NumPy `.npy` files, versions 1 to 3, of real numbers in one or two dimensions.
//!
//! Types f4, f8, i1 to i8, u1 to u8 and b1 in either byte order; 64-bit integers are rounded to
//! the nearest double. A vector is one column.

mod header;

use super::dense::{self, Block, ByColumn, by_column};
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
    let (shards, end) = if header.fortran || header.columns == 1 {
        in_columns(job, stream, &header)?
    } else {
        in_rows(job, stream, &header)?
    };
    let (rows, columns) = (header.rows, header.columns);
    Ok(Table { rows, columns, shards, bytes: end.bytes, ..Table::default() })
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

type Shards = Vec<(usize, crate::shard::ColumnShard)>;

fn in_columns(job: &Job, stream: Stream, header: &Header) -> Result<(Shards, End), ReadError> {
    let mut columns = ByColumn::new(job.kept(), header.rows);
    let end = elements(job, stream, header, |piece| columns.extend(&piece))?;
    Ok((columns.finish(), end))
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

fn in_rows(job: &Job, stream: Stream, header: &Header) -> Result<(Shards, End), ReadError> {
    let name = stream.name.clone();
    let kept = job.kept();
    let places = dense::kept_columns(&kept, header.columns);
    let size = header.kind.size();
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        decode(&name, chunk, header.kind, piece)?;
        // A last row that is not whole fails at the end of the file.
        let whole = piece.count / header.columns * header.columns;
        piece.values.truncate(whole);
        piece.values = by_column(&piece.values, header.columns, places.iter().copied());
        Ok(())
    };
    let mut blocks = Vec::new();
    let unit = header.columns * size;
    let end = in_order(job, stream, Cut::Units(unit), parse, |piece: Piece, chunk| {
        header.check_surplus(&name, chunk.offset + (piece.count * size) as u64)?;
        let rows = piece.count / header.columns;
        blocks.push(Block { rows, values: piece.values });
        Ok(())
    })?;
    header.check_end(&name, end.bytes)?;
    Ok((dense::shards(&blocks, header.columns, &kept, job.options.threads), end))
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
