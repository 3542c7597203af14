//! The topics of all tokens as MALLET writes its Gibbs state.

use std::io::{self, Write};

use super::TopicModel;
use crate::shard::Words;

/// Writes the lines of a MALLET state: a header, α, β, and of every token `document source position
/// word-number word topic`.
///
/// `documents` gives the tokens of each document in turn, as (word, topic); positions count from 0
/// in that order. `sources` names the documents, or `NA` stands for all. A word with blanks, which
/// MALLET could not read back, has them replaced by `_`.
///
/// # Errors
/// If writing fails.
pub fn write_mallet_state<D: IntoIterator<Item = (u32, u16)>>(
    to: &mut dyn Write,
    model: &TopicModel,
    sources: Option<&Words>,
    documents: impl IntoIterator<Item = D>,
) -> io::Result<()> {
    let plain = |text: &str| text.replace(char::is_whitespace, "_");
    writeln!(to, "#doc source pos typeindex type topic")?;
    write!(to, "#alpha :")?;
    model.alpha.iter().try_for_each(|alpha| write!(to, " {alpha}"))?;
    writeln!(to, "\n#beta : {}", model.beta)?;
    for (document, tokens) in documents.into_iter().enumerate() {
        let source = sources.and_then(|sources| sources.get(document)).map(plain);
        let source = source.filter(|source| !source.is_empty()).unwrap_or_else(|| "NA".into());
        for (position, (word, topic)) in tokens.into_iter().enumerate() {
            let name = plain(model.vocabulary.get(word as usize).unwrap_or_default());
            writeln!(to, "{document} {source} {position} {word} {name} {topic}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::model;
    use super::*;

    #[test]
    fn lines_are_those_of_mallet() {
        let mut written = Vec::new();
        let sources: Words = ["a b", ""].into_iter().collect();
        let documents = [vec![(0, 1), (3, 0)], vec![(1, 1)]];
        write_mallet_state(&mut written, &model(2), Some(&sources), documents).unwrap();
        let expected = "#doc source pos typeindex type topic\n#alpha : 0.5 0.5\n#beta : 0.01\n\
                        0 a_b 0 0 tea 1\n0 a_b 1 3 pot 0\n1 NA 0 1 öl 1\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
