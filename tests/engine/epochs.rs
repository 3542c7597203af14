//! Several epochs: one after the other, many in flight, data on one worker only, or on none.

use strads::operators::{Form, Scheduling as Where};

use super::convergence::{CYCLIC, GREEDY, RANDOM, assert_sound};
use super::policies::{Pick, Policy};
use super::run::{Case, Feed, on_threads};

fn settle(case: &Case, threads: usize) -> Vec<f64> {
    let outcome = on_threads(threads, case);
    assert_sound(&outcome, case.epochs.len());
    outcome.beta
}

#[test]
fn each_epoch_goes_on_from_the_last() {
    for form in [Form::Owned, Form::Partial] {
        for feed in [Feed::Spread, Feed::Ahead, Feed::Lone] {
            for policy in [CYCLIC, RANDOM] {
                let case = Case::new(form, Where::Replicated, 1, policy).in_epochs(feed);
                let best = case.problem.objective(&case.problem.oracle());
                let reached = case.problem.objective(&settle(&case, 3));
                assert!(reached - best <= 1e-6 * best, "{form:?} {feed:?} {policy:?}");
            }
        }
    }
}

#[test]
fn what_has_not_arrived_is_not_there() {
    let mut case = Case::new(Form::Owned, Where::Central, 2, GREEDY).in_epochs(Feed::Lone);
    case.epochs.truncate(1);
    let arrived = case.problem.with_columns(|column| case.epochs[0].contains(&column));
    let best = arrived.objective(&arrived.oracle());
    assert!(arrived.objective(&settle(&case, 4)) - best <= 1e-9 * best);

    let patient = Policy { limit: 600, every: 100, ..GREEDY };
    let mut case = Case::new(Form::Partial, Where::Central, 2, patient).in_epochs(Feed::Lone);
    case.epochs.truncate(1);
    let arrived = case.problem.with_rows(|row| case.epochs[0].contains(&row));
    let best = arrived.objective(&arrived.oracle());
    assert!(arrived.objective(&settle(&case, 4)) - best <= 1e-6 * best);
}

#[test]
fn how_data_is_fed_changes_nothing() {
    for form in [Form::Owned, Form::Partial] {
        let of = |feed| Case::new(form, Where::Replicated, 2, GREEDY).in_epochs(feed);
        let one = on_threads(3, &of(Feed::Spread)).lines;
        assert_eq!(on_threads(3, &of(Feed::Ahead)).lines, one);
        assert_eq!(on_threads(3, &of(Feed::Lone)).lines, one);
    }
}

#[test]
fn an_epoch_without_changes_is_not_run() {
    let case = Case::new(Form::Owned, Where::Replicated, 0, CYCLIC);
    let silent = Case { epochs: vec![Vec::new(); 3], ..case };
    let outcome = on_threads(2, &silent);
    assert!(outcome.trace.is_empty() && outcome.certificates.is_empty());
}

#[test]
fn workers_without_shards_and_many_shards_a_worker() {
    for form in [Form::Owned, Form::Partial] {
        for scheduling in [Where::Replicated, Where::Central] {
            for shards in [2, 17] {
                let mut case = Case::new(form, scheduling, 2, RANDOM);
                case.policy.limit = 30;
                case.shards = shards;
                let one = on_threads(1, &case);
                assert_sound(&one, 1);
                assert_eq!(on_threads(5, &case).lines, one.lines, "{shards} shards");
            }
        }
    }
}

/// A stubborn scheduler names the same keys always, and twice: what is in flight is left out, the
/// blocks in between are empty, and all goes on.
#[test]
fn keys_in_flight_are_left_out() {
    for form in [Form::Owned, Form::Partial] {
        for staleness in [0, 3] {
            let policy = Policy { pick: Pick::Stubborn, width: 12, limit: 60, ..CYCLIC };
            let case = Case::new(form, Where::Replicated, staleness, policy);
            settle(&case, 2);
        }
    }
}
