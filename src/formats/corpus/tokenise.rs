//! Texts to words: by the Unicode standard, in lower case.

use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

/// Calls with every word of a text, in order: the segments of Unicode's standard annex 29 that
/// have a letter or a digit, composed (NFC) and in lower case, a curly apostrophe as a plain one.
///
/// ```text
/// Don’t panic: Öl costs 3.50!  →  don't panic öl costs 3.50
/// ```
pub(super) fn each_word(text: &str, buffer: &mut String, mut call: impl FnMut(&str)) {
    let composed: Cow<str> = match text.is_ascii() || is_nfc(text) {
        true => text.into(),
        false => text.nfc().collect::<String>().into(),
    };
    for word in composed.unicode_words() {
        buffer.clear();
        if word.is_ascii() {
            buffer.push_str(word);
            buffer.make_ascii_lowercase();
        } else {
            let plain = |letter| if letter == '\u{2019}' { '\'' } else { letter };
            buffer.extend(word.chars().flat_map(char::to_lowercase).map(plain));
        }
        call(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, &mut String::new(), |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_those_of_the_standard() {
        assert_eq!(
            words("Don’t panic: Öl costs 3.50! (e-mail)"),
            ["don't", "panic", "öl", "costs", "3.50", "e", "mail"]
        );
        assert_eq!(words(" \t--- … "), [""; 0]);
        assert_eq!(words("Москва ΣΟΦΙΑ 東京"), ["москва", "σοφια", "東", "京"]);
    }

    #[test]
    fn one_spelling_of_one_word() {
        assert_eq!(words("cafe\u{301} Café"), ["café", "café"]);
    }
}
