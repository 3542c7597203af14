//! The header: a magic, a version, and a Python dictionary with type, order and shape.

use super::super::ReadError;
use super::super::cursor::quoted;
use super::super::stream::{Cut, Stream};

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest dictionary that is believed, in bytes.
const LONGEST: usize = 1 << 16;

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    code: (u8, u8),
    big: bool,
}

/// What the file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Type,
    pub fortran: bool,
    pub rows: usize,
    pub columns: usize,
    /// How many bytes the whole file must have.
    bytes: u64,
}

impl Type {
    fn of(text: &[u8]) -> Option<Self> {
        let &[order @ (b'<' | b'>' | b'|' | b'='), kind, size] = text else {
            return None;
        };
        let big = order == b'>' || order == b'=' && cfg!(target_endian = "big");
        let known = matches!(
            (kind, size),
            (b'f', b'4' | b'8') | (b'i' | b'u', b'1' | b'2' | b'4' | b'8') | (b'b', b'1')
        );
        known.then_some(Type { code: (kind, size), big })
    }

    /// The bytes of an element.
    pub fn size(self) -> usize {
        usize::from(self.code.1 - b'0')
    }

    /// Appends the whole elements of some bytes, in order.
    pub fn decode(self, bytes: &[u8], values: &mut Vec<f64>) {
        macro_rules! each {
            ($kind:ty) => {{
                let (elements, _) = bytes.as_chunks::<{ size_of::<$kind>() }>();
                if self.big {
                    values.extend(elements.iter().map(|&b| <$kind>::from_be_bytes(b) as f64));
                } else {
                    values.extend(elements.iter().map(|&b| <$kind>::from_le_bytes(b) as f64));
                }
            }};
        }
        match self.code {
            (b'f', b'4') => each!(f32),
            (b'f', _) => each!(f64),
            (b'i', b'1') => each!(i8),
            (b'i', b'2') => each!(i16),
            (b'i', b'4') => each!(i32),
            (b'i', _) => each!(i64),
            (b'u', b'2') => each!(u16),
            (b'u', b'4') => each!(u32),
            (b'u', b'8') => each!(u64),
            (b'u', _) => each!(u8),
            _ => values.extend(bytes.iter().map(|&byte| f64::from(u8::from(byte != 0)))),
        }
    }
}

impl Header {
    /// Fails if the file has bytes after the last element, given how many it has at least.
    pub fn check_surplus(&self, name: &str, bytes: u64) -> Result<(), ReadError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let expected = format!("the end of the file after {} x {}", self.rows, self.columns);
        Err(ReadError::content(name, (1, self.bytes + 1), expected, "more bytes"))
    }

    /// Fails if the file does not end after the last element.
    pub fn check_end(&self, name: &str, bytes: u64) -> Result<(), ReadError> {
        self.check_surplus(name, bytes)?;
        if bytes < self.bytes {
            let expected = format!("{} bytes", self.bytes);
            return Err(ReadError::content(name, (1, bytes + 1), expected, "the end of the file"));
        }
        Ok(())
    }
}

/// Reads the header of an array of at most `most` rows and columns.
pub(super) fn read(stream: &mut Stream, most: usize) -> Result<Header, ReadError> {
    let name = stream.name.clone();
    let fails = |column: usize, expected: &str, found: String| {
        Err(ReadError::content(&name, (1, column as u64), expected, found))
    };
    let start = stream.first(Cut::Units(8))?.unwrap_or_default().bytes;
    if !start.starts_with(MAGIC) {
        return fails(1, "the magic of a .npy", quoted(start.get(..6).unwrap_or(&start)));
    }
    let wide = match start.get(6) {
        Some(1) => 2,
        Some(2 | 3) if start.len() == 8 => 4,
        version => {
            let found = version.map_or("the end of the file".into(), u8::to_string);
            return fails(7, "version 1, 2 or 3", found);
        }
    };
    let length = stream.first(Cut::Units(wide))?.unwrap_or_default().bytes;
    let value = length.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    if length.len() < wide {
        return fails(9, "the length of the header", "the end of the file".into());
    }
    if value > LONGEST {
        return fails(9, "a header of at most 65536 bytes", value.to_string());
    }
    let text = stream.first(Cut::Units(value))?.unwrap_or_default().bytes;
    let mut dictionary = Dictionary { text: &text, at: 0 };
    let parsed = if text.len() < value { None } else { dictionary.read() };
    let before = 8 + wide + dictionary.at;
    let Some((kind, fortran, shape)) = parsed else {
        let expected = "'descr' of real numbers, 'fortran_order' and 'shape'";
        let found = match text.get(dictionary.at..) {
            Some(rest) if !rest.is_empty() => quoted(rest),
            _ => "the end of the header".into(),
        };
        return fails(before + 1, expected, found);
    };
    let (rows, columns) = match shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => return fails(before, "one or two dimensions", shape.len().to_string()),
    };
    if !(1..=most).contains(&rows) || !(1..=most).contains(&columns) {
        let expected = format!("1 to {most} rows and columns");
        return fails(before, &expected, format!("{rows} x {columns}"));
    }
    let size =
        (rows as u64).checked_mul(columns as u64).and_then(|n| n.checked_mul(kind.size() as u64));
    match size.and_then(|size| size.checked_add((8 + wide + value) as u64)) {
        Some(bytes) => Ok(Header { kind, fortran, rows, columns, bytes }),
        None => fails(before, "a size in 64 bits", format!("{rows} x {columns}")),
    }
}

