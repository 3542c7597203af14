//! Every kind of malformed content is refused with its place, whatever the chunks and threads.

use std::io::Write;
use std::path::PathBuf;
use strads::formats::fuzzing::{self, outcome};
use strads::formats::{Base, Format, ReadOptions};

/// Reads in chunks of several sizes on one and on two threads; the message, always the same.
fn refused(files: &[(&str, &[u8])], path: &str, options: &ReadOptions) -> String {
    let mut messages: Vec<_> = [(1, 1), (5, 2), (64, 2), (1 << 20, 1)]
        .into_iter()
        .map(|(chunk, threads)| {
            let options = ReadOptions { threads, ..options.clone() };
            let error = fuzzing::read(files, path, &options, chunk).unwrap_err();
            assert!(error.is_bad_input() != error.is_io());
            error.to_string()
        })
        .collect();
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

fn reading(format: Format) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

/// Texts and the message for each.
fn all_refused(options: &ReadOptions, cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(refused(&[("f", text.as_bytes())], "f", options), *message, "{text:?}");
    }
}

#[test]
fn svmlight() {
    all_refused(
        &reading(Format::Svmlight),
        &[
            ("", "f:1:1: expected a row, found the end of the file"),
            ("# c\n\n", "f:3:1: expected a row, found the end of the file"),
            ("1 1:2\nx 1:2\n3\n", "f:2:1: expected a number, found `x`"),
            ("1 1:2\n1,2 1:2\n", "f:2:1: expected a number, found `1,2`"),
            ("1:2 2:3\n", "f:1:1: expected a number, found `1:2`"),
            ("1 2\n", "f:1:4: expected `:`, found the end of the line"),
            ("1 2:\n", "f:1:5: expected a number, found the end of the line"),
            ("1 2: 3\n", "f:1:5: expected a number, found a blank"),
            ("1 2:x # c\n", "f:1:5: expected a number, found `x`"),
            ("1 2:3x\n", "f:1:5: expected a number, found `3x`"),
            ("1 2:nan\n", "f:1:5: expected a finite number, found `nan`"),
            ("1 2:1e999\n", "f:1:5: expected a finite number, found `1e999`"),
            ("-inf 2:1\n", "f:1:1: expected a finite number, found `-inf`"),
            ("1 -2:3\n", "f:1:3: expected an index, found `-2:3`"),
            ("1 :3\n", "f:1:3: expected an index, found `:3`"),
            ("1 300:3\n", "f:1:3: expected an index of at most 256, found `300:3`"),
            (
                "1 99999999999999999999999:3\n",
                "f:1:3: expected an index of at most 256, found `99999999999999999999999:…`",
            ),
            ("1 quid:3\n", "f:1:3: expected an index, found `quid:3`"),
            ("1 qid:x\n", "f:1:7: expected a number, found `x`"),
            (
                "0 1:1\n\n1 3:1 1:1 2:1 1:0\n",
                "f:3:15: expected each index once a row, found `1` again",
            ),
            ("1 1:1 1:1 2:x\n", "f:1:7: expected each index once a row, found `1` again"),
            ("\u{feff}1 1:x\r\n", "f:1:5: expected a number, found `x`"),
            ("1 1:2\n2 \u{e9}\n", "f:2:3: expected an index, found `é`"),
        ],
    );
    let one = ReadOptions { base: Base::One, ..reading(Format::Svmlight) };
    all_refused(&one, &[("1 0:2\n", "f:1:3: expected an index of at least 1, found `0`")]);
    let zero = ReadOptions { base: Base::Zero, ..reading(Format::Svmlight) };
    all_refused(&zero, &[("1 256:2\n", "f:1:3: expected an index of at most 255, found `256:2`")]);
}

