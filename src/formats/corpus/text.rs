//! Chunks as UTF-8 text.

use super::super::ReadError;
use super::super::cursor::Cursor;
use super::super::stream::Chunk;

/// The chunk as text.
pub(super) fn utf8<'a>(name: &str, chunk: &'a Chunk) -> Result<&'a str, ReadError> {
    std::str::from_utf8(&chunk.bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = chunk.bytes.get(at).copied().unwrap_or_default();
        Cursor::new(name, chunk).expected_at(at, "UTF-8 text", format!("byte 0x{byte:02x}"))
    })
}

/// The lines of a chunk before the first one that is no UTF-8, and what is wrong with that one, which
/// counts after whatever is wrong with those before it.
pub(super) fn whole_lines<'a>(name: &str, chunk: &'a Chunk) -> (&'a str, Option<ReadError>) {
    utf8(name, chunk).map_or_else(
        |error| {
            let bytes = &chunk.bytes[..];
            let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
            let end = memchr::memrchr(b'\n', &bytes[..valid]).map_or(0, |end| end + 1);
            (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), Some(error))
        },
        |text| (text, None),
    )
}

/// The lines of a text with where each begins: without their ends, and without an empty last one.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest.as_bytes());
        let line = &rest[..end.unwrap_or(rest.len())];
        let begun = start;
        start += line.len() + 1;
        Some((begun, line.strip_suffix('\r').unwrap_or(line)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_lines_do() {
        let found: Vec<_> = lines("a\r\n\nb\n").collect();
        assert_eq!(found, [(0, "a"), (3, ""), (4, "b")]);
        assert_eq!(lines("a\nb").count(), 2);
        assert_eq!(lines("").count(), 0);
    }
}
