//! Documents are read exactly, and malformed ones refused with their place, whatever the chunks
//! and threads.

use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use strads::formats::fuzzing::{self, documents_outcome};
use strads::formats::{
    CorpusFormat, CorpusOptions, Documents, Frequency, Stopwords, read_documents,
};
use strads::shard::Words;

fn of(format: CorpusFormat) -> CorpusOptions {
    CorpusOptions { format: Some(format), ..CorpusOptions::default() }
}

fn docs() -> CorpusOptions {
    of(CorpusFormat::Docs)
}

fn bow() -> CorpusOptions {
    CorpusOptions { vocab: Some("v".into()), ..of(CorpusFormat::UciBow) }
}

fn read(files: &[(&str, &str)], options: &CorpusOptions) -> Result<Documents, String> {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    fuzzing::check_documents(&files, files[0].0, options);
    fuzzing::documents(&files, files[0].0, options, 1 << 20).map_err(|error| error.to_string())
}

/// The documents as texts: their words in the vocabulary's order.
fn texts(documents: &Documents) -> Vec<String> {
    let text = |document| {
        let mut words = Vec::new();
        for (word, count) in documents.runs(document) {
            let word = documents.vocabulary.get(word as usize).unwrap();
            words.extend((0..count).map(|_| word));
        }
        words.join(" ")
    };
    (0..documents.len()).map(text).collect()
}

fn words(documents: &Documents) -> Vec<&str> {
    documents.vocabulary.iter().collect()
}

#[test]
fn a_line_is_a_document() {
    let read = read(&[("f", "The cat, the dog.\r\n\nA dog!\n")], &docs()).unwrap();
    assert_eq!(words(&read), ["a", "cat", "dog", "the"]);
    assert_eq!(texts(&read), ["cat dog the the", "", "a dog"]);
    assert_eq!((read.len(), read.tokens, read.ids), (3, 6, None));
}

#[test]
fn identifiers_come_before_a_tab() {
    let read = read(&[("f", "\u{feff}d 1\tcat\n\nd2\t\nd1\tdog\tcat")], &docs()).unwrap();
    let ids = read.ids.clone().unwrap();
    assert_eq!(ids.iter().collect::<Vec<_>>(), ["d 1", "d2", "d1"]);
    assert_eq!(texts(&read), ["cat", "", "cat dog"]);
}

#[test]
fn words_are_left_out_as_asked() {
    let text = "The old cat sat\nthe cat ran\nthe dog ran\nthe end\n";
    let with = |change: &dyn Fn(&mut CorpusOptions)| {
        let mut options = docs();
        change(&mut options);
        read(&[("f", text)], &options).unwrap()
    };
    let english = with(&|options| assert!(options.stopwords.add_language("english")));
    assert_eq!(words(&english), ["cat", "dog", "end", "old", "ran", "sat"]);
    assert_eq!((english.tokens, english.left_out), (8, 4));
    let twice = with(&|options| options.min_df = Frequency::Documents(2));
    assert_eq!(words(&twice), ["cat", "ran", "the"]);
    let some = with(&|options| options.max_df = Frequency::Share(0.5));
    assert_eq!(words(&some), ["cat", "dog", "end", "old", "ran", "sat"]);
    let half = with(&|options| options.min_df = Frequency::Share(0.3));
    assert_eq!(words(&half), ["cat", "ran", "the"]);
    let short = with(&|options| options.min_length = 4);
    assert_eq!((words(&short), short.left_out), (vec![], 12));
}

#[test]
fn ngrams_are_of_words_that_are_left() {
    let mut options = CorpusOptions { ngrams: 3, ..docs() };
    assert!(options.stopwords.add_language("en"));
    let read = read(&[("f", "state of the art model\nart\n")], &options).unwrap();
    let expected = "art art_model model state state_art state_art_model";
    assert_eq!(texts(&read), [expected, "art"]);
    assert_eq!((read.tokens, read.left_out), (7, 2));
}

