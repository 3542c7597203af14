//! Real genotypes: 1940 mice, 12226 variants, six phenotypes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use strads::formats::{Progress, ReadOptions, Table, read};

const BED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/mouse_hs1940.bed.gz");
const PHENOTYPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/mouse_hs1940.pheno.txt.gz");

fn mice(options: &ReadOptions) -> Table {
    read(Path::new(BED), options, &()).unwrap()
}

#[test]
fn all_mice_load_without_a_response() {
    let table = mice(&ReadOptions { need_response: false, ..ReadOptions::default() });
    assert_eq!((table.rows, table.columns, table.left_out), (1940, 12226, 0));
    let names = table.names.unwrap();
    assert_eq!((names[0].as_str(), names[12225].as_str()), ("rs3683945", "rs6193060"));
    assert_eq!(table.row_ids.unwrap()[0], "A048005080");
    assert!(table.response.is_empty());
    // The first byte of the first variant is 0xba: mice 0 to 3 have bits 10, 10, 11, 10.
    let first: Vec<_> = (0..4).map(|row| table.shards[0].1.value(0, row)).collect();
    assert_eq!(first, [1.0, 1.0, 0.0, 1.0]);
}

#[test]
fn mice_without_a_phenotype_are_left_out() {
    let phenotype = |column| ReadOptions {
        response: Some(PathBuf::from(PHENOTYPES)),
        response_column: column,
        threads: 2,
        ..ReadOptions::default()
    };
    let first = mice(&phenotype(1));
    assert_eq!(first.rows + first.left_out, 1940);
    assert_eq!(first.response.len(), first.rows);
    assert_eq!(first.response[0], 0.224991591484104);
    let sixth = mice(&phenotype(6));
    let of_fam = mice(&ReadOptions::default());
    assert_eq!(of_fam.response, sixth.response);
    assert_eq!(of_fam.row_ids, sixth.row_ids);
    assert!(of_fam.left_out > 0);
}

#[test]
fn shards_of_mice_are_the_whole() {
    let whole = mice(&ReadOptions::default());
    let mut columns = 0;
    for shard in 0..3 {
        let options = ReadOptions { shards: 3, keep: shard..shard + 1, ..ReadOptions::default() };
        let part = mice(&options);
        let layout = strads::shard::Layout::new(3);
        let (number, data) = &part.shards[0];
        assert_eq!(*number, shard);
        columns += data.len();
        for local in (0..data.len()).step_by(101) {
            let column = layout.column(shard, local);
            for row in 0..part.rows {
                assert_eq!(data.value(local, row), whole.shards[0].1.value(column, row));
            }
        }
    }
    assert_eq!(columns, 12226);
}

#[test]
fn progress_covers_the_file() {
    #[derive(Default)]
    struct Seen(AtomicU64, AtomicU64);
    impl Progress for Seen {
        fn begin(&self, total: Option<u64>) {
            self.0.store(total.unwrap(), Ordering::Relaxed);
        }
        fn advance(&self, bytes: u64) {
            self.1.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    let seen = Seen::default();
    read(Path::new(BED), &ReadOptions::default(), &seen).unwrap();
    assert_eq!(seen.0.into_inner(), seen.1.into_inner());
}
