//! A model on the rotation form: the same bits on any number of processes.

use std::sync::Arc;

use strads::cluster::Flags;
use strads::models::mf::{Fit, Options, Problem, Ratings, sgd};
use strads::operators::RotateOptions;

use super::processes::{Place, children};
use super::rotating::mixed;

fn descend(flags: &Flags) -> Fit {
    let entry = |at: u32| {
        let (user, item) = (at * at % 61, at * 7 % 43);
        (format!("u{user}"), format!("i{item}"), ((user * item) % 9) as f32)
    };
    let train = Arc::new(Ratings::from_entries((0..900).map(entry)).expect("finite"));
    let problem = Problem { train, ..Problem::default() };
    let options = Options { rank: 20, biases: true, iterations: Some(4), ..Options::default() };
    let engine = RotateOptions { shards: 4, slices: 8, ..RotateOptions::default() };
    let fit = sgd::fit(flags, b"", problem, options, engine, sgd::Reports::Every, |_| {});
    fit.expect("the processes find each other")
}

fn line(fit: &Fit) -> Option<String> {
    let model = fit.model.as_ref()?;
    let parts = [&model.user_factors, &model.item_factors, &model.user_bias, &model.item_bias];
    let values = parts.into_iter().flatten();
    let hash = values.fold(0, |hash, value| mixed(hash, u64::from(value.to_bits())));
    Some(format!("@{hash} {:?}", fit.point))
}

/// What a process of [`factors_are_the_same`] does.
#[test]
fn child_descend() {
    let Some(place) = Place::of_child() else { return };
    line(&descend(&place.flags())).iter().for_each(|line| println!("{line}"));
}

#[test]
fn factors_are_the_same() {
    let wanted = line(&descend(&Flags::threads(1)));
    for (processes, threads) in [(2, 2), (4, 1)] {
        let mut lines = Vec::new();
        for child in children("engine::descend::child_descend", processes, threads, 1) {
            assert!(child.succeeded(), "{}", child.stderr);
            lines.extend(child.marked());
        }
        assert_eq!(lines, Vec::from_iter(wanted.clone()), "-n {processes} -w {threads} differs");
    }
}
