//! Results on stdout, remarks on stderr.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;
use strads::report::{Exit, atomic};

use crate::failure::{Failure, say};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// How the command speaks.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(about = None, long_about = None)]
pub struct Output {
    /// How the result is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Output")]
    pub format: Format,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
}

impl Output {
    /// A remark on stderr.
    pub fn note(&self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }

    /// Prints the result in the form that was asked for.
    pub fn print(&self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Json => print(&format!("{value}\n")),
            Format::Text => print(&text()),
        }
    }
}

/// Prints on stdout. A reader that has gone away has read enough.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// Refuses a path that cannot be written, before any work is done.
pub fn check(option: &str, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    atomic::check(path).map_err(|error| {
        Failure::usage(format!("{option} {}: cannot be written: {error}", path.display()))
    })
}

/// Writes a file whole or not at all.
pub fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    atomic::write(path, content).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
    })
}

/// A number of things, for people.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A number to six digits, for people.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !(1e-4..1e6).contains(&size) {
        return if size == 0.0 || !size.is_finite() {
            value.to_string()
        } else {
            format!("{value:.5e}")
        };
    }
    let digits = (5 - size.log10().floor() as i32).max(0) as usize;
    format!("{value:.digits$}")
}

/// A share of memory or of a file, for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (0..UNITS.len() - 1).find(|unit| count >> (10 * (unit + 1)) == 0);
    let unit = unit.unwrap_or(UNITS.len() - 1);
    match unit {
        0 => format!("{count} B"),
        _ => format!("{:.1} {}", count as f64 / f64::powi(1024.0, unit as i32), UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, figure};

    #[test]
    fn figures_have_six_digits() {
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(-12.3456789), "-12.3457");
        assert_eq!(figure(0.000123456789), "0.000123457");
        assert_eq!(figure(2118.9152), "2118.92");
        assert_eq!(figure(1e-9), "1.00000e-9");
        assert_eq!(figure(f64::NAN), "NaN");
        assert_eq!(figure(f64::INFINITY), "inf");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
