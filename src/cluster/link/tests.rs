//! Two ends of a connection within this process.

use std::net::TcpListener;
use std::thread::{sleep, spawn};
use std::time::Instant;

use super::*;
use crate::cluster::hello::BYTES;
use crate::cluster::secret::Secret;
use crate::cluster::wire::Wire;

const PATIENT: Duration = Duration::from_secs(20);

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let caller = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    (caller, listener.accept().expect("a caller").0)
}

fn seals(sockets: &(TcpStream, TcpStream)) -> (Seal, Seal) {
    let secret = Secret::given(b"0123456789abcdef").expect("long enough");
    let hellos = [&[1; BYTES], &[2; BYTES]];
    std::thread::scope(|scope| {
        let caller = scope
            .spawn(|| Seal::call(&mut Wire::new(&sockets.0).expect("a socket"), &secret, &hellos));
        let answer = Seal::answer(&mut Wire::new(&sockets.1).expect("a socket"), &secret, &hellos);
        (caller.join().expect("no panic").expect("keys"), answer.expect("keys"))
    })
}

fn links(sealed: bool, silence: Duration) -> (Link, Link) {
    let sockets = sockets();
    let (a, b) = match sealed {
        true => {
            let (a, b) = seals(&sockets);
            (Some(a), Some(b))
        }
        false => (None, None),
    };
    let link = |tcp, seal| Link::new(tcp, seal, silence).expect("a socket");
    (link(sockets.0, a), link(sockets.1, b))
}

#[test]
fn bytes_arrive_in_order_among_heartbeats() {
    for sealed in [false, true] {
        let (mut from, mut to) = links(sealed, Duration::from_millis(400));
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let sent = bytes.clone();
        let sending = spawn(move || {
            for part in sent.chunks(700_001) {
                from.write_all(part).expect("the other end reads");
                sleep(Duration::from_millis(120));
            }
            from.shutdown(Shutdown::Write).expect("it is open");
            from
        });
        let mut received = Vec::new();
        to.read_to_end(&mut received).expect("an orderly end");
        assert!(received == bytes, "sealed: {sealed}");
        sending.join().expect("no panic");
    }
}

#[test]
fn a_heart_keeps_an_idle_connection_and_silence_ends_it() {
    for sealed in [false, true] {
        let (from, mut to) = links(sealed, Duration::from_millis(200));
        assert!(from.is_alive() && to.is_alive());
        let begin = Instant::now();
        let stopping = spawn(move || {
            sleep(Duration::from_millis(700));
            // As if the process were stopped: the socket stays open.
            from.writer.close();
            sleep(Duration::from_millis(700));
            drop(from);
        });
        let error = to.read(&mut [0; 8]).expect_err("silence");
        assert_eq!(error.to_string(), "no sign of life for 0.2 s");
        assert!(begin.elapsed() >= Duration::from_millis(700));
        stopping.join().expect("no panic");
    }
}

#[test]
fn a_peer_that_reads_nothing_is_noticed() {
    let (mut from, _to) = links(false, Duration::from_millis(200));
    let error = loop {
        if let Err(error) = from.write(&[0; 1 << 20]) {
            break error;
        }
    };
    assert_eq!(error.to_string(), "takes nothing for 0.2 s");
    assert!(from.write(&[0]).is_err(), "half a frame may have left");
}

#[test]
fn sealed_frames_cannot_be_changed_repeated_or_exchanged() {
    let sockets = sockets();
    let (a, b) = seals(&sockets);
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    a.close(1, b"a frame", &mut sealed).expect("it is short");
    assert!(!sealed.windows(5).any(|window| window == b"frame"));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(b.open(1, &changed, &mut plain).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(b.open(1, &sealed[..length], &mut plain).is_err(), "{length} bytes");
    }
    assert!(b.open(2, &sealed, &mut plain).is_err());
    b.open(1, &sealed, &mut plain).expect("as it was sent");
    assert_eq!(plain, b"a frame");
}

#[test]
fn impossible_frames_are_errors() {
    let (mut raw, tcp) = sockets();
    let mut link = Link::new(tcp, None, PATIENT).expect("a socket");
    raw.write_all(&u32::MAX.to_le_bytes()).expect("it is open");
    let error = link.read(&mut [0; 8]).expect_err("too long");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let (mut raw, tcp) = sockets();
    let mut link = Link::new(tcp, None, PATIENT).expect("a socket");
    raw.write_all(&[5, 0, 0, 0, 1, 2]).expect("it is open");
    drop(raw);
    assert_eq!(link.read(&mut [0; 8]).expect("two bytes"), 2);
    let error = link.read(&mut [0; 8]).expect_err("the frame is not complete");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}
