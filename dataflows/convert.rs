//! `strads convert`: a table from one format to another.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use strads::formats::{Format, ReadOptions, Table};
use strads::report::{Exit, peak_resident_bytes};

use crate::Outcome;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{Output, check};
use crate::table::{self, Source, format_of};

/// Converts a table to another format
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file, plain, .gz or .zst; `-` is standard input
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The file to write; its name says the format: .svmlight, .csv, .tsv, .mtx, .npy, and .gz or
    /// .zst after it
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// Format of the data [default: by the name, else by the content]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    input_format: Option<Format>,
    #[command(flatten)]
    input: Input,
    /// Convert all rows, without the response (of plink: also those whose response is missing)
    #[arg(long, conflicts_with_all = ["response", "target", "response_output"])]
    no_response: bool,
    /// Write the response to a file of its own as well, one number a line
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    response_output: Option<PathBuf>,
    /// Threads that read
    #[arg(short = 'w', long, value_name = "N", default_value_t = 1)]
    threads: usize,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
The response goes into the labels of svmlight (0 if there is none) and into the last column of
csv and tsv; mtx and npy have no place for it: use --response-output. Numbers are written in the
shortest form that reads back as the same. Missing genotypes are written as what stands in for
them.

Examples:
  strads convert mice.bed.gz mice.svmlight.zst
  strads convert patients.csv patients.npy --target progression --response-output y.txt";

/// Reads a table and writes it.
pub fn run(arguments: &Arguments) -> Outcome {
    let format = format_of(&arguments.to)?;
    check("OUT", Some(&arguments.to))?;
    check("--response-output", arguments.response_output.as_deref())?;
    let started = Instant::now();
    let options = arguments.input.options(arguments.input_format, arguments.threads.max(1))?;
    let name = options.format.or_else(|| Format::of_name(&arguments.from));
    // Only plink data is asked for a response that nobody named.
    let need_response = name == Some(Format::Plink) && !arguments.no_response;
    let options = ReadOptions { need_response, ..options };
    let mut table = arguments.input.read(&arguments.from, &options, &arguments.output)?;
    if arguments.no_response {
        table.response.clear();
    }
    if arguments.response_output.is_some() && table.response.is_empty() {
        let from = arguments.from.display();
        let message = format!("--response-output: {from} has no response; name it with --target");
        return Err(Failure::usage(message));
    }
    let load = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let target = arguments.input.target.clone().unwrap_or_else(|| "response".into());
    let (rows, columns, left_out) = (table.rows, table.columns, table.left_out);
    let source = Read { table, target };
    table::write(&source, &arguments.to, format)?;
    if let Some(path) = &arguments.response_output {
        table::write_numbers(&source.table.response, path)?;
    }
    let value = json!({
        "command": "convert",
        "version": env!("CARGO_PKG_VERSION"),
        "rows": rows,
        "columns": columns,
        "left_out": left_out,
        "missing": source.table.missing,
        "format": format.to_string(),
        "seconds": { "load": load, "write": started.elapsed().as_secs_f64() },
        "peak_bytes": peak_resident_bytes(),
    });
    arguments.output.print(&value, || {
        let to = arguments.to.display();
        format!("{to}: {rows} rows, {columns} columns, {format}\n")
    })?;
    Ok(Exit::Done)
}

/// A table that was read whole.
struct Read {
    table: Table,
    target: String,
}

impl Source for Read {
    fn rows(&self) -> usize {
        self.table.rows
    }

    fn columns(&self) -> usize {
        self.table.columns
    }

    fn names(&self) -> Option<&[String]> {
        self.table.names.as_deref()
    }

    fn response(&self) -> (&[f64], &str) {
        (&self.table.response, &self.target)
    }

    fn each(&self, see: &mut dyn FnMut(usize, usize, f64)) {
        let Some((_, columns)) = self.table.shards.first() else { return };
        for column in 0..columns.len() {
            columns.for_each(column, |row, value| see(column, row, value));
        }
    }
}
