//! Runs of several processes: how they start, end, and fail together.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use strads::cluster::{Flags, execute, fail};
use support::{Children, Outcome, free_addresses, hostfile};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::{Exchange, Input, Inspect, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

type Numbers = InputHandle<u64, CapacityContainerBuilder<Vec<u64>>>;

/// The command line of a played process.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    #[command(flatten)]
    cluster: Flags,
    #[arg(long, default_value = "")]
    options: String,
}

fn arguments() -> Option<Arguments> {
    let given = support::role()?;
    Some(Arguments::parse_from(std::iter::once("test".into()).chain(given)))
}

/// Runs a program as the command does: an error becomes one line and an exit code.
fn run<T: Send + 'static>(
    arguments: Arguments,
    func: impl Fn(&mut Worker) -> T + Send + Sync + 'static,
) -> Vec<T> {
    match execute(&arguments.cluster, arguments.options.as_bytes(), func) {
        Ok(results) => results,
        Err(error) => fail::stop(error.code(), error),
    }
}

/// Every worker sends 0..1000 to where each number belongs; gives the sum of what arrived here.
fn exchange(worker: &mut Worker) -> u64 {
    let mut input = Numbers::new();
    let probe = ProbeHandle::new();
    let sum = std::rc::Rc::new(std::cell::Cell::new(0));
    let here = sum.clone();
    worker.dataflow::<u64, _, _>(|scope| {
        let numbers = scope.input_from(&mut input).exchange(|x: &u64| *x);
        numbers.inspect(move |x| here.set(here.get() + x)).probe_with(&probe);
    });
    (0..1000).for_each(|x| input.send(x));
    input.close();
    while !probe.done() {
        worker.step_or_park(None);
    }
    sum.get()
}

#[test]
fn child_exchange() {
    let Some(arguments) = arguments() else { return };
    let sums = run(arguments, exchange);
    println!("sum={};", sums.iter().sum::<u64>());
}

#[test]
fn child_ends_late_unless_first() {
    let Some(arguments) = arguments() else { return };
    let late = arguments.options == "above" && arguments.cluster.process > 0
        || arguments.options == "first" && arguments.cluster.process == 0;
    let very = arguments.options == "very" && arguments.cluster.process == 1;
    run(arguments, move |worker| {
        if very {
            sleep(Duration::from_millis(2500));
        }
        exchange(worker);
        if late {
            sleep(Duration::from_millis(300));
        }
    });
}

/// A dataflow that would wait for input for ever, underway once every worker has heard the others.
fn wait_for_ever(worker: &mut Worker) -> ! {
    exchange(worker);
    println!("underway");
    let mut input = Numbers::new();
    worker.dataflow::<u64, _, _>(|scope| {
        scope.input_from(&mut input).exchange(|x| *x).probe();
    });
    loop {
        worker.step_or_park(None);
    }
}

#[test]
fn child_waits() {
    let Some(arguments) = arguments() else { return };
    run(arguments, |worker| -> () { wait_for_ever(worker) });
}

#[test]
fn child_panics_in_worker_3() {
    let Some(arguments) = arguments() else { return };
    run(arguments, |worker| {
        exchange(worker);
        if worker.index() == 3 {
            panic!("out of\n  luck");
        }
        wait_for_ever(worker);
    });
}

#[test]
fn child_stops_in_every_worker() {
    let Some(arguments) = arguments() else { return };
    run(arguments, |worker| {
        fail::stop(5, format!("worker {} has had enough", worker.index()));
    });
}

/// Starts `n` processes that play `test` with the same arguments.
fn play(test: &str, n: usize, arguments: &str) -> (Children, tempfile::NamedTempFile) {
    let hosts = hostfile(&free_addresses(n));
    let mut children = Children::new();
    for process in 0..n {
        let cluster = format!("-n {n} -p {process} -h {}", hosts.path().display());
        children.play(test, &format!("{cluster} {arguments}"));
    }
    (children, hosts)
}

fn assert_clean(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    }
}

fn assert_one_line(outcome: &Outcome, code: i32, beginning: &str) {
    assert_eq!((outcome.code, outcome.complaints().len()), (Some(code), 1), "{outcome:?}");
    assert!(outcome.stderr.starts_with(beginning), "{outcome:?}");
}

fn total(outcomes: &[Outcome]) -> u64 {
    let sum = |outcome: &Outcome| -> u64 {
        let text = outcome.stdout.split("sum=").nth(1).and_then(|rest| rest.split(';').next());
        text.and_then(|text| text.parse().ok()).expect("every process prints its sum")
    };
    outcomes.iter().map(sum).sum()
}

#[test]
fn two_by_two_workers_exchange_data() {
    let outcomes = play("child_exchange", 2, "-w 2").0.wait();
    assert_clean(&outcomes);
    assert_eq!(total(&outcomes), 4 * 499_500);
}

#[test]
fn four_processes_end_cleanly_again_and_again() {
    for _ in 0..20 {
        let outcomes = play("child_exchange", 4, "").0.wait();
        assert_clean(&outcomes);
        assert_eq!(total(&outcomes), 4 * 499_500);
    }
}

#[test]
fn processes_that_end_early_or_late_end_cleanly() {
    for late in ["above", "first"] {
        let options = format!("-w 2 --options {late}");
        assert_clean(&play("child_ends_late_unless_first", 3, &options).0.wait());
    }
}

#[test]
fn one_process_needs_no_network() {
    let mut children = Children::new();
    children.play("child_exchange", "-w 1");
    children.play("child_exchange", "-w 3");
    let outcomes = children.wait();
    assert_clean(&outcomes);
    assert_eq!(total(&outcomes), 4 * 499_500);
}

