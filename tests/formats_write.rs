//! Written files read back as the same table.

use std::fs;
use std::path::PathBuf;
use strads::formats::{Base, Format, ReadOptions, Table, read, response_path, write};
use strads::shard::{ColumnShard, Layout};

const ROWS: usize = 130;
const COLUMNS: usize = 70;

/// Zeros, and numbers of all sizes.
fn value(column: usize, row: usize) -> f64 {
    match (column * 7 + row * 13) % 11 {
        0 => 1.0 / (row + 3) as f64,
        1 => -f64::MIN_POSITIVE / 8.0,
        2 => 1.7e308,
        3 => (column as f64) * 1e15,
        4 if column.is_multiple_of(2) => -0.1,
        _ => 0.0,
    }
}

fn table(shards: usize) -> Table {
    let layout = Layout::new(shards);
    let shard = |shard: usize| {
        let mut data = ColumnShard::new(ROWS);
        for local in 0..layout.count(shard, COLUMNS) {
            let column = layout.column(shard, local);
            let values: Vec<_> = (0..ROWS).map(|row| value(column, row)).collect();
            if column.is_multiple_of(3) {
                data.push_dense(&values);
            } else {
                let (rows, values): (Vec<u32>, Vec<f64>) =
                    (0..).zip(values).filter(|cell| cell.1 != 0.0).unzip();
                data.push_sparse(&rows, &values);
            }
        }
        (shard, data)
    };
    Table {
        rows: ROWS,
        columns: COLUMNS,
        response: (0..ROWS).map(|row| 1.0 / (row as f64 - 64.5)).collect(),
        shards: (0..shards).map(shard).collect(),
        ..Table::default()
    }
}

fn same(written: &Table, read: &Table) {
    assert_eq!((written.rows, written.columns), (read.rows, read.columns));
    assert_eq!(written.response, read.response);
    for column in 0..COLUMNS {
        for row in 0..ROWS {
            let value = value(column, row);
            assert_eq!(read.shards[0].1.value(column, row), value, "column {column} row {row}");
        }
    }
}

#[test]
fn every_format_round_trips() {
    let directory = tempfile::tempdir().unwrap();
    for (name, format) in [
        ("a.svm", Format::Svmlight),
        ("a.svm.zst", Format::Svmlight),
        ("a.mtx", Format::Mtx),
        ("a.mtx.gz", Format::Mtx),
        ("a.csv", Format::Csv),
        ("a.tsv.gz", Format::Tsv),
        ("a.npy", Format::Npy),
        ("a.npy.zst", Format::Npy),
    ] {
        for shards in [1, 3] {
            let path = directory.path().join(name);
            let table = table(shards);
            write(&path, format, &table).unwrap();
            let beside = matches!(format, Format::Mtx | Format::Npy);
            let separated = matches!(format, Format::Csv | Format::Tsv);
            let options = ReadOptions {
                response: beside.then(|| response_path(&path)),
                target: separated.then(|| "y".to_owned()),
                threads: 2,
                ..ReadOptions::default()
            };
            same(&table, &read(&path, &options, &()).unwrap());
        }
    }
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left.len(), 9, "eight files and one response: {left:?}");
}

#[test]
fn names_round_trip_and_the_response_takes_a_free_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.csv");
    let mut table = table(1);
    let mut names: Vec<_> = (0..COLUMNS).map(|column| format!("SNP {column}")).collect();
    names[3] = "y".into();
    names[5] = "a \"b\",\nc".into();
    table.names = Some(names);
    write(&path, Format::Csv, &table).unwrap();
    let options = ReadOptions { target: Some("_y".into()), ..ReadOptions::default() };
    let read = read(&path, &options, &()).unwrap();
    assert_eq!(read.names, table.names);
    same(&table, &read);
}

#[test]
fn empty_last_columns_are_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.svm");
    let mut shard = ColumnShard::new(2);
    shard.push_sparse(&[1], &[2.0]);
    shard.push_sparse(&[], &[]);
    let table = Table { rows: 2, columns: 2, shards: vec![(0, shard)], ..Table::default() };
    write(&path, Format::Svmlight, &table).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "0 2:0\n0 1:2\n");
    let options = ReadOptions { base: Base::Auto, ..ReadOptions::default() };
    assert_eq!(read(&path, &options, &()).unwrap().columns, 2);
}

#[test]
fn what_cannot_be_written_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.bed");
    fs::write(&path, "old").unwrap();
    let error = write(&path, Format::Plink, &table(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot write: plink is read only", path.display()));
    let mut part = table(3);
    part.shards.pop();
    assert!(write(&path, Format::Svmlight, &part).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = PathBuf::from("/nonexistent/a.svm");
    let error = write(&nowhere, Format::Svmlight, &table(1)).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/a.svm: cannot write: "), "{error}");
}

#[test]
fn files_that_cannot_be_opened_are_io_errors() {
    let error =
        read(&PathBuf::from("/nonexistent/a.svm"), &ReadOptions::default(), &()).unwrap_err();
    assert!(error.is_io() && !error.is_bad_input());
    assert!(error.to_string().starts_with("/nonexistent/a.svm: cannot open: "), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let error = read(directory.path(), &ReadOptions::default(), &()).unwrap_err();
    assert!(error.to_string().contains(": cannot read: "), "{error}");
}
