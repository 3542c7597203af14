//! `strads lda`, and `predict` and `inspect` for its models, end to end.

use std::io::{Read, Write};
use std::process::Stdio;

use super::determinism::{assert_equal, models};
use super::*;

/// Two topics that share no word, in twelve documents with identifiers.
const PLANTED: &str = "\
d1\tcat dog bird cat dog\nd2\tred blue green red\nd3\tdog bird cat bird\nd4\tblue green red blue\n\
d5\tbird cat dog dog cat\nd6\tgreen red blue green\nd7\tcat bird dog\nd8\tred green blue red\n\
d9\tdog dog bird cat\nd10\tblue blue red green\nd11\tcat dog bird bird\nd12\tgreen blue red\n";

/// A model of [`PLANTED`], and the file it is in.
fn planted(file: &impl Fn(&str) -> String, options: &[&str]) -> (Value, String) {
    let (data, model) = (file("planted.docs"), file("planted.safetensors"));
    std::fs::write(&data, PLANTED).unwrap();
    let run = ["lda", &data, "--topics", "2", "--alpha", "0.1", "--model", &model];
    (json(&[&run[..], &["--iterations", "60"], options].concat()), model)
}

fn mails(options: &[&str]) -> Value {
    json(&[&["lda"], &MAILS[..], &["--topics", "10", "--iterations", "20"], options].concat())
}

/// The words of each topic, sorted, from `inspect`.
fn topics(inspected: &Value) -> Vec<Vec<&str>> {
    inspected["topics"].as_array().expect("topics").iter().map(sorted_words).collect()
}

fn sorted_words(topic: &Value) -> Vec<&str> {
    let words = topic["words"].as_array().expect("words").iter();
    let mut words: Vec<&str> = words.filter_map(|word| word["word"].as_str()).collect();
    words.sort_unstable();
    words
}

#[test]
fn json_has_every_key_and_the_likelihood_rises() {
    let (_kept, file) = directory();
    let log = file("log.jsonl");
    let result = mails(&["--holdout", "0.1", "--log", &log, "--likelihood-every", "5"]);
    for name in [
        "command",
        "version",
        "seed",
        "shards",
        "workers",
        "processes",
        "documents",
        "seconds",
        "rounds",
        "converged",
        "peak_bytes",
        "log_likelihood_per_token",
        "perplexity_test",
        "s_error",
        "vocabulary",
        "tokens",
    ] {
        assert!(!result[name].is_null(), "{name}: {result}");
    }
    assert_eq!((&result["command"], &result["vocabulary"]), (&"lda".into(), &13038.into()));
    assert_eq!(number(&result, "documents") + number(&result, "documents_test"), 5521.0);
    assert!(number(&result, "tokens") + number(&result, "tokens_test") <= 720_557.0);
    assert_eq!(result["top_words"].as_array().unwrap().len(), 10);
    let found: Vec<f64> = contents(&log)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .filter_map(|line| line["log_likelihood_per_token"].as_f64())
        .collect();
    assert!(found.len() >= 4 && found.last() > found.first(), "{found:?}");
    assert_eq!(found.last(), result["log_likelihood_per_token"].as_f64().as_ref());
    // A model without topics has a perplexity near the vocabulary's size.
    let perplexity = number(&result, "perplexity_test");
    assert!((500.0..8000.0).contains(&perplexity), "{perplexity}");
}

#[test]
fn planted_topics_are_found_and_told() {
    let (_kept, file) = directory();
    let (result, model) = planted(&file, &[]);
    assert_eq!((&result["documents"], &result["vocabulary"]), (&12.into(), &6.into()));
    let inspected = json(&["inspect", "--model", &model, "--top", "3"]);
    let mut found = topics(&inspected);
    found.sort();
    assert_eq!(found, [["bird", "cat", "dog"], ["blue", "green", "red"]]);
    let share: f64 =
        inspected["topics"].as_array().unwrap().iter().map(|topic| number(topic, "share")).sum();
    close(share, 1.0, 1e-12);
    let shown = run(&["inspect", "--model", &model]);
    assert!(shown.stdout.contains("cat") && shown.stdout.contains("12 documents"));
    // Every word of a topic is in the same documents as the others.
    let data = file("planted.docs");
    let measured = json(&["inspect", "--model", &model, "--top", "3", "--corpus", &data]);
    assert!(number(&measured, "npmi") > 0.5, "{measured}");
    assert!(number(&measured, "u_mass") > -0.5, "{measured}");
}