#[test]
fn only_known_words_are_kept_by_their_numbers() {
    let known: Words = ["dog", "cow", "cat"].into_iter().collect();
    let options = CorpusOptions { known: Some(known.clone()), ..docs() };
    let read_docs = read(&[("f", "cat dog bird\nbird\n")], &options).unwrap();
    assert_eq!(read_docs.words, [0, 2]);
    assert_eq!((read_docs.tokens, read_docs.unknown, &read_docs.vocabulary), (2, 2, &known));
    let options = CorpusOptions { known: Some(known), ..bow() };
    let read_bow = read(&[("f", "1\n2\n2\n1 1 2\n1 2 3\n"), ("v", "bird\ncat\n")], &options);
    let read_bow = read_bow.unwrap();
    assert_eq!((read_bow.words, read_bow.counts, read_bow.unknown), (vec![2], vec![3], 2));
}

#[test]
fn bags_of_words_are_read() {
    let text = "3\n4\n5\n1 2 2\n\n3 1 1\n1 1 1\n 3  4 1 \n3 1 2";
    let read_named = read(&[("f", text), ("v", "b\n a\r\nd\nc\n")], &bow()).unwrap();
    assert_eq!(words(&read_named), ["b", "a", "d", "c"]);
    assert_eq!(texts(&read_named), ["b a a", "", "b b b c"]);
    assert_eq!((read_named.tokens, read_named.len()), (7, 3));
    let numbered = read(&[("f", text)], &of(CorpusFormat::UciBow)).unwrap();
    assert_eq!(words(&numbered), ["1", "2", "3", "4"]);
    let options = CorpusOptions { min_df: Frequency::Documents(1), ..bow() };
    let used = read(&[("f", text), ("v", "b\na\nd\nc\n")], &options).unwrap();
    assert_eq!(words(&used), ["b", "a", "c"]);
    assert_eq!(texts(&used), ["b a a", "", "b b b c"]);
}

#[test]
fn bad_documents_are_told_by_place() {
    let cases = [
        ("", "f:1:1: expected a document, found the end of the file"),
        (
            "a\tb\n\nc\n",
            "f:3:1: expected an identifier and a tab, as in the first line, found a line without a tab",
        ),
        ("a\tb\n\tc\n", "f:2:1: expected an identifier, found a tab"),
    ];
    for (text, message) in cases {
        assert_eq!(read(&[("f", text)], &docs()).unwrap_err(), message, "{text:?}");
    }
    let files: [(&str, &[u8]); 1] = [("f", b"good\nbad \xff\n")];
    fuzzing::check_documents(&files, "f", &docs());
    let outcome = documents_outcome(&fuzzing::documents(&files, "f", &docs(), 3));
    assert_eq!(outcome, "f:2:5: expected UTF-8 text, found byte 0xff");
}

#[test]
fn bad_bags_of_words_are_told_by_place() {
    let cases = [
        ("", "f:1:1: expected a number of documents, found the end of the file"),
        ("1\n", "f:2:1: expected a number of words, found the end of the file"),
        ("1\n1\nx\n", "f:3:1: expected how many entries, found `x`"),
        ("1 1\n", "f:1:3: expected the end of the line, found `1`"),
        ("999\n", "f:1:1: expected a number of documents of at most 256, found `999`"),
        ("1\n1\n1\n2 1 1\n", "f:4:1: expected a document of at most 1, found `2`"),
        ("1\n1\n1\n0 1 1\n", "f:4:1: expected a document of at least 1, found `0`"),
        ("1\n1\n1\n1 2 1\n", "f:4:3: expected a word of at most 1, found `2`"),
        ("1\n1\n1\n1 1 0\n", "f:4:5: expected a count of at least 1, found `0`"),
        ("1\n1\n1\n1 1 -1\n", "f:4:5: expected a count, found `-1`"),
        ("1\n1\n1\n1 1 1.5\n", "f:4:5: expected a count, found `1.5`"),
        ("1\n1\n1\n1 1\n", "f:4:4: expected a count, found the end of the line"),
        ("1\n1\n1\n1 1 1 1\n", "f:4:7: expected the end of the line, found `1`"),
        (
            "1\n1\n1\n1 1 1\n\n1 1 1\n",
            "f:6:1: expected the end of the file after 1 entries, found more",
        ),
        ("1\n1\n2\n1 1 1\n", "f:5:1: expected 2 entries, found 1"),
    ];
    for (text, message) in cases {
        assert_eq!(read(&[("f", text), ("v", "a\n")], &bow()).unwrap_err(), message, "{text:?}");
    }
    let cases = [
        ("a\n", "v:2:1: expected 2 words, found 1"),
        ("a\nb\nc\n", "v:3:1: expected the end of the file after 2 words, found `c`"),
        ("a\n \n", "v:2:1: expected a word, found the end of the line"),
        ("a\n a\n", "v:2:2: expected each word once, found `a` again"),
    ];
    for (vocab, message) in cases {
        let files = [("f", "1\n2\n1\n1 1 1\n"), ("v", vocab)];
        assert_eq!(read(&files, &bow()).unwrap_err(), message, "{vocab:?}");
    }
    // What is wrong first counts, also before a line that is no text.
    let files: [(&str, &[u8]); 2] = [("f", b"1\n2\n1\n1 1 1\n"), ("v", b"\n\nc\xf5p\n")];
    fuzzing::check_documents(&files, "f", &bow());
    let missing = read(&[("f", "1\n2\n1\n1 1 1\n")], &bow()).unwrap_err();
    assert!(missing.starts_with("v: cannot open"), "{missing}");
}

