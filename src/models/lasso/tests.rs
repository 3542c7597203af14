use std::sync::Arc;

use super::*;
use crate::cluster::Flags;
use crate::shard::{ColumnShard, Layout};

#[test]
fn smoke() {
    let text = std::fs::read_to_string("inputs/diabetes.csv").unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|x| x.parse().unwrap()).collect())
        .collect();
    let p = rows[0].len() - 1;
    for shards in [1, 2] {
        let layout = Layout::new(shards);
        let mut made: Vec<(usize, ColumnShard)> =
            (0..shards).map(|shard| (shard, ColumnShard::new(rows.len()))).collect();
        for j in 0..p {
            let column: Vec<f64> = rows.iter().map(|row| row[j]).collect();
            made[layout.shard_of(j)].1.push_dense(&column);
        }
        let problem = Problem {
            columns: p,
            response: Arc::new(rows.iter().map(|row| row[p]).collect()),
            shards: made,
            ..Problem::default()
        };
        for ratio in [0.1, 0.01] {
            let options =
                Options { lambda: Lambda::Ratio(ratio), tolerance: 1e-10, ..Options::default() };
            let engine = crate::operators::Options { shards, ..Default::default() };
            let fit = fit(
                &Flags::threads(shards),
                b"",
                problem.clone(),
                options,
                engine,
                Plan::One(Lambda::Ratio(ratio)),
                |point| {
                    println!(
                        "{} {} {:.6e} obj {} gap {:.3e}",
                        point.epoch,
                        point.round,
                        point.measure.lambda,
                        point.measure.objective(),
                        point.measure.relative_gap()
                    );
                },
            )
            .unwrap();
            println!("{:?}", fit.solutions[0]);
        }
    }
}
