//! Every way of running reaches the oracle's solution, and never goes up on the way.

use strads::operators::{Form, Scheduling as Where};

use super::policies::{Pick, Policy};
use super::run::{Case, Outcome, on_threads};

pub const CYCLIC: Policy =
    Policy { pick: Pick::Cyclic, width: 2, every: 20, limit: 160, tolerance: 1e-10 };
pub const RANDOM: Policy = Policy { pick: Pick::Random, width: 3, every: 15, ..CYCLIC };
pub const GREEDY: Policy = Policy { pick: Pick::Greedy, width: 2, every: 10, ..CYCLIC };

/// Whether nothing was found wrong and the objective rose nowhere but where data arrived.
pub fn assert_sound(outcome: &Outcome, epochs: usize) {
    assert_eq!(outcome.faults, Vec::<String>::new());
    let mut risen = 0;
    for pair in outcome.trace.windows(2) {
        let [(_, before), (refreshed, after)] = pair else { unreachable!() };
        if after - before > 1e-9 * before {
            assert!(refreshed, "the objective rose from {before} to {after}");
            risen += 1;
        }
    }
    assert!(risen < epochs);
}

fn converges(case: &Case, threads: usize) {
    let outcome = on_threads(threads, case);
    assert_sound(&outcome, case.epochs.len());
    let best = case.problem.objective(&case.problem.oracle());
    let reached = case.problem.objective(&outcome.beta);
    let wanted = if case.form == Form::Owned { 1e-9 } else { 1e-6 };
    assert!(reached - best <= wanted * best, "{:?}: {reached}, not {best}", case.policy);
    let last = outcome.certificates.last().expect("measured");
    assert!((last.certificate.objective() - reached).abs() <= 1e-9 * reached);
}

#[test]
fn owned_form() {
    for scheduling in [Where::Replicated, Where::Central] {
        for staleness in [0, 1, 2, 5] {
            for policy in [CYCLIC, RANDOM, GREEDY] {
                // The certificate ends these before.
                let policy = Policy { limit: 500, ..policy };
                converges(&Case::new(Form::Owned, scheduling, staleness, policy), 2);
            }
        }
    }
}

#[test]
fn partial_form() {
    for scheduling in [Where::Replicated, Where::Central] {
        for staleness in [0, 1, 2, 5] {
            for policy in [CYCLIC, RANDOM, GREEDY] {
                converges(&Case::new(Form::Partial, scheduling, staleness, policy), 2);
            }
        }
    }
}
