//! A run that goes on from a checkpoint gives the bits of one that was never stopped.

use std::sync::Arc;

use strads::cluster::Flags;
use strads::models::lda::{Options, fit_kept};

use super::corpora::train;
use super::workers::{corpus, digest, options};
use crate::support::kept::at_every_checkpoint;

#[test]
fn a_run_goes_on_from_every_checkpoint() {
    // Rows that list their topics, rows with a count for each, and sums over samples.
    for (topics, optimize, shards) in [(5, false, 4), (300, true, 4), (20, true, 1)] {
        let options = Options { shards, ..options(topics, optimize) };
        let (whole, again) = at_every_checkpoint((shards, 3), |keeper, at| {
            let flags = Flags::threads(1 + at % 3);
            let kept = Some(Arc::clone(&keeper));
            let fit = fit_kept(&flags, b"", corpus(), options.clone(), kept, |_| {});
            digest(&fit.expect("options are in range"))
        });
        assert_eq!(whole, digest(&train(&corpus(), &options, 2)), "keeping changes nothing");
        let numbers: Vec<u64> = again.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 6, 9]);
        assert!(again.iter().all(|(_, came)| *came == whole), "{topics} topics");
    }
}
