//! Tables written to files: svmlight, csv, tsv, MatrixMarket, npy; plain or compressed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use strads::formats::Format;

use crate::failure::Failure;

/// A table that gives its columns one by one, as often as it is asked.
pub trait Source {
    /// The number of rows.
    fn rows(&self) -> usize;
    /// The number of columns.
    fn columns(&self) -> usize;
    /// The columns' names.
    fn names(&self) -> Option<&[String]>;
    /// The response and its name; empty if there is none.
    fn response(&self) -> (&[f64], &str);
    /// Calls `see(column, row, value)` for stored entries: columns ascending, rows within each.
    fn each(&self, see: &mut dyn FnMut(usize, usize, f64));
}

/// Entries that are held at a time to turn columns into rows: 16 bytes each.
const ENTRIES: usize = 16 << 20;

/// The format that a file's name asks for.
pub fn format_of(path: &Path) -> Result<Format, Failure> {
    match Format::of_name(path) {
        Some(Format::Plink | Format::Changes) | None => Err(Failure::usage(format!(
            "{}: expected a name that ends in .svmlight, .csv, .tsv, .mtx or .npy (and perhaps .gz \
             or .zst)",
            path.display()
        ))),
        Some(format) => Ok(format),
    }
}

/// Writes a table.
pub fn write(source: &dyn Source, path: &Path, format: Format) -> Result<(), Failure> {
    write_packed(path, |to| content(source, format, to))
}

/// Writes a file, compressed if its name asks for it.
pub fn write_packed(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    crate::output::write(path, |to| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending {
            Some("gz") => {
                let level = flate2::Compression::default();
                let mut packed = BufWriter::new(flate2::write::GzEncoder::new(to, level));
                content(&mut packed)?;
                packed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
            }
            Some("zst") => {
                let mut packed = BufWriter::new(zstd::Encoder::new(to, 0)?);
                content(&mut packed)?;
                packed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
            }
            _ => content(to)?,
        }
        Ok(())
    })
}

/// Writes one number a line.
pub fn write_numbers(numbers: &[f64], path: &Path) -> Result<(), Failure> {
    crate::output::write(path, |to| {
        numbers.iter().try_for_each(|number| writeln!(to, "{}", Short(*number)))
    })
}

fn content(source: &dyn Source, format: Format, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Svmlight => svmlight(source, to),
        Format::Csv => separated(source, b',', to),
        Format::Tsv => separated(source, b'\t', to),
        Format::Mtx => matrix_market(source, to),
        Format::Npy => npy(source, to),
        Format::Plink | Format::Changes => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The shortest text that reads back as the same number.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (1e-5..1e16).contains(&size) {
            write!(to, "{}", self.0)
        } else {
            write!(to, "{:e}", self.0)
        }
    }
}

/// The entries that are not zero.
fn nonzeros(source: &dyn Source) -> usize {
    let mut count = 0;
    source.each(&mut |_, _, value| count += usize::from(value != 0.0));
    count
}

/// Calls `see` with the entries of each row, strip by strip so that memory stays bounded.
fn by_rows(
    source: &dyn Source,
    mut see: impl FnMut(usize, &[(usize, f64)]) -> io::Result<()>,
) -> io::Result<()> {
    let rows = source.rows();
    let average = nonzeros(source).div_ceil(rows.max(1)).max(1);
    let strip = (ENTRIES / average).clamp(1, rows.max(1));
    for first in (0..rows).step_by(strip) {
        let last = (first + strip).min(rows);
        let mut cells: Vec<Vec<(usize, f64)>> = vec![Vec::new(); last - first];
        source.each(&mut |column, row, value| {
            if (first..last).contains(&row) && value != 0.0 {
                cells[row - first].push((column, value));
            }
        });
        for (offset, cells) in cells.iter().enumerate() {
            see(first + offset, cells)?;
        }
    }
    Ok(())
}

