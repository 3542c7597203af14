//! Any bytes as a bag of words or, after a first byte of 0, as the vocabulary of a fixed one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use strads::formats::{CorpusFormat, CorpusOptions, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let format = Some(CorpusFormat::UciBow);
    let options = CorpusOptions { format, ..CorpusOptions::default() };
    match bytes.split_first() {
        Some((0, rest)) => {
            let vocab = Some(PathBuf::from("v"));
            let options = CorpusOptions { vocab, ..options };
            let bag = b"2\n3\n3\n1 1 1\n1 3 2\n2 2 1\n";
            fuzzing::check_documents(&[("x", bag), ("v", rest)], "x", &options);
        }
        _ => fuzzing::check_documents(&[("x", bytes)], "x", &options),
    }
});
