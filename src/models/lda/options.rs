//! What to train, and how: checked once, then trusted.

use std::sync::Arc;

use super::hyper::RANGE;
use super::model::TopicModel;

/// The most topics a model can have: a topic is a 16-bit number, and one of those means none.
pub const MAX_TOPICS: usize = 65_535;

/// Concentration of the topics of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Alpha {
    /// The same for every topic.
    Symmetric(f64),
    /// One for each topic.
    Asymmetric(Vec<f64>),
}

/// More prior weight of a word in a topic: `weight` is added to β for this word and topic, as if
/// the word had been seen so often in the topic before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WordPrior {
    /// The word.
    pub word: u32,
    /// The topic, from 0.
    pub topic: u16,
    /// What is added to β.
    pub weight: f64,
}

/// Options of a training run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `topics` | 100 | `K` | 2 to 65 535 |
/// | `alpha` | `50/K` each | concentration of a document's topics | 1e-6 to 1e6 |
/// | `beta` | 0.01 | concentration of a topic's words | 1e-6 to 1e6 |
/// | `iterations` | 200 | sweeps over all tokens | ≥ 1 |
/// | `burn_in` | 50 | sweeps before α and β are optimised and samples are taken | ≥ 0 |
/// | `optimize_alpha` | false | fit α (asymmetric), by Minka's fixed point | |
/// | `optimize_beta` | false | fit β | |
/// | `optimize_every` | 1 | sweeps between two optimisations | ≥ 1 |
/// | `samples` | 1 | states summed up for the reported topics, the last one and those before it | ≥ 1 |
/// | `sample_every` | 10 | sweeps between two samples | ≥ 1 |
/// | `likelihood_every` | 10 | sweeps between two measurements of the joint likelihood; the last sweep is always measured | ≥ 1 |
/// | `priors` | none | more prior weight of words in topics | weight > 0 |
/// | `warm_start` | none | model whose counts the first topics are drawn by | of as many topics |
/// | `document_topics` | false | report the topics of the documents | |
/// | `assignments` | false | report the topic of every token | |
/// | `max_seconds` | none | wall time upon which the running sweep is the last; results then depend on the machine | ≥ 0 |
/// | `seed` | 0 | chooses the draws | |
/// | `shards` | 0 | document shards; 0 is one a worker | |
/// | `slices` | 0 | word slices, rounded up to a multiple of the shards; 0 is as many as keep the s-error below 0.002 | |
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The number of topics.
    pub topics: usize,
    /// Concentration of a document's topics; 50/K each unless given.
    pub alpha: Option<Alpha>,
    /// Concentration of a topic's words.
    pub beta: f64,
    /// Sweeps over all tokens.
    pub iterations: u64,
    /// Sweeps before anything is optimised or averaged.
    pub burn_in: u64,
    /// Whether to fit α.
    pub optimize_alpha: bool,
    /// Whether to fit β.
    pub optimize_beta: bool,
    /// Sweeps between two optimisations.
    pub optimize_every: u64,
    /// States that are summed up for the reported topics.
    pub samples: u64,
    /// Sweeps between two of them.
    pub sample_every: u64,
    /// Sweeps between two measurements of the likelihood.
    pub likelihood_every: u64,
    /// More prior weight of words in topics.
    pub priors: Arc<Vec<WordPrior>>,
    /// A model to set out from: first topics are drawn as if its tokens were there, too. Words are
    /// matched by name; those it does not have are drawn by the topics of their document.
    /// Takes 12 bytes a count of the model until first topics are drawn.
    pub warm_start: Option<Arc<TopicModel>>,
    /// Whether the model is to hold the documents' topics.
    pub document_topics: bool,
    /// Whether the topic of every token in the last state is to be given: takes 8 bytes a token more
    /// when the run ends.
    pub assignments: bool,
    /// Seconds upon which the running sweep is the last.
    pub max_seconds: Option<f64>,
    /// Chooses the draws.
    pub seed: u64,
    /// The number of document shards.
    pub shards: usize,
    /// The number of word slices.
    pub slices: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            topics: 100,
            alpha: None,
            beta: 0.01,
            iterations: 200,
            burn_in: 50,
            optimize_alpha: false,
            optimize_beta: false,
            optimize_every: 1,
            samples: 1,
            sample_every: 10,
            likelihood_every: 10,
            priors: Arc::default(),
            warm_start: None,
            document_topics: false,
            assignments: false,
            max_seconds: None,
            seed: 0,
            shards: 0,
            slices: 0,
        }
    }
}

