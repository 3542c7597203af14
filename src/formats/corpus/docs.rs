//! docs: a document a line, text or an identifier, a tab and text.
//!
//! If the first line has a tab, every line that is not empty must have an identifier and a tab,
//! and empty lines are passed over. Else tabs are blanks, and an empty line is an empty document.

use super::super::ReadError;
use super::super::cursor::Cursor;
use super::super::ordered::{Job, in_order};
use super::super::stream::{Chunk, Cut, Stream};
use super::CorpusOptions;
use super::gathered::Gathered;
use super::interner::Interner;
use super::text::{lines, whole_lines};
use super::tokenise::each_word;
use crate::shard::Words;
use std::collections::VecDeque;

/// The documents of a chunk, their words numbered by themselves.
#[derive(Default)]
pub(super) struct Piece {
    pub interner: Interner,
    /// By word: whether it is left out.
    barred: Vec<bool>,
    /// By word: how many tokens are it, in how many documents.
    counts: Vec<(u64, u32)>,
    /// Words with their counts, document after document.
    pub runs: Vec<(u32, u32)>,
    pub ends: Vec<usize>,
    ids: Words,
    left_out: u64,
}

/// Whether a file has identifiers.
fn has_ids(stream: &mut Stream) -> bool {
    let head = stream.peek(super::super::HEAD);
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or(head);
    line.contains(&b'\t')
}

pub(super) fn read(
    job: &Job,
    mut stream: Stream,
    options: &CorpusOptions,
) -> Result<Gathered, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    let ids = has_ids(&mut stream);
    let mut all = Gathered { sort: true, ..Gathered::default() };
    let mut interner = Interner::default();
    let documents = &mut all.documents;
    documents.ids = ids.then(Words::default);
    let parse = |chunk: &Chunk, piece: &mut Piece| parse(&name, chunk, ids, options, piece);
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Piece, _| {
        if documents.len() + piece.ends.len() > job.most {
            let expected = format!("at most {} documents", job.most);
            return Err(ReadError::content(&name, (1, 1), expected, "more"));
        }
        let mut map = Vec::with_capacity(piece.counts.len());
        for (word, &(total, frequency)) in piece.interner.words().iter().zip(&piece.counts) {
            // Words that are left out have no tokens and get no number.
            if total == 0 {
                map.push(u32::MAX);
                continue;
            }
            let number = interner.intern(word).filter(|(number, _)| (*number as usize) < job.most);
            let Some((number, new)) = number else {
                let expected = format!("at most {} words", job.most);
                return Err(ReadError::content(&name, (1, 1), expected, "more"));
            };
            if new {
                all.frequency.push(0);
                all.total.push(0);
            }
            all.frequency[number as usize] += frequency;
            all.total[number as usize] += total;
            map.push(number);
        }
        let before = documents.words.len();
        documents.words.extend(piece.runs.iter().map(|(word, _)| map[*word as usize]));
        documents.counts.extend(piece.runs.iter().map(|(_, count)| count));
        documents.ends.extend(piece.ends.iter().map(|end| (before + end) as u64));
        if let Some(all) = &mut documents.ids {
            piece.ids.iter().for_each(|id| all.push(id));
        }
        documents.left_out += piece.left_out;
        Ok(())
    })?;
    documents.bytes = end.bytes;
    if documents.is_empty() {
        let (expected, found) = ("a document", "the end of the file");
        return Err(ReadError::content(&name, (end.line, 1), expected, found));
    }
    documents.vocabulary = interner.into_words();
    Ok(all)
}

fn parse(
    name: &str,
    chunk: &Chunk,
    ids: bool,
    options: &CorpusOptions,
    piece: &mut Piece,
) -> Result<(), ReadError> {
    let (text, broken) = whole_lines(name, chunk);
    let mut tokens = Tokens::new(options, piece);
    for (at, line) in lines(text) {
        let line = match (ids, line.split_once('\t')) {
            (false, _) => line,
            (true, _) if line.trim().is_empty() => continue,
            (true, Some((id, line))) if !id.is_empty() => {
                tokens.piece.ids.push(id);
                line
            }
            (true, Some(_)) => {
                let cursor = Cursor::new(name, chunk);
                return Err(cursor.expected_at(at, "an identifier", "a tab"));
            }
            (true, None) => {
                let cursor = Cursor::new(name, chunk);
                let expected = "an identifier and a tab, as in the first line";
                return Err(cursor.expected_at(at, expected, "a line without a tab"));
            }
        };
        tokens.document(line);
    }
    broken.map_or(Ok(()), Err)
}

/// Takes in documents.
pub(super) struct Tokens<'a> {
    options: &'a CorpusOptions,
    piece: &'a mut Piece,
    /// The words of the document, as they come.
    tokens: Vec<u32>,
    /// The last words of the document that were not left out.
    recent: VecDeque<u32>,
    word: String,
    joined: String,
}

impl<'a> Tokens<'a> {
    pub fn new(options: &'a CorpusOptions, piece: &'a mut Piece) -> Self {
        Tokens {
            options,
            piece,
            tokens: Vec::new(),
            recent: VecDeque::new(),
            word: String::new(),
            joined: String::new(),
        }
    }

    pub fn document(&mut self, line: &str) {
        let mut word = std::mem::take(&mut self.word);
        self.recent.clear();
        each_word(line, &mut word, |word| self.word(word));
        self.word = word;
        self.tokens.sort_unstable();
        for run in self.tokens.chunk_by(|a, b| a == b) {
            let (number, count) = (run[0], run.len() as u32);
            self.piece.runs.push((number, count));
            let (total, frequency) = &mut self.piece.counts[number as usize];
            *total += u64::from(count);
            *frequency += 1;
        }
        self.tokens.clear();
        self.piece.ends.push(self.piece.runs.len());
    }

    fn word(&mut self, word: &str) {
        let Some(number) = self.number(word, true) else { return };
        if self.piece.barred[number as usize] {
            self.piece.left_out += 1;
            return;
        }
        self.tokens.push(number);
        if self.options.ngrams > 1 {
            self.recent.push_back(number);
            self.grams();
        }
    }

    /// The n-grams that end with the last word.
    fn grams(&mut self) {
        if self.recent.len() > self.options.ngrams {
            self.recent.pop_front();
        }
        for first in (0..self.recent.len().saturating_sub(1)).rev() {
            let mut joined = std::mem::take(&mut self.joined);
            joined.clear();
            for &number in self.recent.iter().skip(first) {
                if !joined.is_empty() {
                    joined.push('_');
                }
                joined.push_str(self.piece.interner.words().get(number as usize).unwrap_or(""));
            }
            if let Some(number) = self.number(&joined, false) {
                self.tokens.push(number);
            }
            self.joined = joined;
        }
    }

    /// A word's number in this chunk; whether it is left out is decided when it first comes.
    fn number(&mut self, word: &str, alone: bool) -> Option<u32> {
        let (number, new) = self.piece.interner.intern(word)?;
        if new {
            self.piece.counts.push((0, 0));
            self.piece.barred.push(alone && !self.options.admits(word));
        }
        Some(number)
    }
}
