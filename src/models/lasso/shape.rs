//! Which form serves a table, by its shape.

/// Columns at most: every worker solves a problem of so many columns alike.
const MOST_COLUMNS: usize = 2048;
/// Rows at least: with fewer either form takes no time, or the columns are not many fewer.
const LEAST_ROWS: usize = 8 * MOST_COLUMNS;

/// Whether a dense table of so many rows and columns is kept by rows unless something else is
/// asked for: 1 to 2048 columns and at least 16 384 rows.
///
/// Products of all pairs of columns then cost less than the passes over the columns that they
/// stand for, and take little memory beside the data.
pub fn is_tall(rows: usize, columns: usize) -> bool {
    (1..=MOST_COLUMNS).contains(&columns) && rows >= LEAST_ROWS
}
