//! Documents with planted topics whose words follow power laws.

use std::io::{self, Write};
use std::num::NonZero;
use std::thread;

use crate::random::{Draws, purpose};

/// Documents drawn from latent Dirichlet allocation with planted topics.
///
/// * A document has between half and one and a half times `length` tokens, at least one. Their
///   topics are drawn from a Dirichlet mixture with `alpha` for each topic, collapsed: a token
///   takes a new topic, any alike, with probability `K·alpha / (K·alpha + i)`, or else the topic of
///   one of the `i` tokens before it.
/// * A topic is a list of `places` words: its r-th place, r = 0, 1, …, has a probability falling as
///   `(r + 1)^-1`, and the word there is drawn from a law falling as `(w + 1)^-exponent`, from the
///   seed, the topic and the place alone. Topics so share the frequent words, and each has its own
///   of the others; nothing is stored however many words and topics there are.
///
/// Memory does not grow with the number of documents, words or topics.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusDesign {
    /// The number of documents.
    pub documents: usize,
    /// The number of words.
    pub vocabulary: usize,
    /// The number of planted topics.
    pub topics: usize,
    /// The mean number of tokens of a document.
    pub length: u32,
    /// Concentration of a document's topics, each.
    pub alpha: f64,
    /// How fast word frequencies fall with their rank.
    pub exponent: f64,
    /// What every draw starts from.
    pub seed: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Pairs of a document and a word that it has.
    pub entries: u64,
    /// Tokens.
    pub tokens: u64,
}

/// How many documents a thread draws at a time.
const BATCH: usize = 512;

impl CorpusDesign {
    /// Says what is wrong with the fields, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        let most = u32::MAX as usize - 1;
        let limits = [
            ((1..=most).contains(&self.documents), "1 to 4294967294 documents"),
            ((1..=most).contains(&self.vocabulary), "1 to 4294967294 words"),
            (self.topics > 0, "at least one topic"),
            ((1..=1 << 30).contains(&self.length), "1 to 2^30 tokens a document"),
            (self.alpha > 0.0 && self.alpha.is_finite(), "a positive alpha"),
            ((0.0..=10.0).contains(&self.exponent), "an exponent between 0 and 10"),
        ];
        limits.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, limit)| Err(limit))
    }

    /// A document's words, ascending, with their counts.
    pub fn document(&self, document: usize) -> Vec<(u32, u32)> {
        let mut draws = Draws::new(self.seed, purpose("planted document"), document as u64, 0);
        let length = u64::from(self.length);
        let least = length.div_ceil(2);
        let tokens = least + draws.below(length + length / 2 - least + 1);
        let places = self.places() as f64;
        let mass = self.topics as f64 * self.alpha;
        let mut topics: Vec<usize> = Vec::with_capacity(tokens as usize);
        let mut words = Vec::with_capacity(tokens as usize);
        for before in 0..tokens {
            let place = draws.next_f64() * (mass + before as f64);
            let topic = match topics.get((place - mass).max(0.0) as usize) {
                Some(&topic) if place >= mass => topic,
                _ => draws.below(self.topics as u64) as usize,
            };
            topics.push(topic);
            words.push(self.word_at(topic, rank(draws.next_f64(), 1.0, places) as u64));
        }
        words.sort_unstable();
        words.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
    }

    /// How many places a topic has: at least 1000, and 20 for each of its share of the words.
    pub fn places(&self) -> u64 {
        (20 * self.vocabulary as u64 / self.topics.max(1) as u64).max(1000)
    }

    /// The word at a place of a topic.
    fn word_at(&self, topic: usize, place: u64) -> u32 {
        let draw = Draws::new(self.seed, purpose("planted topic"), topic as u64, place).next_f64();
        let word = rank(draw, self.exponent, self.vocabulary as f64);
        (word as usize).min(self.vocabulary - 1) as u32
    }

    /// A planted topic: its words with their probabilities, the greatest first.
    pub fn topic(&self, topic: usize) -> Vec<(u32, f64)> {
        let places = self.places();
        let span = (places as f64 + 1.0).ln();
        let probability = |place: u64| ((place as f64 + 2.0) / (place as f64 + 1.0)).ln() / span;
        let mut words: Vec<(u32, f64)> =
            (0..places).map(|place| (self.word_at(topic, place), probability(place))).collect();
        words.sort_by_key(|(word, _)| *word);
        words.dedup_by(|next, word| {
            let same = next.0 == word.0;
            word.1 += if same { next.1 } else { 0.0 };
            same
        });
        words.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        words
    }

    /// The name of a word: `w` and its number from 0, as wide as the largest.
    pub fn word(&self, word: u32) -> String {
        let width = (self.vocabulary - 1).to_string().len();
        format!("w{word:0width$}")
    }

    /// Writes the names of the words, one a line.
    pub fn write_vocabulary(&self, to: &mut dyn Write) -> io::Result<()> {
        (0..self.vocabulary as u32).try_for_each(|word| writeln!(to, "{}", self.word(word)))
    }

    /// Writes the documents as a UCI bag of words. Every document is drawn twice, since the number
    /// of entries comes first.
    pub fn write_bags(&self, to: &mut dyn Write) -> io::Result<Drawn> {
        let mut drawn = Drawn::default();
        self.each_batch(
            |documents| self.count(documents),
            |counted: Drawn| {
                drawn.entries += counted.entries;
                drawn.tokens += counted.tokens;
                Ok(())
            },
        )?;
        writeln!(to, "{}\n{}\n{}", self.documents, self.vocabulary, drawn.entries)?;
        self.each_batch(|documents| self.lines(documents), |lines| to.write_all(&lines))?;
        Ok(drawn)
    }

    fn count(&self, documents: std::ops::Range<usize>) -> Drawn {
        let mut drawn = Drawn::default();
        for (_, count) in documents.flat_map(|document| self.document(document)) {
            drawn.entries += 1;
            drawn.tokens += u64::from(count);
        }
        drawn
    }

    fn lines(&self, documents: std::ops::Range<usize>) -> Vec<u8> {
        let mut lines = Vec::new();
        for document in documents {
            for (word, count) in self.document(document) {
                // Writing to memory cannot fail.
                let _ = writeln!(lines, "{} {} {count}", document + 1, word + 1);
            }
        }
        lines
    }

    /// Makes something of batches of documents on all processors, and takes it in order.
    fn each_batch<T: Send>(
        &self,
        make: impl Fn(std::ops::Range<usize>) -> T + Sync,
        mut take: impl FnMut(T) -> io::Result<()>,
    ) -> io::Result<()> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let batch = |start: usize| start..(start + BATCH).min(self.documents);
        let mut starts = (0..self.documents).step_by(BATCH).peekable();
        while starts.peek().is_some() {
            let group: Vec<usize> = starts.by_ref().take(threads).collect();
            let made: Vec<_> = thread::scope(|scope| {
                let (make, batch) = (&make, &batch);
                let run = |start| scope.spawn(move || make(batch(start)));
                let run: Vec<_> = group.into_iter().map(run).collect();
                run.into_iter().map(thread::ScopedJoinHandle::join).collect()
            });
            for made in made {
                take(made.map_err(|_| io::Error::other("a thread ended early"))?)?;
            }
        }
        Ok(())
    }
}

