//! What a worker of a fit holds, and what of it the others hold as well.

use serde::{Deserialize, Serialize};

use super::design::Facts;
use super::options::Scheduler;
use super::program::Lasso;
use super::rows::RowId;
use crate::report::peak_resident_bytes;
use crate::scheduler::Policy;

/// What is known of a column beside its data: [`Facts`], the coefficient and what was last
/// published of it, its correlation and when that was taken, and whether it is screened.
const BESIDE_A_COLUMN: usize = size_of::<Facts>() + 4 * size_of::<f64>() + 1;

/// A worker's memory at the end of a fit, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The process that the worker is a thread of.
    pub process: usize,
    /// Its own columns, or rows. No other worker holds them.
    pub data: usize,
    /// What is known of each of its own columns.
    pub beside_data: usize,
    /// Replicated: residual, and weighted residual if rows are weighted.
    pub residual: usize,
    /// Replicated, once a process: response and row weights.
    pub response: usize,
    /// Replicated: the columns of the working set, and unpenalised ones.
    pub working_set: usize,
    /// Replicated: products of all pairs of columns, of data that is kept by rows.
    pub products: usize,
    /// Replicated unless one worker schedules for all: what the schedule knows of all columns, at
    /// most.
    pub scheduler: usize,
    /// The most that the process ever held, all told, if the system tells.
    pub peak: Option<u64>,
}

impl<I: RowId> Lasso<I> {
    /// What this worker of a process holds.
    pub fn memory(&self, process: usize) -> Memory {
        let own = || self.shards.iter().map(|shard| &shard.columns);
        let (rows, weighted) = (self.rows(), self.rows.weights.is_some());
        let numbers = rows * (1 + usize::from(weighted)) * size_of::<f64>();
        Memory {
            process,
            data: own().map(|columns| columns.bytes()).sum(),
            beside_data: own().map(|columns| columns.len() * BESIDE_A_COLUMN).sum(),
            residual: numbers,
            response: numbers,
            working_set: self.working.bytes() + self.free.bytes(),
            products: 0,
            scheduler: scheduler_bytes(self.options.scheduler, self.columns),
            peak: peak_resident_bytes(),
        }
    }
}

/// What a schedule knows of so many columns, at most.
fn scheduler_bytes(scheduler: Scheduler, columns: usize) -> usize {
    match scheduler {
        // Certificates bring proposals; nothing is known between them.
        Scheduler::WorkingSet => 0,
        Scheduler::Coordinates(Policy::RoundRobin, _) => 0,
        // The moved part of a permutation, in a hash map half full.
        Scheduler::Coordinates(Policy::Random, _) => columns * 2 * (2 * size_of::<usize>() + 1),
        // A tree of sums over eight.
        Scheduler::Coordinates(Policy::Priority | Policy::Dynamic, _) => {
            columns * size_of::<f64>() * 8 / 7
        }
    }
}