#[test]
fn new_documents_have_mixtures() {
    let (_kept, file) = directory();
    let (_, model) = planted(&file, &[]);
    let new = file("new.docs");
    std::fs::write(&new, "a\tcat cat dog unheard\nb\tred blue\nc\tUnheard of\n").unwrap();
    let predict = ["predict", "--model", &model, &new];
    let told = json(&predict);
    assert_eq!((&told["documents"], &told["unknown"]), (&3.into(), &3.into()));
    assert_eq!(told["ids"], serde_json::json!(["a", "b", "c"]));
    let shares = |document: usize| -> Vec<f64> {
        let shares = told["mixtures"][document].as_array().unwrap().iter();
        shares.map(|share| share.as_f64().unwrap()).collect()
    };
    for document in 0..3 {
        close(shares(document).iter().sum(), 1.0, 1e-9);
    }
    let (a, b) = (shares(0), shares(1));
    assert!((a[0] > 0.8 && b[1] > 0.8) || (a[1] > 0.8 && b[0] > 0.8), "{a:?} {b:?}");
    assert_eq!(shares(2), [0.5, 0.5]);
    let threads = json(&[&predict[..], &["-w", "3"]].concat());
    assert_eq!(threads["mixtures"], told["mixtures"]);
    let lines = run(&[&predict[..], &["--top", "1", "--quiet"]].concat()).stdout;
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.lines().all(|line| line.contains(':')), "{lines}");
}

#[test]
fn a_mallet_state_has_every_token() {
    let (_kept, file) = directory();
    let (_, model) = planted(&file, &[]);
    let (data, state) = (file("planted.docs"), file("state.gz"));
    json(&["predict", "--model", &model, &data, "--mallet-state", &state]);
    let mut text = String::new();
    let packed = std::fs::File::open(&state).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let tokens: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').collect())
        .collect();
    assert_eq!(tokens.len(), PLANTED.split_whitespace().count() - 12);
    assert_eq!(tokens[0][..2], ["0", "d1"]);
    assert!(text.starts_with("#doc source pos typeindex type topic\n#alpha : 0.1 0.1\n#beta : "));
    let pets = ["cat", "dog", "bird"];
    let of_pets = |token: &&Vec<&str>| pets.contains(&token[4]);
    let topic = tokens.iter().find(of_pets).unwrap()[5];
    assert!(tokens.iter().all(|token| of_pets(&token) == (token[5] == topic)));
}

#[test]
fn pyldavis_gets_what_it_draws() {
    let (_kept, file) = directory();
    let (_, model) = planted(&file, &[]);
    let drawn = file("drawn.json");
    json(&["inspect", "--model", &model, "--pyldavis", &drawn]);
    let value: Value = serde_json::from_str(&contents(&drawn)).unwrap();
    assert_eq!(value["topic.order"], serde_json::json!([1, 2]));
    for part in ["mdsDat", "tinfo", "token.table", "R", "lambda.step", "plot.opts"] {
        assert!(!value[part].is_null(), "{part}");
    }
    let shares = value["mdsDat"]["Freq"].as_array().unwrap();
    close(shares.iter().map(|share| share.as_f64().unwrap()).sum(), 100.0, 1e-12);
}

#[test]
fn models_are_the_same_bytes_on_any_threads_and_processes() {
    let options = [&MAILS[1..], &["--topics", "8", "--iterations", "4", "--doc-topics"]].concat();
    assert_equal(&models("lda", MAILS[0], &options));
}

