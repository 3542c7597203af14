//! Dense rows that come one after another, to blocks of rows or to columns, as is asked for.

use super::dense::{self, Block, by_column, kept_columns};
use super::options::{Kept, Parts, Storage};
use super::ordered::Job;
use super::{ReadOptions, Table};
use crate::shard::{BLOCK, RowShard};

/// Rows so far: kept as they came until it is known in which form they are to be kept.
pub(super) struct ByRow<'a> {
    options: &'a ReadOptions,
    columns: usize,
    /// The columns that come.
    pub kept: Kept,
    /// Whether they are to come column by column within a chunk, being kept by column for sure.
    pub by_column: bool,
    rows: usize,
    waiting: Vec<Block>,
    blocks: Option<Blocks>,
}

impl<'a> ByRow<'a> {
    /// Nothing yet, of a table of so many columns.
    pub fn new(job: &Job<'a>, columns: usize) -> Self {
        let options = job.options;
        // A rule that holds of no number of rows needs no waiting.
        let by_row = columns > 0
            && match options.parts {
                Parts::Columns => false,
                Parts::Rows => true,
                Parts::ByShape(rule) => rule(usize::MAX, columns),
            };
        let kept = if by_row { Kept::whole(options) } else { job.kept() };
        let (by_column, waiting) = (!by_row, Vec::new());
        let mut made = ByRow { options, columns, kept, by_column, rows: 0, waiting, blocks: None };
        made.decide();
        made
    }

    /// Sets out to keep rows if the rule holds.
    fn decide(&mut self) {
        let is_tall = match self.options.parts {
            Parts::Columns => false,
            Parts::Rows => true,
            Parts::ByShape(rule) => rule(self.rows, self.columns),
        };
        if !self.by_column && is_tall {
            let mut blocks = Blocks::new(self.options, self.columns);
            self.waiting.drain(..).for_each(|block| blocks.extend(&block.values));
            self.blocks = Some(blocks);
        }
    }

    /// Takes whole rows of the kept columns.
    pub fn push(&mut self, rows: usize, values: Vec<f64>) {
        self.rows += rows;
        match &mut self.blocks {
            Some(blocks) => blocks.extend(&values),
            None => {
                self.waiting.push(Block { rows, values });
                self.decide();
            }
        }
    }

    /// Puts the kept shards in the table.
    pub fn finish(mut self, job: &Job, table: &mut Table) {
        if let Some(blocks) = self.blocks {
            table.row_shards = Some(blocks.finish());
            return;
        }
        if !self.by_column {
            // It might have been tall: all columns came, row by row.
            let places = kept_columns(&job.kept(), self.columns);
            for block in &mut self.waiting {
                block.values = by_column(&block.values, self.columns, places.iter().copied());
            }
        }
        let threads = self.options.threads;
        table.shards = dense::shards(&self.waiting, self.columns, &job.kept(), threads);
    }
}

/// Blocks of rows, dealt to shards.
struct Blocks {
    columns: usize,
    shards: usize,
    next: usize,
    open: Vec<f64>,
    kept: Vec<(usize, RowShard)>,
}

impl Blocks {
    fn new(options: &ReadOptions, columns: usize) -> Self {
        let shards = options.shards.max(1);
        let keep = options.keep.start..options.keep.end.min(shards);
        let empty = match options.storage {
            Storage::Exact => RowShard::new(columns),
            Storage::F32 => RowShard::rounding(columns),
        };
        let kept = keep.map(|shard| (shard, empty.clone())).collect();
        Blocks { columns, shards, next: 0, open: Vec::new(), kept }
    }

    fn extend(&mut self, mut values: &[f64]) {
        let full = BLOCK * self.columns;
        while !values.is_empty() {
            let (part, rest) = values.split_at(values.len().min(full - self.open.len()));
            values = rest;
            self.open.extend_from_slice(part);
            if self.open.len() == full {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let shard = RowShard::shard_of(self.next, self.shards);
        if let Some((_, part)) = self.kept.iter_mut().find(|(kept, _)| *kept == shard) {
            part.push_block(&self.open);
        }
        self.open.clear();
        self.next += 1;
    }

    fn finish(mut self) -> Vec<(usize, RowShard)> {
        if !self.open.is_empty() {
            self.close();
        }
        self.kept
    }
}
