//! Names of the rows and columns of ratings: users, items.

use std::cmp::Ordering;

/// Distinct names in *shortlex* order: shorter first, those of one length byte by byte. Whole
/// numbers without leading zeros are thus in numeric order, and the order does not depend on where
/// a name first occurred.
///
/// Names are bytes one after the other with the place where each ends: `8 + length` bytes a name.
/// Finding a name takes a binary search.
///
/// ```
/// use strads::shard::Names;
///
/// let names = Names::sorted(["10", "9", "anna", "9"]);
/// assert_eq!(names.iter().collect::<Vec<_>>(), ["9", "10", "anna"]);
/// assert_eq!((names.find("10"), names.find("11")), (Some(1), None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<u64>,
}

impl Names {
    /// The distinct names among these, in order. Takes `O(n log n)`.
    pub fn sorted<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let mut all: Vec<T> = names.into_iter().collect();
        all.sort_unstable_by(|a, b| shortlex(a.as_ref().as_bytes(), b.as_ref().as_bytes()));
        all.dedup_by(|a, b| a.as_ref() == b.as_ref());
        let mut names = Names::default();
        all.iter().for_each(|name| names.push(name.as_ref()));
        names
    }

    /// Takes apart a text into names that end at the given places.
    ///
    /// # Errors
    /// If a place is not between two characters or outside of the text, or if the names are not
    /// in strictly ascending order.
    pub fn from_parts(text: String, ends: Vec<u64>) -> Result<Self, &'static str> {
        let mut start = 0;
        let mut last: Option<&str> = None;
        for &end in &ends {
            let end = usize::try_from(end).map_err(|_| "a name ends beyond the text")?;
            let name = text.get(start..end).ok_or("a name ends outside of the text")?;
            if last.is_some_and(|last| shortlex(last.as_bytes(), name.as_bytes()).is_ge()) {
                return Err("names are not in ascending order");
            }
            (start, last) = (end, Some(name));
        }
        if start != text.len() {
            return Err("the text goes on after the last name");
        }
        Ok(Names { text, ends })
    }

    /// The names one after the other, and where each ends: what [`Names::from_parts`] takes.
    pub fn parts(&self) -> (&str, &[u64]) {
        (&self.text, &self.ends)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name at a position.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, position: usize) -> &str {
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[position] as usize]
    }

    /// The position of a name.
    pub fn find(&self, name: &str) -> Option<u32> {
        let mut span = 0..self.len();
        while !span.is_empty() {
            let middle = span.start + span.len() / 2;
            match shortlex(self.get(middle).as_bytes(), name.as_bytes()) {
                Ordering::Less => span.start = middle + 1,
                Ordering::Equal => return Some(middle as u32),
                Ordering::Greater => span.end = middle,
            }
        }
        None
    }

    /// All names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// No names yet, and room for so many, of so many bytes together.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        Names { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// Appends a name, which must come after the last one.
    pub(crate) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u64);
    }
}

/// The order of names: by length, then by bytes.
pub(crate) fn shortlex(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are() {
        let names = Names::sorted((0..200).map(|i| (i * 7 % 200).to_string()));
        assert_eq!(names.len(), 200);
        for (position, name) in names.iter().enumerate() {
            assert_eq!(name, position.to_string());
            assert_eq!(names.find(name), Some(position as u32));
        }
        assert_eq!(names.find("200"), None);
        assert_eq!(names.find(""), None);
        assert_eq!(Names::sorted(["", "a"]).find(""), Some(0));
    }

    #[test]
    fn parts_make_names_again_or_are_refused() {
        let names = Names::sorted(["é", "b", "aa", "b"]);
        let (text, ends) = names.parts();
        assert_eq!(Names::from_parts(text.into(), ends.into()), Ok(names.clone()));
        for (text, ends) in [
            ("ab", vec![1]),
            ("ab", vec![1, 3]),
            ("ba", vec![1, 2]),
            ("aa", vec![1, 2]),
            ("ab", vec![2, 1]),
            ("é", vec![1, 2]),
            ("a", vec![u64::MAX]),
        ] {
            assert!(Names::from_parts(text.into(), ends).is_err());
        }
        assert_eq!(Names::from_parts(String::new(), vec![]), Ok(Names::default()));
    }
}
