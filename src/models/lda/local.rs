//! A shard of documents with what the program knows of it.

use std::collections::BTreeMap;

use super::gamma;
use super::hyper::{Hyper, Sums};
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
    pub hyper: Hyper,
    pub sums: Sums,
    /// The sub-rounds that this sweep still has.
    pub left: u64,
    pub sweep: Option<Sweep>,
    pub s_error: f64,
}

impl<I: Ord> Local<I> {
    /// A shard without documents.
    pub fn new(topics: usize, slices: usize, hyper: Hyper) -> Self {
        Local {
            shard: Shard::new(topics, slices),
            documents: Vec::new(),
            names: BTreeMap::new(),
            free: Vec::new(),
            leaving: Vec::new(),
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

    /// Adds a document that the shard has.
    pub fn add(&mut self, name: I, document: Document) {
        let at = self.free.pop().unwrap_or(self.documents.len());
        match self.documents.get_mut(at) {
            Some(place) => *place = document,
            None => self.documents.push(document),
        }
        self.names.entry(name).or_default().push(at);
    }

    /// Marks the document of a name as one that leaves.
    pub fn remove(&mut self, name: &I) {
        let Some(places) = self.names.get_mut(name) else { return };
        if let Some(at) = places.pop() {
            let none = Document { row: 0, tokens: 0 };
            let document = std::mem::replace(&mut self.documents[at], none);
            self.free.push(at);
            self.shard.remove(document);
            self.leaving.push(document);
        }
        if places.is_empty() {
            self.names.remove(name);
        }
    }

    /// Takes what changed of the documents into a slice.
    pub fn refresh(&mut self, index: usize, slice: &mut Slice<u32>, topics: usize) {
        let shard = &mut self.shard;
        let shrinks = shard.is_shrinking();
        if shrinks {
            let Slice { head, cells } = &mut *slice;
            shard.retract(index, |word, code| {
                slice::remove(head, cells, word as usize, code, topics);
            });
        }
        if shrinks || shard.fresh[index] {
            let tile = &shard.tiles[index];
            let words = tile.words.last().map_or(0, |word| *word as usize + 1);
            let (mut place, mut start) = (0, 0);
            slice::fit(&mut slice.head, &mut slice.cells, words, topics, |word| {
                if tile.words.get(place) != Some(&(word as u32)) {
                    return 0;
                }
                let end = start + tile.counts[place] as usize;
                let fresh = tile.topics[start..end].iter().filter(|topic| **topic == 0).count();
                (place, start) = (place + 1, end);
                fresh as u64
            });
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
