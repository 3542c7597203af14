//! Whoever else reaches the ports of a run: thousands of random connections and every attack that
//! has a name, while one process has not come yet. Nobody gets in, nothing falls over, and the late
//! process is let in at once while the others still call.

mod support;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use strads::random::{Draws, purpose};
use support::{Children, LIMIT, free_addresses, hostfile};

/// The bytes of a hello; of the answer and the proof that follow a callee's.
const HELLO: usize = 146;
const REPLY: usize = HELLO + 1 + 32;
const MAGIC: &[u8; 6] = b"STRADS";

/// Where in a hello a field begins.
const PROTOCOL: usize = 6;
const RELEASE: usize = 8;
const PROCESSES: usize = 26;
const PROCESS: usize = 34;
const CALLEE: usize = 38;
const GENERATION: usize = 42;
const JOB: usize = 50;
const DIGEST: usize = 82;
const NONCE: usize = 114;

const SECRET: &str = "the secret of this one run";

/// Connections that are left open, so that there are always some who hold the line.
const HELD: usize = 300;

/// Random connections that are made before the last process comes.
const CONNECTIONS: usize = 10_000;

fn process(hosts: &str, index: usize, patience: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
    command.args(["lasso", "inputs/diabetes.csv", "--target", "progression", "--shards", "3"]);
    command.args(["--format", "json", "--quiet", "-n", "3", "-h", hosts]);
    command.args(["-p", &index.to_string(), "--connect-timeout", &patience.to_string()]);
    command.env("STRADS_SECRET", SECRET).env("RUST_BACKTRACE", "0");
    command
}

fn open(address: &str) -> TcpStream {
    let begin = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            // It is starting, or its queue is full.
            Err(error) => assert!(begin.elapsed() < LIMIT, "nobody at {address}: {error}"),
        }
        sleep(Duration::from_millis(2));
    }
}

/// Passes on what comes, and keeps what the caller said first.
fn relay(to: String) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let said = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&said);
    thread::spawn(move || {
        let (caller, _) = listener.accept().expect("a caller");
        let callee = open(&to);
        let back = (callee.try_clone().expect("a handle"), caller.try_clone().expect("a handle"));
        thread::spawn(move || pass(back.0, back.1, |_| ()));
        pass(caller, callee, |bytes| {
            let mut said = keep.lock().expect("no panic");
            let room = (HELLO + 33usize).saturating_sub(said.len());
            said.extend(bytes.iter().take(room));
        });
    });
    (address, said)
}

