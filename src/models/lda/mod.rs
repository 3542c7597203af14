//! Topics: latent Dirichlet allocation (Blei, Ng, Jordan 2003) by exact collapsed Gibbs sampling
//! (Griffiths, Steyvers 2004), with the words of the vocabulary rotating over shards of documents.
//!
//! ```text
//! p(z = k | all else)  ∝  (n_dk + α_k) (n_wk + β_wk) / (n_k + Σ_v β_vk)     the token's own count removed
//! ```

mod aside;
mod assemble;
mod assignments;
mod change;
mod coherence;
mod corpus;
mod describe;
mod division;
mod epochs;
mod file;
mod fit;
mod gamma;
mod home;
mod hyper;
mod infer;
mod keys;
mod known;
mod live;
mod local;
mod mallet;
mod measure;
mod model;
mod options;
mod priors;
mod program;
mod pyldavis;
mod sampler;
mod samples;
mod shard;
mod slice;
mod stored;
#[cfg(test)]
mod tests;

pub use aside::{Aside, TokenTopics};
pub use assignments::Assignments;
pub use coherence::{CoDocuments, Coherence};
pub use corpus::{Corpus, CorpusError};
pub use describe::TopicWord;
pub use epochs::Upkeep;
pub use file::{put_words, words};
pub use fit::{Fit, Point, fit, fit_kept};
pub use infer::{Completion, InferOptions, Inference};
pub use known::TopicCounts;
pub use live::{Bag, LiveOptions, LiveTopics, Mixture, TopicsOf};
pub use mallet::write_mallet_state;
pub use measure::Measure;
pub use model::{Counts, TopicModel};
pub use options::{Alpha, MAX_TOPICS, Options, WordPrior};
