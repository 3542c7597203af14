//! uci-bow: three lines with the numbers of documents, words and entries; then an entry a line,
//! `document word count`, counted from 1.
//!
//! Entries come in any order; a word that comes again in a document adds to its count. Empty
//! lines are passed over.

use super::super::ReadError;
use super::super::cursor::{Cursor, blank};
use super::super::ordered::{Job, in_order};
use super::super::stream::{Chunk, Cut, Stream};
use super::Documents;
use super::gathered::Gathered;
use super::interner::Interner;
use super::text::{lines, whole_lines};
use crate::shard::Words;
use std::io;
use std::path::Path;

/// What the first three lines say.
struct Header {
    documents: usize,
    words: usize,
    entries: u64,
}

/// The entries of a chunk.
#[derive(Default)]
struct Piece {
    /// Documents in the order of their entries, with the end of those.
    documents: Vec<(u32, usize)>,
    words: Vec<u32>,
    counts: Vec<u32>,
}

pub(super) fn read(
    job: &Job,
    mut stream: Stream,
    vocab: Option<&Path>,
) -> Result<Gathered, ReadError> {
    stream.skip_mark();
    let name = stream.name.clone();
    let header = header(&mut stream, job.most)?;
    let vocabulary = match vocab {
        Some(path) => named(job, path, &header)?,
        None => numbered(job, &name, header.words)?,
    };
    let mut all = Gathered {
        frequency: zeros(&name, header.words)?,
        total: zeros(&name, header.words)?,
        ..Gathered::default()
    };
    let mut entries = Entries::new(&name, &header)?;
    let parse = |chunk: &Chunk, piece: &mut Piece| parse(&name, chunk, &header, piece);
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Piece, chunk| {
        let count = entries.words.len() as u64;
        if count + piece.words.len() as u64 > header.entries {
            return Err(surplus(&name, chunk, header.entries, count));
        }
        for (&word, &more) in piece.words.iter().zip(&piece.counts) {
            // An entry a document and word, as a rule: at most 2³² of them are documents.
            all.frequency[word as usize] = all.frequency[word as usize].saturating_add(1);
            all.total[word as usize] += u64::from(more);
        }
        entries.extend(&piece);
        Ok(())
    })?;
    let count = entries.words.len() as u64;
    if count < header.entries {
        let (expected, found) = (format!("{} entries", header.entries), count.to_string());
        return Err(ReadError::content(&name, (end.line, 1), expected, found));
    }
    all.documents = entries.documents(&name, header.documents)?;
    all.documents.vocabulary = vocabulary;
    all.documents.bytes = end.bytes;
    Ok(all)
}

fn header(stream: &mut Stream, most: usize) -> Result<Header, ReadError> {
    let documents = header_line(stream, "a number of documents", most)?;
    let words = header_line(stream, "a number of words", most)?;
    let entries = header_line(stream, "how many entries", usize::MAX)? as u64;
    Ok(Header { documents, words, entries })
}

fn header_line(stream: &mut Stream, what: &str, most: usize) -> Result<usize, ReadError> {
    let name = stream.name.clone();
    let Some(line) = stream.first(Cut::Lines)? else {
        let place = (stream.position().line, 1);
        return Err(ReadError::content(&name, place, what, "the end of the file"));
    };
    let mut cursor = Cursor::new(&name, &line);
    cursor.skip_blanks();
    let value = cursor.whole(what, most)?;
    cursor.skip_blanks();
    cursor.end_line()?;
    Ok(value)
}

/// The words of a file that has one a line, as many as the header says.
fn named(job: &Job, path: &Path, header: &Header) -> Result<Words, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    stream.skip_mark();
    let name = stream.name.clone();
    let mut interner = Interner::default();
    while let Some(chunk) = stream.chunk(job.chunk, Cut::Lines)? {
        let (text, broken) = whole_lines(&name, &chunk);
        for (at, line) in lines(text) {
            let word = line.trim();
            let cursor = Cursor::new(&name, &chunk);
            let place = at + (line.len() - line.trim_start().len());
            if interner.words().len() >= header.words {
                let expected = format!("the end of the file after {} words", header.words);
                return Err(cursor.expected_at(place, expected, format!("`{word}`")));
            }
            if word.is_empty() {
                return Err(cursor.expected_at(at, "a word", "the end of the line"));
            }
            if !interner.intern(word).is_some_and(|(_, new)| new) {
                let found = format!("`{word}` again");
                return Err(cursor.expected_at(place, "each word once", found));
            }
        }
        broken.map_or(Ok(()), Err)?;
    }
    let found = interner.words().len();
    if found < header.words {
        let (expected, found) = (format!("{} words", header.words), found.to_string());
        let line = stream.position().line;
        return Err(ReadError::content(&name, (line, 1), expected, found));
    }
    Ok(interner.into_words())
}

/// Words that are called by their numbers, from 1.
fn numbered(job: &Job, name: &str, count: usize) -> Result<Words, ReadError> {
    debug_assert!(count <= job.most);
    // A header can ask for any number of words: what they take at least must be there.
    zeros::<u128>(name, count)?;
    let mut words = Words::default();
    (1..=count).for_each(|number| words.push(&number.to_string()));
    Ok(words)
}

