//! What well-formed content gives, in any chunks, threads and shards.

use std::path::PathBuf;
use strads::formats::{Base, Format, ReadOptions, Table, fuzzing};

/// Reads in one piece after checking that pieces, threads and shards do not matter.
fn read(files: &[(&str, &[u8])], options: &ReadOptions) -> Table {
    let path = files[0].0;
    fuzzing::check(files, path, options);
    fuzzing::read(files, path, options, 1 << 20).unwrap()
}

/// The values, row by row.
fn matrix(table: &Table) -> Vec<Vec<f64>> {
    assert_eq!((table.shards.len(), table.shards[0].1.len()), (1, table.columns));
    (0..table.rows)
        .map(|row| (0..table.columns).map(|c| table.shards[0].1.value(c, row)).collect())
        .collect()
}

fn without_response() -> ReadOptions {
    ReadOptions { need_response: false, ..ReadOptions::default() }
}

#[test]
fn svmlight_rows_have_labels_and_pairs() {
    let text = "\u{feff}# first\n+1 qid:7 3:0.5 1:-2e1 # last\r\n\n\t-1.5\t2:1 \n0#x\n7 4:0";
    let table = read(&[("f.svm", text.as_bytes())], &ReadOptions::default());
    assert_eq!(table.response, [1.0, -1.5, 0.0, 7.0]);
    assert_eq!((table.columns, table.bytes), (4, text.len() as u64));
    let rows = [[-20.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0; 4], [0.0; 4]];
    assert_eq!(matrix(&table), rows);
}

#[test]
fn svmlight_indices_start_at_zero_if_one_is_zero() {
    let long: String = (0..100).map(|row| format!("{row} {}:1\n", row + 17)).collect();
    let with_zero = long.clone() + "1 0:2\n";
    let base = |text: &str, base| {
        let options = ReadOptions { base, ..ReadOptions::default() };
        read(&[("f.svm", text.as_bytes())], &options)
    };
    assert_eq!(base(&long, Base::Auto).columns, 116);
    assert_eq!(base(&long, Base::One).columns, 116);
    assert_eq!(base(&long, Base::Zero).columns, 117);
    let table = base(&with_zero, Base::Auto);
    assert_eq!(table.columns, 117);
    assert_eq!(table.shards[0].1.value(0, 100), 2.0);
    assert_eq!(table.shards[0].1.value(17, 0), 1.0);
}

