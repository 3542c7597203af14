//! Who has come so far: the state that the threads of start-up share.

use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::handshake::Identity;
use super::hello::Refusal;
use super::link::{Link, Seal};

/// One start-up of one process.
pub(super) struct Meeting {
    /// How this process introduces itself, and what it knows.
    pub(super) us: Identity,
    /// The address of each process.
    pub(super) addresses: Vec<String>,
    /// When start-up must be complete.
    pub(super) deadline: Instant,
    /// How long a connected process may be silent.
    silence: Duration,
    state: Mutex<State>,
}

/// How far start-up has come.
pub(super) enum Progress {
    /// The connections in process order, none at our own place.
    Complete(Vec<Option<Link>>),
    /// Some processes have not come, and one that had come may have gone.
    Incomplete { missing: Vec<usize>, lost: Option<usize> },
}

struct State {
    /// The connection with each process; none with ourselves.
    links: Vec<Option<Link>>,
    /// Why a process is missing, as far as known.
    troubles: Vec<String>,
    /// Why this run cannot become complete.
    verdict: Option<String>,
    /// Nobody is waiting for connections any more.
    over: bool,
}

impl Meeting {
    /// Before anybody has come.
    pub(super) fn new(
        us: Identity,
        addresses: Vec<String>,
        deadline: Instant,
        silence: Duration,
    ) -> Meeting {
        let state = State {
            links: addresses.iter().map(|_| None).collect(),
            troubles: addresses.iter().map(|_| "has not called".into()).collect(),
            verdict: None,
            over: false,
        };
        Meeting { us, addresses, deadline, silence, state: Mutex::new(state) }
    }

    /// The index of this process.
    pub(super) fn me(&self) -> usize {
        self.us.hello.process as usize
    }

    /// Whether a process is connected.
    pub(super) fn has(&self, peer: u32) -> bool {
        self.state().links.get(peer as usize).is_some_and(Option::is_some)
    }

    /// Makes a connection that has completed its handshake the one with process `peer`.
    pub(super) fn join(
        &self,
        peer: u32,
        stream: TcpStream,
        seal: Option<Seal>,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.over {
            return Err(Refusal::passing("too late, start-up is over"));
        }
        match state.links.get_mut(peer as usize) {
            // Its heart beats from now on: others may be connected, and wait for us, long before
            // our start-up is over.
            Some(link) if link.is_none() => {
                *link = Some(Link::new(stream, seal, self.silence).map_err(Refusal::passing)?);
            }
            _ => return Err(Refusal::Passing(format!("process {peer} is connected already"))),
        }
        Ok(())
    }

    /// Remembers why a process is missing. Gives whether that is news.
    pub(super) fn trouble(&self, peer: usize, why: &str) -> bool {
        match self.state().troubles.get_mut(peer) {
            Some(trouble) if trouble != why => {
                *trouble = why.into();
                true
            }
            _ => false,
        }
    }

    /// Declares that this run cannot become complete. The first reason is kept.
    pub(super) fn give_up(&self, why: String) {
        self.state().verdict.get_or_insert(why);
    }

    /// Why this run cannot become complete, if that is so.
    pub(super) fn verdict(&self) -> Option<String> {
        self.state().verdict.clone()
    }

    /// Whether nobody is waiting for connections any more.
    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Ends start-up: connections from now on are too late, and peers whose connections were not
    /// taken see us leave.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.over = true;
        state.links.clear();
    }

    /// Looks how far start-up has come. If every process is connected, that ends it.
    pub(super) fn progress(&self) -> Progress {
        let me = self.me();
        let mut state = self.state();
        let (mut missing, mut lost) = (Vec::new(), None);
        for (peer, link) in state.links.iter().enumerate().filter(|(peer, _)| *peer != me) {
            match link {
                None => missing.push(peer),
                Some(link) if !link.is_alive() => lost = lost.or(Some(peer)),
                Some(_) => {}
            }
        }
        if missing.is_empty() {
            state.over = true;
            return Progress::Complete(std::mem::take(&mut state.links));
        }
        Progress::Incomplete { missing, lost }
    }

    /// The missing processes with address and trouble, for an error message.
    pub(super) fn describe(&self, missing: &[usize]) -> String {
        let state = self.state();
        let each = state.troubles.iter().zip(&self.addresses).enumerate();
        let each = each.filter(|(peer, _)| missing.contains(peer));
        let each =
            each.map(|(peer, (why, address))| format!("process {peer} at {address} ({why})"));
        each.collect::<Vec<_>>().join(", ")
    }

    /// No thread panics while it holds the lock, and the state is sound between any two changes.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