/// Zeros, if there is memory for so many.
fn zeros<T: Clone + Default>(name: &str, count: usize) -> Result<Vec<T>, ReadError> {
    let mut zeros = room(name, count)?;
    zeros.resize(count, T::default());
    Ok(zeros)
}

/// Room for so many numbers, if there is memory for them.
fn room<T>(name: &str, count: usize) -> Result<Vec<T>, ReadError> {
    let mut room = Vec::new();
    room.try_reserve_exact(count).map_err(|_| {
        let reason = format!("no memory for {count} numbers");
        ReadError::io(name, "read", io::Error::new(io::ErrorKind::OutOfMemory, reason))
    })?;
    Ok(room)
}

fn parse(name: &str, chunk: &Chunk, header: &Header, piece: &mut Piece) -> Result<(), ReadError> {
    let mut cursor = Cursor::new(name, chunk);
    while !cursor.ended() {
        cursor.skip_blanks();
        if !cursor.line_ends() {
            let document = number(&mut cursor, "a document", header.documents)? - 1;
            let word = number(&mut cursor, "a word", header.words)? as u32 - 1;
            let count = number(&mut cursor, "a count", u32::MAX as usize)? as u32;
            if !cursor.line_ends() {
                return Err(cursor.expected("the end of the line"));
            }
            piece.push(document as u32, word, count);
        }
        cursor.skip_line();
    }
    Ok(())
}

/// A whole number of at least 1 and at most `most`, and the blanks behind it.
fn number(cursor: &mut Cursor, what: &str, most: usize) -> Result<usize, ReadError> {
    let start = cursor.at;
    let value = cursor.whole(what, most)?;
    if !cursor.byte().is_none_or(blank) && !cursor.line_ends() {
        cursor.at = start;
        return Err(cursor.expected(what));
    }
    if value == 0 {
        return Err(cursor.expected_at(start, format!("{what} of at least 1"), "`0`"));
    }
    cursor.skip_blanks();
    Ok(value)
}

impl Piece {
    fn push(&mut self, document: u32, word: u32, count: u32) {
        self.words.push(word);
        self.counts.push(count);
        let end = self.words.len();
        match self.documents.last_mut() {
            Some((last, to)) if *last == document => *to = end,
            _ => self.documents.push((document, end)),
        }
    }
}

/// What is wrong with the first entry of a chunk that is one too many.
fn surplus(name: &str, chunk: &Chunk, entries: u64, before: u64) -> ReadError {
    let mut cursor = Cursor::new(name, chunk);
    let mut left = entries - before;
    loop {
        cursor.skip_blanks();
        if !cursor.line_ends() {
            if left == 0 {
                let expected = format!("the end of the file after {entries} entries");
                return cursor.expected_at(cursor.at, expected, "more");
            }
            left -= 1;
        }
        cursor.skip_line();
    }
}

/// All entries, in the order of the file.
struct Entries {
    /// Documents in the order of their entries, with the end of those.
    documents: Vec<(u32, u64)>,
    words: Vec<u32>,
    counts: Vec<u32>,
}

impl Entries {
    /// Room for as many as the header says, if there is memory for them.
    fn new(name: &str, header: &Header) -> Result<Self, ReadError> {
        let count = usize::try_from(header.entries).unwrap_or(usize::MAX);
        let (words, counts) = (room(name, count)?, room(name, count)?);
        Ok(Entries { documents: Vec::new(), words, counts })
    }

    fn extend(&mut self, piece: &Piece) {
        let before = self.words.len() as u64;
        for &(document, end) in &piece.documents {
            let end = before + end as u64;
            match self.documents.last_mut() {
                Some((last, to)) if *last == document => *to = end,
                _ => self.documents.push((document, end)),
            }
        }
        self.words.extend_from_slice(&piece.words);
        self.counts.extend_from_slice(&piece.counts);
    }

    /// The entries of each document together.
    fn documents(self, name: &str, count: usize) -> Result<Documents, ReadError> {
        let mut ends = zeros::<u64>(name, count)?;
        let mut start = 0;
        for &(document, end) in &self.documents {
            ends[document as usize] += end - start;
            start = end;
        }
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        let (words, counts) = match self.documents.is_sorted_by(|a, b| a.0 < b.0) {
            true => (self.words, self.counts),
            false => self.sorted(name, &ends)?,
        };
        Ok(Documents { ends, words, counts, ..Documents::default() })
    }

    /// Words and counts in the order of the documents, which end at these places.
    fn sorted(self, name: &str, ends: &[u64]) -> Result<(Vec<u32>, Vec<u32>), ReadError> {
        let mut next: Vec<u64> = [0].iter().chain(ends).copied().take(ends.len()).collect();
        let mut words = zeros(name, self.words.len())?;
        let mut counts = zeros(name, self.words.len())?;
        let mut start = 0;
        for (document, end) in self.documents {
            let from = start as usize..end as usize;
            let first = next[document as usize] as usize;
            let to = first..first + from.len();
            words[to.clone()].copy_from_slice(&self.words[from.clone()]);
            counts[to].copy_from_slice(&self.counts[from]);
            next[document as usize] += end - start;
            start = end;
        }
        Ok((words, counts))
    }
}