#[test]
fn mtx() {
    let options = ReadOptions { need_response: false, ..reading(Format::Mtx) };
    let banner = |rest: &str| format!("%%MatrixMarket matrix {rest}\n");
    let cases = [
        ("", "f:1:1: expected `%%MatrixMarket`, found the end of the line"),
        ("%%MatrixMarket vector\n", "f:1:16: expected `matrix`, found `vector`"),
        (
            "%%MatrixMarket matrix dense\n",
            "f:1:23: expected `coordinate` or `array`, found `dense`",
        ),
    ];
    all_refused(&options, &cases);
    let coordinate = |body: &str| banner("coordinate real general") + body;
    let array = |body: &str| banner("array real general") + body;
    let triangle = |body: &str| banner("array real symmetric") + body;
    let cases = [
        (
            banner("coordinate complex general"),
            "f:1:34: expected `real` or `double` or `integer` or `pattern`, found `complex`",
        ),
        (
            banner("array pattern general"),
            "f:1:29: expected `real` or `double` or `integer`, found `pattern`",
        ),
        (
            banner("array real hermitian"),
            "f:1:34: expected `general` or `symmetric`, found `hermitian`",
        ),
        (banner("array real general x"), "f:1:42: expected the end of the line, found `x`"),
        (coordinate("% c\n"), "f:3:1: expected a line with the size, found the end of the file"),
        (coordinate("2 x 3\n"), "f:2:3: expected a number of columns, found `x`"),
        (coordinate("2 2\n"), "f:2:4: expected how many entries, found the end of the line"),
        (coordinate("2 2 1 1\n"), "f:2:7: expected the end of the line, found `1`"),
        (coordinate("999 2 1\n"), "f:2:1: expected a number of rows of at most 256, found `999`"),
        (coordinate("0 2 0\n"), "f:2:1: expected at least one row, found `0`"),
        (
            banner("coordinate real symmetric") + "2 3 1\n",
            "f:2:3: expected 2 columns of a symmetric matrix, found `3`",
        ),
        (coordinate("2 2 2\n1 1 1\n3 1 1\n"), "f:4:1: expected a row of at most 2, found `3`"),
        (coordinate("2 2 2\n1 1 1\n2 0 1\n"), "f:4:3: expected a column of at least 1, found `0`"),
        (coordinate("2 2 2\n1 1\n"), "f:3:4: expected a number, found the end of the line"),
        (coordinate("2 2 2\n1x 1 1\n"), "f:3:1: expected a row, found `1x`"),
        (coordinate("2 2 2\n1 1 1 1\n"), "f:3:7: expected the end of the line, found `1`"),
        (coordinate("2 2 2\n1 1 inf\n"), "f:3:5: expected a finite number, found `inf`"),
        (coordinate("2 2 2\n1 1 1\n"), "f:4:1: expected 2 entries, found 1"),
        (
            coordinate("2 2 1\n1 1 1\n\n 2 2 1\n1 x"),
            "f:5:2: expected the end of the file after 1 entries, found more",
        ),
        (
            coordinate("2 2 3\n2 1 1\n1 1 1\n\n2 1 0\n"),
            "f:6:1: expected each place once, found row 2 column 1 again",
        ),
        (
            banner("coordinate real symmetric") + "2 2 2\n2 1 1\n1 2 1\n",
            "f:4:1: expected each place once, found row 1 column 2 again",
        ),
        (array("2 2\n1\n2\nx\n"), "f:5:1: expected a number, found `x`"),
        (array("2 2\n1\n2\n3\n"), "f:6:1: expected 4 entries, found 3"),
        (
            array("2 1\n1\n2\n3\n"),
            "f:5:1: expected the end of the file after 2 entries, found more",
        ),
        (array("2 1\n1 2\n"), "f:3:3: expected the end of the line, found `2`"),
        (triangle("2 2\n1\n2\n"), "f:5:1: expected 3 entries, found 2"),
    ];
    for (text, message) in &cases {
        all_refused(&options, &[(text, message)]);
    }
    let text = array("1 1\n1\n");
    let message = "f:1:1: expected a response file, since the format has no response, found none";
    all_refused(&reading(Format::Mtx), &[(&text, message)]);
}

