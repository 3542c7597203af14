//! Any bytes as npy: no panic, and the same outcome in any chunks, threads and shards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strads::formats::{Format, ReadOptions, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let format = Some(Format::Npy);
    let options = ReadOptions { format, need_response: false, ..ReadOptions::default() };
    fuzzing::check(&[("x", bytes)], "x", &options);
});
