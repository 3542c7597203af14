//! What the first lines of a file of ratings tell: separator, header, and what each field is for.

use super::field;
use super::options::{RatingOptions, Separator};
use crate::formats::ReadError;
use crate::formats::cursor::{Cursor, quoted};
use crate::formats::stream::{Chunk, Cut, Stream};

/// How much of a file is looked at.
const HEAD: usize = 1 << 16;

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Item,
    Rating,
    Weight,
    Time,
    Other,
}

impl Role {
    /// Names of columns, in lower case without anything but letters.
    fn usual_names(self) -> &'static [&'static str] {
        match self {
            Role::User => &["user", "userid"],
            Role::Item => &["item", "itemid"],
            Role::Rating => &["rating", "score"],
            Role::Time => &["timestamp", "time", "ratingtimestamp"],
            Role::Weight | Role::Other => &[],
        }
    }
}

/// The shape of a file's lines.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub separator: Separator,
    pub roles: Vec<Role>,
    /// The names in the header, if there is one.
    pub header: Option<Vec<String>>,
}

impl Layout {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Looks at the first lines and takes those that are no ratings: comments (`#`, `%`), empty
    /// lines, the header.
    pub fn of(stream: &mut Stream, options: &RatingOptions) -> Result<Layout, ReadError> {
        stream.skip_mark();
        let name = stream.name.clone();
        let head = stream.peek(HEAD).to_vec();
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
        let mut before = 0;
        let first = loop {
            match lines.next() {
                Some([] | [b'#' | b'%', ..]) => before += 1,
                Some(line) => break line,
                None => {
                    let place = (u64::max(before, 1), 1);
                    let found = "the end of the file";
                    return Err(ReadError::content(&name, place, "a rating", found));
                }
            }
        };
        let separator = options.separator.unwrap_or_else(|| Separator::of_line(first));
        let second = lines.find(|line| !line.is_empty()).unwrap_or_default();
        let (fields, below) = (split(first, separator), split(second, separator));
        let header = is_header(&fields, options).then(|| fields.clone());
        let data = if header.is_some() { &below } else { &fields };
        let roles = roles(header.as_deref(), fields.len(), data, options).map_err(
            |(expected, found)| {
                ReadError::content(
                    &name,
                    (before + 1, 1),
                    expected,
                    found.unwrap_or_else(|| quoted(first)),
                )
            },
        )?;
        for _ in 0..before {
            stream.first(Cut::Lines)?;
        }
        if header.is_some() {
            stream.first(cut(separator))?;
        }
        Ok(Layout { separator, roles, header })
    }
}

/// Where chunks of such a file may end.
pub(super) fn cut(separator: Separator) -> Cut {
    if separator.quotes() { Cut::Records } else { Cut::Lines }
}

/// The fields of one line; of a malformed one those before the fault.
fn split(line: &[u8], separator: Separator) -> Vec<String> {
    let chunk = Chunk { bytes: line.to_vec(), line: 1, ..Chunk::default() };
    let mut cursor = Cursor::new("", &chunk);
    let mut fields = Vec::new();
    loop {
        field::skip_spaces(&mut cursor, separator);
        let Ok(text) = field::text(&mut cursor, separator) else { return fields };
        fields.push(String::from_utf8_lossy(&text).into_owned());
        if cursor.line_ends() || !field::separator(&mut cursor, separator) {
            return fields;
        }
    }
}

/// Whether the first line names the columns: it has a usual name, a name that the options ask for,
/// or, where a rating would be, something with a letter that is no number.
fn is_header(fields: &[String], options: &RatingOptions) -> bool {
    let RatingOptions { user, item, rating, weight, time, .. } = options;
    let asked = [user, item, rating, weight, time].into_iter().flatten();
    let is_name = |name: &String| name.parse::<usize>().is_err();
    if asked.filter(|name| is_name(name)).any(|name| fields.contains(name)) {
        return true;
    }
    let usual = |role: Role| fields.iter().any(|field| role.usual_names().contains(&&*bare(field)));
    if usual(Role::User) && usual(Role::Item) {
        return true;
    }
    let at = rating.as_ref().and_then(|name| name.parse::<usize>().ok());
    fields.get(at.unwrap_or(3).saturating_sub(1)).is_some_and(|field| {
        field.chars().any(char::is_alphabetic) && fast_float2::parse::<f64, _>(field).is_err()
    })
}

/// A name in lower case, letters only, without a type behind a colon.
fn bare(name: &str) -> String {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.chars().filter(|letter| letter.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// What was expected, and what was found if it is not the first line.
type Fault = (String, Option<String>);

/// What each field is for.
fn roles(
    header: Option<&[String]>,
    fields: usize,
    data: &[String],
    options: &RatingOptions,
) -> Result<Vec<Role>, Fault> {
    if fields < 2 || options.need_rating && fields < 3 {
        return Err(("a user, an item and a rating".into(), None));
    }
    let mut roles = vec![Role::Other; fields];
    let RatingOptions { user, item, rating, weight, time, .. } = options;
    let asked = [
        (Role::User, user),
        (Role::Item, item),
        (Role::Rating, rating),
        (Role::Weight, weight),
        (Role::Time, time),
    ];
    for (role, name) in asked {
        if let Some(name) = name {
            let at = column(header, fields, name)?;
            if roles[at] != Role::Other {
                return Err(("a column of its own for each part of a rating".into(), None));
            }
            roles[at] = role;
        }
    }
    for role in [Role::User, Role::Item, Role::Rating, Role::Time] {
        let named = header.and_then(|names| {
            names.iter().position(|name| role.usual_names().contains(&&*bare(name)))
        });
        if let Some(at) = named.filter(|&at| !roles.contains(&role) && roles[at] == Role::Other) {
            roles[at] = role;
        }
    }
    for (usual, role) in [Role::User, Role::Item, Role::Rating].into_iter().enumerate() {
        if roles.contains(&role) {
            continue;
        }
        match (usual..fields).find(|&at| roles[at] == Role::Other) {
            Some(at) => roles[at] = role,
            None if role == Role::Rating && !options.need_rating => {}
            None => return Err(("a user, an item and a rating".into(), None)),
        }
    }
    let whole = data.get(3).is_some_and(|field| field.parse::<i64>().is_ok());
    if header.is_none() && whole && !roles.contains(&Role::Time) && roles[3] == Role::Other {
        roles[3] = Role::Time;
    }
    Ok(roles)
}

/// The place of a column by its name or number.
fn column(header: Option<&[String]>, fields: usize, name: &str) -> Result<usize, Fault> {
    let named = header.and_then(|names| names.iter().position(|field| field == name));
    let numbered = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    named.or(numbered).filter(|&at| at < fields).ok_or_else(|| {
        let listed = header.map(|names| names.join(", "));
        (format!("a column `{name}`"), listed.map(|names| format!("columns {names}")))
    })
}
