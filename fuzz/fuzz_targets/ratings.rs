//! Any bytes as ratings; the first byte says what the options ask for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strads::formats::{RatingOptions, Separator, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let separators = [
        None,
        Some(Separator::Comma),
        Some(Separator::Semicolon),
        Some(Separator::Tab),
        Some(Separator::Colons),
        Some(Separator::Blanks),
    ];
    let column = |bit: u8, name: &str| (first & bit != 0).then(|| name.to_owned());
    let options = RatingOptions {
        separator: separators[usize::from(first & 7) % separators.len()],
        user: column(8, "u"),
        weight: column(16, "4"),
        time: column(32, "5"),
        need_rating: first & 64 == 0,
        ..RatingOptions::default()
    };
    fuzzing::check_ratings(rest, &options);
});
