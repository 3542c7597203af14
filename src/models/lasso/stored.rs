//! What the data's form decides of a batch fit: the program, and what it is told.

use std::ops::Range;
use std::sync::Arc;

use super::certificate::Measure;
use super::change;
use super::fit::{Plan, Problem};
use super::folds::Folds;
use super::memory::Memory;
use super::options::{self, Lambda, Options, scheduler};
use super::program::{Coefficient, Lasso};
use super::tall::{self, Tall};
use crate::operators::Form;
use crate::program::Program;
use crate::scheduler::Scheduler;
use crate::shard::{ColumnShard, Layout, RowShard};

/// Columns of a table in row form at most: every worker holds numbers for each pair of them.
const MOST_COLUMNS: usize = 8192;

/// Rounds until a model in row form has been measured: before there is no result to give.
const FIRST_RESULT: u64 = 5;

/// Shards of data that a Lasso can be fitted to: [`ColumnShard`] or [`RowShard`].
pub trait Stored: Sized + Send + 'static {
    /// Whether rows are kept together, rather than columns.
    const IN_ROWS: bool;
    /// How the engine runs the program.
    #[doc(hidden)]
    const FORM: Form;
    #[doc(hidden)]
    type Model: Model;

    /// Rows and columns of a shard, as it is and as it should be.
    #[doc(hidden)]
    fn shape(&self) -> (usize, usize);
    #[doc(hidden)]
    fn shape_of(shard: usize, shards: usize, rows: usize, columns: usize) -> (usize, usize);

    /// Whether this form can do what is asked for.
    ///
    /// # Errors
    /// One line that says what was expected and what was found.
    #[doc(hidden)]
    fn check(options: &Options, columns: usize) -> Result<(), String>;

    #[doc(hidden)]
    fn scheduler(options: &Options) -> Box<dyn Scheduler<u32>> {
        scheduler(options)
    }

    /// Takes the data out of a model that is done.
    #[doc(hidden)]
    fn release(model: &mut Self::Model) -> Vec<(usize, Self)>;
    /// A checksum of the data.
    #[doc(hidden)]
    fn checksum(&self) -> u32;
    #[doc(hidden)]
    fn model(options: Options, shards: usize, local: Range<usize>) -> Self::Model;
    #[doc(hidden)]
    fn data(
        model: &mut Self::Model,
        part: Problem<Self>,
        plan: &Plan,
    ) -> <Self::Model as Program>::Change;
}

/// A program that can be fitted.
#[doc(hidden)]
pub trait Model:
    Program<Change: Clone, Key = u32, Certificate = Measure, Output = Coefficient>
{
    /// Goes to another λ.
    fn at(lambda: Lambda) -> Self::Change;
    /// Leaves out a fold, or none.
    fn hold_out(folds: &Folds, fold: Option<usize>, weights: Option<&[f64]>) -> Self::Change;
    /// The smallest λ at which all penalised coefficients are zero, if it has been taken.
    fn lambda_max(&self) -> Option<f64>;
    /// The last certificate: the same on every worker.
    fn measure(&self) -> &Measure;
    /// The λ that the coefficients are on their way from.
    fn solved(&self) -> Option<f64>;
    /// Says the same of coefficients that are restored.
    fn set_solved(&mut self, solved: Option<f64>);
    /// The shards whose coefficients this worker knows, of all.
    fn known(&self, shards: usize) -> Range<usize>;
    /// What this worker of a process holds.
    fn memory(&self, process: usize) -> Memory;
}

impl Stored for ColumnShard {
    const IN_ROWS: bool = false;
    const FORM: Form = Form::Owned;
    type Model = Lasso<u64>;

    fn shape(&self) -> (usize, usize) {
        (self.rows(), self.len())
    }

    fn shape_of(shard: usize, shards: usize, rows: usize, columns: usize) -> (usize, usize) {
        (rows, Layout::new(shards).count(shard, columns))
    }

    fn check(_options: &Options, _columns: usize) -> Result<(), String> {
        Ok(())
    }

    fn release(model: &mut Lasso<u64>) -> Vec<(usize, ColumnShard)> {
        let columns = model.shards.iter_mut().map(|shard| std::mem::take(&mut shard.columns));
        model.local.clone().zip(columns).collect()
    }

    fn checksum(&self) -> u32 {
        ColumnShard::checksum(self)
    }

