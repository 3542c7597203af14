//! A slice of the word-topic table, as it travels.
//!
//! `ends[w]` is where the row of the word at position `w` ends in the cells. A word has room for
//! `min(its tokens, K)` topics. A row with room for all topics has a count for each; a shorter one
//! its counts above 0 as `code << 16 | count`, in any order, then zeros. Codes are topics from 1.

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
