//! What is known of the documents of a shard where the corpus changes: only those that changed are
//! measured and told again.

use super::hyper::Hyper;
use super::measure;
use super::shard::{Document, Shard};

/// Topics (from 0, ascending) with how many tokens have them.
pub type TopicCounts = Vec<(u16, u32)>;

/// By position: 8 bytes a document, and its topics if they are told.
#[derive(Debug)]
pub(super) struct Known<I> {
    /// Each document's part of the likelihood.
    likelihoods: Vec<f64>,
    /// Whose document it is.
    names: Vec<Option<I>>,
    /// Whose document it was when it was last told of, and its topics.
    told: Vec<Option<(I, TopicCounts)>>,
    /// Positions that are to be measured again.
    unmeasured: Vec<usize>,
    /// Positions that are to be told of again.
    untold: Vec<usize>,
}

impl<I> Default for Known<I> {
    fn default() -> Self {
        let (likelihoods, names, told) = (Vec::new(), Vec::new(), Vec::new());
        Known { likelihoods, names, told, unmeasured: Vec::new(), untold: Vec::new() }
    }
}

impl<I: Clone + PartialEq> Known<I> {
    /// A position has the document of another name, or of none.
    pub fn set(&mut self, at: usize, name: Option<I>) {
        if self.names.len() <= at {
            self.names.resize(at + 1, None);
        }
        self.names[at] = name;
        self.unmeasured.push(at);
    }

    /// Positions that have documents, and whose.
    pub fn names(&self) -> impl Iterator<Item = (usize, &I)> {
        let names = self.names.iter().enumerate();
        names.filter_map(|(at, name)| name.as_ref().map(|name| (at, name)))
    }

    /// The topics of all documents may have changed.
    pub fn touch_all(&mut self) {
        self.unmeasured = (0..self.names.len()).collect();
    }

    /// The documents' part of the likelihood, as [`measure::documents`] has it. Concentrations must
    /// be those of the last time.
    pub fn look(&mut self, shard: &Shard, documents: &[Document], hyper: &Hyper) -> f64 {
        self.likelihoods.resize(documents.len(), 0.0);
        let alpha_sum = hyper.alpha_sum();
        for at in unique(&mut self.unmeasured) {
            self.likelihoods[at] = measure::document(shard, &documents[at], hyper, alpha_sum);
            self.untold.push(at);
        }
        self.likelihoods.iter().sum()
    }

    /// Calls `f` with the documents whose topics are not those they were, as they were (-1) and as
    /// they are (1).
    pub fn tell(
        &mut self,
        shard: &Shard,
        documents: &[Document],
        topics: usize,
        mut f: impl FnMut(I, TopicCounts, i8),
    ) {
        self.told.resize(self.names.len(), None);
        for at in unique(&mut self.untold) {
            let now = self.names[at].clone().map(|name| {
                let mut counts = TopicCounts::new();
                if documents[at].tokens > 0 {
                    let row = documents[at].row;
                    shard.rows.counts(row, topics, |code, count| counts.push((code - 1, count)));
                }
                counts.sort_unstable();
                (name, counts)
            });
            if now == self.told[at] {
                continue;
            }
            let was = std::mem::replace(&mut self.told[at], now.clone());
            was.into_iter().for_each(|(name, counts)| f(name, counts, -1));
            now.into_iter().for_each(|(name, counts)| f(name, counts, 1));
        }
    }
}

/// Positions, each once and ascending; none are left.
fn unique(positions: &mut Vec<usize>) -> Vec<usize> {
    let mut positions = std::mem::take(positions);
    positions.sort_unstable();
    positions.dedup();
    positions
}
