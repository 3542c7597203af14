//! Progress on stderr, for people only.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar, drawn only if stderr is a terminal and nobody asked for quiet. It is drawn
/// without colours and leaves no trace when it is finished or dropped. Threads may share it.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress through `total` bytes, or through an unknown number of them.
    pub fn bytes(quiet: bool, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {bytes} {bytes_per_sec}",
        };
        Progress::new(shown(quiet, stderr().is_terminal()), total, template)
    }

    /// Progress without a known end, described by messages.
    pub fn spinner(quiet: bool) -> Self {
        let shown = shown(quiet, stderr().is_terminal());
        let progress = Progress::new(shown, None, "{spinner} {elapsed} {wide_msg}");
        if shown {
            progress.bar.enable_steady_tick(Duration::from_millis(100));
        }
        progress
    }

    /// `bytes` more are done.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Says what is going on.
    pub fn message(&self, text: &str) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text.to_owned());
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn new(shown: bool, total: Option<u64>, template: &str) -> Self {
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        let style = ProgressStyle::with_template(template);
        Progress { bar: bar.with_style(style.expect("templates are constants and tested")) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn shown(quiet: bool, terminal: bool) -> bool {
    terminal && !quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unquiet_terminals_show_progress() {
        assert!(shown(false, true));
        assert!(!shown(true, true) && !shown(false, false) && !shown(true, false));
    }

    #[test]
    fn bars_are_shared_between_threads() {
        for progress in
            [Progress::bytes(true, Some(10)), Progress::bytes(true, None), Progress::spinner(true)]
        {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| progress.advance(5));
                }
            });
            progress.message("round 3");
            assert_eq!(progress.bar.position(), 10);
            assert!(progress.bar.is_hidden());
            progress.finish();
        }
    }
}
