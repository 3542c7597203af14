//! What travels beside the deltas: sums of columns, and columns, as flat words.

use super::design::{FACT_WORDS, Facts, Rows};
use super::vector::RowVector;
use crate::shard::ColumnShard;

const DENSE: u64 = 1;
const SPARSE: u64 = 2;

/// Appends a vector: sparse if that is shorter.
pub(super) fn put_vector(vector: &RowVector, words: &mut Vec<u64>) {
    let stored = vector.raw.iter().filter(|value| **value != 0.0).count();
    let dense = 2 * stored >= vector.raw.len();
    words.push(if dense { DENSE } else { SPARSE });
    words.push(vector.offset.to_bits());
    if dense {
        words.extend(vector.raw.iter().map(|value| value.to_bits()));
    } else {
        words.push(stored as u64);
        for (row, value) in vector.raw.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            words.extend([row as u64, value.to_bits()]);
        }
    }
}

/// Adds a vector that [`put_vector`] wrote; the shards' vectors are added in shard order.
///
/// # Errors
/// If the words are not such a vector of as many rows.
pub(super) fn add_vector(words: &[u64], raw: &mut [f64], offset: &mut f64) -> Result<(), Damaged> {
    let [kind, shift, rest @ ..] = words else { return Err(Damaged) };
    *offset += f64::from_bits(*shift);
    match *kind {
        DENSE if rest.len() == raw.len() => {
            raw.iter_mut().zip(rest).for_each(|(to, word)| *to += f64::from_bits(*word));
            Ok(())
        }
        SPARSE => {
            let [stored, pairs @ ..] = rest else { return Err(Damaged) };
            if pairs.len() as u64 != stored.saturating_mul(2) {
                return Err(Damaged);
            }
            for pair in pairs.chunks_exact(2) {
                *raw.get_mut(pair[0] as usize).ok_or(Damaged)? += f64::from_bits(pair[1]);
            }
            Ok(())
        }
        _ => Err(Damaged),
    }
}

/// The sum of every shard's vector.
pub(super) fn sum_vectors<'a>(
    parts: impl Iterator<Item = &'a [u64]>,
    rows: &Rows,
) -> Result<RowVector, Damaged> {
    let (mut raw, mut offset) = (vec![0.0; rows.response.len()], 0.0);
    for words in parts.filter(|words| !words.is_empty()) {
        add_vector(words, &mut raw, &mut offset)?;
    }
    Ok(RowVector::new(raw, offset, rows))
}

/// Appends a column with its key and facts.
pub(super) fn put_column(
    key: u32,
    facts: &Facts,
    columns: &ColumnShard,
    column: usize,
    words: &mut Vec<u64>,
) {
    words.push(u64::from(key));
    words.extend(facts.encode());
    columns.encode(column, words);
}

/// Takes the first column off `words` and appends it to `columns`.
///
/// # Errors
/// If the words are not a column of as many rows.
pub(super) fn take_column(
    words: &mut &[u64],
    columns: &mut ColumnShard,
) -> Result<(u32, Facts), Damaged> {
    let (key, rest) = words.split_first().ok_or(Damaged)?;
    let (facts, rest) = rest.split_first_chunk::<FACT_WORDS>().ok_or(Damaged)?;
    let used = columns.decode(rest).map_err(|_| Damaged)?;
    *words = rest.get(used..).ok_or(Damaged)?;
    Ok((u32::try_from(*key).map_err(|_| Damaged)?, Facts::decode(*facts)))
}

/// Words that another process did not write as they are: damage in transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Another process of the same build wrote these words: they were damaged in transit.
pub(super) fn damaged() -> ! {
    panic!("a block from another process was damaged in transit")
}
