//! A path never changes a result.

use super::chain::{Chain, random};
use crate::models::lda::sampler::Path;

#[test]
fn all_paths_give_the_same_bits() {
    for (topics, documents) in [(2, 30), (15, 30), (16, 40), (100, 60), (513, 60), (4097, 40)] {
        let chains: Vec<Chain> = Path::all()
            .into_iter()
            .map(|path| {
                let mut chain = Chain::new(random(documents, 40, topics, 1), path);
                (0..4).for_each(|_| chain.sweep());
                chain
            })
            .collect();
        for chain in &chains[1..] {
            assert_eq!(chain.topics(), chains[0].topics(), "{topics} topics");
            assert_eq!(chain.cells, chains[0].cells);
            assert_eq!(chain.shard.totals, chains[0].shard.totals);
            assert_eq!(chain.shard.rows.lines, chains[0].shard.rows.lines);
        }
    }
}
