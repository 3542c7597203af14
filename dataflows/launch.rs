//! `strads launch`: all processes of a run on this host, started again when one dies.

use std::ffi::{OsStr, OsString};

use strads::cluster::Launch;

use crate::failure::Failure;
use crate::{Command, Outcome};

/// Starts a command as several processes on this host, and again when one dies
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Processes
    #[arg(short = 'n', long, value_name = "N")]
    pub processes: usize,
    /// How often to start all of them again when one has died
    #[arg(long, value_name = "R", default_value_t = 3)]
    pub restarts: u64,
    /// A subcommand of strads, or any program that takes -n, -p and -h
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub command: Vec<OsString>,
}

const HELP: &str = "\
Every process gets the same command line with -n, -p and -h added, free ports of this host, and a
secret made for this run. Lines on stderr begin with the index of their process. When a process
dies, all are started again: from the beginning or, if --checkpoint is among the arguments, with
--resume, from the last checkpoint. SIGINT, SIGTERM and SIGHUP are passed on.

Examples:
  strads launch -n 4 -- lasso data.svmlight -w 2
  strads launch -n 2 -- lasso data.svmlight --path 100 --checkpoint DIR
  strads launch -n 2 --restarts 5 -- lda docword.txt --topics 100 --model topics.safetensors
  strads launch -n 3 -- ./my-model --my-option

Exit codes: that of the command; 4 if processes still died after R restarts; 128 + S after
signal S.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let (first, rest) = arguments.command.split_first().unwrap_or_else(|| unreachable!("required"));
    let mut command = rest.to_vec();
    let program = match own(first) {
        Own::Subcommand => {
            command.insert(0, first.clone());
            this_program()?
        }
        Own::Program => this_program()?,
        Own::Other => first.clone(),
    };
    let again = if wants_resume(&command) { vec!["--resume".into()] } else { vec![] };
    let (processes, restarts) = (arguments.processes, arguments.restarts);
    let launch = Launch { processes, restarts, program, arguments: command, again };
    match launch.run()? {
        0 => Ok(strads::report::Exit::Done),
        // The codes of processes, and those of signals, are passed on as they are.
        code => std::process::exit(code),
    }
}

/// What the first word of a command names.
enum Own {
    Subcommand,
    Program,
    Other,
}

fn own(word: &OsStr) -> Own {
    use clap::CommandFactory;
    if word == "strads" {
        return Own::Program;
    }
    let is_ours =
        word.to_str().is_some_and(|word| Command::command().find_subcommand(word).is_some());
    if is_ours { Own::Subcommand } else { Own::Other }
}

fn this_program() -> Result<OsString, Failure> {
    let own = std::env::current_exe();
    own.map(OsString::from).map_err(|error| {
        Failure::new(strads::report::Exit::Failed, format!("cannot find this program: {error}"))
    })
}

/// Whether a command keeps checkpoints and does not already say that it goes on from them.
fn wants_resume(command: &[OsString]) -> bool {
    let has = |flag: &str| {
        command.iter().filter_map(|word| word.to_str()).any(|word| {
            word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    };
    has("--checkpoint") && !has("--resume")
}