fn pass(mut from: TcpStream, mut to: TcpStream, heard: impl Fn(&[u8])) {
    let mut buffer = [0; 65_536];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        heard(&buffer[..bytes]);
        if to.write_all(&buffer[..bytes]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Says something, and hears all that comes back until the other side closes.
fn converse(address: &str, words: &[u8], and: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut stream = open(address);
    stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    // A side that has closed already is what is expected of most.
    let _ = stream.write_all(words);
    let mut answered = false;
    while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
        heard.extend_from_slice(&buffer[..bytes]);
        if heard.len() >= REPLY && !answered {
            answered = true;
            let _ = stream.write_all(&and(&heard));
            // Nobody waits for us to go on.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
    heard
}

/// A hello of process 2, as whoever has heard process 0 can make it: all but the secret is told.
fn copied(address: &str) -> [u8; HELLO] {
    let mut words = [0; HELLO];
    words[..MAGIC.len()].copy_from_slice(MAGIC);
    let heard = converse(address, &words, |_| vec![0; 33]);
    assert_eq!(heard.len(), REPLY, "a hello is answered");
    let mut hello: [u8; HELLO] = heard[..HELLO].try_into().expect("as many");
    hello[PROCESS..PROCESS + 4].copy_from_slice(&2u32.to_le_bytes());
    hello[CALLEE..CALLEE + 4].copy_from_slice(&0u32.to_le_bytes());
    hello
}

fn with(hello: &[u8; HELLO], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut hello = hello.to_vec();
    hello[at..at + bytes.len()].copy_from_slice(bytes);
    hello
}

/// Every attack that has a name, at process 0; `replay` is what process 1 said when it joined.
fn named(address: &str, replay: &[u8]) {
    let hello = copied(address);
    let mut guess = vec![6u8];
    guess.extend([0x5a; 32]);
    let attacks: [(&str, Vec<u8>); 14] = [
        ("magic", with(&hello, 0, b"STRIDS")),
        ("protocol", with(&hello, PROTOCOL, &[99, 0])),
        ("release", with(&hello, RELEASE, b"9.9.9")),
        ("job", with(&hello, JOB, &[7; 32])),
        ("generation", with(&hello, GENERATION, &[9])),
        ("processes", with(&hello, PROCESSES, &[200])),
        ("index", with(&hello, PROCESS, &[77])),
        ("index of itself", with(&hello, PROCESS, &[0])),
        ("index of one that has joined", with(&hello, PROCESS, &[1])),
        ("digest", with(&hello, DIGEST, &[1; 32])),
        ("nonce of the callee", hello.to_vec()),
        ("impostor", with(&hello, NONCE, &[3; 32])),
        ("length", [&MAGIC[..], &[0xff; 1 << 20]].concat()),
        ("scanner", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
    ];
    for (name, words) in attacks {
        let heard = converse(address, &words, |_| guess.clone());
        // A callee's hello, answer and proof: nothing of the run.
        assert!(heard.is_empty() || heard.len() == REPLY, "{name}: heard {} bytes", heard.len());
    }
    assert_eq!(replay.len(), HELLO + 33, "process 1 joined through us");
    let (first, last) = replay.split_at(HELLO);
    // As it was said, and as an answer to what is said now.
    assert!(converse(address, replay, |_| Vec::new()).len() <= REPLY);
    assert_eq!(converse(address, first, |_| last.to_vec()).len(), REPLY);
    // Process 0's own proof, given back to it.
    let mirrored = converse(address, &hello, |heard| [&[6], &heard[HELLO + 1..]].concat());
    assert_eq!(mirrored.len(), REPLY);
}

/// One random connection; gives it back if it is to be left open.
fn random(mut stream: TcpStream, number: u64, hello: &[u8; HELLO]) -> Option<TcpStream> {
    let mut draws = Draws::new(1, purpose("hostile connections"), 0, number);
    let length = draws.below(400) as usize;
    let noise: Vec<u8> = (0..length).map(|_| draws.below(256) as u8).collect();
    // The other side closes when it pleases: then there is nothing more to say.
    match draws.below(8) {
        0 => drop(stream.write_all(&noise)),
        1 => drop(stream.write_all(&[&MAGIC[..], &noise].concat())),
        2 => {
            let mut hello = *hello;
            for _ in 0..1 + draws.below(4) {
                hello[draws.below(HELLO as u64) as usize] ^= 1 << draws.below(8);
            }
            drop(stream.write_all(&[&hello[..], &noise].concat()));
        }
        3 => {}
        4 => {
            drop(stream.write_all(&hello[..draws.below(HELLO as u64) as usize]));
            return Some(stream);
        }
        5 => return Some(stream),
        6 => {
            // A byte at a time.
            stream.set_nodelay(true).expect("a socket");
            hello.iter().take(length.min(20)).all(|byte| stream.write_all(&[*byte]).is_ok());
        }
        _ => {
            drop(stream.write_all(hello));
            drop(stream.shutdown(Shutdown::Write));
            let mut heard = Vec::new();
            stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
            let _ = stream.read_to_end(&mut heard);
            assert!(heard.len() <= REPLY, "heard {} bytes", heard.len());
        }
    }
    None
}

/// Random connections from several threads to either address, until it is over.
fn flood(addresses: [String; 2], hello: [u8; HELLO], state: &Arc<Flood>) -> Vec<JoinHandle<()>> {
    const THREADS: u64 = 4;
    let one = |thread: u64| {
        let (addresses, state) = (addresses.clone(), Arc::clone(state));
        thread::spawn(move || {
            let mut held = VecDeque::new();
            for at in 0.. {
                if state.over.load(Ordering::Relaxed) {
                    return;
                }
                // Nobody listens any more once all have come.
                if let Ok(stream) = TcpStream::connect(&addresses[at as usize % 2]) {
                    held.extend(random(stream, at * THREADS + thread, &hello));
                    state.made.fetch_add(1, Ordering::Relaxed);
                }
                if held.len() > HELD / THREADS as usize {
                    held.pop_front();
                }
            }
        })
    };
    (0..THREADS).map(one).collect()
}

/// How a flood stands.
#[derive(Default)]
struct Flood {
    made: AtomicUsize,
    over: AtomicBool,
}

#[test]
fn nobody_gets_in_and_nobody_is_delayed() {
    let addresses = free_addresses(3);
    let path = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    let hosts = hostfile(&addresses);
    let (through, said) = relay(addresses[0].clone());
    let relayed = hostfile(&[through, addresses[1].clone(), addresses[2].clone()]);
    let alone = {
        let mut children = Children::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
        command.args(["lasso", "inputs/diabetes.csv", "--target", "progression", "--shards", "3"]);
        children.spawn(command.args(["--format", "json", "--quiet", "-w", "3"]));
        children.wait().remove(0)
    };

    let mut children = Children::new();
    children.spawn(&mut process(&path(&hosts), 0, 600));
    children.spawn(&mut process(&path(&relayed), 1, 600));
    let begin = Instant::now();
    while said.lock().expect("no panic").len() < HELLO + 33 {
        assert!(begin.elapsed() < LIMIT, "process 1 does not join");
        sleep(Duration::from_millis(5));
    }
    let replay = said.lock().expect("no panic").clone();
    named(&addresses[0], &replay);

    let state = Arc::new(Flood::default());
    let hello = copied(&addresses[0]);
    let threads = flood([addresses[0].clone(), addresses[1].clone()], hello, &state);
    while state.made.load(Ordering::Relaxed) < CONNECTIONS {
        assert!(!threads.iter().any(JoinHandle::is_finished), "they go on until it is over");
        sleep(Duration::from_millis(5));
    }
    // It has five seconds to get in, while they go on.
    children.spawn(&mut process(&path(&hosts), 2, 5));
    let outcomes = children.wait();
    state.over.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("nothing is heard"));

    let result = |text: &str| {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("a JSON object");
        let fields = value.as_object_mut().expect("an object");
        for name in ["seconds", "peak_bytes", "workers", "processes"] {
            fields.remove(name);
        }
        value
    };
    for outcome in &outcomes {
        let other = |line: &&str| !line.starts_with("strads: turned away 127.0.0.1:");
        let others: Vec<&str> = outcome.stderr.lines().filter(other).collect();
        assert_eq!((outcome.code, others), (Some(0), Vec::new()));
    }
    assert_eq!(result(&outcomes[0].stdout), result(&alone.stdout));
    assert!(outcomes[0].stderr.lines().count() > 15, "those with a name were told");
}
