//! Any bytes as csv, with a target in the table (`y`) or, after a first byte of 0, as a csv of
//! the response of a fixed table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use strads::formats::{Format, ReadOptions, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let format = Some(Format::Csv);
    let target = Some("y".to_owned());
    let options = ReadOptions { format, target, ..ReadOptions::default() };
    match bytes.split_first() {
        Some((0, rest)) => {
            let response = Some(PathBuf::from("y.csv"));
            let options = ReadOptions { response, ..options };
            fuzzing::check(&[("x", b"a,b\n1,2\n3,4\n"), ("y.csv", rest)], "x", &options);
        }
        _ => fuzzing::check(&[("x", bytes)], "x", &options),
    }
});
