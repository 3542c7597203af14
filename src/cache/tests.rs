//! Whatever happens to a cache, what is read is what the sources say.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::formats::{Parts, Storage};
use crate::shard::ColumnShard;

/// A directory with a file to read, and one for caches.
struct Place {
    _directory: tempfile::TempDir,
    data: PathBuf,
    cache: Cache,
    options: ReadOptions,
}

/// Text of every form of column: two-bit, one-byte, f32 and f64.
fn text(rows: usize) -> String {
    let row = |i: usize| {
        let (wide, narrow) = (i as f64 / 7.0, i as f64 + 0.25);
        format!("{},{},{narrow},{wide},{}\n", i % 2, i % 200, wide - 2.5)
    };
    let rows: String = (0..rows).map(row).collect();
    format!("bit,small,narrow,wide,y\n{rows}")
}

fn place(name: &str, content: &[u8]) -> Place {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join(name);
    fs::write(&data, content).unwrap();
    let cache = Cache::new(directory.path().join("cache"));
    let options = ReadOptions { target: Some("y".into()), ..ReadOptions::default() };
    Place { _directory: directory, data, cache, options }
}

impl Place {
    fn read(&self, options: &ReadOptions) -> (Table, Origin) {
        self.cache.read(&self.data, options, &()).unwrap()
    }

    /// The files of the only cache.
    fn files(&self) -> Vec<PathBuf> {
        let list = |path: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).unwrap();
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths
        };
        let mut entries = list(&self.cache.directory);
        entries.retain(|entry| entry.is_dir());
        assert_eq!(entries.len(), 1);
        list(&entries[0])
    }
}

fn words(columns: &ColumnShard) -> Vec<u64> {
    let mut words = Vec::new();
    (0..columns.len()).for_each(|column| columns.encode(column, &mut words));
    words
}

fn assert_same(a: &Table, b: &Table) {
    assert_eq!((a.rows, a.columns, a.left_out), (b.rows, b.columns, b.left_out));
    assert_eq!((a.missing, a.bytes), (b.missing, b.bytes));
    assert_eq!((&a.names, &a.row_ids, &a.response), (&b.names, &b.row_ids, &b.response));
    assert_eq!(a.shards.len(), b.shards.len());
    for ((own, a), (other, b)) in a.shards.iter().zip(&b.shards) {
        assert_eq!((own, a.rows(), a.len()), (other, b.rows(), b.len()));
        assert_eq!(words(a), words(b));
    }
}

fn written(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Sources { because } => because.clone(),
        other => panic!("{other:?}"),
    }
}

fn share(shards: usize, keep: std::ops::Range<usize>, options: &ReadOptions) -> ReadOptions {
    ReadOptions { shards, keep, ..options.clone() }
}

#[test]
fn what_was_read_comes_back() {
    let place = place("a.csv", text(300).as_bytes());
    let plain = formats::read(&place.data, &place.options, &()).unwrap();
    let (first, origin) = place.read(&place.options);
    assert_eq!(written(&origin), None);
    let (second, origin) = place.read(&place.options);
    assert_eq!(origin, Origin::Cache);
    assert_same(&plain, &first);
    assert_same(&plain, &second);
}

#[test]
fn sparse_columns_of_many_sections_come_back() {
    let row = |i: usize| format!("{} {}:{} {}:1\n", i % 7, 1 + i % 50, i as f64 / 3.0, 51 + i % 9);
    let text: String = (0..100_000).map(row).collect();
    let place = place("a.svmlight", text.as_bytes());
    for shards in [1, 3] {
        let options = ReadOptions { target: None, ..share(shards, 0..shards, &place.options) };
        let plain = formats::read(&place.data, &options, &()).unwrap();
        place.read(&options);
        let (again, origin) = place.read(&options);
        assert_eq!(origin, Origin::Cache);
        assert_same(&plain, &again);
    }
}

