//! Lines that wait between a source and their understanding: so many, and so many bytes.

use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::FeedError;
use super::line::Line;

/// A line, or why there are no more.
type Heard = Result<Line, FeedError>;

/// The end of the queue where lines come in; clones feed the same queue.
#[derive(Clone)]
pub(super) struct Sender {
    to: SyncSender<Heard>,
    room: Arc<Room>,
}

/// The end of the queue where lines come out.
pub(super) struct Receiver {
    from: mpsc::Receiver<Heard>,
    room: Arc<Room>,
}

/// What the waiting lines may take.
struct Room {
    most: usize,
    /// Bytes that wait; nothing once nobody takes them out any more.
    waiting: Mutex<Option<usize>>,
    freed: Condvar,
}

/// A queue of at most so many lines that have so many bytes together; one line always fits.
pub(super) fn queue(lines: usize, bytes: usize) -> (Sender, Receiver) {
    let (to, from) = mpsc::sync_channel(lines);
    let room = Room { most: bytes, waiting: Mutex::new(Some(0)), freed: Condvar::new() };
    let room = Arc::new(room);
    (Sender { to, room: Arc::clone(&room) }, Receiver { from, room })
}

impl Sender {
    /// Waits for room, which is what slows a source down; false if nobody listens any more.
    pub(super) fn send(&self, line: Line) -> bool {
        self.room.take(line.text.len()) && self.to.send(Ok(line)).is_ok()
    }

    /// Tells why there are no more lines.
    pub(super) fn fail(&self, error: FeedError) {
        // Nobody listens any more only if the feed is over.
        let _ = self.to.send(Err(error));
    }
}

impl Receiver {
    /// The next line, as from [`mpsc::Receiver::recv_timeout`].
    pub(super) fn recv_timeout(&self, patience: Duration) -> Result<Heard, RecvTimeoutError> {
        let heard = self.from.recv_timeout(patience)?;
        if let Ok(line) = &heard {
            self.room.free(line.text.len());
        }
        Ok(heard)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        *self.room.waiting() = None;
        self.room.freed.notify_all();
    }
}

impl Room {
    fn waiting(&self) -> MutexGuard<'_, Option<usize>> {
        // A count is right whatever happened to who held it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: usize) -> bool {
        let full = |waiting: &mut Option<usize>| {
            waiting.is_some_and(|waiting| waiting > 0 && waiting + bytes > self.most)
        };
        let waited = self.freed.wait_while(self.waiting(), full);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.map(|waiting| waiting + bytes);
        waiting.is_some()
    }

    fn free(&self, bytes: usize) {
        let mut waiting = self.waiting();
        *waiting = waiting.map(|waiting| waiting - bytes);
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Instant;

    use super::super::line::Place;
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn line(bytes: usize) -> Line {
        let place = Place { source: "feed".into(), line: 1, end: 0, sum: 0 };
        Line { place, text: vec![b'x'; bytes] }
    }

    #[test]
    fn bytes_that_wait_are_bounded() {
        let (to, from) = queue(1024, 50);
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let sender = thread::spawn(move || {
            while to.send(line(10)) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        for taken in 0..100 {
            let start = Instant::now();
            while sent.load(Ordering::SeqCst) < taken + 5 {
                assert!(start.elapsed() < SOON, "a line that fits was held up");
                thread::yield_now();
            }
            assert_eq!(sent.load(Ordering::SeqCst), taken + 5);
            assert!(from.recv_timeout(SOON).is_ok());
        }
        drop(from);
        sender.join().expect("it hears that nobody listens");
    }

    #[test]
    fn a_line_larger_than_the_queue_passes_alone() {
        let (to, from) = queue(4, 50);
        assert!(to.send(line(1000)));
        assert!(from.recv_timeout(SOON).is_ok());
        assert!(to.send(line(0)) && to.send(line(50)));
    }
}
