//! What a worker holds: its share of ratings and factors, and one block of the other side's factors.

use std::sync::Arc;

use strads::models::mf::ccd::footprint;
use strads::models::mf::{Options, Problem, Unordered};

use super::run::{planted, ratings, sweeps};

#[test]
fn a_workers_share_falls_with_their_number() {
    let train = Arc::new(planted(900, 600, 3, 0.2, 0.5));
    let problem = Problem { train: Arc::clone(&train), test: None, warm: None };
    let options = sweeps(64, 1);
    let count = train.len();
    println!("{count} ratings, rank 64: bytes of the largest worker");
    println!("workers    own share    blocks of factors");
    let mut alone = 0;
    for workers in [1, 2, 4, 8] {
        let all = footprint(&problem, &options, workers, workers);
        let own = all.iter().map(|of| of.own).max().expect("a worker");
        let held = all.iter().map(|of| of.held).max().expect("a worker");
        println!("{workers:7} {own:12} {held:20}");
        alone = alone.max(own);
        assert!(own * workers < alone * 11 / 10, "{workers} workers: {own} of {alone}");
        // Two blocks of eight factors and their changes a row, whatever the rank.
        assert!(held <= 128 * (900 + 600 + 4), "{workers} workers: {held}");
    }
}

#[test]
fn a_rating_takes_fewer_than_twenty_bytes() {
    let (users, items) = (2000u32, 300u32);
    let pairs = (0..users).flat_map(|user| (0..items).map(move |item| (user, item)));
    let kept: Vec<(u32, u32)> = pairs.filter(|(user, item)| (user + 7 * item) % 3 == 0).collect();
    let unordered = Unordered {
        user: kept.iter().map(|pair| pair.0).collect(),
        item: kept.iter().map(|pair| pair.1).collect(),
        value: kept.iter().map(|pair| (pair.0 % 5) as f32).collect(),
        ..Unordered::default()
    };
    let train = Arc::new(ratings(users as usize, items as usize, unordered));
    let count = train.len();
    let problem = Problem { train, test: None, warm: None };
    let options = Options { rank: 8, ..sweeps(8, 1) };
    let own: usize = footprint(&problem, &options, 2, 2).iter().map(|of| of.own).sum();
    // Beside the ratings: factors, their changes, a row's system, penalty, start and number.
    let rows = (users + items) as usize * (32 + 32 + 192 + 16);
    assert!(own < 20 * count + rows, "{own} bytes for {count} ratings");
}

/// MovieLens-1M has 6040 users and 3706 items: at rank 2000 its factors take 78 MB in all.
#[test]
fn high_ranks_take_their_factors_and_little_more() {
    let train = Arc::new(planted(600, 370, 3, 0.02, 0.5));
    let problem = Problem { train, test: None, warm: None };
    let of = footprint(&problem, &sweeps(2000, 1), 2, 2);
    let factors = (600 + 370) * 2000 * 4;
    let total: usize = of.iter().map(|of| of.own + of.held).sum();
    assert!(total < factors * 12 / 10, "{total} bytes, factors {factors}");
}