fn svmlight(source: &dyn Source, to: &mut dyn Write) -> io::Result<()> {
    let (response, _) = source.response();
    by_rows(source, |row, cells| {
        write!(to, "{}", Short(response.get(row).copied().unwrap_or(0.0)))?;
        for (column, value) in cells {
            write!(to, " {}:{}", column + 1, Short(*value))?;
        }
        writeln!(to)
    })
}

fn separated(source: &dyn Source, separator: u8, to: &mut dyn Write) -> io::Result<()> {
    let (response, target) = source.response();
    let between = [separator];
    let columns = source.columns();
    for column in 0..columns {
        if column > 0 {
            to.write_all(&between)?;
        }
        match source.names().and_then(|names| names.get(column)) {
            Some(name) => to.write_all(quoted(name, separator).as_bytes())?,
            None => write!(to, "x{column}")?,
        }
    }
    if !response.is_empty() {
        to.write_all(if columns > 0 { &between } else { &[] })?;
        to.write_all(quoted(target, separator).as_bytes())?;
    }
    writeln!(to)?;
    let mut values = vec![0.0; columns];
    by_rows(source, |row, cells| {
        values.fill(0.0);
        cells.iter().for_each(|(column, value)| values[*column] = *value);
        for (column, value) in values.iter().chain(response.get(row)).enumerate() {
            if column > 0 {
                to.write_all(&between)?;
            }
            write!(to, "{}", Short(*value))?;
        }
        writeln!(to)
    })
}

fn quoted(name: &str, separator: u8) -> String {
    let special = |letter: char| letter == char::from(separator) || "\"\r\n".contains(letter);
    let plain = !name.contains(special) && name.trim() == name && !name.is_empty();
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Coordinates, or an array if at least half of the entries are not zero.
fn matrix_market(source: &dyn Source, to: &mut dyn Write) -> io::Result<()> {
    let (rows, columns, stored) = (source.rows(), source.columns(), nonzeros(source));
    if stored >= rows.saturating_mul(columns).div_ceil(2) {
        writeln!(to, "%%MatrixMarket matrix array real general\n{rows} {columns}")?;
        return by_columns(source, &mut |values| {
            values.iter().try_for_each(|value| writeln!(to, "{}", Short(*value)))
        });
    }
    writeln!(to, "%%MatrixMarket matrix coordinate real general\n{rows} {columns} {stored}")?;
    let mut done = Ok(());
    source.each(&mut |column, row, value| {
        if value != 0.0 && done.is_ok() {
            done = writeln!(to, "{} {} {}", row + 1, column + 1, Short(value));
        }
    });
    done
}

/// A two-dimensional array of little-endian f64, column after column.
fn npy(source: &dyn Source, to: &mut dyn Write) -> io::Result<()> {
    let (rows, columns) = (source.rows(), source.columns());
    let mut header =
        format!("{{'descr': '<f8', 'fortran_order': True, 'shape': ({rows}, {columns}), }}");
    // Magic, version, length and header fill a multiple of 64 bytes.
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    to.write_all(b"\x93NUMPY\x01\x00")?;
    to.write_all(&(header.len() as u16).to_le_bytes())?;
    to.write_all(header.as_bytes())?;
    by_columns(source, &mut |values| {
        values.iter().try_for_each(|value| to.write_all(&value.to_le_bytes()))
    })
}

/// Calls `see` with all values of each column.
fn by_columns(
    source: &dyn Source,
    see: &mut dyn FnMut(&[f64]) -> io::Result<()>,
) -> io::Result<()> {
    let mut values = vec![0.0; source.rows()];
    let (mut current, mut done) = (0, Ok(()));
    let mut finish = |current: &mut usize, until: usize, values: &mut Vec<f64>| {
        while *current < until {
            see(values)?;
            values.fill(0.0);
            *current += 1;
        }
        io::Result::Ok(())
    };
    source.each(&mut |column, row, value| {
        if done.is_ok() {
            done = finish(&mut current, column, &mut values);
            values[row] = value;
        }
    });
    done?;
    finish(&mut current, source.columns(), &mut values)
}