#[test]
fn csv() {
    let options = ReadOptions { target: Some("y".into()), ..reading(Format::Csv) };
    all_refused(
        &options,
        &[
            ("", "f:1:1: expected a header, found the end of the file"),
            ("a,y\n", "f:2:1: expected a row of numbers, found the end of the file"),
            ("a,b\n1,2\n", "f:1:1: expected one column named `y`, found `a`, `b`"),
            ("y,a,y\n1,2,3\n", "f:1:1: expected one column named `y`, found `y`, `a`, `y`"),
            ("a,y\n1,2\n3,x\n", "f:3:3: expected a number, found `x`"),
            ("a,y\n1,2\n,4\n", "f:3:1: expected a number, found nothing"),
            ("a,y\n1,\n", "f:2:3: expected a number, found nothing"),
            ("a,y\nNA,1\n", "f:2:1: expected a number, found `NA`"),
            ("a,y\nnan,1\n", "f:2:1: expected a finite number, found `nan`"),
            ("a,y\nNew York ,1\n", "f:2:1: expected a number, found `New York`"),
            ("a,y\n1\n", "f:2:2: expected 2 fields, found 1"),
            ("a,y\n1,2,3\n", "f:2:4: expected the end of the line after 2 fields, found more"),
            ("a,y\n1 2,3\n", "f:2:3: expected the end of the field, found `2`"),
            ("a,y\n\"1,3\n\"", "f:2:2: expected a number, found `1`"),
            ("a,y\n\"1\n\",3\n", "f:2:3: expected `\"`, found nothing"),
            ("a,y\n\"1\"2,3\n", "f:2:4: expected the end of the field, found `2`"),
            ("a,y\n1\"2,3\n4,5\n6,7\n", "f:2:1: expected a number, found `1\"2`"),
            ("a,\"y\n1,2\n", "f:1:3: expected a quote that is closed, found the end of the file"),
            ("a,\"y\"z\n1,2\n", "f:1:6: expected quotes around a whole field, found `z`"),
            ("a,y\"\n1,2\n", "f:1:4: expected quotes around a whole field, found `\"`"),
            ("\"a\nb\",y\n1,x\n", "f:3:3: expected a number, found `x`"),
        ],
    );
    let no_target = reading(Format::Csv);
    all_refused(&no_target, &[("a,b\n1,2\n", "f:1:1: expected a target column, found `a`, `b`")]);
    let many: Vec<_> = (0..30).map(|name| name.to_string()).collect();
    let message = refused(&[("f", many.join(",").as_bytes())], "f", &options);
    assert!(message.ends_with("`18`, `19` and 10 more"), "{message}");
    let message = refused(&[("f", b"\xff,y\n1,2\n")], "f", &options);
    assert_eq!(message, "f:1:1: expected a name in UTF-8, found other bytes");
    let tsv = ReadOptions { target: Some("y".into()), ..reading(Format::Tsv) };
    all_refused(&tsv, &[("a b\ty\n1\t\n", "f:2:3: expected a number, found nothing")]);
}

fn npy_bytes(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn npy() {
    let options = ReadOptions { need_response: false, ..reading(Format::Npy) };
    let fails = |bytes: &[u8]| refused(&[("f", bytes)], "f", &options);
    assert_eq!(fails(b""), "f:1:1: expected the magic of a .npy, found ``");
    assert_eq!(
        fails(b"\x93NUMPX\x01\x00"),
        "f:1:1: expected the magic of a .npy, found `\\x93NUMPX`"
    );
    assert_eq!(fails(b"\x93NUMPY\x04\x00"), "f:1:7: expected version 1, 2 or 3, found 4");
    assert_eq!(fails(b"\x93NUMPY"), "f:1:7: expected version 1, 2 or 3, found the end of the file");
    assert_eq!(
        fails(b"\x93NUMPY\x01\x00\x01"),
        "f:1:9: expected the length of the header, found the end of the file"
    );
    assert_eq!(
        fails(b"\x93NUMPY\x02\x00\x00\x00\x00\x01"),
        "f:1:9: expected a header of at most 65536 bytes, found 16777216"
    );
    let what = "expected 'descr' of real numbers, 'fortran_order' and 'shape'";
    let cases = [
        (
            "{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}",
            format!("f:1:21: {what}, found `'<c16', 'fortran_order':…`"),
        ),
        (
            "{'descr': [('a', '<f8')], 'shape': (1,)}",
            format!("f:1:21: {what}, found `[('a', '<f8')], 'shape':…`"),
        ),
        ("{'descr': '<f8', 'shape': (1,)}", format!("f:1:41: {what}, found `}}`")),
        ("{'descr': '<f8', 'fortran_order': Maybe}", format!("f:1:45: {what}, found `Maybe}}`")),
        (
            "{'descr': '<f8', 'fortran_order': True, 'shape': (-1,)}",
            format!("f:1:61: {what}, found `-1,)}}`"),
        ),
        (
            "{'descr': '<f8', 'fortran_order': True, 'shape': ()}",
            "f:1:61: expected one or two dimensions, found 0".into(),
        ),
        (
            "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2, 3)}",
            "f:1:68: expected one or two dimensions, found 3".into(),
        ),
        (
            "{'descr': '<f8', 'fortran_order': True, 'shape': (300, 2)}",
            "f:1:67: expected 1 to 256 rows and columns, found 300 x 2".into(),
        ),
    ];
    for (header, message) in cases {
        assert_eq!(fails(&npy_bytes(header, &[])), message, "{header}");
    }
    let data: Vec<u8> = [1.0, f64::NAN, 3.0].iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
    let header = |order: &str, shape: &str| {
        format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}}}")
    };
    for (order, shape) in [("True", "(3, 1)"), ("False", "(1, 3)"), ("False", "(3,)")] {
        let header = header(order, shape);
        let at = 10 + header.len() + 8 + 1;
        assert_eq!(
            fails(&npy_bytes(&header, &data)),
            format!("f:1:{at}: expected a finite number, found NaN")
        );
    }
    for order in ["True", "False"] {
        let header = header(order, "(2, 2)");
        let end = 10 + header.len() + 32;
        let short = npy_bytes(&header, &[0; 31]);
        assert_eq!(
            fails(&short),
            format!("f:1:{}: expected {end} bytes, found the end of the file", end)
        );
        let long = npy_bytes(&header, &[0; 33]);
        assert_eq!(
            fails(&long),
            format!("f:1:{}: expected the end of the file after 2 x 2, found more bytes", end + 1)
        );
    }
}