/// The rank, from 0, at the quantile `u` of the law on `[1, most + 1)` whose density falls as
/// `x^-exponent`, rounded down.
fn rank(u: f64, exponent: f64, most: f64) -> f64 {
    let end = most + 1.0;
    let rest = 1.0 - exponent;
    let x = if rest.abs() < 1e-9 {
        (u * end.ln()).exp()
    } else {
        (u * (end.powf(rest) - 1.0) + 1.0).powf(rest.recip())
    };
    (x.floor() - 1.0).clamp(0.0, most - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> CorpusDesign {
        CorpusDesign {
            documents: 1500,
            vocabulary: 300,
            topics: 5,
            length: 20,
            alpha: 0.2,
            exponent: 1.0,
            seed: 7,
        }
    }

    #[test]
    fn documents_have_the_length_and_the_words_they_should() {
        let design = design();
        let mut tokens = 0;
        for document in 0..design.documents {
            let runs = design.document(document);
            let length: u32 = runs.iter().map(|(_, count)| count).sum();
            assert!((10..=30).contains(&length));
            assert!(runs.is_sorted_by(|a, b| a.0 < b.0));
            assert!(runs.iter().all(|(word, count)| *word < 300 && *count > 0));
            tokens += u64::from(length);
        }
        let mean = tokens as f64 / design.documents as f64;
        assert!((mean - 20.0).abs() < 0.7, "{mean}");
    }

    #[test]
    fn words_are_drawn_as_the_planted_topics_say() {
        // Many documents of one topic each: every token has the mean of the topics' laws.
        let design = CorpusDesign { alpha: 1e-9, documents: 4000, ..design() };
        let mut found = vec![0.0; design.vocabulary];
        let mut tokens = 0.0;
        for (word, count) in (0..design.documents).flat_map(|document| design.document(document)) {
            found[word as usize] += f64::from(count);
            tokens += f64::from(count);
        }
        let mut expected = vec![0.0; design.vocabulary];
        for topic in 0..design.topics {
            for (word, probability) in design.topic(topic) {
                expected[word as usize] += probability / design.topics as f64;
            }
        }
        let distance: f64 =
            found.iter().zip(&expected).map(|(found, law)| (found / tokens - law).abs()).sum();
        assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(distance < 0.1, "{distance}");
        let (most, _) = found.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert!(most < 10, "{most}");
    }

    #[test]
    fn bags_are_written_in_order_whatever_the_batches() {
        let design = design();
        let mut written = Vec::new();
        let drawn = design.write_bags(&mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.by_ref().take(3).collect();
        assert_eq!(header, ["1500", "300", &drawn.entries.to_string()]);
        let mut expected = String::new();
        for document in 0..design.documents {
            for (word, count) in design.document(document) {
                expected += &format!("{} {} {count}\n", document + 1, word + 1);
            }
        }
        assert_eq!(text.split_once(header[2]).unwrap().1.trim_start(), expected);
        let mut vocabulary = Vec::new();
        design.write_vocabulary(&mut vocabulary).unwrap();
        assert!(vocabulary.starts_with(b"w000\nw001\n") && vocabulary.ends_with(b"w299\n"));
    }

    #[test]
    fn impossible_designs_are_refused() {
        assert_eq!(design().check(), Ok(()));
        for bad in [
            CorpusDesign { topics: 0, ..design() },
            CorpusDesign { alpha: 0.0, ..design() },
            CorpusDesign { exponent: f64::NAN, ..design() },
            CorpusDesign { length: 0, ..design() },
        ] {
            assert!(bad.check().is_err());
        }
    }
}