fn connect(address: &str) -> TcpStream {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn strays_are_turned_away_and_delay_nobody() {
    let addresses = free_addresses(2);
    let hosts = hostfile(&addresses);
    let flags = |process| format!("-w 2 -n 2 -p {process} -h {}", hosts.path().display());
    let mut children = Children::new();
    children.play("child_exchange", &flags(0));
    let _silent = connect(&addresses[0]);
    let mut garbage = connect(&addresses[0]);
    garbage.write_all(&[0x5a; 4096]).expect("it listens");
    // Ends with the connection, by an orderly end or because not all garbage was read.
    let _ = garbage.read(&mut [0]);
    children.play("child_exchange", &flags(1));
    let outcomes = children.wait();
    assert_eq!((outcomes[0].code, outcomes[1].code), (Some(0), Some(0)), "{outcomes:?}");
    // The silent one had not even run out of time when the run was over.
    assert_one_line(&outcomes[0], 0, "strads: turned away 127.0.0.1:");
    assert!(outcomes[0].stderr.ends_with(": not a strads process\n"), "{outcomes:?}");
    assert_eq!(total(&outcomes), 4 * 499_500);
}

#[test]
fn a_process_that_never_comes_is_named() {
    let addresses = free_addresses(3);
    let hosts = hostfile(&addresses);
    let mut children = Children::new();
    let flags = format!("-n 3 -p 1 --connect-timeout 1 -h {}", hosts.path().display());
    children.play("child_exchange", &flags);
    let outcomes = children.wait();
    assert_one_line(&outcomes[0], 4, "strads: after 1 s no sign of process 0 at ");
    assert!(outcomes[0].stderr.contains(&format!("process 2 at {}", addresses[2])));
}

#[test]
fn processes_with_other_options_name_each_other() {
    for other in ["-n 3", "-w 2 -n 2", "-n 2 --options x"] {
        let hosts = hostfile(&free_addresses(3));
        let hosts = hosts.path().display();
        let mut children = Children::new();
        children.play("child_exchange", &format!("-n 2 -p 0 -h {hosts}"));
        children.play("child_exchange", &format!("{other} -p 1 -h {hosts}"));
        let outcomes = children.wait();
        assert_one_line(&outcomes[0], 2, "strads: process 1 was started with ");
        assert_one_line(&outcomes[1], 2, "strads: process 0 was started with ");
    }
}

#[test]
fn senseless_flags_are_usage_errors() {
    let short = hostfile(&["a:1".into()]);
    let short = format!("-n 2 -h {}", short.path().display());
    for flags in ["-w 0", "-n 2 -p 2", "-n 2 -h /nonexistent", &short] {
        let mut children = Children::new();
        children.play("child_exchange", flags);
        assert_one_line(&children.wait()[0], 2, "strads: ");
    }
}

#[test]
fn a_panic_ends_all_processes() {
    let outcomes = play("child_panics_in_worker_3", 2, "-w 2").0.wait();
    assert_one_line(&outcomes[1], 1, "strads: worker 3: out of luck (at tests/cluster.rs:");
    assert_one_line(&outcomes[0], 4, "strads: lost process 1: ");
}

#[test]
fn a_panic_in_a_single_process_is_one_line() {
    let mut children = Children::new();
    children.play("child_panics_in_worker_3", "-w 4");
    assert_one_line(&children.wait()[0], 1, "strads: worker 3: out of luck");
}

#[test]
fn a_killed_process_ends_the_others() {
    let (mut children, _hosts) = play("child_waits", 3, "");
    (0..3).for_each(|process| children.wait_for(process, "underway"));
    children.kill(1);
    let outcomes = children.wait();
    assert_eq!(outcomes[1].code, None);
    assert_one_line(&outcomes[0], 4, "strads: lost process 1: ");
    assert_one_line(&outcomes[2], 4, "strads: lost process 1: ");
}

#[test]
fn a_stopped_process_is_named_by_the_others() {
    let (mut children, _hosts) = play("child_waits", 3, "--peer-timeout 1");
    (0..3).for_each(|process| children.wait_for(process, "underway"));
    children.signal(1, "STOP");
    sleep(Duration::from_secs(3));
    children.kill(1);
    let outcomes = children.wait();
    for survivor in [0, 2] {
        assert_one_line(&outcomes[survivor], 4, "strads: lost process 1: reading data: no sign of");
    }
}

#[test]
fn workers_that_compute_for_long_are_not_lost() {
    let options = "--options very --peer-timeout 1";
    assert_clean(&play("child_ends_late_unless_first", 3, options).0.wait());
}

#[test]
fn a_shared_secret_and_encryption() {
    let mut secret = tempfile::NamedTempFile::new().expect("a temporary file");
    secret.write_all(b"sixteen bytes or more\n").expect("room for a secret");
    let flags = format!("-w 2 --encrypt --secret-file {}", secret.path().display());
    let outcomes = play("child_exchange", 3, &flags).0.wait();
    assert_clean(&outcomes);
    assert_eq!(total(&outcomes), 6 * 499_500);
}

#[test]
fn a_secret_is_required_off_the_loopback() {
    let hosts = hostfile(&["192.0.2.1:2101".into(), "localhost:2102".into()]);
    let mut children = Children::new();
    children.play("child_exchange", &format!("-n 2 -p 1 -h {}", hosts.path().display()));
    assert_one_line(&children.wait()[0], 2, "strads: process 0 at 192.0.2.1:2101 is not on the");
}

#[test]
fn only_the_first_to_stop_is_heard() {
    let mut children = Children::new();
    children.play("child_stops_in_every_worker", "-w 4");
    let outcomes = children.wait();
    assert_one_line(&outcomes[0], 5, "strads: worker ");
    assert!(outcomes[0].stderr.ends_with(" has had enough\n"));
}
