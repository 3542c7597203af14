//! PLINK: a `.bed` of two-bit genotypes, variant by variant, with its `.bim` and `.fam`.
//!
//! A value is the number of copies of the first allele of the `.bim`: bits 00 are 2, 10 are 1,
//! 11 are 0, and 01 is missing and takes the mean of its column over the rows that are kept
//! (0 if the whole column is missing). Rows without a response are left out.

use super::cursor::Cursor;
use super::dense::InOrder;
use super::files::Files;
use super::format::split_compression;
use super::genotypes::{Piece, Samples};
use super::ordered::{Job, in_order, one_by_one};
use super::response::{self, number_or_missing};
use super::stream::{Chunk, Cut, End, Stream};
use super::{ReadError, Table};
use std::path::{Path, PathBuf};

/// The first bytes of every `.bed`: magic, then 1 for variant by variant.
const MAGIC: [u8; 3] = [0x6c, 0x1b, 0x01];

pub(super) fn read(job: &Job, path: &Path, mut stream: Stream) -> Result<Table, ReadError> {
    let mut table = Table::default();
    magic(&mut stream)?;
    let [bim, fam] = companions(job.files, path);
    let names = variants(job, &bim, &mut table.bytes)?;
    let from_fam = job.options.need_response && job.options.response.is_none();
    let (ids, mut response) = samples(job, &fam, from_fam, &mut table.bytes)?;
    if let Some(path) = &job.options.response {
        let read = response::read(job, path, ids.len(), true)?;
        table.bytes += read.bytes;
        response = read.values;
    }
    let samples = ids.len();
    let rows: Vec<_> =
        (0..samples).filter(|&row| response.get(row).is_none_or(|y| !y.is_nan())).collect();
    if rows.is_empty() {
        let file = job.options.response.as_ref().unwrap_or(&fam).to_string_lossy();
        return Err(ReadError::content(&file, (1, 1), "a sample with a response", "none"));
    }
    table.rows = rows.len();
    table.columns = names.len();
    table.left_out = samples - rows.len();
    table.response = response.into_iter().filter(|y| !y.is_nan()).collect();
    let kept_ids = rows.iter().filter_map(|&row| ids.get(row).cloned()).collect();
    (table.names, table.row_ids) = (Some(names), Some(kept_ids));
    genotypes(job, stream, samples, &rows, &mut table)?;
    Ok(table)
}

/// The files that are read beside a `.bed`.
pub(super) fn companions(files: &dyn Files, bed: &Path) -> [PathBuf; 2] {
    ["bim", "fam"].map(|extension| companion(files, bed, extension))
}

/// The `.bim` or `.fam` beside a `.bed`, compressed or not.
fn companion(files: &dyn Files, bed: &Path, extension: &str) -> PathBuf {
    let (stem, compression) = split_compression(bed);
    let plain = stem.with_extension(extension);
    let named = |ending: &str| {
        let mut path = plain.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let found =
        [compression, "", ".gz", ".zst"].into_iter().map(named).find(|path| files.exists(path));
    found.unwrap_or(plain)
}

fn magic(stream: &mut Stream) -> Result<(), ReadError> {
    let name = stream.name.clone();
    let found = stream.first(Cut::Units(MAGIC.len()))?.unwrap_or_default().bytes;
    for (place, (want, column)) in MAGIC.into_iter().zip(1..).enumerate() {
        let byte = found.get(place).copied();
        if byte != Some(want) {
            let expected = match place {
                2 => "1 for variant by variant".to_owned(),
                _ => format!("byte {want} of a .bed"),
            };
            let found = byte.map_or("the end of the file".to_owned(), |byte| byte.to_string());
            return Err(ReadError::content(&name, (1, column), expected, found));
        }
    }
    Ok(())
}

/// The variant identifiers: the second of the six columns of the `.bim`.
fn variants(job: &Job, path: &Path, bytes: &mut u64) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    let end = each_line(job, path, |cursor| {
        for field in 0..6 {
            let text = filled(cursor)?;
            if field == 1 {
                names.push(String::from_utf8_lossy(text).into_owned());
            }
        }
        cursor.end_line()
    })?;
    *bytes += end.bytes;
    if names.is_empty() || names.len() > job.most {
        let expected = format!("1 to {} variants", job.most);
        let found = names.len().to_string();
        return Err(ReadError::content(&path.to_string_lossy(), (end.line, 1), expected, found));
    }
    Ok(names)
}

