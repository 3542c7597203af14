//! The formats, by name and by guess.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file format of numeric tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Format {
    /// `label index:value …`, a row a line.
    Svmlight,
    /// MatrixMarket, coordinate or array.
    Mtx,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// A dense NumPy array of one or two dimensions.
    Npy,
    /// A PLINK `.bed` with its `.bim` and `.fam`.
    Plink,
    /// JSON lines of changes ([`crate::feeds`]): no table.
    Changes,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 7] = [
        Format::Svmlight,
        Format::Mtx,
        Format::Csv,
        Format::Tsv,
        Format::Npy,
        Format::Plink,
        Format::Changes,
    ];

    fn name(self) -> &'static str {
        match self {
            Format::Svmlight => "svmlight",
            Format::Mtx => "mtx",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Npy => "npy",
            Format::Plink => "plink",
            Format::Changes => "changes",
        }
    }

    /// The format a file's name tells, if it does; `.gz` and `.zst` are looked through.
    pub fn of_name(path: &Path) -> Option<Format> {
        let (stem, _) = split_compression(path);
        let extension = stem.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "svm" | "svmlight" | "libsvm" => Some(Format::Svmlight),
            "mtx" | "mm" => Some(Format::Mtx),
            "csv" => Some(Format::Csv),
            "tsv" | "tab" => Some(Format::Tsv),
            "npy" => Some(Format::Npy),
            "bed" => Some(Format::Plink),
            "jsonl" | "ndjson" => Some(Format::Changes),
            _ => None,
        }
    }

    /// The format the first bytes of a file's decompressed content tell, if they do.
    pub fn of_content(head: &[u8]) -> Option<Format> {
        if head.starts_with(b"\x93NUMPY") {
            return Some(Format::Npy);
        }
        if head.starts_with(&[0x6c, 0x1b]) {
            return Some(Format::Plink);
        }
        if head.get(..14).is_some_and(|banner| banner.eq_ignore_ascii_case(b"%%MatrixMarket")) {
            return Some(Format::Mtx);
        }
        let line = head
            .split(|&byte| byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
        Self::of_line(line)
    }

    /// What the first line with content tells: a header has separators, svmlight starts with a
    /// number and goes on with pairs.
    fn of_line(line: &[u8]) -> Option<Format> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let first = words.next()?;
        let pair = words.next().is_none_or(|word| word.contains(&b':') || word.starts_with(b"#"));
        if pair && fast_float2::parse::<f64, _>(first).is_ok() {
            Some(Format::Svmlight)
        } else if line.contains(&b'\t') {
            Some(Format::Tsv)
        } else if line.contains(&b',') {
            Some(Format::Csv)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Format::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            format!(
                "`{text}` is not a format; there are svmlight, mtx, csv, tsv, npy, plink, changes"
            )
        })
    }
}

/// A path without its `.gz` or `.zst`, and that ending (or nothing).
pub(super) fn split_compression(path: &Path) -> (PathBuf, &'static str) {
    match path.extension().and_then(OsStr::to_str) {
        Some("gz") => (path.with_extension(""), ".gz"),
        Some("zst") => (path.with_extension(""), ".zst"),
        _ => (path.to_owned(), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        let of = |name: &str| Format::of_name(Path::new(name));
        assert_eq!(of("a/b.svm"), Some(Format::Svmlight));
        assert_eq!(of("x.mtx.gz"), Some(Format::Mtx));
        assert_eq!(of("x.CSV.zst"), Some(Format::Csv));
        assert_eq!(of("mouse.bed.gz"), Some(Format::Plink));
        assert_eq!(of("feed.jsonl"), Some(Format::Changes));
        assert_eq!(of("x.gz"), None);
        assert_eq!(of("-"), None);
    }

    #[test]
    fn content_tells_formats() {
        let of = |head: &str| Format::of_content(head.as_bytes());
        assert_eq!(of("%%MatrixMarket matrix array real general\n"), Some(Format::Mtx));
        assert_eq!(of("# comment\n\n-1 3:0.5 # x\n"), Some(Format::Svmlight));
        assert_eq!(of("+1\n"), Some(Format::Svmlight));
        assert_eq!(of("a,b\n1,2\n"), Some(Format::Csv));
        assert_eq!(of("a\tb,c\n1\t2\n"), Some(Format::Tsv));
        assert_eq!(of("hello\n"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xls".parse::<Format>().is_err());
    }
}
