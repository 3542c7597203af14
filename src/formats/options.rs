//! How a file is to be read.

use super::Format;
use crate::shard::{ColumnShard, Layout};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the indices of svmlight and MatrixMarket files start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Base {
    /// The first column is 0.
    #[value(name = "0")]
    Zero,
    /// The first column is 1.
    #[value(name = "1")]
    One,
    /// MatrixMarket: 1. Svmlight: 1 unless an index 0 occurs anywhere in the file.
    #[default]
    #[value(name = "auto")]
    Auto,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Base::Zero => "0",
            Base::One => "1",
            Base::Auto => "auto",
        })
    }
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Base::Zero, Base::One, Base::Auto]
            .into_iter()
            .find(|base| base.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not a base; there are 0, 1, auto"))
    }
}

/// In which form a table is kept.
#[derive(Clone, Copy, Debug, Default)]
pub enum Parts {
    /// Shards of whole columns.
    #[default]
    Columns,
    /// Shards of blocks of rows.
    Rows,
    /// Rows if the rule holds of the numbers of rows and columns, else columns. Once the rule
    /// holds it must hold of more rows as well. Formats that are not dense are kept by column, and
    /// so is what lies column by column in its file.
    ByShape(fn(usize, usize) -> bool),
}

/// How exactly values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Storage {
    /// As they are read, to the last bit of `f64`.
    #[default]
    Exact,
    /// Rounded to `f32`: [`ColumnShard::rounding`].
    F32,
}

/// What to read and how much of it to keep.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `format` | none | the format, or guessed from the name and the content |
/// | `base` | auto | the first index of svmlight and MatrixMarket files |
/// | `target` | none | the name of the csv column that is the response |
/// | `response` | none | a file with the response, instead |
/// | `response_column` | 1 | which of its columns, from 1 |
/// | `parts` | columns | whether columns or rows are dealt to shards |
/// | `shards` | 1 | how many shards they are dealt to |
/// | `keep` | `0..1` | which of those shards are kept |
/// | `threads` | 1 | how many threads parse |
/// | `storage` | exact | whether values are rounded to `f32` |
/// | `need_response` | true | whether a file without a response is refused |
///
/// Without `need_response`, a response that the options name or that the format always has
/// (svmlight) is still read, but the last column of a `.fam` is not looked at.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The format; guessed from the name and the content if absent.
    pub format: Option<Format>,
    /// The first index of svmlight and MatrixMarket files.
    pub base: Base,
    /// The name of the csv or tsv column that is the response, in the data or in `response`.
    pub target: Option<String>,
    /// A file with the response: `.npy`, csv or tsv with a header, or columns between blanks.
    pub response: Option<PathBuf>,
    /// Which column of `response` is the response, from 1.
    pub response_column: usize,
    /// Whether columns or rows are dealt to shards.
    pub parts: Parts,
    /// How many shards they are dealt to.
    pub shards: usize,
    /// Which of those shards are kept.
    pub keep: Range<usize>,
    /// How many threads parse, at least one; the result is the same for any number.
    pub threads: usize,
    /// Whether values are rounded to `f32` as they are stored.
    pub storage: Storage,
    /// Whether a file without a response is refused.
    pub need_response: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            format: None,
            base: Base::Auto,
            target: None,
            response: None,
            response_column: 1,
            parts: Parts::Columns,
            shards: 1,
            keep: 0..1,
            threads: 1,
            storage: Storage::Exact,
            need_response: true,
        }
    }
}

/// The columns that are kept, decided one by one.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub layout: Layout,
    pub shards: Range<usize>,
    storage: Storage,
}

impl Kept {
    pub fn new(options: &ReadOptions) -> Self {
        let layout = Layout::new(options.shards);
        let end = options.keep.end.min(layout.shards());
        Kept { layout, shards: options.keep.start.min(end)..end, storage: options.storage }
    }

    /// A shard without columns.
    pub fn empty(&self, rows: usize) -> ColumnShard {
        match self.storage {
            Storage::Exact => ColumnShard::new(rows),
            Storage::F32 => ColumnShard::rounding(rows),
        }
    }

    /// Every column, on one shard.
    pub fn whole(options: &ReadOptions) -> Self {
        Kept { layout: Layout::new(1), shards: 0..1, storage: options.storage }
    }

    /// Whether a column is on a kept shard.
    #[inline]
    pub fn holds(&self, column: usize) -> bool {
        self.shards.len() == self.layout.shards()
            || self.shards.contains(&self.layout.shard_of(column))
    }
}
