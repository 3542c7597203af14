//! From files to this process's part of the problem.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use strads::formats::{ReadOptions, Table};
use strads::models::lasso::Problem;
use strads::shard::{ColumnShard, Layout, RowShard};

use super::arguments::{Arguments, Schedule};
use crate::failure::Failure;
use crate::input::numbers;
use crate::model::LinearModel;

/// This process's part of the problem, and what is told about all of it.
pub struct Data {
    /// What is to be fitted; without shards if rows are kept.
    pub problem: Problem,
    /// The shards of a table that is kept by rows.
    pub row_shards: Option<Vec<(usize, RowShard)>>,
    pub rows: usize,
    pub columns: usize,
    pub names: Option<Vec<String>>,
    pub left_out: usize,
    pub missing: u64,
    /// The memory that this process's columns or rows take.
    pub bytes: usize,
}

impl Data {
    /// Reads the data, keeping the columns of this process's shards, and what comes with it.
    pub fn load(arguments: &Arguments) -> Result<Data, Failure> {
        let placement = arguments.placement();
        let first = arguments.cluster.process * arguments.cluster.threads;
        let last = first + arguments.cluster.threads - 1;
        let own = placement.local(first).start..placement.local(last).end;
        let options = ReadOptions {
            parts: arguments.training.parts(),
            shards: placement.shards(),
            keep: own.clone(),
            storage: arguments.storage,
            ..arguments.input.options(arguments.input_format, arguments.cluster.threads)?
        };
        let (table, weights) = weighted(arguments, options, own)?;
        let mut problem = Problem {
            columns: table.columns,
            response: Arc::new(table.response),
            weights: weights.map(Arc::new),
            shards: table.shards,
            ..Problem::default()
        };
        problem.factors = factors(arguments, table.columns)?.map(Arc::new);
        problem.warm = warm(arguments, table.columns, table.names.as_deref())?.map(Arc::new);
        let row_shards = table.row_shards;
        let rows = row_shards.iter().flatten().map(|(_, rows)| rows.bytes());
        let bytes = problem.shards.iter().map(|(_, columns)| columns.bytes()).chain(rows).sum();
        let (rows, left_out, missing) = (table.rows, table.left_out, table.missing);
        let (columns, names) = (table.columns, table.names);
        let data = Data { problem, row_shards, rows, columns, names, left_out, missing, bytes };
        data.check(arguments)?;
        Ok(data)
    }

    fn check(&self, arguments: &Arguments) -> Result<(), Failure> {
        let name = arguments.data.display();
        if u32::try_from(self.problem.columns).is_err() || u32::try_from(self.rows).is_err() {
            let most = u32::MAX;
            return Err(Failure::input(format!("{name}: more than {most} rows or columns")));
        }
        let Some(folds) = arguments.model.cv else { return Ok(()) };
        if folds > self.rows {
            let rows = self.rows;
            return Err(Failure::usage(format!("--cv {folds}: there are only {rows} rows")));
        }
        let weights = self.problem.weights.as_deref();
        if weights.is_some_and(|weights| weights.contains(&0.0)) {
            return Err(Failure::usage("--cv: a row of weight 0 can be in no fold"));
        }
        Ok(())
    }

    /// A digest of the options and of all data that every process holds.
    pub fn digest(&self, arguments: &Arguments) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(arguments.remembered().to_string());
        hash.update(self.form());
        let numbers = [Some(&self.problem.response), self.problem.weights.as_ref()];
        for numbers in numbers.into_iter().chain([self.problem.factors.as_ref()]) {
            let numbers = numbers.map_or(&[][..], |numbers| numbers.as_slice());
            hash.update((numbers.len() as u64).to_le_bytes());
            numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
        }
        hash.update((self.problem.columns as u64).to_le_bytes());
        for (column, value) in self.problem.warm.iter().flat_map(|warm| warm.iter()) {
            hash.update(column.to_le_bytes());
            hash.update(value.to_le_bytes());
        }
        hash.finalize().to_vec()
    }

    /// What is kept together.
    pub fn form(&self) -> &'static str {
        if self.row_shards.is_some() { "rows" } else { "columns" }
    }

    /// A column's name, or its number.
    pub fn label(&self, column: u32) -> String {
        let names = self.names.as_ref();
        let name = names.and_then(|names| names.get(column as usize));
        name.cloned().unwrap_or_else(|| column.to_string())
    }
}

