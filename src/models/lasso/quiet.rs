//! Columns that need no look while few rows change.
//!
//! A column is out of the certificate's sight while `|c| + ‖x̃‖ · way` stays below its bound, where
//! `way` is what the residual has travelled since `c` was taken. For a λ and a weight of all rows that
//! stay, this is a number for each column: the way up to which nothing need be known of it. A
//! certificate after a small change then reads the least of those numbers of every 64 columns, and
//! looks only at the columns whose time has come; what a row touches, and what enters the model, is
//! woken.

use super::look::Pass;

/// Columns of which the least number is kept.
const CHUNK: usize = 64;

/// For each column of a shard, the way up to which it needs no look; nothing before the first look
/// at all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet {
    until: Vec<f64>,
    /// No more than the least of each chunk of these.
    least: Vec<f64>,
    /// The λ they hold for.
    lambda: f64,
}

impl Quiet {
    /// The columns that must be looked at, ascending; nothing if it must be all of them as in any
    /// pass. Whoever is given positions must [`Quiet::settle`] each.
    pub fn awake(&mut self, pass: &Pass<'_>, columns: usize) -> Option<Vec<usize>> {
        // (A lower threshold asks for columns that are within their bounds.)
        if !pass.repaired || !pass.joint || pass.exact || pass.threshold < 1.0 {
            self.until.clear();
            return None;
        }
        if self.until.len() != columns || self.lambda != pass.lambda {
            self.until = vec![f64::NEG_INFINITY; columns];
            self.least = vec![f64::NEG_INFINITY; columns.div_ceil(CHUNK)];
            self.lambda = pass.lambda;
        }
        let quiet = |until: &f64| pass.travelled < *until;
        let mut awake = Vec::new();
        let chunks = self.until.chunks(CHUNK).zip(&mut self.least);
        for ((chunk, least), first) in
            chunks.zip((0..).step_by(CHUNK)).filter(|((_, least), _)| !quiet(least))
        {
            let due = chunk.iter().zip(first..).filter(|(until, _)| !quiet(until));
            awake.extend(due.map(|(_, at)| at));
            // What is awake will be settled, and lower this again.
            *least =
                chunk.iter().filter(|until| quiet(until)).fold(f64::INFINITY, |a, b| a.min(*b));
        }
        Some(awake)
    }

    /// Notes the way up to which a column needs no look.
    pub fn settle(&mut self, column: usize, until: f64) {
        self.until[column] = until;
        self.lower(column, until);
    }

    /// A column's correlation has changed by so much way.
    pub fn hasten(&mut self, column: usize, way: f64) {
        if let Some(until) = self.until.get_mut(column) {
            *until -= way;
            let until = *until;
            self.lower(column, until);
        }
    }

    /// Has a column looked at by the next pass.
    pub fn wake(&mut self, column: usize) {
        if let Some(until) = self.until.get_mut(column) {
            *until = f64::NEG_INFINITY;
            self.lower(column, f64::NEG_INFINITY);
        }
    }

    fn lower(&mut self, column: usize, until: f64) {
        let least = &mut self.least[column / CHUNK];
        // What is not a number must be looked at.
        if until < *least || until.is_nan() {
            *least = if until.is_nan() { f64::NEG_INFINITY } else { until };
        }
    }
}