#[test]
fn mtx_coordinates_come_in_any_order() {
    let text = "%%matrixmarket MATRIX Coordinate Integer General\n% c\n\n2 3 4\n\
                2 3 5\r\n 1 3\t-1 \n% more\n\n2 1 7\n1 1 0";
    let table = read(&[("f", text.as_bytes())], &without_response());
    assert_eq!(matrix(&table), [[0.0, 0.0, -1.0], [7.0, 0.0, 5.0]]);
    let zero = ReadOptions { base: Base::Zero, ..without_response() };
    let text = "%%MatrixMarket matrix coordinate pattern general\n2 3 2\n0 0\n1 2\n";
    let table = read(&[("f.mtx", text.as_bytes())], &zero);
    assert_eq!(matrix(&table), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
}

#[test]
fn mtx_symmetric_entries_stand_for_two() {
    let text = "%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 1\n3 1 2\n3 2 3\n";
    let table = read(&[("f.mtx", text.as_bytes())], &without_response());
    assert_eq!(matrix(&table), [[1.0, 0.0, 2.0], [0.0, 0.0, 3.0], [2.0, 3.0, 0.0]]);
    let text = "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n";
    let table = read(&[("f.mtx", text.as_bytes())], &without_response());
    assert_eq!(matrix(&table), [[1.0, 2.0], [2.0, 3.0]]);
}

#[test]
fn mtx_arrays_go_down_the_columns() {
    let text = "%%MatrixMarket matrix array double general\n2 3\n1\n2\n3\n4\n5\n6\n";
    let files: [(&str, &[u8]); 2] = [("f.mtx", text.as_bytes()), ("y", b"\xef\xbb\xbf7\r\n8")];
    let options = ReadOptions { response: Some(PathBuf::from("y")), ..ReadOptions::default() };
    let table = read(&files, &options);
    assert_eq!(matrix(&table), [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
    assert_eq!(table.response, [7.0, 8.0]);
    assert_eq!(table.bytes, (text.len() + 7) as u64);
}

#[test]
fn csv_fields_may_be_quoted() {
    let text = "\u{feff}a,\"b \"\"q\"\",\nx\",y,\r\n1, 2 ,3,4\r\n\r\n\"5\",\" 6\",-7e0,.5";
    let options = ReadOptions { target: Some("y".into()), ..ReadOptions::default() };
    let table = read(&[("f.csv", text.as_bytes())], &options);
    assert_eq!(table.names.as_deref().unwrap(), ["a", "b \"q\",\nx", ""]);
    assert_eq!(matrix(&table), [[1.0, 2.0, 4.0], [5.0, 6.0, 0.5]]);
    assert_eq!(table.response, [3.0, -7.0]);
}

#[test]
fn a_csv_needs_no_target_with_a_response_file() {
    let options = ReadOptions {
        response: Some(PathBuf::from("y.tsv")),
        response_column: 2,
        ..ReadOptions::default()
    };
    let files: [(&str, &[u8]); 2] =
        [("f.csv", b"a,b\n1,2\n3,4\n"), ("y.tsv", b"i\tz\tt\nx\t5\t\"q\nr\"\n\ny\t\"6\"\t\n")];
    let table = read(&files, &options);
    assert_eq!(matrix(&table), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(table.response, [5.0, 6.0]);
    let named = ReadOptions { target: Some("z".into()), response_column: 1, ..options };
    assert_eq!(read(&files, &named).response, [5.0, 6.0]);
    let none = read(&files[..1], &without_response());
    assert_eq!((none.columns, none.response), (2, vec![]));
}

fn npy(header: &str, version: u8, data: &[u8]) -> Vec<u8> {
    let length = header.len() as u32;
    let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
    [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), data].concat()
}

#[test]
fn npy_orders_and_versions() {
    let big: Vec<u8> = (1..=6i16).flat_map(i16::to_be_bytes).collect();
    for (version, order, rows) in [
        (1, "False", vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        (3, "True", vec![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]),
    ] {
        let header = format!("{{'descr': '>i2', 'fortran_order': {order}, 'shape': (2, 3), }} \n");
        let bytes = npy(&header, version, &big);
        assert_eq!(matrix(&read(&[("f", &bytes)], &without_response())), rows);
    }
    let vector = npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", 2, &[7, 0, 8, 0]);
    let table = read(&[("f.npy", &vector)], &without_response());
    assert_eq!(matrix(&table), [[7.0], [8.0]]);
    let options = ReadOptions { response: Some(PathBuf::from("y")), ..ReadOptions::default() };
    assert_eq!(read(&[("f.npy", &vector), ("y", &vector)], &options).response, [7.0, 8.0]);
}

const BIM: &[u8] = b"1 s1 0 1 A G\n1 s2 0 2 A C\r\n";
const FAM: &[u8] = b"f a 0 0 1 0.5\nf\tb 0 0 1 NA\nf c 0 0 2 -9\nf d 0 0 2 1\nf e 0 0 1 2\n";
const BED: &[u8] = &[0x6c, 0x1b, 1, 0b11_10_01_00, 0b10, 0b01_10_01_11, 1];

#[test]
fn plink_counts_first_alleles() {
    let files = [("x.bed", BED), ("x.bim", BIM), ("x.fam", FAM)];
    let all = read(&files, &without_response());
    let mean = (2.0 + 1.0 + 1.0) / 4.0;
    let rows = [[2.0, 0.0], [mean, 0.5], [1.0, 1.0], [0.0, 0.5], [1.0, 0.5]];
    assert_eq!(matrix(&all), rows);
    assert_eq!((all.missing, all.left_out), (4, 0));
    assert_eq!(all.names.as_deref().unwrap(), ["s1", "s2"]);
    let answered = read(&files, &ReadOptions::default());
    assert_eq!(answered.response, [0.5, 1.0, 2.0]);
    assert_eq!(answered.row_ids.as_deref().unwrap(), ["a", "d", "e"]);
    assert_eq!((answered.missing, answered.left_out), (2, 2));
    // The second variant is known for the first of these samples only: its mean is 0.
    assert_eq!(matrix(&answered), [[2.0, 0.0], [0.0, 0.0], [1.0, 0.0]]);
}

#[test]
fn plink_takes_a_response_file_and_compressed_companions() {
    let bim = zstd::encode_all(BIM, 0).unwrap();
    let files: [(&str, &[u8]); 4] = [
        ("x.bed", BED),
        ("x.bim.zst", &bim),
        ("x.fam", FAM),
        ("y.txt", b"0 1\n0 2\n0 3\n0 nan\n0 -9\n"),
    ];
    let options = ReadOptions {
        format: Some(Format::Plink),
        response: Some(PathBuf::from("y.txt")),
        response_column: 2,
        ..without_response()
    };
    let table = read(&files, &options);
    assert_eq!(table.response, [1.0, 2.0, 3.0, -9.0]);
    assert_eq!(table.left_out, 1);
}

/// Deterministic pseudo-random numbers.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % below
    }
}

#[test]
fn larger_files_are_the_same_in_any_pieces() {
    for seed in 0..10 {
        let mut next = numbers(seed);
        let mut text = String::new();
        for _ in 0..next(60) + 1 {
            text += &format!("{}", next(3));
            let mut index = next(2);
            while index < 200 {
                index += 1 + next(40);
                text += &format!(" {}:{}", index, next(5) as f64 / 4.0);
            }
            text += ["\n", "\r\n", " # comment\n\n"][next(3) as usize];
        }
        fuzzing::check(&[("f.svm", text.as_bytes())], "f.svm", &ReadOptions::default());
        let width = next(50) as usize + 1;
        let mut text = vec!["x"; width].join(",") + ",y\n";
        for _ in 0..next(60) + 1 {
            let row: Vec<_> = (0..=width).map(|_| format!("{}", next(9) as f64 / 3.0)).collect();
            text += &(row.join(",") + "\n");
        }
        let options = ReadOptions { target: Some("y".into()), ..ReadOptions::default() };
        fuzzing::check(&[("f.csv", text.as_bytes())], "f.csv", &options);
    }
}