#[test]
fn standard_input_and_compression_make_no_difference() {
    let (_kept, file) = directory();
    let (_, model) = planted(&file, &[]);
    let options = ["--topics", "2", "--alpha", "0.1", "--iterations", "60", "--quiet"];
    let (packed, other) = (file("planted.docs.gz"), file("other.safetensors"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(PLANTED.as_bytes()).unwrap();
    std::fs::write(&packed, gzip.finish().unwrap()).unwrap();
    json(&[&["lda", &packed, "--model", &other], &options[..6]].concat());
    assert_eq!(std::fs::read(&model).unwrap(), std::fs::read(&other).unwrap());
    let piped = file("piped.safetensors");
    let mut child = command(&[&["lda", "-", "--model", &piped], &options[..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(PLANTED.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read(&model).unwrap(), std::fs::read(&piped).unwrap());
}

#[test]
fn seeds_of_topics_steer_them() {
    let (_kept, file) = directory();
    let prior = file("prior.txt");
    std::fs::write(&prior, "# topic word weight\n1 cat 2\n1 dog 2\n0 red 2\n0 blue\n").unwrap();
    let (_, model) = planted(&file, &["--word-prior", &prior]);
    let inspected = json(&["inspect", "--model", &model, "--top", "3"]);
    assert_eq!(topics(&inspected), [["blue", "green", "red"], ["bird", "cat", "dog"]]);
    std::fs::write(&prior, "1 cat\n0 cow\n").unwrap();
    let data = file("planted.docs");
    let refused = run(&["lda", &data, "--topics", "2", "--word-prior", &prior]);
    let expected = format!("{prior}:2:3: expected a word of the documents, found `cow`");
    assert_eq!(refused.complaint(3), expected);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (_kept, file) = directory();
    let (_, model) = planted(&file, &[]);
    let data = file("planted.docs");
    let refused = |code: i32, arguments: &[&str]| run(arguments).complaint(code).to_owned();
    for options in [
        &["--topics", "1"][..],
        &["--topics", "70000"],
        &["--alpha", "-1"],
        &["--beta", "0"],
        &["--iterations", "0"],
        &["--holdout", "1"],
        &["--holdout", "0.1", "--test", "x"],
        &["--min-df", "-1"],
        &["--stopwords", "klingon"],
        &["--ngrams", "0"],
        &["--slices", "0"],
        &["--shards", "0"],
    ] {
        let complaint = refused(2, &[&["lda", &data], options].concat());
        assert!(complaint.contains(options[0]), "{options:?}: {complaint}");
    }
    let bad = file("bad.docword.txt");
    std::fs::write(&bad, "1\n2\n1\n1 3 1\n").unwrap();
    let expected = format!("{bad}:4:3: expected a word of at most 2, found `3`");
    assert_eq!(refused(3, &["lda", &bad]), expected);
    assert!(refused(3, &["lda", &data, "--min-length", "9"]).contains("found none"));
    assert!(
        refused(2, &["lda", &data, "--vocab", "none", "--input-format", "csv"]).contains("csv")
    );
    assert!(
        refused(2, &["inspect", "--model", &model, "--relevance", "2"]).contains("--relevance")
    );
    assert!(
        refused(2, &["predict", "--model", &model, &data, "--input-format", "csv"])
            .contains("--input-format csv")
    );
    let mut bytes = std::fs::read(&model).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    refused(6, &["inspect", "--model", &model]);
    refused(6, &["predict", "--model", &model, &data]);
}

#[test]
fn generated_corpora_are_functions_of_their_seed() {
    let (_kept, file) = directory();
    let make = |name: &str, seed: &str| {
        let (bag, vocab) = (file(&format!("{name}.docword.txt")), file(&format!("{name}.vocab")));
        let truth = file(&format!("{name}.csv"));
        let size = ["--documents", "300", "--vocabulary", "200", "--topics", "4", "--length", "30"];
        let files = ["generate", "corpus", &bag, "--vocab", &vocab, "--truth", &truth];
        let told = json(&[&files[..], &size, &["--seed", seed]].concat());
        assert_eq!((&told["documents"], &told["topics"]), (&300.into(), &4.into()));
        let trained = json(&["lda", &bag, "--vocab", &vocab, "--topics", "4", "--iterations", "5"]);
        assert_eq!((&trained["tokens"], &trained["vocabulary"]), (&told["tokens"], &200.into()));
        (contents(&bag), contents(&truth))
    };
    let (one, other) = (make("a", "1"), make("b", "2"));
    assert_eq!(make("c", "1"), one);
    assert_ne!(other, one);
    assert!(one.1.starts_with("topic,word,probability\n0,w"));
}
