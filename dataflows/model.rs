//! Linear models as files: coefficients, intercepts and what is told about them.

use std::path::Path;

use serde_json::{Map, Value};
use strads::report::ModelFile;

use crate::failure::Failure;
use crate::output::figure;

/// A linear model, or the models of a path: checked, so that every index below `len` and
/// `columns` is good.
pub struct LinearModel {
    file: ModelFile,
    names: Option<Vec<String>>,
    columns: usize,
    lambda: Vec<f64>,
    intercept: Vec<f64>,
    coefficients: Vec<f64>,
    is_path: bool,
}

impl LinearModel {
    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        LinearModel::new(ModelFile::load(path)?, path)
    }

    /// The linear model in a file that was read from a path.
    pub fn new(file: ModelFile, path: &Path) -> Result<Self, Failure> {
        let bad = |why: &str| Failure::model(format!("cannot use {}: {why}", path.display()));
        if kind(&file) != Some("lasso") {
            return Err(bad("it is not a linear model"));
        }
        let (shape, coefficients) = file.get::<f64>("coefficients")?;
        let (len, columns, is_path) = match *shape {
            [columns] => (1, columns, false),
            [len, columns] => (len, columns, true),
            _ => return Err(bad("its coefficients have an odd shape")),
        };
        let coefficients = coefficients.to_vec();
        let intercept = file.get::<f64>("intercept")?.1.to_vec();
        let lambda = file.get::<f64>("lambda")?.1.to_vec();
        if u32::try_from(columns).is_err() {
            return Err(bad("it has more than 4294967295 columns"));
        }
        if len == 0 || lambda.len() != len || intercept.len() != len {
            return Err(bad("its tensors are of different lengths"));
        }
        if !coefficients.iter().chain(&intercept).all(|value| value.is_finite()) {
            return Err(bad("it has numbers that are not finite"));
        }
        let names: Option<Vec<String>> = match file.metadata.get("features") {
            None | Some(Value::Null) => None,
            Some(names) => match serde_json::from_value(names.clone()) {
                Ok(names) => Some(names),
                Err(_) => return Err(bad("its column names are no list of texts")),
            },
        };
        if names.as_ref().is_some_and(|names| names.len() != columns) {
            return Err(bad("it has more or fewer names than columns"));
        }
        Ok(LinearModel { file, names, columns, lambda, intercept, coefficients, is_path })
    }

    /// Whether the file is of a path: several λ, or one in the form of several.
    pub fn is_path(&self) -> bool {
        self.is_path
    }

    /// How many λ there are, at least one.
    pub fn len(&self) -> usize {
        self.lambda.len()
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The columns' names.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// What is told about the model beside its numbers.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.file.metadata
    }

    /// The λ of each model.
    pub fn lambda(&self) -> &[f64] {
        &self.lambda
    }

    /// The intercept of each model.
    pub fn intercept(&self) -> &[f64] {
        &self.intercept
    }

    /// Ascending columns of one λ whose coefficient is not zero.
    pub fn nonzeros(&self, index: usize) -> Vec<(u32, f64)> {
        let row = &self.coefficients[index * self.columns..][..self.columns];
        let coefficients = row.iter().enumerate().filter(|(_, value)| **value != 0.0);
        coefficients.map(|(column, value)| (column as u32, *value)).collect()
    }

    /// A column's name, or its number.
    pub fn label(&self, column: u32) -> String {
        let name = self.names().and_then(|names| names.get(column as usize));
        name.cloned().unwrap_or_else(|| column.to_string())
    }
}

/// The command that made a model.
pub fn kind(file: &ModelFile) -> Option<&str> {
    file.metadata.get("command").and_then(Value::as_str)
}

/// Sorted by size, largest first; of equal ones the first column first.
pub fn largest_first(mut coefficients: Vec<(u32, f64)>) -> Vec<(u32, f64)> {
    coefficients.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    coefficients
}

/// Coefficients as a table for people, at most `most` of them.
pub fn listed(coefficients: &[(u32, f64)], most: usize, label: impl Fn(u32) -> String) -> String {
    let line =
        |&(column, value): &(u32, f64)| format!("{:>14}  {}\n", figure(value), label(column));
    let mut text: String = coefficients.iter().take(most).map(line).collect();
    if coefficients.len() > most {
        text.push_str(&format!("{:>14}  and {} smaller\n", "", coefficients.len() - most));
    }
    text
}
