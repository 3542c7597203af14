//! Word priors: a file of `TOPIC WORD [WEIGHT]` lines.

use std::path::Path;

use strads::models::lda::WordPrior;
use strads::shard::Words;

use crate::failure::Failure;

/// Reads priors, ascending by word and topic; those of one word and topic are added up. Empty
/// lines and lines that start with `#` are passed over.
pub fn read(path: &Path, words: &Words, topics: usize) -> Result<Vec<WordPrior>, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("{name}: cannot read: {error}")))?;
    let numbers: std::collections::HashMap<&str, u32> = words.iter().zip(0..).collect();
    let mut priors = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let prior = parse(content, topics, |word| numbers.get(word).copied());
        priors.push(prior.map_err(|(column, expected, found)| {
            Failure::input(format!("{name}:{line}:{column}: expected {expected}, found {found}"))
        })?);
    }
    priors.sort_by_key(|prior: &WordPrior| (prior.word, prior.topic));
    priors.dedup_by(|next, prior| {
        let same = (next.word, next.topic) == (prior.word, prior.topic);
        prior.weight += if same { next.weight } else { 0.0 };
        same
    });
    Ok(priors)
}

/// The column in bytes of what is wrong, what was expected and what was found.
type Wrong = (usize, String, String);

fn parse(
    line: &str,
    topics: usize,
    number: impl Fn(&str) -> Option<u32>,
) -> Result<WordPrior, Wrong> {
    let mut fields = fields(line);
    let end = (line.len() + 1, "the end of the line".to_owned());
    let mut next = || fields.next().map(|(at, field)| (at + 1, field));
    let shown = |field: &str| format!("`{field}`");
    let Some((at, topic)) = next() else {
        return Err((end.0, "a topic".into(), end.1));
    };
    let known = topic.parse::<u16>().ok().filter(|topic| usize::from(*topic) < topics);
    let expected = format!("a topic below {topics}");
    let topic = known.ok_or_else(|| (at, expected, shown(topic)))?;
    let Some((at, word)) = next() else {
        return Err((end.0, "a word".into(), end.1));
    };
    let word =
        number(word).ok_or_else(|| (at, "a word of the documents".to_owned(), shown(word)))?;
    let weight = match next() {
        None => 1.0,
        Some((at, field)) => field
            .parse()
            .ok()
            .filter(|weight: &f64| (1e-12..=1e12).contains(weight))
            .ok_or_else(|| (at, "a number from 1e-12 to 1e12".to_owned(), shown(field)))?,
    };
    match next() {
        None => Ok(WordPrior { word, topic, weight }),
        Some((at, field)) => Err((at, "the end of the line".into(), shown(field))),
    }
}

/// The fields between blanks, with the byte where each begins.
fn fields(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = line.as_ptr() as usize;
    line.split_whitespace().map(move |field| (field.as_ptr() as usize - start, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_checked() {
        let words = |word: &str| (word == "öl").then_some(7);
        let parse = |line: &str| parse(line, 3, words);
        assert_eq!(parse("2 öl 0.5"), Ok(WordPrior { word: 7, topic: 2, weight: 0.5 }));
        assert_eq!(parse(" 0\töl ").unwrap().weight, 1.0);
        let column = |line: &str| parse(line).unwrap_err().0;
        assert_eq!(column("3 öl"), 1);
        assert_eq!(column("1"), 2);
        assert_eq!(column("1 tea"), 3);
        assert_eq!(column("1 öl x"), 7);
        assert_eq!(column("1 öl 0"), 7);
        assert_eq!(column("1 öl 1 1"), 9);
    }
}
