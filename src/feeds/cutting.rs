//! The thread that makes epochs of lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::epochs::{Epoch, Filling, Read};
use super::error::FeedError;
use super::line::{self, Line, Said};
use super::queue::Receiver;

/// How often an epoch that is due is offered to a model that is still busy.
const OFFER: Duration = Duration::from_millis(2);

/// How often to look whether the feed is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Takes lines, gives epochs.
pub(super) struct Cutting<P, D> {
    pub(super) lines: Receiver,
    pub(super) to: SyncSender<Result<Epoch<P, D>, FeedError>>,
    pub(super) filling: Filling<P, D>,
    /// Whether lines are those of several sources.
    pub(super) many: bool,
    /// Who reads the epochs.
    pub(super) wake: Thread,
    pub(super) stop: Arc<AtomicBool>,
}

/// Whether the feed goes on.
type Going = bool;

impl<P: DeserializeOwned, D: DeserializeOwned> Cutting<P, D> {
    /// Runs until the source has ended, the feed is stopped or nobody reads it any more.
    pub(super) fn run(mut self, strict: bool, note: impl Fn(String)) {
        let mut going = true;
        while going {
            going = match self.lines.recv_timeout(self.patience()) {
                Ok(line) => self.hear(line, strict, &note),
                Err(RecvTimeoutError::Timeout) => !self.stop.load(Ordering::Relaxed),
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if self.filling.is_due(Instant::now()) {
                going &= self.offer();
            }
        }
        if !self.filling.is_empty() {
            self.hand_over();
        }
        let Cutting { to, wake, .. } = self;
        // Its reader wakes up and finds the end.
        drop(to);
        wake.unpark();
    }

    /// How long to wait for a line.
    fn patience(&self) -> Duration {
        self.filling.left(Instant::now()).map_or(LOOK, |left| left.clamp(OFFER, LOOK))
    }

    fn hear(
        &mut self,
        line: Result<Line, FeedError>,
        strict: bool,
        note: &impl Fn(String),
    ) -> Going {
        let line = match line {
            Ok(line) => line,
            Err(error) => return self.fail(error),
        };
        self.filling.read(match self.many {
            true => Read::Bytes(line.text.len() as u64 + 1),
            false => Read::To(line.place.position()),
        });
        match line::read(&line) {
            Ok(Said::Change(change)) => {
                self.filling.add(line.place, line.text.len(), change, Instant::now());
            }
            Ok(Said::Commit) => return self.hand_over(),
            Ok(Said::Nothing) => {}
            Err(bad) if strict => return self.fail(FeedError::Line(bad)),
            Err(bad) => {
                self.filling.skip();
                note(format!("{bad}; skipped"));
            }
        }
        !self.filling.is_full() || self.hand_over()
    }

    /// Hands the epoch over when there is room for it: a busy model holds up the feed.
    fn hand_over(&mut self) -> Going {
        let epoch = self.filling.close();
        let sent = self.to.send(Ok(epoch)).is_ok();
        self.wake.unpark();
        sent
    }

    /// Hands the epoch over if there is room; while the model is busy, it grows instead.
    fn offer(&mut self) -> Going {
        let (bytes, began) = (self.filling.bytes(), self.filling.began());
        let sent = self.to.try_send(Ok(self.filling.close()));
        self.wake.unpark();
        match sent {
            Err(TrySendError::Full(Ok(epoch))) => self.filling.reopen(epoch, bytes, began),
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(Err(_))) | Ok(()) => {}
        }
        true
    }

    /// Nothing of an epoch that was not complete when the feed failed is given.
    fn fail(&mut self, error: FeedError) -> Going {
        self.filling.close();
        // Whoever does not listen any more does not need to know.
        let _ = self.to.send(Err(error));
        self.wake.unpark();
        false
    }
}
