//! A program that panics takes every thread and every process down, soon and with one line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strads::operators::{Form, Scheduling as Where};

use super::convergence::CYCLIC;
use super::processes::{Place, children};
use super::run::{Case, run};

/// Ends the process with one line on standard error when any thread panics.
fn end_on_panic() {
    static ENDING: AtomicBool = AtomicBool::new(false);
    std::panic::set_hook(Box::new(|panic| {
        if ENDING.swap(true, Ordering::SeqCst) {
            // Another thread already says why the process ends.
            std::thread::sleep(Duration::from_secs(60));
        }
        let text = panic.payload();
        let text = text.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.payload().downcast_ref::<String>().cloned());
        eprintln!("ended: {}", text.unwrap_or_default().replace('\n', " "));
        std::process::exit(101);
    }));
}

/// What a process of the tests below does.
#[test]
fn child_failure() {
    let Some(place) = Place::of_child() else { return };
    end_on_panic();
    let healthy = Case::new(Form::Owned, Where::Replicated, 1, CYCLIC);
    let ill = Case { fails: true, ..Case::new(Form::Partial, Where::Replicated, 1, CYCLIC) };
    run(place.next(), &[healthy, ill]);
}

fn everything_ends(processes: usize, threads: usize) {
    let started = Instant::now();
    let ended = children("engine::failure::child_failure", processes, threads, 1);
    assert!(started.elapsed() < Duration::from_secs(30));
    for child in &ended {
        assert_eq!(child.code, Some(101), "{}", child.stderr);
        assert_eq!(child.stderr.lines().count(), 1, "{}", child.stderr);
    }
    let causes = ended.iter().filter(|child| child.stderr == "ended: this push fails\n");
    assert_eq!(causes.count(), 1);
}

#[test]
fn threads_end_together() {
    everything_ends(1, 3);
}

#[test]
fn processes_end_together() {
    everything_ends(2, 2);
}
