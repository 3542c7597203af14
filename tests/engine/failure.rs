//! A program that panics takes every thread and every process down, soon and with one line.

use std::time::{Duration, Instant};

use strads::operators::{Form, Scheduling as Where};

use super::convergence::CYCLIC;
use super::processes::{Place, children};
use super::run::{Case, on_worker};

/// What a process of the tests below does.
#[test]
fn child_failure() {
    let Some(place) = Place::of_child() else { return };
    let healthy = Case::new(Form::Owned, Where::Replicated, 1, CYCLIC);
    let ill = Case { fails: true, ..Case::new(Form::Partial, Where::Replicated, 1, CYCLIC) };
    let ended = strads::cluster::execute(&place.flags(), b"", move |worker| {
        on_worker(worker, &healthy);
        on_worker(worker, &ill);
    });
    ended.expect("the processes find each other");
}

fn everything_ends(processes: usize, threads: usize) {
    let started = Instant::now();
    let ended = children("engine::failure::child_failure", processes, threads, 1);
    assert!(started.elapsed() < Duration::from_secs(30));
    // The process that failed says why and ends with 1; the others lost a peer, which is 4.
    let (failed, others): (Vec<_>, Vec<_>) = ended.iter().partition(|child| child.code == Some(1));
    assert_eq!(failed.len(), 1);
    assert!(failed[0].stderr.contains("this push fails"), "{}", failed[0].stderr);
    for child in &ended {
        assert_eq!(child.stderr.lines().count(), 1, "{}", child.stderr);
    }
    for child in others {
        assert_eq!(child.code, Some(4), "{}", child.stderr);
        assert!(child.stderr.starts_with("strads: lost process"), "{}", child.stderr);
    }
}

#[test]
fn threads_end_together() {
    everything_ends(1, 3);
}

#[test]
fn processes_end_together() {
    everything_ends(2, 2);
}
