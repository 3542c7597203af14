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

/// Puts tokens of a topic (a code and a count) into a row with room for them.
pub(super) fn add(
    ends: &[u64],
    cells: &mut [u32],
    word: usize,
    (code, count): (u16, u32),
    topics: usize,
) {
    let row = &mut cells[range(ends, word)];
    if row.len() == topics {
        row[usize::from(code) - 1] += count;
        return;
    }
    let code = u32::from(code);
    if let Some(cell) = row.iter_mut().find(|cell| **cell == 0 || **cell >> 16 == code) {
        *cell = (code << 16) + (*cell & 0xffff) + count;
    }
}

/// Gives the rows of words, ascending, the room they need for their counts and for so many new
/// tokens each. Other rows are moved as they are.
pub(super) fn fit(
    ends: &mut Vec<u64>,
    cells: &mut Vec<u32>,
    touched: &[(u32, u64)],
    topics: usize,
) {
    let Some(last) = touched.last() else { return };
    let words = ends.len().max(last.0 as usize + 1);
    let old = |word: usize| if word < ends.len() { row(ends, cells, word) } else { &[] };
    let room = |&(word, more): &(u32, u64)| {
        let tokens: u64 = counts(old(word as usize), topics).map(|(_, n)| u64::from(n)).sum();
        (tokens + more).min(topics as u64) as usize
    };
    let rooms: Vec<usize> = touched.iter().map(room).collect();
    let had: usize = touched.iter().map(|(word, _)| old(*word as usize).len()).sum();
    let mut new_ends = Vec::with_capacity(words);
    let mut new_cells = Vec::with_capacity(cells.len() - had + rooms.iter().sum::<usize>());
    for (&(word, _), room) in touched.iter().zip(rooms) {
        keep(ends, cells, word as usize, &mut new_ends, &mut new_cells);
        let start = new_cells.len();
        new_cells.resize(start + room, 0);
        let to = &mut new_cells[start..];
        for (at, (code, count)) in counts(old(word as usize), topics).enumerate() {
            match room == topics {
                true => to[usize::from(code) - 1] = count,
                false => to[at] = u32::from(code) << 16 | count,
            }
        }
        new_ends.push(new_cells.len() as u64);
    }
    keep(ends, cells, words, &mut new_ends, &mut new_cells);
    (*ends, *cells) = (new_ends, new_cells);
}

/// Copies the rows up to a word; rows beyond the last are empty.
fn keep(ends: &[u64], cells: &[u32], to: usize, new_ends: &mut Vec<u64>, new: &mut Vec<u32>) {
    let (from, until) = (new_ends.len().min(ends.len()), to.min(ends.len()));
    if from < until {
        let start = from.checked_sub(1).map_or(0, |before| ends[before]);
        let moved = new.len() as u64;
        new.extend_from_slice(&cells[start as usize..ends[until - 1] as usize]);
        new_ends.extend(ends[from..until].iter().map(|end| end - start + moved));
    }
    new_ends.resize(to, new.len() as u64);
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

/// Whether rows lie one after the other until the last cell, and hold codes of topics only: what
/// must be so of a slice that was stored.
pub(super) fn is_whole(slice: &Slice<u32>, topics: usize) -> bool {
    let Slice { head, cells } = slice;
    let is_code = |(code, _): (u16, u32)| (1..=topics).contains(&usize::from(code));
    head.is_sorted()
        && head.last().copied().unwrap_or_default() == cells.len() as u64
        && (0..head.len()).all(|word| counts(row(head, cells, word), topics).all(is_code))
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
