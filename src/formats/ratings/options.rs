//! How a file of ratings is to be read.

/// What is between the fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Separator {
    /// A comma; fields may be quoted as RFC 4180 has it.
    Comma,
    /// A semicolon; fields may be quoted.
    Semicolon,
    /// One tab.
    Tab,
    /// `::`, as in MovieLens files.
    Colons,
    /// Spaces and tabs, any number.
    Blanks,
}

impl Separator {
    /// What the first line tells.
    pub(super) fn of_line(line: &[u8]) -> Separator {
        if line.contains(&b'\t') {
            Separator::Tab
        } else if line.windows(2).any(|pair| pair == b"::") {
            Separator::Colons
        } else if line.contains(&b',') {
            Separator::Comma
        } else if line.contains(&b';') {
            Separator::Semicolon
        } else {
            Separator::Blanks
        }
    }

    /// The separating byte, if it is one.
    pub(super) fn byte(self) -> Option<u8> {
        match self {
            Separator::Comma => Some(b','),
            Separator::Semicolon => Some(b';'),
            Separator::Tab => Some(b'\t'),
            Separator::Colons => Some(b':'),
            Separator::Blanks => None,
        }
    }

    /// Whether fields may be quoted.
    pub(super) fn quotes(self) -> bool {
        matches!(self, Separator::Comma | Separator::Semicolon)
    }
}

/// What to read of a file of ratings.
///
/// Columns are named as the header has them or, with or without a header, by their number from 1.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `separator` | none | what is between fields, or guessed from the first line |
/// | `user`, `item`, `rating` | none | the columns; else those of the usual names, else the first, second and third |
/// | `time` | none | the column; else that of a usual name, without a header the fourth if it is a whole number |
/// | `weight` | none | the column of weights; else every rating counts 1 |
/// | `need_rating` | true | whether a file of two columns is refused, whose ratings would all be 1 |
/// | `threads` | 1 | how many threads parse; the result is the same for any number |
#[derive(Clone, Debug)]
pub struct RatingOptions {
    /// What is between fields.
    pub separator: Option<Separator>,
    /// The column of the user.
    pub user: Option<String>,
    /// The column of the item.
    pub item: Option<String>,
    /// The column of the rating.
    pub rating: Option<String>,
    /// The column of the weight.
    pub weight: Option<String>,
    /// The column of the time, in whole seconds or any other unit.
    pub time: Option<String>,
    /// Whether a file without ratings is refused.
    pub need_rating: bool,
    /// How many threads parse.
    pub threads: usize,
}

impl Default for RatingOptions {
    fn default() -> Self {
        RatingOptions {
            separator: None,
            user: None,
            item: None,
            rating: None,
            weight: None,
            time: None,
            need_rating: true,
            threads: 1,
        }
    }
}
