//! All words of a corpus with their frequencies; then only those that are asked for.

use super::interner::Interner;
use super::{CorpusOptions, Documents};
use crate::shard::Words;

/// In place of the number of a word that is left out.
const NONE: u32 = u32::MAX;

/// What was read, with words numbered as they came.
#[derive(Default)]
pub(super) struct Gathered {
    pub documents: Documents,
    /// How many documents have each word.
    pub frequency: Vec<u32>,
    /// How many tokens are each word.
    pub total: Vec<u64>,
    /// Whether words are ordered by their letters, or stay as they came.
    pub sort: bool,
}

impl Gathered {
    /// Leaves out the words that are not asked for, and numbers the others.
    pub fn select(mut self, options: &CorpusOptions) -> Documents {
        let all = std::mem::take(&mut self.documents.vocabulary);
        let (map, vocabulary) = match &options.known {
            Some(known) => (Some(known_numbers(&all, known)), known.clone()),
            None => self.numbers(all, options),
        };
        let mut documents = self.documents;
        let lost: u64 = (map.iter().flatten().zip(&self.total))
            .filter(|(number, _)| **number == NONE)
            .map(|(_, total)| total)
            .sum();
        let seen: u64 = self.total.iter().sum();
        documents.tokens = seen - lost;
        match options.known {
            Some(_) => documents.unknown = lost,
            None => documents.left_out += lost,
        }
        documents.vocabulary = vocabulary;
        documents.rename(map.as_deref());
        documents
    }

    /// The new number of every word that stays, and those words; no numbers if all stay as they are.
    fn numbers(&self, all: Words, options: &CorpusOptions) -> (Option<Vec<u32>>, Words) {
        let count = self.documents.len();
        let (least, most) = (options.min_df.of(count), options.max_df.of(count));
        let stays = |&number: &usize| {
            let frequency = f64::from(self.frequency[number]);
            let word = all.get(number).unwrap_or_default();
            frequency >= least && frequency <= most && options.admits(word)
        };
        if !self.sort && (0..all.len()).all(|number| stays(&number)) {
            return (None, all);
        }
        let mut chosen: Vec<u32> =
            (0..all.len()).filter(stays).map(|number| number as u32).collect();
        let word = |number: u32| all.get(number as usize).unwrap_or_default();
        if self.sort {
            chosen.sort_unstable_by_key(|&number| word(number));
        }
        let mut vocabulary = Words::default();
        vocabulary.reserve(chosen.len(), chosen.iter().map(|&old| word(old).len()).sum());
        chosen.iter().for_each(|&old| vocabulary.push(word(old)));
        drop(all);
        let mut map = vec![NONE; self.total.len()];
        (0..).zip(&chosen).for_each(|(new, &old)| map[old as usize] = new);
        (Some(map), vocabulary)
    }
}

fn known_numbers(all: &Words, known: &Words) -> Vec<u32> {
    let known = Interner::from(known);
    all.iter().map(|word| known.find(word).unwrap_or(NONE)).collect()
}

impl Documents {
    /// Gives the runs their new numbers, if there are some, in ascending order and each once, and
    /// drops those without.
    fn rename(&mut self, map: Option<&[u32]>) {
        let number = |word: u32| map.map_or(word, |map| map[word as usize]);
        let (mut from, mut to) = (0, 0);
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for end in &mut self.ends {
            let range = from..*end as usize;
            from = range.end;
            let words = self.words[range.clone()].iter().map(|&word| number(word));
            runs.clear();
            runs.extend(words.zip(self.counts[range].iter().copied()));
            runs.retain(|(word, _)| *word != NONE);
            runs.sort_unstable_by_key(|(word, _)| *word);
            runs.dedup_by(|next, run| {
                let same = next.0 == run.0;
                run.1 = if same { run.1.saturating_add(next.1) } else { run.1 };
                same
            });
            for &(word, count) in &runs {
                (self.words[to], self.counts[to]) = (word, count);
                to += 1;
            }
            *end = to as u64;
        }
        for column in [&mut self.words, &mut self.counts] {
            column.truncate(to);
            column.shrink_to_fit();
        }
    }
}
