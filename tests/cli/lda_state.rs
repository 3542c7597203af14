//! The state of a chain of topics: given out for MALLET, and begun from a model.

use std::collections::BTreeMap;
use std::io::Read;

use super::determinism::{assert_equal, models};
use super::*;

const SHORT: [&str; 6] = ["--topics", "10", "--shards", "2", "--alpha", "0.5"];

fn mails(options: &[&str]) -> Value {
    json(&[&["lda"], &MAILS[..], &SHORT, options].concat())
}

/// `ln Γ(a + n) − ln Γ(a)`, one factor at a time.
fn rising(a: f64, n: u64) -> f64 {
    (0..n).map(|step| (a + step as f64).ln()).sum()
}

#[test]
fn a_mallet_state_is_the_last_state_of_the_chain() {
    let (_kept, file) = directory();
    let (state, model) = (file("state.gz"), file("mails.safetensors"));
    let result = mails(&["--iterations", "3", "--mallet-state", &state, "--model", &model]);
    let (mut text, packed) = (String::new(), std::fs::File::open(&state).unwrap());
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let mut words = BTreeMap::<(&str, usize), u64>::new();
    let mut documents = BTreeMap::<(&str, usize), u64>::new();
    let (mut lengths, mut topics) = (BTreeMap::<&str, u64>::new(), [0u64; 10]);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [document, _, position, number, _, topic] = fields[..] else { panic!("{line}") };
        let topic: usize = topic.parse().unwrap();
        let length = lengths.entry(document).or_default();
        assert_eq!(position, length.to_string(), "{line}");
        *length += 1;
        *words.entry((number, topic)).or_default() += 1;
        *documents.entry((document, topic)).or_default() += 1;
        topics[topic] += 1;
    }
    let tokens = topics.iter().sum::<u64>() as f64;
    assert_eq!(tokens, number(&result, "tokens"));
    let (vocabulary, beta) = (number(&result, "vocabulary"), number(&result, "beta"));
    let sum = words.values().map(|count| rising(beta, *count)).sum::<f64>()
        - topics.iter().map(|count| rising(vocabulary * beta, *count)).sum::<f64>()
        + documents.values().map(|count| rising(0.5, *count)).sum::<f64>()
        - lengths.values().map(|count| rising(5.0, *count)).sum::<f64>();
    close(number(&result, "log_likelihood_per_token"), sum / tokens, 1e-9);
    let shown = json(&["inspect", "--model", &model]);
    for (topic, count) in shown["topics"].as_array().unwrap().iter().zip(topics) {
        close(number(topic, "share"), count as f64 / tokens, 1e-12);
    }
}

#[test]
fn a_warm_start_is_ahead_of_a_cold_one() {
    let (_kept, file) = directory();
    let model = file("mails.safetensors");
    let long = mails(&["--iterations", "30", "--model", &model]);
    let cold = mails(&["--iterations", "1"]);
    let warm = mails(&["--iterations", "1", "--warm-start", &model]);
    let [cold, warm, long] =
        [cold, warm, long].map(|result| number(&result, "log_likelihood_per_token"));
    assert!(warm > cold + 0.5 * (long - cold), "{cold}, {warm}, {long}");
    let options = [&MAILS[1..], &SHORT[..2], &["--iterations", "2", "--warm-start", &model]];
    assert_equal(&models("lda", MAILS[0], &options.concat()));
}

#[test]
fn models_to_start_from_are_refused_in_one_line() {
    let (_kept, file) = directory();
    let (data, model) = (file("few.docs"), file("few.safetensors"));
    std::fs::write(&data, "a b c\nb c d\n").unwrap();
    json(&["lda", &data, "--topics", "2", "--iterations", "2", "--model", &model]);
    let refused = |code: i32, options: &[&str]| {
        run(&[&["lda", &data, "--quiet"], options].concat()).complaint(code).to_owned()
    };
    let expected = format!("--warm-start {model}: expected 3 topics, found 2");
    assert_eq!(refused(6, &["--topics", "3", "--warm-start", &model]), expected);
    let linear = file("linear.safetensors");
    let lasso = ["lasso", DIABETES, "--target", "progression", "--lambda-ratio", "0.1"];
    json(&[&lasso[..], &["--model", &linear]].concat());
    for bad in [linear.as_str(), DIABETES, "none.safetensors"] {
        assert!(refused(6, &["--topics", "2", "--warm-start", bad]).contains(bad));
    }
    let live = ["--follow", "--topics", "2", "--warm-start", &model];
    assert_eq!(refused(2, &live), "--warm-start: not with live data");
    let live = ["--follow", "--topics", "2", "--mallet-state", &data];
    assert_eq!(refused(2, &live), "--mallet-state: not with live data");
}
