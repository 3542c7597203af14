//! Memory of a shard falls with the number of shards, unlike that of a replica.

use std::sync::Arc;

use super::chain::random;
use crate::container::Slice;
use crate::models::lda::change::{Change, Publish};
use crate::models::lda::corpus::Bags;
use crate::models::lda::keys::Keys;
use crate::models::lda::options::Options;
use crate::models::lda::program::Topics;
use crate::operators::RotateOptions;
use crate::program::{Rotating, Sweep, Turn, Work};

/// Bytes of the largest shard's documents and home slices, and of all slices.
fn bytes(bags: &Arc<Bags>, vocabulary: usize, topics: usize, shards: usize) -> [usize; 3] {
    let slices = 4 * shards;
    let ring = RotateOptions { shards, slices, sync_every: 1, staleness: 0 }.ring(1);
    let mut frequencies = vec![0; vocabulary];
    for document in 0..bags.len() {
        bags.document(document).for_each(|run| frequencies[run.0 as usize] += u64::from(run.1));
    }
    let keys = Arc::new(Keys(slices).balanced(&frequencies).expect("it is small"));
    let options = Options { topics, ..Options::default() };
    let key = |word: u32| keys[word as usize];
    let mut program = Topics::<u32>::new(options, ring, 0, vocabulary, Publish::Whole, key);
    let part = |shard: usize| shard * bags.len() / shards;
    let mut changes = (0..shards)
        .map(|shard| Change::Corpus {
            shard,
            bags: Arc::clone(bags),
            range: part(shard)..part(shard + 1),
            keys: Arc::clone(&keys),
        })
        .collect();
    program.ingest(&mut changes);
    let mut table = vec![Slice::default(); slices];
    for round in 0..slices as u64 {
        for shard in 0..shards {
            let slice = ring.slice(shard, round);
            let sweep = Sweep { epoch: 0, number: 0, work: Work::Refresh };
            program.work(&Turn { sweep, round, shard, slice }, &mut table[slice]);
        }
    }
    let of = |slice: &Slice<u32>| 8 * slice.head.len() + 4 * slice.cells.len();
    let home = |shard| ring.home(shard).map(|slice| of(&table[slice])).sum();
    let documents = (0..shards).map(|shard| program.bytes(shard)).max().unwrap_or(0);
    let homes: Vec<usize> = (0..shards).map(home).collect();
    [documents, homes.iter().copied().max().unwrap_or(0), homes.iter().sum()]
}

#[test]
fn a_shards_memory_falls_with_the_number_of_shards() {
    let (vocabulary, topics) = (3000, 50);
    let case = random(4000, vocabulary, topics, 9);
    let mut bags = Bags::default();
    case.documents.iter().for_each(|runs| bags.push(runs.iter().copied()));
    let bags = Arc::new(bags);
    let one = bytes(&bags, vocabulary, topics, 1);
    println!("shards  documents  own slices  a full replica's table");
    for shards in [1, 2, 4, 8] {
        let [documents, home, all] = bytes(&bags, vocabulary, topics, shards);
        println!("{shards:6}  {documents:9}  {home:10}  {all:22}");
        assert!(documents as f64 <= 1.35 * one[0] as f64 / shards as f64);
        assert!(home as f64 <= 1.1 * one[1] as f64 / shards as f64);
        assert!(all as f64 <= 1.05 * one[2] as f64, "the table is there once");
    }
}
