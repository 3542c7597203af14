//! Lines of ratings to numbers.

use hashbrown::DefaultHashBuilder;

use super::field;
use super::intern::Dictionary;
use super::layout::{Layout, Role};
use crate::formats::ReadError;
use crate::formats::cursor::Cursor;

/// The ratings of a chunk; users and items by their numbers in the chunk's own dictionaries.
#[derive(Default)]
pub(super) struct Piece {
    pub users: Dictionary,
    pub items: Dictionary,
    pub user: Vec<u32>,
    pub item: Vec<u32>,
    pub value: Vec<f32>,
    pub weight: Vec<f32>,
    pub time: Vec<i64>,
}

pub(super) fn parse(
    cursor: &mut Cursor,
    layout: &Layout,
    hasher: &DefaultHashBuilder,
    piece: &mut Piece,
) -> Result<(), ReadError> {
    let separator = layout.separator;
    let rated = layout.has(Role::Rating);
    while !cursor.ended() {
        field::skip_spaces(cursor, separator);
        if cursor.line_ends() {
            cursor.skip_line();
            continue;
        }
        let (mut user, mut item, mut value, mut weight, mut time) = (0, 0, 1.0, 1.0, 0);
        for (at, role) in layout.roles.iter().enumerate() {
            if at > 0 {
                if cursor.line_ends() || !field::separator(cursor, separator) {
                    return Err(miscounted(cursor, layout, at));
                }
                field::skip_spaces(cursor, separator);
            }
            match role {
                Role::User => user = name(cursor, layout, hasher, &mut piece.users, "a user")?,
                Role::Item => item = name(cursor, layout, hasher, &mut piece.items, "an item")?,
                Role::Rating => value = single(cursor, layout, f32::MIN, "a finite number")?,
                Role::Weight => weight = single(cursor, layout, 0.0, "a finite weight >= 0")?,
                Role::Time => time = field::time(cursor, separator)?,
                Role::Other => drop(field::text(cursor, separator)?),
            }
            field::skip_spaces(cursor, separator);
        }
        if !cursor.line_ends() {
            let expected = format!("the end of the line after {} fields", layout.roles.len());
            return Err(cursor.expected_at(cursor.at, expected, "more"));
        }
        cursor.skip_line();
        piece.user.push(user);
        piece.item.push(item);
        piece.value.push(if rated { value } else { 1.0 });
        if layout.has(Role::Weight) {
            piece.weight.push(weight);
        }
        if layout.has(Role::Time) {
            piece.time.push(time);
        }
    }
    Ok(())
}

/// The number of a user or an item.
#[inline]
fn name(
    cursor: &mut Cursor,
    layout: &Layout,
    hasher: &DefaultHashBuilder,
    names: &mut Dictionary,
    what: &str,
) -> Result<u32, ReadError> {
    let start = cursor.at;
    let text = field::text(cursor, layout.separator)?;
    if text.is_empty() {
        return Err(cursor.expected_at(start, what, "nothing"));
    }
    names
        .number(hasher, &text)
        .map_err(|_| cursor.expected_at(start, format!("{what} in UTF-8"), "other bytes"))
}

/// A number that is finite in single precision, and at least so much.
#[inline]
fn single(
    cursor: &mut Cursor,
    layout: &Layout,
    least: f32,
    expected: &str,
) -> Result<f32, ReadError> {
    let start = cursor.at;
    let value = field::number(cursor, layout.separator)? as f32;
    if !(value.is_finite() && value >= least) {
        cursor.at = start;
        return Err(cursor.expected(expected));
    }
    Ok(value)
}

#[cold]
fn miscounted(cursor: &Cursor, layout: &Layout, found: usize) -> ReadError {
    let found = if cursor.line_ends() { found.to_string() } else { "something else".into() };
    cursor.expected_at(cursor.at, format!("{} fields", layout.roles.len()), found)
}