#[test]
fn any_number_of_shards_reads_what_any_other_wrote() {
    let columns = 200;
    let header: Vec<String> = (0..columns).map(|at| format!("x{at}")).collect();
    let row = |i: usize| {
        let cells: Vec<String> = (0..columns).map(|at| format!("{}", (i * at) % 300)).collect();
        format!("{},{i}\n", cells.join(","))
    };
    let rows: String = (0..20).map(row).collect();
    let text = format!("{},y\n{rows}", header.join(","));
    for (from, to) in [(1, 4), (4, 1), (6, 4), (4, 6), (2, 4), (40, 3), (3, 40)] {
        let place = place("a.csv", text.as_bytes());
        // The processes of a run write their own shards.
        for own in [0..from / 2, from / 2..from] {
            let (_, origin) = place.read(&share(from, own, &place.options));
            // (Shards without columns need nothing but the table.)
            assert!(!matches!(origin, Origin::Uncached { .. }));
        }
        for own in [0..to / 2, to / 2..to, 0..to] {
            let options = share(to, own, &place.options);
            let (found, origin) = place.read(&options);
            assert_eq!(origin, Origin::Cache, "{from} {to}");
            assert_same(&formats::read(&place.data, &options, &()).unwrap(), &found);
        }
    }
}

#[test]
fn rows_come_back_on_any_number_of_shards() {
    for storage in [Storage::Exact, Storage::F32] {
        let place = place("a.csv", text(5000).as_bytes());
        let by_row = ReadOptions { parts: Parts::Rows, storage, ..place.options.clone() };
        place.read(&share(2, 0..2, &by_row));
        for shards in [2, 1, 3] {
            let options = ReadOptions { threads: 2, ..share(shards, 0..shards, &by_row) };
            let plain = formats::read(&place.data, &options, &()).unwrap();
            let (found, origin) = place.read(&options);
            assert_same(&plain, &found);
            let (plain, found) = (plain.row_shards.unwrap(), found.row_shards.unwrap());
            assert_eq!((plain.len(), found.len()), (shards, shards));
            for ((own, a), (other, b)) in plain.iter().zip(&found) {
                assert_eq!((own, a.columns(), a.rows()), (other, b.columns(), b.rows()));
                assert!(a.blocks().iter().zip(b.blocks()).all(|(a, b)| words(a) == words(b)));
            }
            assert_eq!(origin, Origin::Cache);
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_noticed() {
    let place = place("a.csv", text(6).as_bytes());
    let (plain, _) = place.read(&place.options);
    let check = |file: &Path, content: &[u8], what: &str| {
        fs::write(file, content).unwrap();
        let sources = Sources::look(&place.data, &place.options).unwrap();
        let entry = Entry {
            directory: file.parent().unwrap().to_owned(),
            label: Label {
                build: Build::running(&place.cache.directory).unwrap(),
                stamp: sources.stamp,
                kind: 0,
                index: 0,
            },
        };
        assert!(entry.load(&place.options).is_err(), "{what} in {}", file.display());
    };
    let files = place.files();
    assert_eq!(files.len(), 2);
    for file in files {
        let whole = fs::read(&file).unwrap();
        for end in 0..whole.len() {
            check(&file, &whole[..end], &format!("the end at {end}"));
        }
        check(&file, &[&whole[..], &[0; 8]].concat(), "zeros after the end");
        check(&file, &[&whole[..], &whole].concat(), "twice the content");
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(&file, &flipped, &format!("bit {bit}"));
        }
        let (again, origin) = place.read(&place.options);
        assert!(written(&origin).is_some());
        assert_same(&plain, &again);
        assert_eq!(fs::read(&file).unwrap(), whole, "written anew, to the byte");
    }
    assert_eq!(place.read(&place.options).1, Origin::Cache);
}

#[test]
fn what_another_build_wrote_is_passed_over() {
    let place = place("a.csv", text(40).as_bytes());
    let (plain, _) = place.read(&place.options);
    let sources = Sources::look(&place.data, &place.options).unwrap();
    let Build(running) = Build::running(&place.cache.directory).unwrap();
    let foreign = Entry {
        directory: place.cache.directory.join(&sources.name),
        label: Label { build: Build(running ^ 1), stamp: sources.stamp, kind: 0, index: 0 },
    };
    foreign.store(&plain, &place.options).unwrap();
    let (again, origin) = place.read(&place.options);
    assert_eq!(written(&origin).as_deref(), Some("another build wrote it"));
    assert_same(&plain, &again);
    assert_eq!(place.read(&place.options).1, Origin::Cache);
}

#[test]
fn changed_sources_are_read_again() {
    let place = place("a.csv", text(40).as_bytes());
    place.read(&place.options);
    let changed = text(40).replace("39.25", "38.25");
    fs::write(&place.data, &changed).unwrap();
    let (again, origin) = place.read(&place.options);
    assert!(written(&origin).is_some_and(|why| why.contains("sources")));
    assert_eq!(again.shards[0].1.value(2, 39), 38.25);
    assert_eq!(place.read(&place.options).1, Origin::Cache);
    // A size alone, and a time alone.
    fs::write(&place.data, text(41)).unwrap();
    assert!(written(&place.read(&place.options).1).is_some());
    let file = fs::File::options().append(true).open(&place.data).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(written(&place.read(&place.options).1).is_some());
}

#[test]
fn options_that_change_what_is_read_have_their_own_cache() {
    let place = place("a.csv", text(40).as_bytes());
    place.read(&place.options);
    let other = [
        ReadOptions { target: Some("small".into()), ..place.options.clone() },
        ReadOptions { storage: Storage::F32, ..place.options.clone() },
        ReadOptions { need_response: false, target: None, ..place.options.clone() },
    ];
    for options in other {
        let plain = formats::read(&place.data, &options, &()).unwrap();
        assert_eq!(written(&place.read(&options).1), None);
        let (again, origin) = place.read(&options);
        assert_eq!(origin, Origin::Cache);
        assert_same(&plain, &again);
    }
    let threads = ReadOptions { threads: 3, ..place.options.clone() };
    assert_eq!(place.read(&threads).1, Origin::Cache);
}

#[test]
fn a_response_is_a_source_as_well() {
    let place = place("a.svmlight", b"1 1:2\n0 2:1\n");
    let response = place.data.with_file_name("y.txt");
    fs::write(&response, "3\n4\n").unwrap();
    let options =
        ReadOptions { response: Some(response.clone()), target: None, ..place.options.clone() };
    place.read(&options);
    assert_eq!(place.read(&options).1, Origin::Cache);
    fs::write(&response, "3\n5\n").unwrap();
    let (table, origin) = place.read(&options);
    assert!(written(&origin).is_some());
    assert_eq!(table.response, [3.0, 5.0]);
}

#[test]
fn a_directory_that_cannot_be_written_is_no_obstacle() {
    let place = place("a.csv", text(5).as_bytes());
    let blocked = Cache::new(place.data.join("below-a-file"));
    let (table, origin) = blocked.read(&place.data, &place.options, &()).unwrap();
    assert_eq!(table.rows, 5);
    assert!(matches!(origin, Origin::Uncached { .. }));
}

#[test]
fn bad_data_is_refused_and_not_kept() {
    let place = place("a.csv", b"x,y\n1,2\nz,3\n");
    assert!(place.cache.read(&place.data, &place.options, &()).is_err());
    assert!(!place.cache.directory.exists());
}

#[test]
fn a_damaged_or_foreign_build_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (directory, file) = (directory.path(), directory.path().join("build"));
    let label = |content: &[u8]| {
        let executable = directory.join("executable");
        fs::write(&executable, content).unwrap();
        build::label(&fs::metadata(executable).unwrap())
    };
    let (first, second) = (label(b"a"), label(b"ab"));
    build::keep(directory, &first, Build(7)).unwrap();
    assert_eq!(build::known(directory, &first).unwrap(), Build(7));
    assert!(build::known(directory, &second).is_err());
    let whole = fs::read(&file).unwrap();
    for end in 0..whole.len() {
        fs::write(&file, &whole[..end]).unwrap();
        assert!(build::known(directory, &first).is_err());
    }
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &flipped).unwrap();
        assert!(build::known(directory, &first).is_err());
    }
}
