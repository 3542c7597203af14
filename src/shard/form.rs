//! Which form holds a column's values exactly in the least space.

use super::dense::LANES;

/// Whether `f32` holds the values exactly, the signs of zeros included.
pub(super) fn are_narrow(values: &[f64]) -> bool {
    let exact = |value: &f64| f64::from(*value as f32).to_bits() == value.to_bits();
    // A group at a time without branches, so that it vectorises.
    values.chunks(LANES).all(|group| group.iter().fold(true, |all, value| all & exact(value)))
}

/// The values rounded to `f32`, if none of them is so large or so small that `f32` would not keep
/// its relative precision.
pub(super) fn rounded(values: &[f64]) -> Option<Vec<f64>> {
    let round = |&value: &f64| {
        let narrow = value as f32;
        (narrow.is_normal() || value == 0.0).then_some(f64::from(narrow))
    };
    values.iter().map(round).collect()
}

/// Whether rows are strictly ascending and below `bound`.
pub(super) fn ascending(rows: &[u32], bound: usize) -> bool {
    // Without branches, so that it vectorises.
    let after = rows.get(1..).unwrap_or_default();
    rows.iter().zip(after).fold(true, |all, (row, next)| all & (row < next))
        && rows.last().is_none_or(|&last| (last as usize) < bound)
}

/// The distinct values by their bits, in the order they first appear, padded with zeros; nothing if
/// they are more than four.
pub(super) fn distinct(values: &[f64]) -> Option<[f64; 4]> {
    let mut table = [0.0; 4];
    let mut count = 0;
    for group in values.chunks(LANES) {
        // Most groups bring nothing new; that is seen without branches.
        let known = &table[..count];
        if group.iter().fold(true, |all, &value| all & is_known(value, known)) {
            continue;
        }
        for &value in group {
            if !is_known(value, &table[..count]) {
                *table.get_mut(count)? = value;
                count += 1;
            }
        }
    }
    Some(table)
}

/// Whether the table has a value.
fn is_known(value: f64, table: &[f64]) -> bool {
    table.iter().fold(false, |any, entry| any | (entry.to_bits() == value.to_bits()))
}

/// The first code of a value that the table has.
pub(super) fn code(value: f64, table: &[f64; 4]) -> u8 {
    let mut code = 3;
    for entry in (0..3).rev() {
        code = if table[entry].to_bits() == value.to_bits() { entry as u8 } else { code };
    }
    code
}
