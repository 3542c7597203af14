//! One line of a feed.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::BadLine;

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The source: a path, `-` for standard input, or the address of a client.
    pub source: Arc<str>,
    /// The line, counted from 1 since the source was opened (or began anew); of a Kafka topic, its
    /// offset.
    pub line: u64,
    /// The byte after the line's end, counted likewise; the offset after it.
    pub end: u64,
    /// CRC-32 of all bytes before that; of the line alone.
    pub sum: u32,
}

/// How far a feed has been read: what to go on from another time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Lines that were read; of clients that connect, those of all; of a Kafka topic, the last
    /// one's offset.
    pub line: u64,
    /// Their bytes; the offset after the last one.
    pub end: u64,
    /// CRC-32 of those bytes, by which a file is known again; 0 for clients; of a Kafka topic, that
    /// of the last line.
    pub sum: u32,
}

impl Place {
    /// Just after the line.
    pub(super) fn position(&self) -> Position {
        Position { line: self.line, end: self.end, sum: self.sum }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// One line as it came, without its end.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it is.
    pub place: Place,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// What a line says: `{"op":"put",…}`, `{"op":"del",…}` or `{"op":"commit"}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<P, D> {
    /// Something that is there from now on, in place of what had its identity before.
    Put(P),
    /// Something that is not there any more.
    Delete(D),
}

/// What a line means for the epoch it is in.
#[derive(Debug)]
pub(super) enum Said<P, D> {
    Change(Change<P, D>),
    Commit,
    /// An empty line.
    Nothing,
}

#[derive(Deserialize)]
struct Head {
    op: String,
}

/// Understands a line. Members that neither the operation nor its contents know are ignored.
pub(super) fn read<P, D>(line: &Line) -> Result<Said<P, D>, BadLine>
where
    P: DeserializeOwned,
    D: DeserializeOwned,
{
    let text = line.text.trim_ascii_end();
    if text.is_empty() {
        return Ok(Said::Nothing);
    }
    let head: Head = parse(line, text)?;
    match head.op.as_str() {
        "put" => Ok(Said::Change(Change::Put(parse(line, text)?))),
        "del" => Ok(Said::Change(Change::Delete(parse(line, text)?))),
        "commit" => Ok(Said::Commit),
        other => {
            let found: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
            let why = format!("expected \"op\" put, del or commit, found \"{found}\"");
            Err(BadLine { place: line.place.clone(), column: 1, why })
        }
    }
}

fn parse<T: DeserializeOwned>(line: &Line, text: &[u8]) -> Result<T, BadLine> {
    serde_json::from_slice(text).map_err(|error| {
        let said = error.to_string();
        // The place is ours to say: every line is a document of its own.
        let why = said.split(" at line ").next().unwrap_or(&said);
        let why = format!("expected a change as JSON, found {why}");
        BadLine { place: line.place.clone(), column: error.column().max(1), why }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Put {
        id: String,
        y: f64,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Delete {
        id: String,
    }

    fn said(text: &str) -> Result<Said<Put, Delete>, BadLine> {
        let place = Place { source: "feed".into(), line: 7, end: 0, sum: 0 };
        read(&Line { place, text: text.into() })
    }

    #[test]
    fn changes_and_commits() {
        let put = said(r#"{"op":"put","id":"r1","y":1.5}"#);
        let expected = Put { id: "r1".into(), y: 1.5 };
        assert!(matches!(put, Ok(Said::Change(Change::Put(put))) if put == expected));
        let delete = said("{\"id\":\"r1\",\"op\":\"del\"}\r");
        assert!(matches!(delete, Ok(Said::Change(Change::Delete(delete))) if delete.id == "r1"));
        assert!(matches!(said(r#"{"op":"commit"}"#), Ok(Said::Commit)));
        assert!(matches!(said(" \r"), Ok(Said::Nothing)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = |text: &str| said(text).expect_err(text).to_string();
        let eof = wrong(r#"{"op":"put","id":"r1""#);
        assert!(eof.starts_with("feed:7:21: expected a change as JSON, found EOF"), "{eof}");
        assert!(wrong(r#"{"op":"put","id":"r1"}"#).contains("missing field `y`"));
        assert!(wrong(r#"{"id":"r1"}"#).contains("missing field `op`"));
        assert!(wrong(r#"{"op":"drop"}"#).contains("found \"drop\""));
        assert!(wrong("[1]").starts_with("feed:7:"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_understood_or_refused(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let place = Place { source: "feed".into(), line: 7, end: 0, sum: 0 };
            let line = Line { place, text };
            if let Err(bad) = read::<Put, Delete>(&line) {
                prop_assert_eq!(bad.to_string().lines().count(), 1);
            }
        }
    }
}