const BIM: &[u8] = b"1 s1 0 1 A G\n1 s2 0 2 A C\n";
const FAM: &[u8] = b"f a 0 0 1 0.5\nf b 0 0 1 NA\nf c 0 0 2 -9\nf d 0 0 2 1\nf e 0 0 1 2\n";
const BED: &[u8] = &[0x6c, 0x1b, 1, 0b11_10_01_00, 2, 0b00_10_01_11, 1];

#[test]
fn plink() {
    let options = reading(Format::Plink);
    let fails = |bed: &[u8], bim: &[u8], fam: &[u8]| {
        refused(&[("x.bed", bed), ("x.bim", bim), ("x.fam", fam)], "x.bed", &options)
    };
    assert_eq!(
        fails(b"", BIM, FAM),
        "x.bed:1:1: expected byte 108 of a .bed, found the end of the file"
    );
    assert_eq!(fails(&[0x6c, 0x1c], BIM, FAM), "x.bed:1:2: expected byte 27 of a .bed, found 28");
    assert_eq!(
        fails(&[0x6c, 0x1b, 0], BIM, FAM),
        "x.bed:1:3: expected 1 for variant by variant, found 0"
    );
    assert_eq!(
        fails(&BED[..6], BIM, FAM),
        "x.bed:1:7: expected 7 bytes for 2 variants, found the end of the file"
    );
    let long = [BED, &[0]].concat();
    assert_eq!(
        fails(&long, BIM, FAM),
        "x.bed:1:8: expected the end of the file after 2 variants, found more bytes"
    );
    let longer = [BED, &[0, 0, 0]].concat();
    assert_eq!(
        fails(&longer, BIM, FAM),
        "x.bed:1:8: expected the end of the file after 2 variants, found more bytes"
    );
    assert_eq!(fails(BED, b"", FAM), "x.bim:1:1: expected 1 to 256 variants, found 0");
    assert_eq!(
        fails(BED, b"1 s1 0 1 A G\n1 s2 0 2 A\n", FAM),
        "x.bim:2:11: expected a field, found the end of the line"
    );
    assert_eq!(
        fails(BED, b"1 s1 0 1 A G x\n", FAM),
        "x.bim:1:14: expected the end of the line, found `x`"
    );
    assert_eq!(fails(BED, BIM, b""), "x.fam:1:1: expected 1 to 256 samples, found 0");
    assert_eq!(fails(BED, BIM, b"f a 0 0 1\n"), "x.fam:1:10: expected 6 fields, found 5");
    assert_eq!(
        fails(BED, BIM, b"f a 0 0 1 2 3\nf b 0 0 1 2\n"),
        "x.fam:2:12: expected 7 fields, found 6"
    );
    assert_eq!(fails(BED, BIM, b"f a 0 0 1 x\n"), "x.fam:1:11: expected a number, found `x`");
    assert_eq!(
        fails(BED, BIM, b"f a 0 0 1 NA\n"),
        "x.fam:1:1: expected a sample with a response, found none"
    );
    let error = fuzzing::read(&[("x.bed", BED)], "x.bed", &options, 9).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), "x.bim: cannot open: entity not found");
}

