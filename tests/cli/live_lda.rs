//! `strads lda` on documents that keep changing.

use std::collections::BTreeMap;

use super::live::{COMMIT, lines, of_epochs, text, without_times};
use super::*;

/// A text about one of two things.
fn put(id: u32) -> String {
    let words = match id % 2 {
        0 => ["apple", "Pear", "plum", "the"],
        _ => ["bolt", "nut", "screw", "the"],
    };
    let words: Vec<&str> = (0..12).map(|at| words[(at * (id as usize + 3) + at / 3) % 4]).collect();
    let text = words.join(" ");
    format!("{{\"op\":\"put\",\"id\":{id},\"text\":\"{text}.\"}}\n")
}

fn del(id: u32) -> String {
    format!("{{\"op\":\"del\",\"id\":\"{id}\"}}\n")
}

/// Four epochs: many documents; some that go, change and come; one that changes nothing; and one that
/// empties a word.
fn feed(path: &Path) {
    let counted = "{\"op\":\"put\",\"id\":\"n\",\"words\":{\"fig\":3,\"apple\":2,\"the\":9}}\n";
    let mut feed: String = (0..40).map(put).collect();
    feed += COMMIT;
    feed += &[del(3), del(3), del(77), put(50), counted.into()].concat();
    feed += &put(4).replace("}", ",\"more\":1}");
    feed += COMMIT;
    // The same again, and what comes and goes, is no change.
    feed += &[put(50), put(60), del(60)].concat();
    feed += COMMIT;
    feed += "{\"op\":\"del\",\"id\":\"n\"}\n";
    feed += COMMIT;
    std::fs::write(path, feed).expect("room");
}

#[test]
fn topics_follow_their_documents() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, model) =
        (directory.path().join("feed.jsonl"), directory.path().join("live.safetensors"));
    feed(&path);
    let arguments = [
        "lda",
        text(&path),
        "--deltas",
        "--topics",
        "2",
        "--alpha",
        "0.1",
        "--stopwords",
        "english",
        "--iterations",
        "50",
        "--shards",
        "3",
        "--model",
        text(&model),
    ];
    let alone = run(&arguments);
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let seen = lines(&alone.stdout);
    let epochs = of_epochs(&seen);
    assert_eq!(epochs.len(), 4);
    let figures: Vec<_> =
        epochs.iter().map(|e| (&e["changes"], &e["skipped"], &e["documents"])).collect();
    let is = |at: usize, all: [u64; 3]| {
        assert_eq!(figures[at], (&all[0].into(), &all[1].into(), &all[2].into()), "{at}");
    };
    for (at, all) in [[40, 0, 40], [4, 2, 41], [3, 0, 41], [1, 0, 40]].into_iter().enumerate() {
        is(at, all);
    }
    assert!(alone.stderr.contains("feed.jsonl:43: there is no document \"3\" to delete"));
    assert_eq!((&epochs[0]["vocabulary"], &epochs[1]["vocabulary"]), (&6.into(), &7.into()));

    // The changes add up to the model; an epoch without changes has none.
    let mut counts: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut tokens = vec![0; 4];
    for delta in seen.iter().filter(|line| line.get("key").is_some()) {
        let number = |name: &str| delta[name].as_u64().expect("a number");
        let key = (delta["key"].as_str().expect("a word").to_owned(), number("topic"));
        let old = counts.insert(key, number("new")).unwrap_or(0);
        assert_eq!(old, number("old"), "{delta}");
        let epoch = number("epoch") as usize;
        assert_ne!(epoch, 2, "{delta}");
        tokens[epoch..].iter_mut().for_each(|sum| *sum = *sum + number("new") - old);
    }
    for (epoch, sum) in epochs.iter().zip(&tokens) {
        assert_eq!(epoch["tokens"].as_u64(), Some(*sum), "{epoch}");
        assert!(number(epoch, "log_likelihood_per_token") < 0.0);
    }
    assert!(counts.iter().filter(|((word, _), _)| word == "fig").all(|(_, count)| *count == 0));
    assert!(!counts.keys().any(|(word, _)| word == "the"));

    // Fruit and hardware are told apart, and by the file as well.
    let topic = |word: &str| {
        let of = counts.iter().filter(|((other, _), _)| other == word);
        of.max_by_key(|(_, count)| **count).expect("it is there").0.1
    };
    assert_eq!((topic("apple"), topic("bolt")), (topic("plum"), topic("screw")));
    assert_ne!(topic("apple"), topic("bolt"));
    let inspected = json(&["inspect", "--model", text(&model), "--top", "3"]);
    assert_eq!(inspected["documents"], 40);
    let new = directory.path().join("new.docs");
    std::fs::write(&new, "the pear and the plum and a fig\n").expect("room");
    let told = run(&["predict", "--model", text(&model), text(&new)]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);

    // The same for any layout, but for the times.
    let bytes = std::fs::read(&model).expect("a model");
    let launch = [&["launch", "-n", "2", "--"][..], &arguments].concat();
    for other in [[&arguments[..], &["-w", "3"]].concat(), launch] {
        let ran = run(&other);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(without_times(&ran.stdout), without_times(&alone.stdout));
        assert!(std::fs::read(&model).expect("a model") == bytes);
    }
}

#[test]
fn what_live_documents_cannot_have_is_refused() {
    for (options, why) in [
        (&["--optimize-alpha"][..], "--optimize-alpha: not with live data"),
        (&["--min-df", "2"], "--min-df: not with live data"),
        (&["--holdout", "0.1"], "--holdout: not with live data"),
    ] {
        let ran = run(&[&["lda", "-", "--follow"][..], options].concat());
        assert!(ran.complaint(2).contains(why), "{}", ran.stderr);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let plain = directory.path().join("plain.docs");
    std::fs::write(&plain, "a text\n").expect("room");
    for option in ["--passes", "--upkeep"] {
        let ran = run(&["lda", text(&plain), option, "1"]);
        assert!(ran.complaint(2).contains("only with live data"), "{}", ran.stderr);
    }
    let path = directory.path().join("feed");
    let both = "{\"op\":\"put\",\"id\":1,\"text\":\"a\",\"words\":{\"a\":1}}\n";
    let large = "{\"op\":\"put\",\"id\":1,\"words\":{\"a\":4000000000,\"b\":4000000000}}\n";
    for (feed, why) in [
        (both, "feed:1:1: expected either \"text\" or \"words\""),
        (large, "feed:1:1: expected fewer than 2^32 tokens"),
    ] {
        std::fs::write(&path, feed).expect("room");
        let strict =
            run(&["lda", text(&path), "--input-format", "changes", "--strict", "--topics", "2"]);
        assert!(strict.complaint(3).contains(why), "{}", strict.stderr);
    }
}
