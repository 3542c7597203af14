//! Words to leave out: lists by language, or a file.

use super::super::ReadError;
use super::super::files::Files;
use super::super::stream::{Cut, Stream};
use super::tokenise::each_word;
use std::collections::HashSet;
use std::path::Path;

/// The languages with a list, by name and by code (ISO 639-1).
const LANGUAGES: [(&str, &str); 33] = [
    ("albanian", "sq"),
    ("arabic", "ar"),
    ("azerbaijani", "az"),
    ("basque", "eu"),
    ("belarusian", "be"),
    ("bengali", "bn"),
    ("catalan", "ca"),
    ("chinese", "zh"),
    ("danish", "da"),
    ("dutch", "nl"),
    ("english", "en"),
    ("finnish", "fi"),
    ("french", "fr"),
    ("german", "de"),
    ("greek", "el"),
    ("hebrew", "he"),
    ("hinglish", "hinglish"),
    ("hungarian", "hu"),
    ("indonesian", "id"),
    ("italian", "it"),
    ("kazakh", "kk"),
    ("nepali", "ne"),
    ("norwegian", "no"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("slovenian", "sl"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("tajik", "tg"),
    ("tamil", "ta"),
    ("turkish", "tr"),
    ("uzbek", "uz"),
];

/// The names of the languages that have a list of stopwords.
pub fn stopword_languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(name, _)| *name)
}

/// The words to leave out of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopwords(HashSet<String>);

impl Stopwords {
    /// No words.
    pub fn none() -> Self {
        Stopwords::default()
    }

    /// Adds a language's list, by its English name or its code; whether there is one.
    ///
    /// ```
    /// let mut words = strads::formats::Stopwords::none();
    /// assert!(words.add_language("english") && words.add_language("de"));
    /// assert!(words.contains("the") && words.contains("und"));
    /// assert!(!words.add_language("klingon"));
    /// ```
    pub fn add_language(&mut self, language: &str) -> bool {
        let known = LANGUAGES.iter().find(|(name, code)| [*name, *code].contains(&language));
        let list = known.and_then(|(_, code)| stop_words::lookup(code));
        list.into_iter().flatten().for_each(|word| self.add(word));
        list.is_some()
    }

    /// Adds the words of a file, one a line or between blanks.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is no UTF-8 text.
    pub fn add_file(&mut self, path: &Path) -> Result<(), ReadError> {
        self.add_from(&super::super::files::Disk, path)
    }

    pub(super) fn add_from(&mut self, files: &dyn Files, path: &Path) -> Result<(), ReadError> {
        let mut stream = Stream::open(files, path)?;
        stream.skip_mark();
        while let Some(chunk) = stream.chunk(super::super::CHUNK, Cut::Lines)? {
            let text = super::text::utf8(&stream.name, &chunk)?;
            text.split_whitespace().for_each(|word| self.add(word));
        }
        Ok(())
    }

    /// Adds a word, in the spelling that texts are brought to, and as it is.
    fn add(&mut self, word: &str) {
        let mut buffer = String::new();
        let mut words = Vec::new();
        each_word(word, &mut buffer, |word| words.push(word.to_owned()));
        // A word that a text would have in parts leaves the parts alone.
        if let [one] = &mut words[..] {
            self.0.insert(std::mem::take(one));
        }
        self.0.insert(word.to_owned());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a word is one of them.
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// The words in order.
    pub fn sorted(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        words.sort_unstable();
        words
    }
}

/// Words that are spelled as in texts already.
impl<S: Into<String>> FromIterator<S> for Stopwords {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        Stopwords(words.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_that_is_named_has_words() {
        for (name, code) in LANGUAGES {
            for language in [name, code] {
                let mut words = Stopwords::none();
                assert!(words.add_language(language) && !words.is_empty(), "{language}");
            }
        }
        assert_eq!(LANGUAGES.len(), stop_words::available_languages().len());
    }

    #[test]
    fn words_are_spelled_as_in_texts() {
        let mut words = Stopwords::none();
        words.add("Don’t");
        words.add("e-mail");
        assert!(words.contains("don't") && !words.contains("e") && words.contains("e-mail"));
    }
}
