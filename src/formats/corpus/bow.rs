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
use super::text::{lines, utf8};
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
    let (mut count, mut pieces) = (0, Vec::new());
    let parse = |chunk: &Chunk, piece: &mut Piece| entries(&name, chunk, &header, piece);
    let end = in_order(job, stream, Cut::Lines, parse, |piece: Piece, chunk| {
        let more = piece.words.len() as u64;
        if count + more > header.entries {
            return Err(surplus(&name, chunk, header.entries, count));
        }
        count += more;
        for (&word, &more) in piece.words.iter().zip(&piece.counts) {
            // An entry a document and word, as a rule: at most 2³² of them are documents.
            all.frequency[word as usize] = all.frequency[word as usize].saturating_add(1);
            all.total[word as usize] += u64::from(more);
        }
        pieces.push(piece);
        Ok(())
    })?;
    if count < header.entries {
        let (expected, found) = (format!("{} entries", header.entries), count.to_string());
        return Err(ReadError::content(&name, (end.line, 1), expected, found));
    }
    all.documents = documents(&name, header.documents, count, pieces)?;
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
        for (at, line) in lines(utf8(&name, &chunk)?) {
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
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(count).map_err(|_| {
        let reason = format!("no memory for {count} numbers");
        ReadError::io(name, "read", io::Error::new(io::ErrorKind::OutOfMemory, reason))
    })?;
    zeros.resize(count, T::default());
    Ok(zeros)
}

fn entries(name: &str, chunk: &Chunk, header: &Header, piece: &mut Piece) -> Result<(), ReadError> {
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
    piece.words.shrink_to_fit();
    piece.counts.shrink_to_fit();
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

    /// Calls with document, word and count of every entry.
    fn each(&self, mut call: impl FnMut(u32, u32, u32)) {
        let mut start = 0;
        for &(document, end) in &self.documents {
            for at in start..end {
                call(document, self.words[at], self.counts[at]);
            }
            start = end;
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

/// Puts the entries of each document together.
fn documents(
    name: &str,
    count: usize,
    entries: u64,
    pieces: Vec<Piece>,
) -> Result<Documents, ReadError> {
    let mut ends = zeros::<u64>(name, count)?;
    for piece in &pieces {
        piece.each(|document, _, _| ends[document as usize] += 1);
    }
    let mut next = zeros::<u64>(name, count)?;
    let mut total = 0;
    for (end, next) in ends.iter_mut().zip(&mut next) {
        *next = total;
        total += *end;
        *end = total;
    }
    let entries = usize::try_from(entries).unwrap_or(usize::MAX);
    let (mut words, mut counts) = (zeros::<u32>(name, entries)?, zeros::<u32>(name, entries)?);
    for piece in pieces {
        piece.each(|document, word, count| {
            let next = &mut next[document as usize];
            (words[*next as usize], counts[*next as usize]) = (word, count);
            *next += 1;
        });
    }
    Ok(Documents { ends, words, counts, ..Documents::default() })
}
