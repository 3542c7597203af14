//! The same bits on any number of threads and processes, however slow some of them are.

use std::collections::BTreeSet;

use strads::operators::{Form, Scheduling as Where};
use timely::communication::Config as Communication;

use super::convergence::{CYCLIC, GREEDY, RANDOM, assert_sound};
use super::policies::Policy;
use super::processes::{Place, children};
use super::run::{Case, Feed, Outcome, all_on_threads, run};

/// Enough rounds to see every kind of round, not to converge.
fn short(policy: Policy) -> Policy {
    Policy { every: 5, limit: 25, ..policy }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for form in [Form::Owned, Form::Partial] {
        for scheduling in [Where::Replicated, Where::Central] {
            for (staleness, policy) in [(0, RANDOM), (1, CYCLIC), (2, GREEDY), (5, RANDOM)] {
                cases.push(
                    Case::new(form, scheduling, staleness, short(policy)).in_epochs(Feed::Ahead),
                );
            }
        }
    }
    cases
}

fn lines(outcomes: Vec<Outcome>) -> Vec<BTreeSet<String>> {
    outcomes.into_iter().map(|outcome| outcome.lines).collect()
}

#[test]
fn on_any_number_of_threads() {
    let one = all_on_threads(1, &cases());
    one.iter().for_each(|outcome| assert_sound(outcome, 3));
    let one = lines(one);
    for threads in [2, 3, 4, 7] {
        assert!(lines(all_on_threads(threads, &cases())) == one, "{threads} threads differ");
    }
    assert!(lines(run(Communication::ProcessBinary(2), &cases())) == one, "serialised differs");
}

#[test]
fn however_slow() {
    let one = lines(all_on_threads(1, &cases()));
    let slow: Vec<_> = cases().into_iter().map(|case| Case { delays: true, ..case }).collect();
    for threads in [2, 4] {
        assert!(lines(all_on_threads(threads, &slow)) == one, "{threads} threads differ");
    }
}

#[test]
fn central_and_replicated_decide_alike() {
    let (replicated, central): (Vec<_>, Vec<_>) =
        cases().into_iter().partition(|case| case.scheduling == Where::Replicated);
    assert!(lines(all_on_threads(2, &replicated)) == lines(all_on_threads(2, &central)));
}

/// What a process of [`on_any_number_of_processes`] does.
#[test]
fn child_bits() {
    let Some(place) = Place::of_child() else { return };
    let slow = |(at, case)| Case { delays: at % 4 == 0, ..case };
    let cases: Vec<_> = cases().into_iter().enumerate().map(slow).collect();
    for (at, outcome) in run(place.next(), &cases).into_iter().enumerate() {
        outcome.lines.iter().for_each(|line| println!("@{at} {line}"));
    }
}

#[test]
fn on_any_number_of_processes() {
    let one = all_on_threads(1, &cases()).into_iter().enumerate();
    let number = |(at, outcome): (usize, Outcome)| {
        outcome.lines.into_iter().map(move |line| format!("@{at} {line}"))
    };
    let wanted: BTreeSet<String> = one.flat_map(number).collect();
    for (processes, threads) in [(2, 2), (4, 1)] {
        let mut lines = BTreeSet::new();
        for child in children("engine::bits::child_bits", processes, threads, 1) {
            assert!(child.succeeded(), "{}", child.stderr);
            lines.extend(child.marked());
        }
        assert!(lines == wanted, "-n {processes} -w {threads} differs");
    }
}
