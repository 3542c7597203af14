//! The run log: one JSON object a line, each visible to readers as soon as it is written.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A log file of one JSON value a line.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
    file: File,
    line: Vec<u8>,
}

/// A log that cannot be written.
#[derive(Debug)]
pub struct LogError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write the log {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl RunLog {
    /// Creates the file, or empties it, so that a path that cannot be written fails before any
    /// work is done.
    pub fn create(path: &Path) -> Result<Self, LogError> {
        let path = path.to_path_buf();
        match File::create(&path) {
            Ok(file) => Ok(RunLog { path, file, line: Vec::new() }),
            Err(source) => Err(LogError { path, source }),
        }
    }

    /// Writes a record as one line, in one piece.
    pub fn write(&mut self, record: &impl Serialize) -> Result<(), LogError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)
            .map_err(io::Error::from)
            .and_then(|()| {
                self.line.push(b'\n');
                self.file.write_all(&self.line)
            })
            .map_err(|source| LogError { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn records_are_lines_that_are_readable_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let mut log = RunLog::create(&path).unwrap();
        for round in 0..3 {
            log.write(&json!({ "round": round, "note": "a\nb" })).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let records: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(records.len(), round + 1);
            assert_eq!(records[round]["round"], round);
        }
    }

    #[test]
    fn a_path_that_cannot_be_written_fails_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("log.jsonl");
        let error = RunLog::create(&path).unwrap_err();
        assert!(error.to_string().contains("missing"));
    }
}
