//! Words by number, without an allocation each.

use std::fmt;

/// Words by number, in any order: their letters in one text, 8 bytes a word beside it.
///
/// ```
/// use strads::shard::Words;
///
/// let words: Words = ["tea", "", "thé"].into_iter().collect();
/// assert_eq!((words.len(), words.get(2)), (3, Some("thé")));
/// assert_eq!(words.iter().map(str::len).sum::<usize>(), 7);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    text: String,
    ends: Vec<u64>,
}

impl Words {
    /// How many words there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The word of a number.
    pub fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }

    /// Puts a word behind the others.
    pub fn push(&mut self, word: &str) {
        self.text.push_str(word);
        self.ends.push(self.text.len() as u64);
    }

    /// The words in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|number| self.get(number).unwrap_or_default())
    }

    /// The letters of all words, one after the other, and where each word ends, in bytes.
    pub fn parts(&self) -> (&str, &[u64]) {
        (&self.text, &self.ends)
    }

    /// The words whose letters and ends these are; none if the ends do not fit the letters.
    pub fn from_parts(text: String, ends: Vec<u64>) -> Option<Words> {
        let last = ends.last().copied().unwrap_or(0);
        let fits = |&end: &u64| usize::try_from(end).is_ok_and(|end| text.is_char_boundary(end));
        (ends.is_sorted() && last == text.len() as u64 && ends.iter().all(fits))
            .then_some(Words { text, ends })
    }

    /// Makes room for so many more words of so many bytes together.
    pub(crate) fn reserve(&mut self, words: usize, bytes: usize) {
        self.text.reserve_exact(bytes);
        self.ends.reserve_exact(words);
    }
}

impl<S: AsRef<str>> FromIterator<S> for Words {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        let mut all = Words::default();
        words.into_iter().for_each(|word| all.push(word.as_ref()));
        all
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_checked() {
        let words: Words = ["a", "öl", ""].into_iter().collect();
        let (text, ends) = words.parts();
        assert_eq!(Words::from_parts(text.into(), ends.to_vec()), Some(words.clone()));
        for bad in [vec![1, 3], vec![1, 2, 4], vec![4, 1], vec![1, 5], vec![u64::MAX], vec![]] {
            assert_eq!(Words::from_parts(text.into(), bad), None);
        }
        assert_eq!(Words::from_parts(String::new(), vec![]), Some(Words::default()));
    }
}
