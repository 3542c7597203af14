//! Lines of clients that connect.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::follow;
use super::line::Line;
use super::lines::Lines;

const POLL: Duration = Duration::from_millis(20);

/// The most clients at once; further ones are turned away.
const MOST_CLIENTS: usize = 1024;

/// How long a client may take to say the secret, and the longest line that says it.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: u64 = 4096;

/// A client's first line, where a secret is required: `{"op":"auth","secret":"…"}`.
#[derive(Deserialize)]
struct Auth {
    op: String,
    secret: String,
}

/// What every connection shares.
struct Desk<G, N> {
    give: G,
    note: N,
    secret: Option<Vec<u8>>,
    clients: AtomicUsize,
}

/// Hands on the lines of all clients, each client's in their order, until `stop`.
pub(super) fn serve(
    listener: TcpListener,
    secret: Option<Vec<u8>>,
    note: impl Fn(String) + Send + Sync + 'static,
    give: impl Fn(Line) -> bool + Send + Sync + 'static,
    stop: impl Fn() -> bool,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let desk = Arc::new(Desk { give, note, secret, clients: AtomicUsize::new(0) });
    while !stop() {
        match listener.accept() {
            Ok((stream, from)) => admit(&desk, stream, from),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => thread::sleep(POLL),
                ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

fn admit<G, N>(desk: &Arc<Desk<G, N>>, stream: TcpStream, from: SocketAddr)
where
    G: Fn(Line) -> bool + Send + Sync + 'static,
    N: Fn(String) + Send + Sync + 'static,
{
    if desk.clients.fetch_add(1, Ordering::Relaxed) >= MOST_CLIENTS {
        desk.clients.fetch_sub(1, Ordering::Relaxed);
        return (desk.note)(format!("turned away {from}: too many clients"));
    }
    let shared = Arc::clone(desk);
    let spawned = thread::Builder::new().name("strads:client".into()).spawn(move || {
        if let Err(why) = hear(&shared, stream, from) {
            (shared.note)(format!("client {from}: {why}"));
        }
        shared.clients.fetch_sub(1, Ordering::Relaxed);
    });
    if let Err(error) = spawned {
        desk.clients.fetch_sub(1, Ordering::Relaxed);
        (desk.note)(format!("turned away {from}: no thread for it: {error}"));
    }
}

fn hear<G, N>(desk: &Desk<G, N>, stream: TcpStream, from: SocketAddr) -> Result<(), String>
where
    G: Fn(Line) -> bool,
{
    stream.set_nonblocking(false).map_err(|error| error.to_string())?;
    let mut stream = BufReader::new(stream);
    if let Some(secret) = &desk.secret {
        stream.get_ref().set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        authenticate(&mut stream, secret)?;
        stream.get_ref().set_read_timeout(None).map_err(|error| error.to_string())?;
    }
    let name: Arc<str> = from.to_string().into();
    follow::to_the_end(stream, Lines::new(name), &desk.give).map_err(|error| error.to_string())
}

fn authenticate(stream: &mut impl BufRead, secret: &[u8]) -> Result<(), String> {
    let mut line = Vec::new();
    let read = stream.take(LONGEST).read_until(b'\n', &mut line);
    read.map_err(|error| format!("turned away, said no secret: {error}"))?;
    let auth: Option<Auth> = serde_json::from_slice(&line).ok();
    // Digests are compared, so that the time it takes tells nothing.
    let said = auth.filter(|auth| auth.op == "auth").map(|auth| Sha256::digest(auth.secret));
    match said {
        Some(digest) if digest == Sha256::digest(secret) => Ok(()),
        _ => Err("turned away, does not know the secret".into()),
    }
}