impl Options {
    /// α of every topic.
    pub fn alphas(&self) -> Vec<f64> {
        match &self.alpha {
            None => vec![50.0 / self.topics as f64; self.topics],
            Some(Alpha::Symmetric(alpha)) => vec![*alpha; self.topics],
            Some(Alpha::Asymmetric(alphas)) => alphas.clone(),
        }
    }

    /// Whether the state after a sweep is one of those that are summed up.
    pub(super) fn is_sample(&self, number: u64) -> bool {
        let back = self.iterations.saturating_sub(number);
        let wanted =
            back.is_multiple_of(self.sample_every) && back / self.sample_every < self.samples;
        number == self.iterations || (wanted && number > self.burn_in)
    }

    /// Checks every range, for a vocabulary of so many words.
    ///
    /// # Errors
    /// One line that names the option, what was expected and what was found.
    pub fn check(&self, vocabulary: usize) -> Result<(), String> {
        if !(2..=MAX_TOPICS).contains(&self.topics) {
            return Err(format!("topics: expected 2 to {MAX_TOPICS}, found {}", self.topics));
        }
        if let Some(Alpha::Asymmetric(alphas)) = &self.alpha
            && alphas.len() != self.topics
        {
            let (topics, found) = (self.topics, alphas.len());
            return Err(format!("alpha: expected one for each of {topics} topics, found {found}"));
        }
        if let Some(found) = self.warm_start.as_ref().map(|model| model.topics())
            && found != self.topics
        {
            let topics = self.topics;
            return Err(format!("warm-start: expected {topics} topics, found {found}"));
        }
        self.alphas().iter().try_for_each(|alpha| positive("alpha", *alpha))?;
        positive("beta", self.beta)?;
        for (name, value) in [
            ("iterations", self.iterations),
            ("optimize-every", self.optimize_every),
            ("samples", self.samples),
            ("sample-every", self.sample_every),
            ("likelihood-every", self.likelihood_every),
        ] {
            if value == 0 {
                return Err(format!("{name}: expected at least 1, found 0"));
            }
        }
        if self.max_seconds.is_some_and(|seconds| seconds.is_nan() || seconds < 0.0) {
            return Err("max-seconds: expected a number >= 0".to_owned());
        }
        if self.optimize_beta && !self.priors.is_empty() {
            return Err("optimize-beta: expected no word-prior".to_owned());
        }
        let mut places: Vec<_> =
            self.priors.iter().map(|prior| (prior.word, prior.topic)).collect();
        places.sort_unstable();
        if let Some(twice) = places.windows(2).find(|pair| pair[0] == pair[1]) {
            let (word, topic) = twice[0];
            return Err(format!("word-prior: word {word} has two weights in topic {topic}"));
        }
        for prior in self.priors.iter() {
            positive("word-prior", prior.weight)?;
            if prior.word as usize >= vocabulary || usize::from(prior.topic) >= self.topics {
                let (word, topic, topics) = (prior.word, prior.topic, self.topics);
                return Err(format!(
                    "word-prior: expected words below {vocabulary} and topics below {topics}, \
                     found word {word}, topic {topic}"
                ));
            }
        }
        Ok(())
    }
}

/// Concentrations outside this range lose their meaning in single precision.
fn positive(name: &str, value: f64) -> Result<(), String> {
    match RANGE.contains(&value) {
        true => Ok(()),
        false => Err(format!("{name}: expected a number from 1e-6 to 1e6, found {value}")),
    }
}
