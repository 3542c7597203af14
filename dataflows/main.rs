//! The `strads` command: one file a subcommand, each readable as the dataflow it is.

#![forbid(unsafe_code)]

mod checkpoint;
mod convert;
mod corpus;
mod failure;
mod follow;
mod generate;
mod input;
mod inspect;
mod lasso;
mod launch;
mod lda;
mod mf;
mod model;
mod output;
mod predict;
mod ratings;
mod recommend;
mod run;
mod table;
mod topics;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use failure::{Failure, refuse};

/// Trains big sparse models model-parallel, on threads and processes
#[derive(Parser)]
#[command(name = "strads", version, disable_help_flag = true, disable_help_subcommand = true)]
#[command(after_help = EXAMPLES)]
struct Command {
    /// Print help
    #[arg(long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Lasso(Box<lasso::Arguments>),
    Lda(Box<lda::Arguments>),
    Mf(Box<mf::Arguments>),
    Predict(predict::Arguments),
    Recommend(recommend::Arguments),
    Inspect(inspect::Arguments),
    Convert(convert::Arguments),
    Generate(generate::Arguments),
    Launch(launch::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  strads lasso data.svmlight --lambda-ratio 0.1 -w 4 --model m.safetensors
  strads predict --model m.safetensors new.svmlight
  strads mf ratings.csv --rank 40 --holdout 0.1 --model mf.safetensors
  strads recommend --model mf.safetensors --user 17 --top 10
  strads lda mails.docs --topics 50 --stopwords english -w 4 --model topics.safetensors
  strads inspect --model topics.safetensors
  strads COMMAND --help

Results are on stdout, everything else on stderr.

Exit codes:
  0  done
  1  the computation failed
  2  the command line makes no sense, or names an output that cannot be written
  3  bad input data: FILE:LINE:COLUMN: expected ..., found ...
  4  another process was lost or could not be reached; trying again may help
  5  not converged within the limits; the result is written and says so
  6  a model or checkpoint cannot be used";

fn main() -> ExitCode {
    strads::cluster::die_with_launcher();
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return refuse(&error).into(),
    };
    let done = match command.task {
        Task::Lasso(arguments) => lasso::run(&arguments),
        Task::Lda(arguments) => lda::run(*arguments),
        Task::Mf(arguments) => mf::run(*arguments),
        Task::Predict(arguments) => predict::run(&arguments),
        Task::Recommend(arguments) => recommend::run(&arguments),
        Task::Inspect(arguments) => inspect::run(&arguments),
        Task::Convert(arguments) => convert::run(&arguments),
        Task::Generate(arguments) => generate::run(&arguments),
        Task::Launch(arguments) => launch::run(&arguments),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

/// How a subcommand ends.
type Outcome = Result<strads::report::Exit, Failure>;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Command::command().debug_assert();
    }
}