#[test]
fn a_vocabulary_is_only_for_bags_of_words() {
    let options = CorpusOptions { vocab: Some("v".into()), ..docs() };
    let message = read(&[("f", "a b\n"), ("v", "a\n")], &options).unwrap_err();
    assert_eq!(
        message,
        "f:1:1: expected uci-bow, whose words are in a file of their own, found docs"
    );
}

#[test]
fn files_are_guessed_and_decompressed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let text = b"2\n2\n2\n1 1 2\n2 2 1\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    let options = CorpusOptions { threads: 2, ..CorpusOptions::default() };
    let files = [
        write("a.txt", text),
        write("b.txt.gz", &gzip.finish().unwrap()),
        write("c.docword.txt.zst", &zstd::encode_all(&text[..], 0).unwrap()),
    ];
    for path in files {
        let read = read_documents(&path, &options, &()).unwrap();
        assert_eq!((read.words, read.counts), (vec![0, 1], vec![2, 1]));
    }
    let path = write("d.txt", b"One document.\n");
    assert_eq!(words(&read_documents(&path, &options, &()).unwrap()), ["document", "one"]);
    let gone = read_documents(Path::new("none"), &options, &()).unwrap_err();
    assert!(gone.is_io() && gone.to_string().starts_with("none: cannot open"));
}

#[test]
fn stopwords_come_from_files() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all("Der die\ndas\n".as_bytes()).unwrap();
    let mut stopwords = Stopwords::none();
    stopwords.add_file(file.path()).unwrap();
    let read = read(&[("f", "Die Katze\nder Hund\n")], &CorpusOptions { stopwords, ..docs() });
    assert_eq!(words(&read.unwrap()), ["hund", "katze"]);
    file.write_all(b"\xff").unwrap();
    let bad = Stopwords::none().add_file(file.path()).unwrap_err().to_string();
    assert!(bad.ends_with(":3:1: expected UTF-8 text, found byte 0xff"), "{bad}");
}

proptest! {
    #[test]
    fn any_bytes_have_one_outcome(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        ngrams in 1..4usize,
    ) {
        fuzzing::check_documents(&[("x", &bytes)], "x", &CorpusOptions { ngrams, ..docs() });
        fuzzing::check_documents(&[("x", &bytes)], "x", &of(CorpusFormat::UciBow));
    }

    #[test]
    fn any_text_has_one_outcome(text in "([a-cÄ\u{301}’. \t]{0,4}\n?){0,12}") {
        let options = CorpusOptions { ngrams: 2, ..docs() };
        fuzzing::check_documents(&[("x", text.as_bytes())], "x", &options);
    }

    #[test]
    fn bags_that_are_nearly_right_have_one_outcome(text in "[0-3]\n[0-3]\n[0-3]\n([0-3] [0-3] [0-3]\n){0,4}") {
        fuzzing::check_documents(&[("x", text.as_bytes())], "x", &of(CorpusFormat::UciBow));
    }
}
