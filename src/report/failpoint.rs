//! Places at which a process can be made to die or a disk to be full, so that tests can try what
//! then happens.
//!
//! `STRADS_FAILPOINT=NAME:COUNT:ACTION` acts when the place NAME is passed for the COUNT-th time in
//! this process: `kill` ends it at once, as SIGKILL would; `full` makes the step fail as a full disk
//! does, from then on. Without the variable a place costs a load of one word.

use std::io;
use std::process::abort;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable.
const VARIABLE: &str = "STRADS_FAILPOINT";

/// The steps of writing a file, in their order.
pub const STEPS: [&str; 5] =
    ["before-write", "after-write", "after-sync", "after-rename", "after-directory-sync"];

struct Plan {
    name: String,
    count: u64,
    kill: bool,
    passed: AtomicU64,
}

/// Passes a place.
pub(crate) fn pass(name: &str) -> io::Result<()> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    match PLAN.get_or_init(|| std::env::var(VARIABLE).ok().and_then(|text| plan(&text))) {
        Some(plan) if plan.name == name => act(plan),
        _ => Ok(()),
    }
}

fn act(plan: &Plan) -> io::Result<()> {
    let passed = plan.passed.fetch_add(1, Ordering::Relaxed) + 1;
    match (passed >= plan.count, plan.kill) {
        (false, _) => Ok(()),
        (true, true) => abort(),
        (true, false) => Err(io::ErrorKind::StorageFull.into()),
    }
}

fn plan(text: &str) -> Option<Plan> {
    let mut words = text.split(':');
    let (name, count, action) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let kill = match action {
        "kill" => true,
        "full" => false,
        _ => return None,
    };
    Some(Plan { name: name.into(), count, kill, passed: AtomicU64::new(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_count() {
        let plan = plan("after-write:2:full").expect("a plan");
        assert!(act(&plan).is_ok());
        assert!(act(&plan).is_err() && act(&plan).is_err());
        for text in ["", "x", "x:1", "x:one:kill", "x:1:burn"] {
            assert!(super::plan(text).is_none(), "{text}");
        }
    }
}
