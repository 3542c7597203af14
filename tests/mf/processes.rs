//! The same bits from several processes.

use std::sync::Arc;

use strads::cluster::Flags;
use strads::models::mf::{Options, Problem, ccd};
use strads::operators;

use super::run::{planted, sweeps};
use crate::support::{self, Children};

/// Prints the bits of the model that these processes fit at four shards.
#[test]
fn child_fits() {
    let Some(role) = support::role() else { return };
    let number = |at: usize| role[at].parse::<usize>().expect("a number");
    let (threads, process, addresses) = (number(0), number(1), &role[2..]);
    let flags = match addresses {
        [] => Flags::threads(threads),
        addresses => Flags::cluster(threads, process, addresses.to_vec()),
    };
    let train = Arc::new(planted(50, 40, 3, 0.3, 0.5));
    let problem = Problem { train, test: None, warm: None };
    let options = Options { biases: true, ..sweeps(17, 2) };
    let engine = operators::Options { shards: 4, ..operators::Options::default() };
    let fit = ccd::fit(&flags, b"", problem, options, engine, |_| {}).expect("a fit");
    if let Some(model) = fit.model {
        let all = model.user_factors.iter().chain(&model.item_factors).chain(&model.user_bias);
        let bits: Vec<String> = all.map(|x| format!("{:08x}", x.to_bits())).collect();
        println!("MODEL {}", bits.concat());
    }
}

fn model_of(processes: usize, threads: usize) -> String {
    let addresses = if processes > 1 { support::free_addresses(processes) } else { Vec::new() };
    let mut children = Children::new();
    for process in 0..processes {
        let role = format!("{threads} {process} {}", addresses.join(" "));
        children.play("mf::processes::child_fits", &role);
    }
    let outcomes = children.wait();
    assert!(outcomes.iter().all(|outcome| outcome.code == Some(0)), "{outcomes:?}");
    let line = |said: &str| {
        said.lines().find_map(|line| line.split_once("MODEL ").map(|l| l.1.to_owned()))
    };
    let models: Vec<String> = outcomes.iter().filter_map(|outcome| line(&outcome.stdout)).collect();
    assert_eq!(models.len(), 1, "process 0 has the model");
    models[0].clone()
}

#[test]
fn two_and_four_processes() {
    let one = model_of(1, 4);
    assert!(one.len() > 1000);
    assert!(one == model_of(2, 2), "two processes of two threads");
    assert!(one == model_of(4, 1), "four processes");
}