/// The individual identifiers of the `.fam` and, if asked for, the numbers in its last column.
fn samples(
    job: &Job,
    path: &Path,
    with_response: bool,
    bytes: &mut u64,
) -> Result<(Vec<String>, Vec<f64>), ReadError> {
    let (mut ids, mut response, mut fields) = (Vec::new(), Vec::new(), None);
    let end = each_line(job, path, |cursor| {
        let (mut last, mut count) = (cursor.at, 0);
        while !cursor.line_ends() {
            last = cursor.at;
            let text = filled(cursor)?;
            if count == 1 {
                ids.push(String::from_utf8_lossy(text).into_owned());
            }
            count += 1;
        }
        let end = cursor.at;
        let wanted = *fields.get_or_insert(count.max(6));
        if count != wanted {
            return Err(cursor.expected_at(end, format!("{wanted} fields"), count.to_string()));
        }
        if with_response {
            cursor.at = last;
            response.push(number_or_missing(cursor, true, |value| value == -9.0)?);
        }
        cursor.skip_line();
        Ok(())
    })?;
    *bytes += end.bytes;
    if ids.is_empty() || ids.len() > job.most {
        let expected = format!("1 to {} samples", job.most);
        let found = ids.len().to_string();
        return Err(ReadError::content(&path.to_string_lossy(), (end.line, 1), expected, found));
    }
    Ok((ids, response))
}

/// A field with something in it, and the blanks after it.
fn filled<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], ReadError> {
    let text = cursor.token();
    if text.is_empty() {
        return Err(cursor.expected("a field"));
    }
    cursor.skip_blanks();
    Ok(text)
}

/// Calls at the first field of every line that has one.
fn each_line(
    job: &Job,
    path: &Path,
    mut call: impl FnMut(&mut Cursor) -> Result<(), ReadError>,
) -> Result<End, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    stream.skip_mark();
    let name = stream.name.clone();
    one_by_one(job, &mut stream, Cut::Lines, |chunk| {
        let mut cursor = Cursor::new(&name, chunk);
        while !cursor.ended() {
            cursor.skip_blanks();
            if cursor.line_ends() {
                cursor.skip_line();
            } else {
                call(&mut cursor)?;
            }
        }
        Ok(())
    })
}

fn genotypes(
    job: &Job,
    stream: Stream,
    samples: usize,
    rows: &[usize],
    table: &mut Table,
) -> Result<(), ReadError> {
    let name = stream.name.clone();
    let (unit, kept) = (samples.div_ceil(4), job.kept());
    let rows_of = Samples::new(samples, rows);
    let wanted = (MAGIC.len() + table.columns * unit) as u64;
    let mut shards = InOrder::new(kept.clone(), rows.len());
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        let begin = (chunk.offset as usize).saturating_sub(MAGIC.len());
        piece.take(chunk, begin, &rows_of, &kept);
        Ok(())
    };
    let end = in_order(job, stream, Cut::Units(unit), parse, |piece: Piece, chunk| {
        if chunk.offset + chunk.bytes.len() as u64 > wanted {
            let expected = format!("the end of the file after {} variants", table.columns);
            return Err(ReadError::content(&name, (1, wanted + 1), expected, "more bytes"));
        }
        table.missing += piece.missing;
        for (column, values, lines) in piece.columns() {
            if let Some(shard) = shards.shard(column) {
                shard.push_lines(lines, values);
            }
        }
        Ok(())
    })?;
    if end.bytes != wanted {
        let expected = format!("{wanted} bytes for {} variants", table.columns);
        let place = (1, end.bytes + 1);
        return Err(ReadError::content(&name, place, expected, "the end of the file"));
    }
    table.bytes += end.bytes;
    table.shards = shards.finish();
    Ok(())
}
