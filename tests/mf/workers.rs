//! The same bits wherever shards live.

use strads::models::mf::{Options, Ratings};

use super::run::{Outcome, planted, run_on, sweeps};

pub fn bits(outcome: &Outcome) -> Vec<u32> {
    let model = outcome.model();
    let all = [&model.user_factors, &model.item_factors, &model.user_bias, &model.item_bias];
    all.into_iter().flatten().map(|x| x.to_bits()).collect()
}

fn same_on_any_number_of_workers(train: &Ratings, options: &Options) {
    let one = run_on(train, options, 1, 4);
    for threads in [2, 3, 4, 5] {
        let other = run_on(train, options, threads, 4);
        assert!(bits(&one) == bits(&other), "{threads} workers");
        assert_eq!(one.points, other.points);
    }
}

#[test]
fn threads() {
    let train = planted(90, 70, 4, 0.3, 0.5);
    same_on_any_number_of_workers(&train, &Options { biases: true, ..sweeps(19, 3) });
    let positive: Vec<bool> = train.iter().map(|entry| entry.value >= 0.0).collect();
    let train = train.select(|at| positive[at]);
    same_on_any_number_of_workers(&train, &Options { implicit: Some(2.0), ..sweeps(9, 2) });
}
