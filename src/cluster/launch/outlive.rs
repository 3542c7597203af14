//! Processes that do not outlive the one that launched them.

/// The environment variable with the process id of the launcher.
pub(super) const LAUNCHER: &str = "STRADS_LAUNCHER";

/// Makes the system end this process when its launcher dies, whatever of. Without a launcher, or
/// on systems other than Linux, does nothing. [`crate::cluster::execute`] calls this; programs
/// that do much before, like reading their data, call it first.
pub fn die_with_launcher() {
    #[cfg(target_os = "linux")]
    follow();
}

#[cfg(target_os = "linux")]
fn follow() {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    let launcher = std::env::var(LAUNCHER).ok().and_then(|id| id.parse::<i32>().ok());
    let Some(launcher) = launcher else { return };
    let parent = || getppid().map(|id| id.as_raw_nonzero().get());
    // A launcher behind another program, such as a shell, is not our parent: its group is ended
    // with the run.
    if parent() == Some(launcher) {
        // Fails only for signals that do not exist.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        if parent() != Some(launcher) {
            std::process::exit(super::fail::LOST);
        }
    }
}
