//! A slice of the word-topic table, as it travels.
//!
//! `ends[w]` is where the row of the word at position `w` ends in the cells. A word has room for
//! `min(its tokens, K)` topics. A row with room for all topics has a count for each; a shorter one
//! its counts above 0 as `code << 16 | count`, in any order, then zeros. Codes are topics from 1.

use super::sampler::Rows;
use super::shard::Document;
use crate::container::Slice;

/// A row's codes and counts.
pub(super) fn counts(cells: &[u32], topics: usize) -> impl Iterator<Item = (u16, u32)> + '_ {
    let dense = cells.len() == topics;
    let used = cells.iter().enumerate().take_while(move |(_, cell)| dense || **cell != 0);
    used.filter(|(_, cell)| **cell != 0).map(move |(at, &cell)| match dense {
        true => (at as u16 + 1, cell),
        false => ((cell >> 16) as u16, cell & 0xffff),
    })
}

/// The row of a word.
pub(super) fn row<'a>(ends: &[u64], cells: &'a [u32], word: usize) -> &'a [u32] {
    &cells[range(ends, word)]
}

fn range(ends: &[u64], word: usize) -> std::ops::Range<usize> {
    word.checked_sub(1).map_or(0, |before| ends[before]) as usize..ends[word] as usize
}

/// The topics (from 0) and counts of a word; none beyond the slice.
pub(super) fn word(slice: &Slice<u32>, at: usize, topics: usize) -> Vec<(u16, u32)> {
    if at >= slice.head.len() {
        return Vec::new();
    }
    counts(row(&slice.head, &slice.cells, at), topics)
        .map(|(code, count)| (code - 1, count))
        .collect()
}

/// The topics (from 0) and counts of a row of pairs; none beyond the last.
pub(super) fn pairs<'a>(
    ends: &[u64],
    cells: &'a [u32],
    at: usize,
) -> impl Iterator<Item = (u16, u32)> + 'a {
    let range = if at < ends.len() { range(ends, at) } else { 0..0 };
    let pairs = cells[2 * range.start..2 * range.end].chunks_exact(2);
    pairs.map(|pair| (pair[0] as u16 - 1, pair[1]))
}

/// Takes a token out of a row.
pub(super) fn remove(ends: &[u64], cells: &mut [u32], word: usize, code: u16, topics: usize) {
    let row = &mut cells[range(ends, word)];
    if row.len() == topics {
        row[usize::from(code) - 1] -= 1;
        return;
    }
    let used = row.iter().position(|cell| *cell == 0).unwrap_or(row.len());
    if let Some(at) = row[..used].iter().position(|cell| cell >> 16 == u32::from(code)) {
        row[at] -= 1;
        if row[at] & 0xffff == 0 {
            row[at] = row[used - 1];
            row[used - 1] = 0;
        }
    }
}

/// Gives every row the room it needs for its counts and `more(word)` tokens, in a slice of at
/// least `words` words. Takes time proportional to the slice.
pub(super) fn fit(
    ends: &mut Vec<u64>,
    cells: &mut Vec<u32>,
    words: usize,
    topics: usize,
    mut more: impl FnMut(usize) -> u64,
) {
    let words = words.max(ends.len());
    let mut new_ends = Vec::with_capacity(words);
    let mut end = 0u64;
    for word in 0..words {
        let row = if word < ends.len() { row(ends, cells, word) } else { &[] };
        let tokens: u64 = counts(row, topics).map(|(_, count)| u64::from(count)).sum();
        end += (tokens + more(word)).min(topics as u64);
        new_ends.push(end);
    }
    let mut new_cells = vec![0; end as usize];
    for word in 0..ends.len() {
        let to = &mut new_cells[range(&new_ends, word)];
        let dense = to.len() == topics;
        for (at, (code, count)) in counts(row(ends, cells, word), topics).enumerate() {
            match dense {
                true => to[usize::from(code) - 1] = count,
                false => to[at] = u32::from(code) << 16 | count,
            }
        }
    }
    (*ends, *cells) = (new_ends, new_cells);
}

/// Calls `f` with every count that differs: the word, the code, what it was and what it is.
pub(super) fn changes(
    old: &Slice<u32>,
    new: &Slice<u32>,
    topics: usize,
    mut f: impl FnMut(u32, u16, [u32; 2]),
) {
    let mut both = std::collections::BTreeMap::new();
    for word in 0..new.head.len().max(old.head.len()) {
        for (side, slice) in [old, new].into_iter().enumerate() {
            if word < slice.head.len() {
                for (code, count) in counts(row(&slice.head, &slice.cells, word), topics) {
                    both.entry(code).or_insert([0; 2])[side] = count;
                }
            }
        }
        for (code, counts) in std::mem::take(&mut both) {
            if counts[0] != counts[1] {
                f(word as u32, code, counts);
            }
        }
    }
}

/// The topics of documents as a slice of pairs: the head is where each document's pairs end, the
/// cells are codes, ascending, and counts in turn.
pub(super) fn documents(rows: &Rows, documents: &[Document], topics: usize) -> Slice<u32> {
    let (mut head, mut cells) = (Vec::with_capacity(documents.len()), Vec::new());
    let mut row = Vec::new();
    for document in documents {
        if document.tokens > 0 {
            rows.counts(document.row, topics, |code, count| row.push((code, count)));
        }
        row.sort_unstable();
        row.drain(..).for_each(|(code, count)| cells.extend([u32::from(code), count]));
        head.push(cells.len() as u64 / 2);
    }
    Slice { head, cells }
}

/// Debug builds: rows are well formed.
#[cfg(any(test, debug_assertions))]
pub(super) fn check(ends: &[u64], cells: &[u32], topics: usize) {
    assert_eq!(ends.last().copied().unwrap_or(0), cells.len() as u64);
    for word in 0..ends.len() {
        let row = row(ends, cells, word);
        let tokens: u64 = counts(row, topics).map(|(_, count)| u64::from(count)).sum();
        assert_eq!(
            tokens.min(topics as u64),
            row.len() as u64,
            "a word's room is that of its tokens"
        );
    }
}
