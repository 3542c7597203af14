//! Start-up with well-meaning and other peers, all within this process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{JoinHandle, spawn};

use super::*;
use crate::cluster::handshake;
use crate::cluster::hello::{BYTES, Hello, Refusal, Run};
use crate::cluster::secret::{PROOF, Secret};

type Links = Vec<Option<Link>>;
type Starting = JoinHandle<Result<Links, ClusterError>>;

const PLENTY: Duration = Duration::from_secs(20);

fn free_addresses(n: usize) -> Vec<String> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners: Vec<_> = (0..n).map(bind).collect();
    listeners.iter().map(|l| l.local_addr().expect("it is bound").to_string()).collect()
}

const RUN: Run<'_> = Run {
    processes: 2,
    threads: 1,
    process: 0,
    encrypted: false,
    generation: 3,
    job: "job",
    options: b"o",
};

fn us(run: &Run<'_>, secret: &[u8]) -> Identity {
    let secret = Secret::given(secret).expect("long enough");
    Identity { hello: Hello::new(run), secret }
}

fn hello(processes: u32, process: u32, options: &[u8]) -> Identity {
    us(&Run { processes, process, options, ..RUN }, b"the secret of the run")
}

/// What a process with this identity says first to process 0.
fn first_words(us: &Identity) -> [u8; BYTES] {
    us.hello.to(0).expect("random bytes").encode()
}

fn start(us: &Identity, addresses: &[String], timeout: Duration) -> Starting {
    let (us, addresses) = (us.clone(), addresses.to_vec());
    spawn(move || connect(us, addresses, timeout, PLENTY))
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
    let links = starting.map(|s| s.join().expect("no panic").expect("it is complete"));
    let indices =
        |s: &Links| s.iter().enumerate().filter_map(|(i, s)| s.as_ref().map(|_| i)).collect();
    links.each_ref().map(indices)
}

fn error(starting: Starting) -> ClusterError {
    let links = starting.join().expect("no panic").map(|links| links.len());
    links.expect_err("it cannot become complete")
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
    assert_eq!(handshake::call(&real, &hello(3, 1, b"o"), 0).map(|_| ()), Ok(()));
    let mut doubles = Vec::new();
    let refusal = loop {
        // The callee counts the first one as connected a moment after its last message.
        doubles.push(open(&addresses[0]));
        let double = doubles.last().expect("one was just pushed");
        match handshake::call(double, &hello(3, 1, b"o"), 0) {
            Err(refusal) => break refusal,
            Ok(_) => thread::sleep(POLL),
        }
    };
    assert!(matches!(&refusal, Refusal::Final(why) if why.contains("already")), "{refusal:?}");
    let other = open(&addresses[0]);
    assert_eq!(handshake::call(&other, &hello(3, 2, b"o"), 0).map(|_| ()), Ok(()));
    assert_eq!(peers([first]), [[1, 2]]);
}

#[test]
fn a_peer_that_goes_away_ends_start_up_at_once() {
    let addresses = free_addresses(3);
    let first = start(&hello(3, 0, b"o"), &addresses, PLENTY);
    let gone = open(&addresses[0]);
    assert_eq!(handshake::call(&gone, &hello(3, 1, b"o"), 0).map(|_| ()), Ok(()));
    drop(gone);
    let error = error(first);
    assert_eq!(error.code(), 4);
    let text = error.to_string();
    assert!(text.starts_with("lost process 1 while starting"), "{text}");
    assert!(text.contains("process 2 at"), "{text}");
}

