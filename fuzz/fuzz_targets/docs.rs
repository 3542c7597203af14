//! Any bytes as documents, with bigrams and a short list of known stopwords: no panic, and the
//! same outcome in any chunks and threads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strads::formats::{CorpusFormat, CorpusOptions, Frequency, Stopwords, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let mut stopwords = Stopwords::none();
    stopwords.add_language("en");
    let options = CorpusOptions {
        format: Some(CorpusFormat::Docs),
        stopwords,
        ngrams: 2,
        max_df: Frequency::Share(0.9),
        ..CorpusOptions::default()
    };
    fuzzing::check_documents(&[("x", bytes)], "x", &options);
});
