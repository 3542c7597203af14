//! All columns of a table, in order.

use super::super::Table;
use super::invalid;
use crate::shard::{ColumnShard, Layout};
use std::io;

/// All columns of a table.
pub(super) struct Columns<'a> {
    layout: Layout,
    shards: Vec<&'a ColumnShard>,
    columns: usize,
}

impl<'a> Columns<'a> {
    /// Checks that nothing of the table is missing.
    pub fn new(table: &'a Table) -> io::Result<Self> {
        let layout = Layout::new(table.shards.len());
        let whole = !table.shards.is_empty()
            && table.shards.iter().enumerate().all(|(place, (shard, data))| {
                place == *shard
                    && data.rows() == table.rows
                    && data.len() == layout.count(place, table.columns)
            });
        let answered = [0, table.rows].contains(&table.response.len());
        let named = table.names.as_ref().is_none_or(|names| names.len() == table.columns);
        if !whole || !answered || !named {
            return Err(invalid("the table does not have all of its columns"));
        }
        let shards = table.shards.iter().map(|(_, data)| data).collect();
        Ok(Columns { layout, shards, columns: table.columns })
    }

    pub fn len(&self) -> usize {
        self.columns
    }

    /// Calls with row and value of every entry of a column that is not zero, in order.
    pub fn for_each(&self, column: usize, mut call: impl FnMut(usize, f64)) {
        let shard = self.shards[self.layout.shard_of(column)];
        shard.for_each(self.layout.local(column), |row, value| {
            if value != 0.0 {
                call(row, value);
            }
        });
    }

    /// The value of a column in a row.
    pub fn value(&self, column: usize, row: usize) -> f64 {
        self.shards[self.layout.shard_of(column)].value(self.layout.local(column), row)
    }
}
