//! `strads generate`: seeded synthetic data, known down to what is planted.

mod corpus;
mod ratings;

use std::path::PathBuf;
use std::time::Instant;

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use strads::generate::{BlockDesign, Design, LassoDesign};
use strads::report::{Exit, peak_resident_bytes};

use crate::Outcome;
use crate::failure::Failure;
use crate::output::{Output, check, write};
use crate::table::{self, Source, format_of};

/// Generates synthetic data, the same from the same seed
#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Lasso(Lasso),
    Corpus(corpus::Corpus),
    Ratings(ratings::Ratings),
}

/// A sparse linear regression: y = X beta + noise
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
struct Lasso {
    /// The file to write; its name says the format: .svmlight, .csv, .tsv, .mtx, .npy, and .gz or
    /// .zst after it
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// The kind of columns
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    design: Kind,
    /// Rows
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rows: usize,
    /// Columns
    #[arg(long, value_name = "P", default_value_t = 10_000)]
    columns: usize,
    /// paper: non-zeros a column [default: 25]
    #[arg(long, value_name = "N")]
    per_column: Option<usize>,
    /// block: columns that are correlated with each other [default: 10]
    #[arg(long, value_name = "N")]
    block: Option<usize>,
    /// paper: probability that a column is a noisy copy of its left neighbour [default: 0.9];
    /// block: correlation within a block [default: 0.5]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    correlation: Option<f64>,
    /// Coefficients that are not zero [default: 50, or all]
    #[arg(long, value_name = "N")]
    planted: Option<usize>,
    /// Standard deviation of the noise over the root mean square of X beta
    #[arg(long, value_name = "S", default_value_t = 0.1, allow_negative_numbers = true)]
    noise: f64,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write the planted coefficients: csv, columns counted from 0
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    coefficients: Option<PathBuf>,
    /// Write the response to a file of its own as well, one number a line
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    response_output: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// The designs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Sparse columns, most of them noisy copies of their neighbour, as in the STRADS paper
    #[default]
    Paper,
    /// Dense Gaussian columns, correlated within blocks
    Block,
}

const HELP: &str = "\
mtx and npy have no place for the response: use --response-output.

Examples:
  strads generate lasso small.svmlight --rows 500 --columns 20000 --coefficients truth.csv
  strads generate lasso dense.npy --design block --columns 500 --response-output y.txt";

/// Draws and writes.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.what {
        What::Lasso(lasso) => match lasso.design {
            Kind::Paper => lasso.generate(lasso.paper()?),
            Kind::Block => lasso.generate(lasso.block()?),
        },
        What::Corpus(corpus) => corpus.generate(),
        What::Ratings(ratings) => ratings.generate(),
    }
}

impl Lasso {
    fn paper(&self) -> Result<LassoDesign, Failure> {
        if self.block.is_some() {
            return Err(Failure::usage("--block: only with --design block"));
        }
        let usual = LassoDesign::paper(self.rows, self.columns, self.seed);
        let design = LassoDesign {
            per_column: self.per_column.unwrap_or(usual.per_column),
            correlation: self.correlation.unwrap_or(usual.correlation),
            planted: self.planted.unwrap_or(usual.planted),
            noise: self.noise,
            ..usual
        };
        checked(design.check()).map(|()| design)
    }

    fn block(&self) -> Result<BlockDesign, Failure> {
        if self.per_column.is_some() {
            return Err(Failure::usage("--per-column: only with --design paper"));
        }
        let design = BlockDesign {
            rows: self.rows,
            columns: self.columns,
            block: self.block.unwrap_or(10),
            correlation: self.correlation.unwrap_or(0.5),
            planted: self.planted.unwrap_or(self.columns.min(50)),
            noise: self.noise,
            seed: self.seed,
        };
        checked(design.check()).map(|()| design)
    }

    fn generate(&self, design: impl Design) -> Outcome {
        let format = format_of(&self.to)?;
        check("OUT", Some(&self.to))?;
        check("--coefficients", self.coefficients.as_deref())?;
        check("--response-output", self.response_output.as_deref())?;
        let started = Instant::now();
        let source = Drawn { response: design.response(), design };
        table::write(&source, &self.to, format)?;
        if let Some(path) = &self.response_output {
            table::write_numbers(&source.response, path)?;
        }
        let planted = source.design.coefficients();
        if let Some(path) = &self.coefficients {
            write(path, |to| {
                writeln!(to, "column,coefficient")?;
                planted.iter().try_for_each(|(column, value)| writeln!(to, "{column},{value}"))
            })?;
        }
        let value = json!({
            "command": "generate",
            "version": env!("CARGO_PKG_VERSION"),
            "rows": self.rows,
            "columns": self.columns,
            "planted": planted.len(),
            "seed": self.seed,
            "format": format.to_string(),
            "seconds": { "write": started.elapsed().as_secs_f64() },
            "peak_bytes": peak_resident_bytes(),
        });
        self.output.print(&value, || {
            let (to, rows, columns) = (self.to.display(), self.rows, self.columns);
            format!("{to}: {rows} rows, {columns} columns, {} planted, {format}\n", planted.len())
        })?;
        Ok(Exit::Done)
    }
}

fn checked(check: Result<(), &'static str>) -> Result<(), Failure> {
    check.map_err(|limit| Failure::usage(format!("the design allows {limit}")))
}

/// A design whose response has been drawn.
struct Drawn<D> {
    design: D,
    response: Vec<f64>,
}

impl<D: Design> Source for Drawn<D> {
    fn rows(&self) -> usize {
        self.design.rows()
    }

    fn columns(&self) -> usize {
        self.design.columns()
    }

    fn names(&self) -> Option<&[String]> {
        None
    }

    fn response(&self) -> (&[f64], &str) {
        (&self.response, "response")
    }

    fn each(&self, see: &mut dyn FnMut(usize, usize, f64)) {
        self.design.span(0..self.design.columns(), &mut |at, column| {
            column.each(|row, value| see(at, row, value));
        });
    }
}
