//! Any bytes as svmlight: no panic, and the same outcome in any chunks, threads and shards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strads::formats::{Format, ReadOptions, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions { format: Some(Format::Svmlight), ..ReadOptions::default() };
    fuzzing::check(&[("x", bytes)], "x", &options);
});
