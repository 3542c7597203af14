//! What ends the command early: one line on stderr, and an exit code.

use std::fmt::Display;
use std::io::Write;

use clap::error::ErrorKind;
use strads::cluster::{ClusterError, fail};
use strads::formats::ReadError;
use strads::report::{Exit, LogError, ModelError};

/// Why the command ends early.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Failure { exit, message: message.to_string() }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Display) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// The input data is bad.
    pub fn input(message: impl Display) -> Self {
        Failure::new(Exit::Input, message)
    }

    /// A model cannot be used.
    pub fn model(message: impl Display) -> Self {
        Failure::new(Exit::Model, message)
    }

    /// Says why on stderr.
    pub fn report(&self) -> Exit {
        say(&self.message);
        self.exit
    }
}

/// Prints `strads: message` as one line on stderr. A stderr that is closed is no reason to fail.
pub fn say(message: &str) {
    let words: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let _ = writeln!(std::io::stderr(), "strads: {}", words.join(" "));
}

/// Prints help or the version as asked, or what is wrong with the command line: one line and a
/// hint.
pub fn refuse(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked {
        // A reader that has gone away needs no help.
        let _ = error.print();
        return Exit::Done;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Exit::Usage;
    }
    let text = error.render().to_string();
    let (mut said, mut hint) = (Vec::new(), String::from("strads --help"));
    for line in text.lines().map(str::trim) {
        if let Some(usage) = line.strip_prefix("Usage: ") {
            let words = usage.split(' ').take_while(|word| !word.starts_with(['-', '[', '<']));
            hint = format!("{} --help", words.collect::<Vec<_>>().join(" "));
        } else if !line.is_empty() && !line.starts_with("For more information") {
            said.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    say(&said.join(" "));
    say(&format!("see `{hint}`"));
    Exit::Usage
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Failure::input(error)
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let exit = match error.code() {
            fail::USAGE => Exit::Usage,
            fail::LOST => Exit::Peer,
            _ => Exit::Failed,
        };
        Failure::new(exit, error)
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Write { .. } | ModelError::Reserved | ModelError::TooLarge { .. } => {
                Failure::new(Exit::Failed, error)
            }
            _ => Failure::model(error),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Failure::usage(error)
    }
}