/// The table and the row weights, if there are any.
fn weighted(
    arguments: &Arguments,
    options: ReadOptions,
    own: Range<usize>,
) -> Result<(Table, Option<Vec<f64>>), Failure> {
    let Some(weights) = &arguments.model.weights else {
        return Ok((arguments.input.read(&arguments.data, &options, &arguments.output)?, None));
    };
    let (table, weights) = if weights.exists() {
        let table = arguments.input.read(&arguments.data, &options, &arguments.output)?;
        let weights = numbers(weights, table.rows, "row")?;
        (table, weights)
    } else {
        // Which columns are kept is known once the weights are taken out, so all are read.
        let whole = ReadOptions { shards: 1, keep: 0..1, ..options };
        let table = arguments.input.read(&arguments.data, &whole, &arguments.output)?;
        take_out(arguments, table, &weights.to_string_lossy(), own)?
    };
    if weights.iter().all(|weight| *weight == 0.0) || !weights.iter().sum::<f64>().is_finite() {
        return Err(Failure::input("--weights: expected a sum above 0 that is finite"));
    }
    Ok((table, Some(weights)))
}

/// Takes a named column out of a table that was read whole, and deals the others.
fn take_out(
    arguments: &Arguments,
    mut table: Table,
    name: &str,
    own: Range<usize>,
) -> Result<(Table, Vec<f64>), Failure> {
    let file = arguments.data.display();
    let names = table.names.as_mut();
    let at = names.as_ref().and_then(|names| names.iter().position(|other| other == name));
    let (Some(names), Some(at)) = (names, at) else {
        let message = format!("{file}:1:1: expected a column `{name}`, or a file of that name");
        return Err(Failure::input(message));
    };
    names.remove(at);
    table.columns -= 1;
    let row_shards = table.row_shards.take().unwrap_or_default();
    if let Some((_, mut whole)) = row_shards.into_iter().next() {
        let weights = not_negative(&file.to_string(), whole.take_column(at))?;
        table.row_shards = Some(whole.deal_blocks(arguments.placement().shards(), own));
        return Ok((table, weights));
    }
    let Some((_, whole)) = table.shards.first() else {
        return Err(Failure::input(format!("{file}: expected columns, found none")));
    };
    let weights = (0..table.rows).map(|row| whole.value(at, row)).collect();
    let weights = not_negative(&file.to_string(), weights)?;
    let layout = Layout::new(arguments.placement().shards());
    let (mut dealt, mut words) = (Vec::new(), Vec::new());
    for shard in own {
        let mut columns = ColumnShard::new(table.rows);
        for local in 0..layout.count(shard, table.columns) {
            let column = layout.column(shard, local);
            words.clear();
            whole.encode(column + usize::from(column >= at), &mut words);
            columns.decode(&words).map_err(|error| Failure::input(format!("{file}: {error}")))?;
        }
        dealt.push((shard, columns));
    }
    table.shards = dealt;
    Ok((table, weights))
}

fn not_negative(file: &str, weights: Vec<f64>) -> Result<Vec<f64>, Failure> {
    let Some(row) = weights.iter().position(|weight| *weight < 0.0) else { return Ok(weights) };
    let (found, row) = (weights[row], row + 1);
    Err(Failure::input(format!("{file}: row {row}: expected a weight >= 0, found {found}")))
}

fn factors(arguments: &Arguments, columns: usize) -> Result<Option<Vec<f64>>, Failure> {
    let Some(file) = &arguments.model.penalty_factor else { return Ok(None) };
    let factors = numbers(file, columns, "column")?;
    let free = factors.iter().position(|factor| *factor == 0.0);
    if let (Some(column), true) = (free, arguments.training.scheduler != Schedule::WorkingSet) {
        let file = file.display();
        return Err(Failure::usage(format!(
            "{file}: column {column} has factor 0, which needs --scheduler working-set"
        )));
    }
    Ok(Some(factors))
}

/// The coefficients to start from.
fn warm(
    arguments: &Arguments,
    columns: usize,
    names: Option<&[String]>,
) -> Result<Option<Vec<(u32, f64)>>, Failure> {
    let Some(path) = &arguments.training.warm_start else { return Ok(None) };
    let model = LinearModel::load(path)?;
    let name = path.display();
    if model.columns() != columns {
        let found = model.columns();
        let message = format!("--warm-start {name}: expected {columns} columns, found {found}");
        return Err(Failure::model(message));
    }
    if let (Some(ours), Some(theirs)) = (names, model.names())
        && ours != theirs
    {
        return Err(Failure::model(format!("--warm-start {name}: its columns have other names")));
    }
    Ok(Some(model.nonzeros(model.len() - 1)))
}
