//! Which form serves a table, by its shape.

/// Columns at most: every worker solves a problem of so many columns alike.
pub(crate) const MOST_COLUMNS: usize = 2048;
/// Rows at least: below, either form takes no time.
pub(crate) const LEAST_ROWS: usize = 16_384;
/// Rows a column at least.
pub(crate) const RATIO: usize = 32;

/// Whether a dense table of so many rows and columns is fitted fastest in row form.
///
/// True with 1 to 2048 columns, and at least 16 384 rows and 32 a column. The Gram matrix then
/// takes less than what the columns would be passed over for, and little memory beside the data.
pub fn is_tall(rows: usize, columns: usize) -> bool {
    (1..=MOST_COLUMNS).contains(&columns) && rows >= LEAST_ROWS.max(RATIO * columns)
}
