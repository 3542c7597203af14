//! What the client says of itself: kept until the feed's own thread says it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// The most remarks that wait; later ones of the same outage are much alike.
const MOST: usize = 64;

/// One thing that was said.
pub(super) struct Remark {
    /// What it is about: the same of all that differ in times and numbers alone.
    pub(super) about: String,
    /// In words.
    pub(super) text: String,
}

/// Remarks that nobody has heard yet.
#[derive(Default)]
pub(super) struct Remarks(Mutex<Vec<Remark>>);

impl Remarks {
    fn waiting(&self) -> MutexGuard<'_, Vec<Remark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was said since this was asked last.
    pub(super) fn take(&self) -> Vec<Remark> {
        std::mem::take(&mut *self.waiting())
    }
}

impl ClientContext for Remarks {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST {
            waiting.push(Remark { about: facility.into(), text: text.into() });
        }
    }

    /// What matters comes while polling, and what it is about as a line of the log.
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Remarks {}
