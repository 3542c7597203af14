//! Ending the whole process with one line that names the cause.

use std::fmt::Display;
use std::io::Write;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// Exit code: the computation failed.
pub const FAILED: i32 = 1;
/// Exit code: the flags make no sense, or differ between processes.
pub const USAGE: i32 = 2;
/// Exit code: a peer was lost or could not be reached; starting again may help.
pub const LOST: i32 = 4;
/// Exit code: a checkpoint cannot be used.
pub const UNUSABLE: i32 = 6;

/// Set by the first caller of [`stop`]; one failure tends to cause others in the same process.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// How long a process that lost a peer stays before it exits. All peers of a lost process notice
/// within milliseconds; leaving at once could make some of them name us as the one that was lost.
const LINGER: Duration = Duration::from_millis(100);

/// The same where a peer fell silent: hearts beat once a second at most, so that others may have heard
/// of it so much later, and miss it later.
pub(super) const LINGER_SILENT: Duration = Duration::from_millis(1500);

/// How long later callers wait for the first one to end the process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends the process: prints `strads: message` on stderr and exits with `code`. Only the first call
/// in a process prints and decides the code; others wait for it.
///
/// ```no_run
/// use strads::cluster::fail;
/// fail::stop(fail::FAILED, "the model has diverged");
/// ```
pub fn stop(code: i32, message: impl Display) -> ! {
    let linger = if code == LOST { LINGER } else { Duration::ZERO };
    stop_after(linger, code, message)
}

/// The same, but that the process stays for a while after its line. Its hearts beat on.
pub(super) fn stop_after(linger: Duration, code: i32, message: impl Display) -> ! {
    if STOPPING.swap(true, Ordering::SeqCst) {
        sleep(PATIENCE);
    } else {
        note(message);
        sleep(linger);
    }
    exit(code)
}

/// Prints `strads: message` as one line on stderr. A stderr that is closed is no reason to fail.
pub(super) fn note(message: impl Display) {
    let message = message.to_string();
    let words: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = format!("strads: {}\n", words.join(" "));
    let _ = std::io::stderr().write_all(line.as_bytes());
}
