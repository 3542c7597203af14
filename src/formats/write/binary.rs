//! npy.

use super::super::Table;
use super::columns::Columns;
use super::invalid;
use std::io::{self, Write};

/// Writes the columns one after the other, as version 1.
pub(super) fn npy(to: &mut dyn Write, table: &Table, columns: &Columns) -> io::Result<()> {
    if columns.len() == 0 || table.rows == 0 {
        return Err(invalid("an npy file needs rows and columns"));
    }
    let shape = format!("({}, {})", table.rows, columns.len());
    let text = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}, }}");
    // The data begins at a multiple of 64 bytes; a line feed ends the header.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    to.write_all(b"\x93NUMPY\x01\x00")?;
    to.write_all(&(length as u16).to_le_bytes())?;
    to.write_all(format!("{text:<width$}\n", width = length - 1).as_bytes())?;
    let mut values = vec![0.0; table.rows];
    for column in 0..columns.len() {
        values.fill(0.0);
        columns.for_each(column, |row, value| values[row] = value);
        for value in &values {
            to.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}
