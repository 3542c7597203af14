//! Cutting bytes into lines as they come.

use std::sync::Arc;

use super::line::{Line, Place, Position};

/// The longest line in bytes: a row of a million columns fits.
pub(super) const LONGEST: usize = 64 << 20;

/// What stands for a longer one: no JSON, and refused as such with its number.
pub(super) const TOO_LONG: &[u8] = b"a line longer than any may be";

/// The bytes of a source that have not yet ended a line.
pub(super) struct Lines {
    source: Arc<str>,
    line: u64,
    end: u64,
    sum: crc32fast::Hasher,
    part: Vec<u8>,
    /// The current line is longer than any may be: it is dropped up to its end.
    too_long: bool,
}

impl Lines {
    /// At the beginning of a source.
    pub(super) fn new(source: Arc<str>) -> Lines {
        Lines::at(source, Position::default())
    }

    /// Somewhere in a source, after the end of a line.
    pub(super) fn at(source: Arc<str>, position: Position) -> Lines {
        let Position { line, end, sum } = position;
        let sum = crc32fast::Hasher::new_with_initial_len(sum, end);
        Lines { source, line, end, sum, part: Vec::new(), too_long: false }
    }

    /// The source's name.
    pub(super) fn source(&self) -> Arc<str> {
        self.source.clone()
    }

    /// The byte after all that was taken.
    pub(super) fn end_of_last(&self) -> u64 {
        self.end
    }

    /// Takes the next bytes of the source; gives each line that is complete to `give`, and stops
    /// when that returns false.
    pub(super) fn take(&mut self, bytes: &[u8], mut give: impl FnMut(Line) -> bool) -> bool {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.end += part.len() as u64;
            self.sum.update(part);
            if self.part.len() + part.len() > LONGEST {
                self.part = Vec::new();
                self.too_long = true;
            }
            if !self.too_long {
                self.part.extend_from_slice(part);
            }
            if part.ends_with(b"\n") && !self.finish(&mut give) {
                return false;
            }
        }
        true
    }

    /// The source has ended: a line without an end is a line.
    pub(super) fn end(&mut self, mut give: impl FnMut(Line) -> bool) -> bool {
        self.part.is_empty() && !self.too_long || self.finish(&mut give)
    }

    fn finish(&mut self, give: &mut impl FnMut(Line) -> bool) -> bool {
        self.line += 1;
        let mut text = std::mem::take(&mut self.part);
        if text.ends_with(b"\n") {
            text.pop();
        }
        if std::mem::take(&mut self.too_long) {
            text = TOO_LONG.to_vec();
        }
        let (source, sum) = (self.source.clone(), self.sum.clone().finalize());
        let place = Place { source, line: self.line, end: self.end, sum };
        give(Line { place, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_bytes_arrive(
            text in "[ab\n]{0,60}",
            cuts in proptest::collection::vec(0..60_usize, 0..6),
        ) {
            let mut lines = Lines::new("s".into());
            let mut found = Vec::new();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let mut start = 0;
            for cut in cuts {
                lines.take(&text.as_bytes()[start..cut], |line| { found.push(line); true });
                start = cut;
            }
            lines.end(|line| { found.push(line); true });
            let texts: Vec<_> =
                found.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
            let expected: Vec<&str> = text.lines().collect();
            prop_assert_eq!(texts, expected);
            // From anywhere in between the rest is the same.
            for start in &found {
                let mut lines = Lines::at("s".into(), start.place.position());
                let mut rest = Vec::new();
                let end = (start.place.end as usize).min(text.len());
                lines.take(&text.as_bytes()[end..], |line| { rest.push(line.place); true });
                lines.end(|line| { rest.push(line.place); true });
                let expected = found.iter().map(|line| &line.place);
                prop_assert!(rest.iter().eq(expected.skip(start.place.line as usize)));
            }
            let numbers: Vec<u64> = found.iter().map(|line| line.place.line).collect();
            prop_assert_eq!(numbers, (1..=found.len() as u64).collect::<Vec<_>>());
            if let Some(last) = found.last() {
                prop_assert_eq!(last.place.end as usize, text.len());
                prop_assert_eq!(last.place.sum, crc32fast::hash(text.as_bytes()));
            }
        }
    }
}
