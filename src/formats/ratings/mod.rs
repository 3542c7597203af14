//! Ratings: user, item, rating, and perhaps weight and time, a rating a line.
//!
//! Fields are separated by commas, semicolons (either may quote), tabs, `::` or blanks; the first
//! line may be a header; comments (`#`, `%`) may come before it. Every line has as many fields as
//! the first, and those with no use are passed over. Users and items are any text. Empty lines are
//! passed over.
//!
//! Threads parse chunks, each with dictionaries of its own, which the calling thread merges in the
//! order of the file; then users and items are put in order (see [`Names`]), so that positions depend
//! neither on threads nor on the order of the lines. Needs about 25 bytes a rating while it runs.

mod field;
mod intern;
mod layout;
mod options;
mod rows;

use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::cursor::Cursor;
use super::ordered::{Job, in_order};
use super::stream::{Chunk, Stream};
use super::{CHUNK, Progress, ReadError, ReadOptions, files};
use crate::shard::{Names, Ratings, Unordered};
use intern::Dictionary;
use layout::{Layout, Role, cut};
pub use options::{RatingOptions, Separator};
use rows::Piece;

/// The most ratings a file may have: they are numbered with 32 bits while they are put in order.
const MOST: usize = u32::MAX as usize - 1;

/// A file of ratings.
#[derive(Clone, Debug)]
pub struct RatingFile {
    /// Who rates, in order.
    pub users: Arc<Names>,
    /// What is rated, in order.
    pub items: Arc<Names>,
    /// The ratings in the order of the lines.
    pub lines: Unordered,
    /// Whether there is a column of ratings; else each is 1.
    pub rated: bool,
    /// The names in its header, if it has one.
    pub header: Option<Vec<String>>,
    /// How many bytes it has, decompressed.
    pub bytes: u64,
}

impl RatingFile {
    /// The ratings in order, of each pair the last one, sorted on `threads` threads.
    pub fn ratings(self, threads: usize) -> Ratings {
        Ratings::new(self.users, self.items, self.lines, threads)
            .expect("what was read is finite and of these users and items")
    }
}

/// Reads a file of ratings, plain, `.gz`, `.zst`, or `-` for standard input.
///
/// # Errors
///
/// If the file cannot be read or has a line that is no rating; see [`ReadError`]. Of several
/// errors the first is reported.
pub fn read_ratings(
    path: &Path,
    options: &RatingOptions,
    progress: &dyn Progress,
) -> Result<RatingFile, ReadError> {
    let threads = ReadOptions { threads: options.threads, ..ReadOptions::default() };
    let job = Job { files: &files::Disk, options: &threads, progress, chunk: CHUNK, most: MOST };
    read_job(&job, path, options)
}

pub(super) fn read_job(
    job: &Job,
    path: &Path,
    options: &RatingOptions,
) -> Result<RatingFile, ReadError> {
    let mut stream = Stream::open(job.files, path)?;
    job.progress.begin(stream.size);
    let layout = Layout::of(&mut stream, options)?;
    let name = stream.name.clone();
    let hasher = DefaultHashBuilder::default();
    let mut all = Whole::default();
    let parse = |chunk: &Chunk, piece: &mut Piece| {
        let mut cursor = match layout.separator.byte() {
            Some(byte) => Cursor::separated(&name, chunk, byte),
            None => Cursor::new(&name, chunk),
        };
        rows::parse(&mut cursor, &layout, &hasher, piece)
    };
    let end = in_order(job, stream, cut(layout.separator), parse, |piece: Piece, _| {
        all.count += piece.user.len();
        if all.count > job.most {
            let expected = format!("at most {} ratings", job.most);
            return Err(ReadError::content(&name, (1, 1), expected, "more"));
        }
        all.add(piece);
        Ok(())
    })?;
    if all.count == 0 {
        let place = (end.line, 1);
        return Err(ReadError::content(&name, place, "a rating", "the end of the file"));
    }
    Ok(all.file(layout, end.bytes))
}

/// Everything read so far.
#[derive(Default)]
struct Whole {
    count: usize,
    users: Dictionary,
    items: Dictionary,
    pieces: Vec<Part>,
}

/// The ratings of a chunk, and the whole's numbers of its users and items.
struct Part {
    piece: Piece,
    users: Vec<u32>,
    items: Vec<u32>,
}

impl Whole {
    fn add(&mut self, mut piece: Piece) {
        let users = self.users.merge(&std::mem::take(&mut piece.users));
        let items = self.items.merge(&std::mem::take(&mut piece.items));
        self.pieces.push(Part { piece, users, items });
    }

    fn file(mut self, layout: Layout, bytes: u64) -> RatingFile {
        let (users, user_places) = self.users.sorted();
        let (items, item_places) = self.items.sorted();
        let parts = &mut self.pieces;
        let lines = Unordered {
            user: column(parts, |part| {
                let numbers = std::mem::take(&mut part.piece.user).into_iter();
                numbers.map(|at| user_places[part.users[at as usize] as usize]).collect()
            }),
            item: column(parts, |part| {
                let numbers = std::mem::take(&mut part.piece.item).into_iter();
                numbers.map(|at| item_places[part.items[at as usize] as usize]).collect()
            }),
            value: column(parts, |part| std::mem::take(&mut part.piece.value)),
            weight: layout
                .has(Role::Weight)
                .then(|| column(parts, |part| std::mem::take(&mut part.piece.weight))),
            time: layout
                .has(Role::Time)
                .then(|| column(parts, |part| std::mem::take(&mut part.piece.time))),
        };
        let (users, items) = (Arc::new(users), Arc::new(items));
        let rated = layout.has(Role::Rating);
        RatingFile { users, items, lines, rated, header: layout.header, bytes }
    }
}

fn column<T>(parts: &mut [Part], take: impl Fn(&mut Part) -> Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    parts.iter_mut().for_each(|part| all.append(&mut take(part)));
    all
}