/// A Python dictionary of the three keys, up to where it makes sense.
struct Dictionary<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Dictionary<'a> {
    fn read(&mut self) -> Option<(Type, bool, Vec<usize>)> {
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        self.take(b'{')?;
        while self.peek()? != b'}' {
            let key = self.string()?;
            self.take(b':')?;
            self.peek()?;
            let start = self.at;
            match key {
                b"descr" => kind = Some(Type::of(self.string()?).or_else(|| self.back(start))?),
                b"fortran_order" => fortran = Some(self.truth()?),
                b"shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.peek()? != b'}' {
                self.take(b',')?;
            }
        }
        if !self.text.get(self.at + 1..)?.trim_ascii().is_empty() {
            return self.back(self.at + 1);
        }
        Some((kind?, fortran?, shape?))
    }

    /// Goes back to a place, so that the error names it.
    fn back<T>(&mut self, at: usize) -> Option<T> {
        self.at = at;
        None
    }

    /// The next byte that is not a blank.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let quote = self.peek().filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let rest = self.text.get(self.at + 1..)?;
        let length = memchr::memchr(quote, rest)?;
        self.at += length + 2;
        rest.get(..length)
    }

    fn truth(&mut self) -> Option<bool> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let words: [(&[u8], bool); 2] = [(b"True", true), (b"False", false)];
        let (word, truth) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
        self.at += word.len();
        Some(truth)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.take(b'(')?;
        while self.peek()? != b')' {
            let start = self.at;
            let mut value = 0usize;
            while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
                value = value.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
                self.at += 1;
            }
            if self.at == start {
                return None;
            }
            shape.push(value);
            if self.peek()? != b')' {
                self.take(b',')?;
            }
        }
        self.at += 1;
        Some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_come_in_any_order() {
        let text = b"{\"shape\" : (3, 2,), 'descr':'>i2' ,'fortran_order': True}  \n";
        let kind = Type { code: (b'i', b'2'), big: true };
        let read = Dictionary { text, at: 0 }.read();
        assert_eq!(read, Some((kind, true, vec![3, 2])));
    }

    #[test]
    fn elements_of_every_type_are_read() {
        let decoded = |descr: &[u8], bytes: &[u8]| {
            let mut values = Vec::new();
            Type::of(descr).unwrap().decode(bytes, &mut values);
            values
        };
        assert_eq!(decoded(b"<f8", &1.25f64.to_le_bytes()), [1.25]);
        assert_eq!(decoded(b">f4", &(-0.5f32).to_be_bytes()), [-0.5]);
        assert_eq!(decoded(b"|i1", &[0xff, 0x7f]), [-1.0, 127.0]);
        assert_eq!(decoded(b"|u1", &[0xff]), [255.0]);
        assert_eq!(decoded(b"|b1", &[0, 1]), [0.0, 1.0]);
        assert_eq!(decoded(b"<i2", &[0xfe, 0xff, 1, 0]), [-2.0, 1.0]);
        assert_eq!(decoded(b">u2", &[1, 0]), [256.0]);
        assert_eq!(decoded(b"<i4", &(-7i32).to_le_bytes()), [-7.0]);
        assert_eq!(decoded(b">u4", &7u32.to_be_bytes()), [7.0]);
        assert_eq!(decoded(b">i8", &(-9i64).to_be_bytes()), [-9.0]);
        assert_eq!(decoded(b"<u8", &u64::MAX.to_le_bytes()), [u64::MAX as f64]);
        assert_eq!(Type::of(b"<f2"), None);
        assert_eq!(Type::of(b"<c16"), None);
    }
}