    fn model(options: Options, shards: usize, local: Range<usize>) -> Self::Model {
        Lasso::new(options, shards, local)
    }

    fn data(model: &mut Self::Model, part: Problem, _plan: &Plan) -> change::Change {
        if let Some(warm) = &part.warm {
            model.start_from(warm);
        }
        let Problem { columns, response, weights, factors, shards, .. } = part;
        change::Change::Data(Box::new(change::Data { columns, response, weights, factors, shards }))
    }
}

impl Model for Lasso<u64> {
    fn at(lambda: Lambda) -> change::Change {
        change::Change::Lambda(lambda)
    }

    fn hold_out(folds: &Folds, fold: Option<usize>, weights: Option<&[f64]>) -> change::Change {
        let Some(fold) = fold else {
            let all = weights.map_or_else(|| vec![1.0; folds.rows()], <[f64]>::to_vec);
            return change::Change::Weights { weights: Arc::new(all), held_out: None };
        };
        let held_out = Some(folds.held_out(fold, weights));
        change::Change::Weights { weights: folds.weights(fold, weights), held_out }
    }

    fn lambda_max(&self) -> Option<f64> {
        Lasso::lambda_max(self)
    }

    fn measure(&self) -> &Measure {
        Lasso::measure(self)
    }

    fn solved(&self) -> Option<f64> {
        let begun = !self.null && self.path.lambda() > 0.0;
        begun.then(|| self.path.lambda())
    }

    fn set_solved(&mut self, solved: Option<f64>) {
        self.restored = solved;
    }

    fn known(&self, _shards: usize) -> Range<usize> {
        self.local.clone()
    }

    fn memory(&self, process: usize) -> Memory {
        Lasso::memory(self, process)
    }
}

impl Stored for RowShard {
    const IN_ROWS: bool = true;
    const FORM: Form = Form::Partial;
    type Model = Tall;

    fn shape(&self) -> (usize, usize) {
        (self.rows(), self.columns())
    }

    fn shape_of(shard: usize, shards: usize, rows: usize, columns: usize) -> (usize, usize) {
        (RowShard::count(shard, rows, shards), columns)
    }

    fn check(options: &Options, columns: usize) -> Result<(), String> {
        if options.scheduler != options::Scheduler::WorkingSet {
            return Err("row shards: expected the working-set scheduler, found another".to_owned());
        }
        match columns <= MOST_COLUMNS {
            true => Ok(()),
            false => {
                Err(format!("row shards: expected at most {MOST_COLUMNS} columns, found {columns}"))
            }
        }
    }

    fn scheduler(options: &Options) -> Box<dyn Scheduler<u32>> {
        let max_rounds = options.max_rounds.max(FIRST_RESULT);
        scheduler(&Options { max_rounds, ..options.clone() })
    }

    fn release(model: &mut Tall) -> Vec<(usize, RowShard)> {
        model.release()
    }

    fn checksum(&self) -> u32 {
        RowShard::checksum(self)
    }

    fn model(options: Options, shards: usize, local: Range<usize>) -> Tall {
        Tall::new(options, shards, local)
    }

    fn data(_model: &mut Tall, part: Problem<RowShard>, plan: &Plan) -> tall::Change {
        let folds = match plan {
            Plan::CrossValidate { folds, .. } => Some(Arc::new(folds.clone())),
            Plan::One(_) | Plan::Path { .. } => None,
        };
        let Problem { columns, response, weights, factors, shards, warm } = part;
        let table = tall::Table { response, weights, folds };
        tall::Change::Data(Box::new(tall::Data { columns, table, factors, shards, warm }))
    }
}

impl Model for Tall {
    fn at(lambda: Lambda) -> tall::Change {
        tall::Change::Lambda(lambda)
    }

    fn hold_out(_folds: &Folds, fold: Option<usize>, _weights: Option<&[f64]>) -> tall::Change {
        tall::Change::HoldOut(fold)
    }

    fn lambda_max(&self) -> Option<f64> {
        Tall::lambda_max(self)
    }

    fn measure(&self) -> &Measure {
        Tall::measure(self)
    }

    fn solved(&self) -> Option<f64> {
        Tall::solved(self)
    }

    fn set_solved(&mut self, solved: Option<f64>) {
        Tall::set_solved(self, solved);
    }

    fn known(&self, shards: usize) -> Range<usize> {
        0..shards
    }

    fn memory(&self, process: usize) -> Memory {
        Tall::memory(self, process)
    }
}