#[test]
fn response_files() {
    let options = ReadOptions { response: Some(PathBuf::from("y.txt")), ..reading(Format::Plink) };
    let fails = |response: &[u8], options: &ReadOptions| {
        let files = [("x.bed", BED), ("x.bim", BIM), ("x.fam", FAM), ("y.txt", response)];
        refused(&files, "x.bed", options)
    };
    assert_eq!(
        fails(b"1\n2\n3\n4\n", &options),
        "y.txt:5:1: expected 5 responses, one a row, found 4"
    );
    assert_eq!(
        fails(b"1\n2\n3\n4\n5\n6", &options),
        "y.txt:6:1: expected 5 responses, one a row, found 6"
    );
    assert_eq!(fails(b"1\n2\n?\n4\n5\n", &options), "y.txt:3:1: expected a number, found `?`");
    assert_eq!(
        fails(b"NA\nNA\nnan\nNA\nNA\n", &options),
        "y.txt:1:1: expected a sample with a response, found none"
    );
    let second = ReadOptions { response_column: 2, ..options.clone() };
    assert_eq!(
        fails(b"1 2\n1 \n", &second),
        "y.txt:2:3: expected a number, found the end of the line"
    );
    let table: (&str, &[u8]) = (
        "x.npy",
        &npy_bytes("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", &[1, 2, 3, 4]),
    );
    let options = ReadOptions { format: None, ..options };
    let fails = |response: &[u8]| refused(&[table, ("y.txt", response)], "x.npy", &options);
    assert_eq!(fails(b"1\nNA\n"), "y.txt:2:1: expected a number, found `NA`");
    assert_eq!(fails(table.1), "y.txt:1:1: expected one column, found 2 columns");
    let csv = ReadOptions { response: Some(PathBuf::from("y.csv")), ..options.clone() };
    let fails = |response: &[u8], options: &ReadOptions| {
        refused(&[table, ("y.csv", response)], "x.npy", options)
    };
    assert_eq!(
        fails(b"a,b\n1,2\n3,x\n", &ReadOptions { response_column: 2, ..csv.clone() }),
        "y.csv:3:3: expected a number, found `x`"
    );
    assert_eq!(
        fails(b"a,b\n1\n", &ReadOptions { response_column: 2, ..csv.clone() }),
        "y.csv:2:2: expected 2 fields, found 1"
    );
    assert_eq!(
        fails(b"a,b\n1,2\n", &ReadOptions { target: Some("z".into()), ..csv }),
        "y.csv:1:1: expected one column named `z`, found `a`, `b`"
    );
}

#[test]
fn unknown_formats() {
    let options = ReadOptions::default();
    let what = "expected svmlight, mtx, csv, tsv, npy or plink";
    assert_eq!(
        refused(&[("f", b"hello\n")], "f", &options),
        format!("f:1:1: {what}, found something else")
    );
    assert_eq!(
        refused(&[("f", b"")], "f", &options),
        format!("f:1:1: {what}, found an empty file")
    );
    let target = ReadOptions { target: Some("y".into()), ..options };
    let message = "f.svm:1:1: expected csv or tsv, whose columns have names, found svmlight";
    assert_eq!(refused(&[("f.svm", b"1 1:1\n")], "f.svm", &target), message);
}

#[test]
fn compression_that_ends_early() {
    let text = "1 1:2 2:3 # and a comment\n".repeat(200);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstandard = zstd::encode_all(text.as_bytes(), 0).unwrap();
    let options = reading(Format::Svmlight);
    for (name, bytes) in [("f.gz", &gzip), ("f.zst", &zstandard)] {
        let whole = fuzzing::read(&[(name, bytes)], name, &options, 100);
        let plain = fuzzing::read(&[("f", text.as_bytes())], "f", &options, 1 << 20);
        assert_eq!(outcome(&whole), outcome(&plain));
        let message = refused(&[(name, &bytes[..bytes.len() - 5])], name, &options);
        assert!(message.starts_with(&format!("{name}: cannot decompress: ")), "{message}");
    }
    let message = "f.gz:1:1: expected gzip data, found something else";
    assert_eq!(refused(&[("f.gz", b"1 1:2\n")], "f.gz", &options), message);
    let message = "f.zst:1:1: expected zstandard data, found something else";
    assert_eq!(refused(&[("f.zst", b"")], "f.zst", &options), message);
}
