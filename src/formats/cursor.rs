//! A place in a chunk of text, the tokens found there, and what to say if they are wrong.

use super::ReadError;
use super::stream::Chunk;

/// How much of a wrong token is shown.
const SHOWN: usize = 24;

/// A place in a chunk of text.
pub(super) struct Cursor<'a> {
    name: &'a str,
    line: u64,
    bytes: &'a [u8],
    /// What separates fields, if it is not blanks.
    separator: Option<u8>,
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// The start of a chunk.
    pub fn new(name: &'a str, chunk: &'a Chunk) -> Self {
        Cursor { name, line: chunk.line, bytes: &chunk.bytes, separator: None, at: 0 }
    }

    /// The start of a chunk whose fields have a separator.
    pub fn separated(name: &'a str, chunk: &'a Chunk, separator: u8) -> Self {
        Cursor { separator: Some(separator), ..Self::new(name, chunk) }
    }

    /// Whether the chunk is over.
    #[inline]
    pub fn ended(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The byte here, if any.
    #[inline]
    pub fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The byte after this one, if any.
    #[inline]
    pub fn next_byte(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied()
    }

    /// The bytes from `start` to here.
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Whether the line ends here: a line feed, perhaps after a carriage return, or no more bytes.
    #[inline]
    pub fn line_ends(&self) -> bool {
        match self.byte() {
            None | Some(b'\n') => true,
            Some(b'\r') => matches!(self.bytes.get(self.at + 1), None | Some(b'\n')),
            Some(_) => false,
        }
    }

    /// Passes over spaces and tabs.
    #[inline]
    pub fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes over the rest of the line and its end.
    pub fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }

    /// Passes over a token: everything up to a blank or the end of the line.
    pub fn token(&mut self) -> &'a [u8] {
        let start = self.at;
        while !self.line_ends() && !matches!(self.byte(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.since(start)
    }

    /// A finite decimal number that ends at the end of the line or at a byte `ends` accepts.
    #[inline]
    pub fn number(&mut self, ends: impl Fn(u8) -> bool) -> Result<f64, ReadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Ok((value, length)) = fast_float2::parse_partial::<f64, _>(rest) else {
            return Err(self.expected("a number"));
        };
        let start = self.at;
        self.at += length;
        if !self.byte().is_none_or(ends) && !self.line_ends() {
            self.at = start;
            return Err(self.expected("a number"));
        }
        if !value.is_finite() {
            self.at = start;
            return Err(self.expected("a finite number"));
        }
        Ok(value)
    }

    /// A whole number of at most `most`, in decimal digits.
    #[inline]
    pub fn whole(&mut self, what: &str, most: usize) -> Result<usize, ReadError> {
        let start = self.at;
        let mut value = 0usize;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            value = value.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected(what));
        }
        if value > most {
            self.at = start;
            return Err(self.expected(format!("{what} of at most {most}")));
        }
        Ok(value)
    }

    /// Passes over the end of the line, which must be here.
    pub fn end_line(&mut self) -> Result<(), ReadError> {
        if !self.line_ends() {
            return Err(self.expected("the end of the line"));
        }
        self.skip_line();
        Ok(())
    }

    /// An error here.
    #[cold]
    pub fn expected(&self, expected: impl Into<String>) -> ReadError {
        self.expected_at(self.at, expected, self.found())
    }

    /// An error at a place of this chunk.
    #[cold]
    pub fn expected_at(
        &self,
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> ReadError {
        let before = self.bytes.get(..at).unwrap_or(self.bytes);
        let line = self.line + memchr::memchr_iter(b'\n', before).count() as u64;
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let column = (before.len() - start) as u64 + 1;
        ReadError::content(self.name, (line, column), expected, found)
    }

    /// What is here, in words.
    fn found(&self) -> String {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match (self.separator, self.byte()) {
            (None, _) if self.line_ends() => "the end of the line".into(),
            (None, Some(b' ' | b'\t')) => "a blank".into(),
            (None, _) => {
                quoted(rest.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or(rest))
            }
            (Some(_), _) if self.line_ends() => "nothing".into(),
            (separator, byte) if separator == byte => "nothing".into(),
            (Some(separator), _) => {
                let ends = |byte: &u8| *byte == separator || matches!(byte, b'\n' | b'\r');
                quoted(rest.split(ends).next().unwrap_or(rest).trim_ascii_end())
            }
        }
    }
}

/// A token between backquotes, cut if it is long; escaped if it is not plain text.
pub(super) fn quoted(token: &[u8]) -> String {
    let plain = std::str::from_utf8(token).ok().filter(|text| !text.contains(char::is_control));
    let text = plain.map_or_else(|| token.escape_ascii().to_string(), str::to_owned);
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("`{shown}{more}`")
}

/// Whether a byte is a space or a tab.
#[inline]
pub(super) fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, then: impl FnOnce(&mut Cursor) -> T) -> T {
        let chunk = Chunk { bytes: text.into(), line: 7, ..Chunk::default() };
        then(&mut Cursor::new("f", &chunk))
    }

    #[test]
    fn numbers_end_where_they_should() {
        for (text, value) in [("1", 1.0), ("+1.5e3 ", 1500.0), ("-.5\r\n", -0.5), ("7.\n", 7.0)] {
            assert_eq!(with(text, |cursor| cursor.number(blank)).unwrap(), value);
        }
    }

    #[test]
    fn errors_name_the_place() {
        let fails = |text: &str, at: usize| {
            with(text, |cursor| {
                cursor.at = at;
                cursor.number(blank).unwrap_err().to_string()
            })
        };
        assert_eq!(fails("1 x\n", 2), "f:7:3: expected a number, found `x`");
        assert_eq!(fails("1\n2x\n", 2), "f:8:1: expected a number, found `2x`");
        assert_eq!(fails("1\n", 1), "f:7:2: expected a number, found the end of the line");
        assert_eq!(fails("nan", 0), "f:7:1: expected a finite number, found `nan`");
        assert_eq!(fails("1e999 ", 0), "f:7:1: expected a finite number, found `1e999`");
        assert_eq!(fails("é", 0), "f:7:1: expected a number, found `é`");
    }
}
