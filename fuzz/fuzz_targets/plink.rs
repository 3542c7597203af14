//! Any bytes as a .bed, .bim, .fam and response file, separated by 0xff bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use strads::formats::{Format, ReadOptions, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(4, |&byte| byte == 0xff);
    let [bim, fam, response, bed] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let files: [(&str, &[u8]); 4] =
        [("x.bed", bed), ("x.bim", bim), ("x.fam", fam), ("y.txt", response)];
    let response = (!response.is_empty()).then(|| PathBuf::from("y.txt"));
    let format = Some(Format::Plink);
    fuzzing::check(&files, "x.bed", &ReadOptions { format, response, ..ReadOptions::default() });
});
