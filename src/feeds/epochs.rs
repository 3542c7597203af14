//! Changes become epochs.

use std::time::{Duration, Instant};

use super::line::{Change, Place, Position};

/// One consistent batch of changes, in the order they came.
#[derive(Clone, Debug)]
pub struct Epoch<P, D> {
    /// The changes, with their places.
    pub changes: Vec<(Place, Change<P, D>)>,
    /// Lines that were skipped since the epoch before.
    pub skipped: u64,
    /// How far the feed has been read.
    pub position: Position,
}

/// When epochs close, besides `commit` lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub(super) every: Option<Duration>,
    pub(super) changes: Option<usize>,
    pub(super) most: usize,
}

/// The most bytes of the lines of an epoch, however few changes they are.
const MOST_BYTES: usize = 256 << 20;

/// What reading a line says of where the feed is.
pub(super) enum Read {
    /// One source: here.
    To(Position),
    /// Any of several sources: so many bytes further.
    Bytes(u64),
}

/// The epoch that is being filled.
pub(super) struct Filling<P, D> {
    epoch: Epoch<P, D>,
    /// Bytes of its lines.
    bytes: usize,
    /// When its first change came.
    began: Option<Instant>,
    closing: Closing,
}

impl<P, D> Filling<P, D> {
    /// Nothing yet, of a feed that has been read up to here.
    pub(super) fn new(closing: Closing, position: Position) -> Self {
        let epoch = Epoch { changes: Vec::new(), skipped: 0, position };
        Filling { epoch, bytes: 0, began: None, closing }
    }

    /// Adds a change whose line had so many bytes.
    pub(super) fn add(&mut self, place: Place, bytes: usize, change: Change<P, D>, now: Instant) {
        self.bytes += bytes;
        self.began.get_or_insert(now);
        self.epoch.changes.push((place, change));
    }

    /// Notes that a line was read: the feed has come to this position, or so many bytes further.
    pub(super) fn read(&mut self, to: Read) {
        let position = &mut self.epoch.position;
        match to {
            Read::To(place) => *position = place,
            Read::Bytes(count) => {
                position.line += 1;
                position.end += count;
            }
        }
    }

    /// Counts a line that was skipped.
    pub(super) fn skip(&mut self) {
        self.epoch.skipped += 1;
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.epoch.changes.is_empty()
    }

    /// Whether no more changes fit.
    pub(super) fn is_full(&self) -> bool {
        self.epoch.changes.len() >= self.closing.most || self.bytes >= MOST_BYTES
    }

    /// Whether the epoch is to close by count or time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let by_count = self.closing.changes.is_some_and(|n| self.epoch.changes.len() >= n);
        by_count || self.left(now) == Some(Duration::ZERO)
    }

    /// How long until the epoch closes by time.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let (began, every) = (self.began?, self.closing.every?);
        Some((began + every).saturating_duration_since(now))
    }

    /// Bytes of the lines.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the first change came.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Goes on with an epoch that was closed too early.
    pub(super) fn reopen(&mut self, epoch: Epoch<P, D>, bytes: usize, began: Option<Instant>) {
        (self.epoch, self.bytes, self.began) = (epoch, bytes, began);
    }

    /// The epoch, whole; the next one begins.
    pub(super) fn close(&mut self) -> Epoch<P, D> {
        (self.began, self.bytes) = (None, 0);
        let position = self.epoch.position;
        std::mem::replace(&mut self.epoch, Epoch { changes: Vec::new(), skipped: 0, position })
    }
}