#[test]
fn other_options_end_both_sides_with_a_usage_error() {
    let threads = us(&Run { threads: 5, process: 1, ..RUN }, b"the secret of the run");
    for theirs in [hello(2, 1, b"other"), hello(3, 1, b"o"), threads] {
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
    let mut newer = first_words(&hello(2, 1, b"o"));
    newer[6] = 200;
    for bytes in [newer, first_words(&hello(2, 7, b"o")), first_words(&hello(2, 0, b"o"))] {
        let mut stream = open(&addresses[0]);
        stream.write_all(&bytes).expect("it listens");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("an answer and the end");
        assert_eq!(reply.len(), BYTES + 1 + PROOF);
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

#[test]
fn impostors_cannot_join_or_end_a_start_up() {
    let addresses = free_addresses(2);
    let first = start(&hello(2, 0, b"o"), &addresses, PLENTY);
    // Right in everything but the secret, and wrong in the options too: the latter would be final.
    for options in [&b"o"[..], b"other"] {
        let impostor = us(&Run { process: 1, options, ..RUN }, b"the secret of another");
        let stream = open(&addresses[0]);
        let refused = handshake::call(&stream, &impostor, 0).expect_err("it cannot know");
        assert_eq!(refused, Refusal::passing("does not know our secret"));
    }
    let second = start(&hello(2, 1, b"o"), &addresses, PLENTY);
    assert_eq!(peers([first, second]), [[1], [0]]);
}

#[test]
fn an_impostor_in_a_process_s_place_is_not_joined() {
    let addresses = free_addresses(2);
    let impostor = us(&Run { options: b"other", ..RUN }, b"the secret of another");
    let _impostor = start(&impostor, &addresses, Duration::from_secs(2));
    let error = error(start(&hello(2, 1, b"o"), &addresses, Duration::from_millis(500)));
    assert_eq!(error.code(), 4);
    assert!(error.to_string().contains("does not know our secret"), "{error}");
}

#[test]
fn what_was_overheard_cannot_be_said_again() {
    let addresses = free_addresses(3);
    let first = start(&hello(3, 0, b"o"), &addresses, PLENTY);
    // A process between the two hears everything.
    let between = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (at, to) = (between.local_addr().expect("it is bound"), addresses[0].clone());
    let listening = spawn(move || {
        let (mut caller, _) = between.accept().expect("a caller");
        let mut callee = open(&to);
        let (mut said, mut reply) = ([0; BYTES], [0; BYTES + 1 + PROOF]);
        caller.read_exact(&mut said).expect("a hello");
        callee.write_all(&said).expect("it listens");
        callee.read_exact(&mut reply).expect("its reply");
        caller.write_all(&reply).expect("it listens");
        let mut word = [0; 1 + PROOF];
        caller.read_exact(&mut word).expect("its last word");
        // The connection is lost before the last word arrives.
        (said, word)
    });
    let caller = TcpStream::connect(at).expect("it listens");
    let _ = handshake::call(&caller, &hello(3, 2, b"o"), 0);
    let (said, word) = listening.join().expect("no panic");
    let mut replay = open(&addresses[0]);
    replay.write_all(&[&said[..], &word].concat()).expect("it listens");
    let mut heard = Vec::new();
    let _ = replay.read_to_end(&mut heard);
    let rest = [1, 2].map(|i| start(&hello(3, i, b"o"), &addresses, PLENTY));
    let [second, third] = rest;
    assert_eq!(peers([first, second, third]), [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn processes_of_other_generations_and_jobs_are_turned_away() {
    let addresses = free_addresses(2);
    let first = start(&hello(2, 0, b"o"), &addresses, PLENTY);
    for run in [Run { process: 1, generation: 2, ..RUN }, Run { process: 1, job: "x", ..RUN }] {
        let stream = open(&addresses[0]);
        let stale = us(&run, b"the secret of the run");
        let refused = handshake::call(&stream, &stale, 0).expect_err("not of this run");
        assert!(matches!(refused, Refusal::Passing(_)), "{refused:?}");
    }
    let second = start(&hello(2, 1, b"o"), &addresses, PLENTY);
    assert_eq!(peers([first, second]), [[1], [0]]);
}

#[test]
fn encrypted_connections_carry_bytes() {
    let addresses = free_addresses(2);
    let sealed = |process| us(&Run { process, encrypted: true, ..RUN }, b"the secret of the run");
    let started = [0, 1].map(|i| start(&sealed(i), &addresses, PLENTY));
    let [first, second] = started.map(|s| s.join().expect("no panic").expect("it is complete"));
    let (mut to, mut from) = (first, second);
    let (to, from) = (to[1].as_mut().expect("a peer"), from[0].as_mut().expect("a peer"));
    to.write_all(b"a word").expect("it is open");
    let mut heard = [0; 6];
    from.read_exact(&mut heard).expect("it was sent");
    assert_eq!(&heard, b"a word");
}

#[test]
fn many_that_hold_the_line_delay_nobody() {
    let addresses = free_addresses(2);
    let first = start(&hello(2, 0, b"o"), &addresses, PLENTY);
    let silent: Vec<TcpStream> = (0..600).map(|_| open(&addresses[0])).collect();
    let begin = Instant::now();
    let second = start(&hello(2, 1, b"o"), &addresses, PLENTY);
    assert_eq!(peers([first, second]), [[1], [0]]);
    // The silent ones have not run out of their time yet.
    assert!(begin.elapsed() < Duration::from_secs(4));
    drop(silent);
}
