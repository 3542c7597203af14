//! The fields of a line.

use std::borrow::Cow;

use super::options::Separator;
use crate::formats::ReadError;
use crate::formats::cursor::Cursor;

/// Passes over blanks around a field; between tabs only over spaces.
#[inline]
pub(super) fn skip_spaces(cursor: &mut Cursor, separator: Separator) {
    while match cursor.byte() {
        Some(b' ') => true,
        Some(b'\t') => separator != Separator::Tab,
        _ => false,
    } {
        cursor.at += 1;
    }
}

/// Passes over what is between two fields, if it is here.
#[inline]
pub(super) fn separator(cursor: &mut Cursor, separator: Separator) -> bool {
    match separator.byte() {
        // The blanks have been passed over.
        None => true,
        Some(byte) if cursor.byte() != Some(byte) => false,
        Some(_) if separator == Separator::Colons => {
            let twice = cursor.next_byte() == Some(b':');
            cursor.at += 2 * usize::from(twice);
            twice
        }
        Some(_) => {
            cursor.at += 1;
            true
        }
    }
}

/// Whether a field that is not quoted ends here.
#[inline]
fn ends(cursor: &Cursor, separator: Separator) -> bool {
    if cursor.line_ends() {
        return true;
    }
    match separator {
        Separator::Blanks => matches!(cursor.byte(), Some(b' ' | b'\t')),
        Separator::Colons => cursor.byte() == Some(b':') && cursor.next_byte() == Some(b':'),
        _ => cursor.byte() == separator.byte(),
    }
}

/// The text of a field, without blanks around it.
#[inline]
pub(super) fn text<'a>(
    cursor: &mut Cursor<'a>,
    separator: Separator,
) -> Result<Cow<'a, [u8]>, ReadError> {
    if separator.quotes() && cursor.byte() == Some(b'"') {
        return quoted(cursor, separator).map(Cow::Owned);
    }
    let start = cursor.at;
    while !ends(cursor, separator) {
        cursor.at += 1;
    }
    Ok(Cow::Borrowed(cursor.since(start).trim_ascii_end()))
}

/// The text of a quoted field.
fn quoted(cursor: &mut Cursor, separator: Separator) -> Result<Vec<u8>, ReadError> {
    let start = cursor.at;
    cursor.at += 1;
    let mut text = Vec::new();
    loop {
        let Some(byte) = cursor.byte() else {
            let found = "the end of the file";
            return Err(cursor.expected_at(start, "a quote that is closed", found));
        };
        cursor.at += 1;
        if byte == b'"' {
            if cursor.byte() != Some(b'"') {
                break;
            }
            cursor.at += 1;
        }
        text.push(byte);
    }
    skip_spaces(cursor, separator);
    if !ends(cursor, separator) {
        return Err(cursor.expected("quotes around a whole field"));
    }
    Ok(text)
}

/// A finite number, perhaps quoted.
#[inline]
pub(super) fn number(cursor: &mut Cursor, separator: Separator) -> Result<f64, ReadError> {
    let quotes = separator.quotes() && cursor.byte() == Some(b'"');
    if quotes {
        cursor.at += 1;
        skip_spaces(cursor, separator);
    }
    let byte = separator.byte();
    let value = cursor
        .number(|end| Some(end) == byte || matches!(end, b' ' | b'\t') || quotes && end == b'"')?;
    skip_spaces(cursor, separator);
    if quotes {
        if cursor.byte() != Some(b'"') {
            return Err(cursor.expected("`\"`"));
        }
        cursor.at += 1;
        skip_spaces(cursor, separator);
    }
    Ok(value)
}

/// A time: a whole number, or a number whose fraction is dropped.
#[inline]
pub(super) fn time(cursor: &mut Cursor, separator: Separator) -> Result<i64, ReadError> {
    let start = cursor.at;
    let mut value = 0i64;
    while let Some(digit @ b'0'..=b'9') = cursor.byte() {
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        cursor.at += 1;
    }
    if cursor.at > start && cursor.at < start + 19 {
        skip_spaces(cursor, separator);
        if ends(cursor, separator) {
            return Ok(value);
        }
    }
    cursor.at = start;
    let value = number(cursor, separator)?;
    if value.abs() >= 9e18 {
        cursor.at = start;
        return Err(cursor.expected("a time of at most 18 digits"));
    }
    Ok(value.floor() as i64)
}
