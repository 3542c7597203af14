//! A shard of documents with what the program knows of it.

use std::collections::BTreeMap;

use super::aside::{self, Begun};
use super::corpus::Bags;
use super::gamma;
use super::hyper::{Hyper, Sums};
use super::known::Known;
use super::shard::{Document, Shard};
use super::slice;
use crate::container::Slice;
use crate::program::Sweep;

/// A shard with what the program knows of it.
pub(super) struct Local<I> {
    pub shard: Shard,
    pub documents: Vec<Document>,
    /// Positions of named documents.
    names: BTreeMap<I, Vec<usize>>,
    /// Positions that are free.
    free: Vec<usize>,
    /// Documents that are leaving.
    leaving: Vec<Document>,
    /// What is known of documents that may go again.
    pub known: Known<I>,
    /// The number of words that are known, of which `V β` is made.
    pub vocabulary: usize,
    /// Tokens that came or went in this epoch.
    pub changed: u64,
    /// What the model that this epoch begins with is said to owe of a sweep.
    pub owed: f64,
    /// Whether the topics of all tokens are to be told at the end of this epoch.
    pub telling: bool,
    pub hyper: Hyper,
    pub sums: Sums,
    /// The sub-rounds that this sweep still has.
    pub left: u64,
    pub sweep: Option<Sweep>,
    pub s_error: f64,
}

impl<I: Ord + Clone> Local<I> {
    /// A shard without documents.
    pub fn new(topics: usize, slices: usize, vocabulary: usize, hyper: Hyper) -> Self {
        Local {
            shard: Shard::new(topics, slices),
            documents: Vec::new(),
            names: BTreeMap::new(),
            free: Vec::new(),
            leaving: Vec::new(),
            known: Known::default(),
            vocabulary,
            changed: 0,
            owed: 0.0,
            telling: false,
            hyper,
            sums: Sums::new(topics),
            left: 0,
            sweep: None,
            s_error: 0.0,
        }
    }

    /// The tokens of the documents.
    pub fn tokens(&self) -> u64 {
        self.documents.iter().map(|document| u64::from(document.tokens)).sum()
    }

    /// Gives back the rows of documents that have left, once all slices have been by.
    pub fn bury(&mut self) {
        let leaving = std::mem::take(&mut self.leaving);
        self.shard.bury(leaving);
    }

    /// An epoch begins: nothing has come or gone yet.
    pub fn begin(&mut self) {
        self.changed = 0;
        self.owed = 0.0;
        self.shard.fresh.fill(false);
    }

    /// Takes documents in, with the topics that some have `begun` with, and marks those that leave.
    ///
    /// # Errors
    /// As of [`Shard::add`].
    pub fn exchange(
        &mut self,
        (names, bags): (Vec<I>, Bags),
        (gone, gone_bags): (Vec<I>, Bags),
        begun: &mut Begun<I>,
    ) -> Result<(), String> {
        for (at, name) in gone.iter().enumerate() {
            self.remove(name, gone_bags.document(at).map(|(word, _)| word));
        }
        let topics = aside::topics_of(&names, begun);
        for (name, document) in names.into_iter().zip(self.shard.add(&bags, &topics)?) {
            self.add(name, document);
        }
        let words = bags.largest_word().map_or(0, |word| word as usize + 1);
        self.vocabulary = self.vocabulary.max(words);
        Ok(())
    }

    /// Names a document that the shard has.
    fn add(&mut self, name: I, document: Document) {
        let at = self.free.pop().unwrap_or(self.documents.len());
        match self.documents.get_mut(at) {
            Some(place) => *place = document,
            None => self.documents.push(document),
        }
        self.changed += u64::from(document.tokens);
        self.known.set(at, Some(name.clone()));
        self.names.entry(name).or_default().push(at);
    }

    /// Marks a document of a name, with its words, as one that leaves.
    fn remove(&mut self, name: &I, words: impl Iterator<Item = u32>) {
        let Some(places) = self.names.get_mut(name) else { return };
        if let Some(at) = places.pop() {
            let none = Document { row: 0, tokens: 0 };
            let document = std::mem::replace(&mut self.documents[at], none);
            self.changed += u64::from(document.tokens);
            self.free.push(at);
            self.known.set(at, None);
            self.shard.remove(document, words);
            self.leaving.push(document);
        }
        if places.is_empty() {
            self.names.remove(name);
        }
    }

    /// Takes what changed of the documents into a slice. Takes time proportional to the words that
    /// it touches, beside a copy of the slice.
    pub fn refresh(&mut self, index: usize, slice: &mut Slice<u32>, topics: usize) {
        let Slice { head, cells } = slice;
        let gone = self.shard.retract(index, |word, code| {
            slice::remove(head, cells, word as usize, code, topics);
        });
        let mut touched: Vec<(u32, u64)> = gone.into_iter().map(|word| (word, 0)).collect();
        if self.shard.fresh[index] {
            let (_, _, tile) = self.shard.newest(index);
            let words = tile.words.iter().zip(&tile.counts);
            touched.extend(words.map(|(&word, &count)| (word, u64::from(count))));
        }
        let given = self.shard.given(index);
        touched.extend(given.iter().map(|&(word, _, count)| (word, u64::from(count))));
        touched.sort_unstable();
        touched.dedup_by(|next, first| {
            let same = next.0 == first.0;
            first.1 += if same { next.1 } else { 0 };
            same
        });
        slice::fit(head, cells, &touched, topics);
        for (word, code, count) in given {
            slice::add(head, cells, word as usize, (code, count), topics);
        }
    }

    /// What a step of the fixed point needs of the documents.
    pub fn sum_documents(&mut self) {
        let (hyper, sums) = (&self.hyper, &mut self.sums);
        let alpha_sum = hyper.alpha_sum();
        for document in self.documents.iter().filter(|document| document.tokens > 0) {
            sums.documents += gamma::digamma_rise(alpha_sum, document.tokens.into());
            let topics = hyper.alpha.len();
            self.shard
                .rows
                .counts(document.row, topics, |code, count| sums.topic(hyper, code, count));
        }
    }

    /// What a step of the fixed point needs of a slice's words.
    pub fn sum_words(&mut self, slice: &Slice<u32>) {
        let (beta, topics) = (self.hyper.beta, self.hyper.alpha.len());
        for word in 0..slice.head.len() {
            let row = slice::row(&slice.head, &slice.cells, word);
            let rises = slice::counts(row, topics)
                .map(|(_, count)| gamma::digamma_rise(beta, count.into()));
            self.sums.words += rises.sum::<f64>();
        }
    }

    /// The s-error of a sub-round, from what every shard did.
    pub fn hear_error(&mut self, summaries: &[&[i64]], topics: usize) {
        let mut all = vec![0i64; topics];
        for summary in summaries {
            all.iter_mut().zip(*summary).for_each(|(all, moved)| *all += moved);
        }
        let tokens: i64 = self.shard.totals.iter().sum();
        let distance = |own: &&[i64]| -> u64 {
            all.iter().zip(*own).map(|(all, own)| (all - own).unsigned_abs()).sum()
        };
        let sum: u64 = summaries.iter().map(distance).sum();
        let error = sum as f64 / (summaries.len() as f64 * tokens.max(1) as f64);
        self.s_error = self.s_error.max(error);
    }
}
