//! How many tokens of each topic the documents of a shard have.

use std::collections::BTreeMap;

use super::unit::{LANES, Line};

/// Up to so many topics, rows of long documents are dense.
const DENSE_TOPICS: usize = 512;
/// Dense rows are for documents of at least this share of the topics.
const DENSE_SHARE: usize = 2;

/// The forms of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::models::lda) enum Form {
    /// 32-bit lanes of code and count, the first of them the number of those that follow: at most
    /// 65 535 tokens.
    Sparse,
    /// A 16-bit count for every topic: at most 65 535 tokens.
    Dense,
    /// A 32-bit count for every topic: any number of tokens, and 4 bytes a token at most, because
    /// there are more tokens than topics.
    Wide,
}

/// Where a row begins: the form in the upper two bits, the line in the others.
const FORM_SHIFT: u32 = 30;
/// Lines that can be addressed.
const MAX_LINES: usize = 1 << FORM_SHIFT;

impl Form {
    /// The form for a document of so many tokens.
    #[inline(always)]
    pub fn of(tokens: u32, topics: usize) -> Form {
        match tokens {
            0x1_0000.. => Form::Wide,
            _ if topics <= DENSE_TOPICS && tokens as usize >= topics / DENSE_SHARE => Form::Dense,
            _ => Form::Sparse,
        }
    }

    /// Lines that the row takes.
    #[inline(always)]
    pub fn lines(self, tokens: u32, topics: usize) -> usize {
        match self {
            Form::Sparse => (tokens as usize).min(topics) / LANES + 1,
            Form::Dense => topics / (2 * LANES) + 1,
            Form::Wide => topics / LANES + 1,
        }
    }

    /// The form of the row at an address.
    #[inline(always)]
    pub fn at(row: u32) -> Form {
        match row >> FORM_SHIFT {
            0 => Form::Sparse,
            1 => Form::Dense,
            _ => Form::Wide,
        }
    }
}

/// The line at an address.
#[inline(always)]
pub(in crate::models::lda) fn line(row: u32) -> usize {
    row as usize & (MAX_LINES - 1)
}

/// The rows of a shard's documents, by form. 4 to 8 bytes a token (more for the shortest documents).
#[derive(Debug, Default)]
pub(in crate::models::lda) struct Rows {
    pub lines: [Vec<Line>; 3],
    /// Lines that have been taken, of each form.
    used: [usize; 3],
    /// Rows that were given back, by form and number of lines.
    free: [BTreeMap<usize, Vec<u32>>; 3],
}

impl Rows {
    /// An empty row for a document; nothing if the shard is full (64 GiB).
    pub fn take(&mut self, tokens: u32, topics: usize) -> Option<u32> {
        let form = Form::of(tokens, topics);
        let (lines, at) = (form.lines(tokens, topics), form as usize);
        if let Some(row) = self.free[at].get_mut(&lines).and_then(Vec::pop) {
            return Some(row);
        }
        let start = self.used[at];
        if start + lines > MAX_LINES {
            return None;
        }
        self.used[at] += lines;
        if self.lines[at].len() < self.used[at] {
            self.lines[at].resize(self.used[at], Line::default());
        }
        Some((at as u32) << FORM_SHIFT | start as u32)
    }

    /// Whether a shard can hold documents of so many tokens.
    pub fn hold(lengths: impl Iterator<Item = u32>, topics: usize) -> bool {
        let mut lines = [0; 3];
        for tokens in lengths {
            let form = Form::of(tokens, topics);
            lines[form as usize] += form.lines(tokens, topics);
        }
        lines.iter().all(|lines| *lines <= MAX_LINES)
    }

    /// Makes room for documents of so many tokens. Memory is taken where rows are first written.
    pub fn reserve(&mut self, lengths: &[u32], topics: usize) {
        let mut lines = [0; 3];
        for &tokens in lengths.iter().filter(|tokens| **tokens > 0) {
            let form = Form::of(tokens, topics);
            lines[form as usize] += form.lines(tokens, topics);
        }
        for (all, more) in self.lines.iter_mut().zip(lines) {
            if all.is_empty() {
                *all = bytemuck::allocation::zeroed_vec(more);
            }
        }
    }

    /// Takes a document's row back.
    pub fn give(&mut self, row: u32, tokens: u32, topics: usize) {
        let form = Form::at(row);
        let lines = form.lines(tokens, topics);
        let start = line(row);
        self.lines[form as usize][start..start + lines].fill(Line::default());
        self.free[form as usize].entry(lines).or_default().push(row);
    }

    /// Gives a document without counts these: codes, each once, with what they have.
    pub fn put(&mut self, row: u32, topics: usize, counts: &[(u16, u32)]) {
        let form = Form::at(row);
        let lines = &mut self.lines[form as usize][line(row)..];
        match form {
            Form::Sparse => {
                let lanes: &mut [u32] = bytemuck::cast_slice_mut(lines);
                lanes[0] = counts.len() as u32;
                let to = lanes[1..].iter_mut().zip(counts);
                to.for_each(|(lane, (code, count))| *lane = u32::from(*code) << 16 | count);
            }
            Form::Dense => {
                let lines = &mut lines[..form.lines(0, topics)];
                let all: &mut [u16] = bytemuck::cast_slice_mut(lines);
                counts.iter().for_each(|(code, count)| all[usize::from(*code)] = *count as u16);
            }
            Form::Wide => {
                let lines = &mut lines[..form.lines(0, topics)];
                let all: &mut [u32] = bytemuck::cast_slice_mut(lines);
                counts.iter().for_each(|(code, count)| all[usize::from(*code)] = *count);
            }
        }
    }

    /// Calls `f` with the topics (codes) and counts of a document, in no particular order.
    pub fn counts(&self, row: u32, topics: usize, mut f: impl FnMut(u16, u32)) {
        let form = Form::at(row);
        let lines = &self.lines[form as usize][line(row)..];
        match form {
            Form::Sparse => {
                let lanes: &[u32] = bytemuck::cast_slice(lines);
                for lane in &lanes[1..=(lanes[0] as usize)] {
                    f((lane >> 16) as u16, lane & 0xffff);
                }
            }
            Form::Dense => {
                let counts: &[u16] = bytemuck::cast_slice(&lines[..form.lines(0, topics)]);
                dense(counts, topics, f);
            }
            Form::Wide => {
                let counts: &[u32] = bytemuck::cast_slice(&lines[..form.lines(0, topics)]);
                dense(counts, topics, f);
            }
        }
    }

    /// Memory taken.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.lines.iter().map(|lines| lines.capacity() * size_of::<Line>()).sum()
    }
}

fn dense<C: Copy + Into<u32>>(counts: &[C], topics: usize, mut f: impl FnMut(u16, u32)) {
    for (code, count) in counts.iter().enumerate().take(topics + 1).skip(1) {
        let count: u32 = (*count).into();
        if count > 0 {
            f(code as u16, count);
        }
    }
}
