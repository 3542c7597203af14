//! Whether the words of a topic belong together: how often documents have them both.

use std::collections::HashMap;

/// Coherence of one topic: means over the pairs of its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coherence {
    /// UMass (Mimno et al. 2011): log((D(v, w) + 1) / D(w)) with w the more probable of the two,
    /// D counting the documents that have a word, or both. At most about 0; the greater the better.
    pub u_mass: f64,
    /// Normalised pointwise mutual information (Bouma 2009; Lau et al. 2014) of two words being in
    /// a document: from −1 (never together) over 0 (independent) to 1.
    pub npmi: f64,
}

/// Counts in how many documents words are, and pairs of them.
///
/// Takes O(s²) for a document with s of the words; 16 bytes or so a pair.
pub struct CoDocuments {
    documents: u64,
    /// The number of each word that counts.
    slots: HashMap<u32, u32>,
    single: Vec<u64>,
    /// By the lower slot and the upper.
    pairs: HashMap<(u32, u32), u64>,
    topics: Vec<Vec<u32>>,
    present: Vec<u32>,
}

impl CoDocuments {
    /// Counts for topics of these words, the most probable first.
    pub fn new<'a>(topics: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut slots = HashMap::new();
        let mut pairs = HashMap::new();
        let mut own = Vec::new();
        for words in topics {
            let mut topic: Vec<u32> = Vec::with_capacity(words.len());
            for &word in words {
                let next = slots.len() as u32;
                let slot = *slots.entry(word).or_insert(next);
                for &other in &topic {
                    pairs.insert((slot.min(other), slot.max(other)), 0);
                }
                topic.push(slot);
            }
            own.push(topic);
        }
        let single = vec![0; slots.len()];
        CoDocuments { documents: 0, slots, single, pairs, topics: own, present: Vec::new() }
    }

    /// Takes in a document's distinct words.
    pub fn add(&mut self, words: impl IntoIterator<Item = u32>) {
        self.documents += 1;
        self.present.clear();
        self.present.extend(words.into_iter().filter_map(|word| self.slots.get(&word)));
        self.present.sort_unstable();
        for (at, &slot) in self.present.iter().enumerate() {
            self.single[slot as usize] += 1;
            for &other in &self.present[at + 1..] {
                if let Some(count) = self.pairs.get_mut(&(slot, other)) {
                    *count += 1;
                }
            }
        }
    }

    /// The coherence of each topic; none where there are fewer than two words that documents have.
    pub fn coherence(&self) -> Vec<Option<Coherence>> {
        self.topics.iter().map(|topic| self.of(topic)).collect()
    }

    fn of(&self, topic: &[u32]) -> Option<Coherence> {
        let documents = self.documents as f64;
        let known: Vec<u32> =
            topic.iter().copied().filter(|slot| self.single[*slot as usize] > 0).collect();
        let (mut u_mass, mut npmi, mut count) = (0.0, 0.0, 0.0);
        for (at, &second) in known.iter().enumerate() {
            for &first in &known[..at] {
                let pair = self.pairs.get(&(first.min(second), first.max(second)));
                let both = pair.copied().unwrap_or(0) as f64;
                let single = |slot: u32| self.single[slot as usize] as f64;
                u_mass += ((both + 1.0) / single(first)).ln();
                npmi += match both {
                    0.0 => -1.0,
                    both if both == documents => 1.0,
                    both => {
                        let information = both * documents / (single(first) * single(second));
                        information.ln() / -(both / documents).ln()
                    }
                };
                count += 1.0;
            }
        }
        (count > 0.0).then(|| Coherence { u_mass: u_mass / count, npmi: npmi / count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> CoDocuments {
        let mut counts = CoDocuments::new([&[1, 2, 3][..], &[1, 9][..], &[2][..]]);
        for document in [&[1, 2][..], &[3, 2, 1], &[1, 5], &[7]] {
            counts.add(document.iter().copied());
        }
        counts
    }

    #[test]
    fn coherence_is_that_of_the_formulas() {
        let [first, unseen, single] = counted().coherence()[..] else { panic!("three topics") };
        let expected = ((3f64 / 3.0).ln() + (2f64 / 3.0).ln() + (2f64 / 2.0).ln()) / 3.0;
        let first = first.unwrap();
        assert!((first.u_mass - expected).abs() < 1e-12);
        let npmi = |both: f64, one: f64, other: f64| {
            (both * 4.0 / (one * other)).ln() / -(both / 4.0).ln()
        };
        let expected = (npmi(2.0, 3.0, 2.0) + npmi(1.0, 3.0, 1.0) + npmi(1.0, 2.0, 1.0)) / 3.0;
        assert!((first.npmi - expected).abs() < 1e-12);
        assert_eq!((unseen, single), (None, None));
    }

    #[test]
    fn extremes_are_minus_one_and_one() {
        let mut apart = CoDocuments::new([&[1, 2][..]]);
        apart.add([1]);
        apart.add([2]);
        assert_eq!(apart.coherence()[0].unwrap().npmi, -1.0);
        let mut together = CoDocuments::new([&[1, 2][..]]);
        together.add([2, 1]);
        assert_eq!(together.coherence()[0].unwrap().npmi, 1.0);
    }
}
