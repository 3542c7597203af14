//! Reading from memory, for tests that feed the readers arbitrary bytes.

use super::files::Memory;
use super::ordered::Job;
use super::{
    CorpusOptions, Documents, RatingFile, RatingOptions, ReadError, ReadOptions, Table, corpus,
    ratings, read_job,
};
use std::path::Path;

/// The most rows and columns that are accepted here, so that a short input stays cheap.
pub const MOST: usize = 1 << 8;

/// Reads the file named `path` among `files`, in chunks of about `chunk` bytes.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read(
    files: &[(&str, &[u8])],
    path: &str,
    options: &ReadOptions,
    chunk: usize,
) -> Result<Table, ReadError> {
    let files = &Memory(files);
    read_job(&Job { files, options, progress: &(), chunk, most: MOST }, Path::new(path))
}

/// The whole outcome of a read as text: two reads agree if and only if their texts do.
pub fn outcome(read: &Result<Table, ReadError>) -> String {
    match read {
        Err(error) => error.to_string(),
        Ok(table) => {
            let mut columns = String::new();
            for (shard, data) in &table.shards {
                for column in 0..data.len() {
                    let values: Vec<_> =
                        (0..data.rows()).map(|row| data.value(column, row)).collect();
                    columns += &format!("\n{shard}/{column}: {values:?}");
                }
            }
            let Table { rows, names, row_ids, response, left_out, missing, bytes, .. } = table;
            format!(
                "{rows} x {}, {left_out} {missing} {bytes} {names:?} {row_ids:?} {response:?}{columns}",
                table.columns
            )
        }
    }
}

/// Reads in one piece, in small chunks on several threads, and in shards; panics if the outcomes
/// differ.
pub fn check(files: &[(&str, &[u8])], path: &str, options: &ReadOptions) {
    let whole = ReadOptions { threads: 1, shards: 1, keep: 0..1, ..options.clone() };
    let one = read(files, path, &whole, 1 << 20);
    for (chunk, threads) in [(1, 1), (7, 2)] {
        let options = ReadOptions { threads, ..whole.clone() };
        assert_eq!(
            outcome(&read(files, path, &options, chunk)),
            outcome(&one),
            "chunks of {chunk}"
        );
    }
    let Ok(one) = one else {
        return;
    };
    let layout = crate::shard::Layout::new(3);
    for (keep, threads) in [(0..3, 2), (1..2, 1)] {
        let options = ReadOptions { shards: 3, keep: keep.clone(), threads, ..options.clone() };
        let some = read(files, path, &options, 50).expect("what reads whole reads in shards");
        assert!(some.shards.iter().map(|shard| shard.0).eq(keep));
        for (shard, data) in &some.shards {
            assert_eq!(data.len(), layout.count(*shard, one.columns));
            for (local, row) in (0..data.len()).flat_map(|l| (0..data.rows()).map(move |r| (l, r)))
            {
                let value = one.shards[0].1.value(layout.column(*shard, local), row);
                assert_eq!(data.value(local, row), value, "shard {shard} column {local} row {row}");
            }
        }
    }
}

/// Reads the ratings in a file in chunks of about `chunk` bytes.
///
/// # Errors
///
/// As [`read_ratings`](super::read_ratings).
pub fn read_ratings(
    bytes: &[u8],
    options: &RatingOptions,
    chunk: usize,
) -> Result<RatingFile, ReadError> {
    let files = &Memory(&[("f", bytes)]);
    let threads = ReadOptions { threads: options.threads, ..ReadOptions::default() };
    let job = Job { files, options: &threads, progress: &(), chunk, most: MOST };
    ratings::read_job(&job, Path::new("f"), options)
}

/// Reads ratings in one piece and in small chunks on several threads; panics if the outcomes
/// differ.
pub fn check_ratings(bytes: &[u8], options: &RatingOptions) {
    let text = |threads, chunk| {
        let options = RatingOptions { threads, ..options.clone() };
        let read = read_ratings(bytes, &options, chunk).map_err(|error| error.to_string());
        let ratings = read.clone().map(|file| file.ratings(threads));
        format!("{read:?} {ratings:?}")
    };
    let one = text(1, 1 << 20);
    for (chunk, threads) in [(1, 1), (7, 2), (50, 3)] {
        assert_eq!(text(threads, chunk), one, "chunks of {chunk}");
    }
}

/// Reads the documents of the file named `path` among `files`, in chunks of about `chunk` bytes.
///
/// # Errors
///
/// As [`read_documents`](super::read_documents).
pub fn documents(
    files: &[(&str, &[u8])],
    path: &str,
    options: &CorpusOptions,
    chunk: usize,
) -> Result<Documents, ReadError> {
    let chunked = corpus::chunked(options);
    let files = &Memory(files);
    let job = Job { files, options: &chunked, progress: &(), chunk, most: MOST };
    corpus::read_job(&job, Path::new(path), options)
}

/// The whole outcome of a read of documents as text.
pub fn documents_outcome(read: &Result<Documents, ReadError>) -> String {
    read.as_ref().map_or_else(ToString::to_string, |documents| format!("{documents:?}"))
}

/// Reads documents in one piece and in small chunks on several threads; panics if the outcomes
/// differ.
pub fn check_documents(files: &[(&str, &[u8])], path: &str, options: &CorpusOptions) {
    let one = documents(files, path, &CorpusOptions { threads: 1, ..options.clone() }, 1 << 20);
    for (chunk, threads) in [(1, 1), (7, 2), (50, 3)] {
        let options = CorpusOptions { threads, ..options.clone() };
        let again = documents(files, path, &options, chunk);
        assert_eq!(documents_outcome(&again), documents_outcome(&one), "chunks of {chunk}");
    }
}
