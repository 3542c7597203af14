//! The panic hook that ends the process when a worker or a network thread panics.
//!
//! A timely worker that panics leaves its peers waiting for ever; a network thread that panics
//! leaves its workers waiting for ever. Both must take the process down, and the closing sockets
//! then take down the others.

use std::cell::Cell;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

use super::fail;
use super::link::SILENT;

/// What a thread does for the running computation.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Runs the worker with this index among all workers.
    Worker(usize),
    /// Sends to or receives from the process with this index.
    Network(usize),
}

thread_local! {
    static ROLE: Cell<Option<Role>> = const { Cell::new(None) };
}

/// How the panics of timely's network threads begin when the connection has failed.
const CONNECTION_FAILED: &str = "timely communication error: ";

/// Says what the current thread does, from now on.
pub(super) fn assume(role: Role) {
    ROLE.set(Some(role));
}

/// Installs the hook once, for the life of the process. Panics of threads without a role are left
/// to the hook that was there before.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| match ROLE.try_with(Cell::get) {
            Ok(Some(role)) => end(role, info),
            _ => previous(info),
        }));
    });
}

fn end(role: Role, info: &PanicHookInfo<'_>) -> ! {
    let message = message(info);
    let at = info.location().map(|l| format!(" (at {}:{})", l.file(), l.line()));
    let at = at.unwrap_or_default();
    match (role, message.strip_prefix(CONNECTION_FAILED)) {
        (Role::Network(peer), Some(cause)) => {
            let line = format!("lost process {peer}: {cause}");
            match SILENT.iter().any(|silent| cause.contains(silent)) {
                true => fail::stop_after(fail::LINGER_SILENT, fail::LOST, line),
                false => fail::stop(fail::LOST, line),
            }
        }
        (Role::Network(peer), None) => {
            fail::stop(fail::FAILED, format!("connection with process {peer}: {message}{at}"))
        }
        (Role::Worker(worker), _) => {
            fail::stop(fail::FAILED, format!("worker {worker}: {message}{at}"))
        }
    }
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "panicked without a message",
    }
}
