//! The formats of documents, by name and by guess.

use super::super::format::split_compression;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A file format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum CorpusFormat {
    /// UCI bag of words: `document word count` lines, the words in a file of their own.
    UciBow,
    /// A document a line: text, or an identifier, a tab and text.
    Docs,
}

impl CorpusFormat {
    /// Every format.
    pub const ALL: [CorpusFormat; 2] = [CorpusFormat::UciBow, CorpusFormat::Docs];

    /// The format a file's name tells, if it does; `.gz` and `.zst` are looked through.
    pub fn of_name(path: &Path) -> Option<CorpusFormat> {
        let (stem, _) = split_compression(path);
        let extension = stem.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("bow" | "docword") => return Some(CorpusFormat::UciBow),
            Some("docs") => return Some(CorpusFormat::Docs),
            _ => {}
        }
        let name = stem.file_name()?.to_str()?.to_ascii_lowercase();
        name.contains("docword").then_some(CorpusFormat::UciBow)
    }

    /// The format the first bytes of a file's decompressed content tell: a bag of words begins
    /// with three lines of one whole number, then come lines of three.
    pub fn of_content(head: &[u8]) -> CorpusFormat {
        let whole = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
        let numbers = |line: &[u8]| {
            let mut words =
                line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
            words.peek()?;
            words.try_fold(0, |count, word| whole(word).then_some(count + 1))
        };
        let counts = head.split(|&byte| byte == b'\n').map(numbers);
        let expected = [1, 1, 1, 3].map(Some);
        match counts.take(4).eq(expected) {
            true => CorpusFormat::UciBow,
            false => CorpusFormat::Docs,
        }
    }
}

impl fmt::Display for CorpusFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CorpusFormat::UciBow => "uci-bow",
            CorpusFormat::Docs => "docs",
        })
    }
}

impl FromStr for CorpusFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        CorpusFormat::ALL
            .into_iter()
            .find(|format| format.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not a format; there are uci-bow, docs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_content_tell_formats() {
        let of = |name: &str| CorpusFormat::of_name(Path::new(name));
        assert_eq!(of("a/docword.kos.txt.gz"), Some(CorpusFormat::UciBow));
        assert_eq!(of("spam.docword.txt.zst"), Some(CorpusFormat::UciBow));
        assert_eq!(of("x.bow"), Some(CorpusFormat::UciBow));
        assert_eq!(of("x.docs.gz"), Some(CorpusFormat::Docs));
        assert_eq!((of("x.txt"), of("-")), (None, None));
        let of = |head: &str| CorpusFormat::of_content(head.as_bytes());
        assert_eq!(of("3\n4\r\n2\n1 2 1\n"), CorpusFormat::UciBow);
        assert_eq!(of("3\n4\n2\n1 2\n"), CorpusFormat::Docs);
        assert_eq!(of("3 tea\n4\n2\n1 2 1\n"), CorpusFormat::Docs);
        assert_eq!(of("the cat\n"), CorpusFormat::Docs);
        for format in CorpusFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }
}
