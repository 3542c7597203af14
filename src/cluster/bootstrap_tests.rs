//! Start-up with well-meaning and other peers, all within this process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};

use super::*;
use crate::cluster::handshake;
use crate::cluster::hello::{BYTES, Refusal};

type Sockets = Vec<Option<TcpStream>>;
type Starting = JoinHandle<Result<Sockets, ClusterError>>;

const PLENTY: Duration = Duration::from_secs(20);

fn free_addresses(n: usize) -> Vec<String> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners: Vec<_> = (0..n).map(bind).collect();
    listeners.iter().map(|l| l.local_addr().expect("it is bound").to_string()).collect()
}

fn hello(processes: u32, process: u32, options: &[u8]) -> Hello {
    Hello::new(processes, 1, process, options)
}

fn start(hello: &Hello, addresses: &[String], timeout: Duration) -> Starting {
    let (hello, addresses) = (hello.clone(), addresses.to_vec());
    spawn(move || connect(hello, addresses, timeout))
}

fn open(address: &str) -> TcpStream {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// Which peers each process has. Sockets stay open until all have answered.
fn peers<const N: usize>(starting: [Starting; N]) -> [Vec<usize>; N] {
    let sockets = starting.map(|s| s.join().expect("no panic").expect("it is complete"));
    let indices =
        |s: &Sockets| s.iter().enumerate().filter_map(|(i, s)| s.as_ref().map(|_| i)).collect();
    sockets.each_ref().map(indices)
}

fn error(starting: Starting) -> ClusterError {
    starting.join().expect("no panic").expect_err("it cannot become complete")
}

#[test]
fn all_find_each_other() {
    let addresses = free_addresses(4);
    let started = [3, 2, 1, 0].map(|i| start(&hello(4, i, b"o"), &addresses, PLENTY));
    assert_eq!(peers(started), [vec![0, 1, 2], vec![0, 1, 3], vec![0, 2, 3], vec![1, 2, 3]]);
}

#[test]
fn strays_hear_nothing_and_delay_nobody() {
    let addresses = free_addresses(2);
    let first = start(&hello(2, 0, b"o"), &addresses, PLENTY);
    let _silent = open(&addresses[0]);
    let mut scanner = open(&addresses[0]);
    scanner.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it listens");
    let mut half = open(&addresses[0]);
    half.write_all(b"STRADS").expect("it listens");
    let mut heard = Vec::new();
    let _ = scanner.read_to_end(&mut heard);
    assert!(heard.is_empty());
    let second = start(&hello(2, 1, b"o"), &addresses, PLENTY);
    assert_eq!(peers([first, second]), [[1], [0]]);
}

#[test]
fn a_second_process_of_the_same_index_is_turned_away() {
    let addresses = free_addresses(3);
    let first = start(&hello(3, 0, b"o"), &addresses, PLENTY);
    let real = open(&addresses[0]);
    assert_eq!(handshake::call(&real, &hello(3, 1, b"o"), 0), Ok(()));
    let mut doubles = Vec::new();
    let refusal = loop {
        // The callee counts the first one as connected a moment after its last message.
        doubles.push(open(&addresses[0]));
        let double = doubles.last().expect("one was just pushed");
        match handshake::call(double, &hello(3, 1, b"o"), 0) {
            Err(refusal) => break refusal,
            Ok(()) => thread::sleep(POLL),
        }
    };
    assert!(matches!(&refusal, Refusal::Final(why) if why.contains("already")), "{refusal:?}");
    let other = open(&addresses[0]);
    assert_eq!(handshake::call(&other, &hello(3, 2, b"o"), 0), Ok(()));
    assert_eq!(peers([first]), [[1, 2]]);
}

#[test]
fn a_peer_that_goes_away_ends_start_up_at_once() {
    let addresses = free_addresses(3);
    let first = start(&hello(3, 0, b"o"), &addresses, PLENTY);
    let gone = open(&addresses[0]);
    assert_eq!(handshake::call(&gone, &hello(3, 1, b"o"), 0), Ok(()));
    drop(gone);
    let error = error(first);
    assert_eq!(error.code(), 4);
    let text = error.to_string();
    assert!(text.starts_with("lost process 1 while starting"), "{text}");
    assert!(text.contains("process 2 at"), "{text}");
}

#[test]
fn other_options_end_both_sides_with_a_usage_error() {
    for theirs in [hello(2, 1, b"other"), hello(3, 1, b"o"), Hello::new(2, 5, 1, b"o")] {
        let addresses = free_addresses(3);
        let first = start(&hello(2, 0, b"o"), &addresses[..2], PLENTY);
        let second = start(&theirs, &addresses, PLENTY);
        let (first, second) = (error(first), error(second));
        assert_eq!((first.code(), second.code()), (2, 2));
        assert!(first.to_string().starts_with("process 1 was started with"), "{first}");
        assert!(second.to_string().starts_with("process 0 was started with"), "{second}");
    }
}

#[test]
fn hostfiles_in_another_order_are_a_usage_error() {
    let addresses = free_addresses(3);
    let crossed: Vec<_> = [1, 0, 2].map(|i: usize| addresses[i].clone()).into();
    let _first = start(&hello(3, 0, b"o"), &addresses, Duration::from_secs(2));
    let _second = start(&hello(3, 1, b"o"), &addresses, Duration::from_secs(2));
    let third = error(start(&hello(3, 2, b"o"), &crossed, PLENTY));
    assert_eq!(third.code(), 2);
    assert!(third.to_string().contains("hostfiles differ"), "{third}");
}

#[test]
fn other_releases_and_impossible_indices_are_turned_away() {
    let addresses = free_addresses(2);
    let first = start(&hello(2, 0, b"o"), &addresses, PLENTY);
    let mut newer = hello(2, 1, b"o").encode(0);
    newer[6] = 200;
    for bytes in [newer, hello(2, 7, b"o").encode(0), hello(2, 0, b"o").encode(0)] {
        let mut stream = open(&addresses[0]);
        stream.write_all(&bytes).expect("it listens");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("an answer and the end");
        assert_eq!(reply.len(), BYTES + 1);
    }
    let second = start(&hello(2, 1, b"o"), &addresses, PLENTY);
    assert_eq!(peers([first, second]), [[1], [0]]);
}

#[test]
fn missing_processes_are_named() {
    let addresses = free_addresses(3);
    let second = start(&hello(3, 1, b"o"), &addresses, Duration::from_millis(300));
    let error = error(second);
    assert_eq!(error.code(), 4);
    let text = error.to_string();
    assert!(text.contains(&format!("process 0 at {} (Connection refused", addresses[0])), "{text}");
    assert!(text.contains(&format!("process 2 at {} (has not called)", addresses[2])), "{text}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let addresses = [free_addresses(1), vec![address.clone()]].concat();
    let error = error(start(&hello(2, 1, b"o"), &addresses, Duration::from_millis(300)));
    assert_eq!(error.code(), 1);
    assert!(error.to_string().contains(&format!("cannot listen on {address}")), "{error}");
}
