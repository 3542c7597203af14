//! A feed: its source, its queue, its epochs.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, mpsc};
use std::thread::{self, Thread};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::cutting::Cutting;
use super::epochs::{Closing, Epoch, Filling};
use super::error::FeedError;
#[cfg(feature = "kafka")]
use super::kafka;
use super::line::Position;
use super::lines::{LONGEST, Lines};
use super::queue::{self, Sender};
use super::{follow, listen};

/// Lines that wait between a source and their understanding, and their bytes.
const QUEUE: usize = 1024;
const QUEUE_BYTES: usize = LONGEST;

/// Where lines come from.
#[derive(Debug)]
pub enum Source {
    /// A file, and what is appended to it; the feed never ends by itself.
    Follow(PathBuf),
    /// A file, to its end.
    File(PathBuf),
    /// Standard input, to its end.
    Stdin,
    /// Whoever connects; the feed never ends by itself. With a secret each client's first line must
    /// be `{"op":"auth","secret":"…"}`.
    Listen {
        /// The bound port.
        listener: TcpListener,
        /// What clients must say.
        secret: Option<Vec<u8>>,
    },
    /// A partition of a Kafka topic; the feed never ends by itself.
    #[cfg(feature = "kafka")]
    Kafka(kafka::Partition),
}

impl Source {
    /// How far it has been read, in words.
    pub fn reached(&self, position: &Position) -> String {
        match self {
            #[cfg(feature = "kafka")]
            Source::Kafka(_) => format!("offset {}", position.end),
            _ => format!("line {}, byte {}", position.line, position.end),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Follow(path) | Source::File(path) => write!(f, "{}", path.display()),
            Source::Stdin => f.write_str("-"),
            Source::Listen { listener, .. } => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("a port"),
            },
            #[cfg(feature = "kafka")]
            Source::Kafka(partition) => partition.fmt(f),
        }
    }
}

/// How a feed is read.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `every` | none | close an epoch this long after its first change | > 0 |
/// | `changes` | none | close an epoch of so many changes | > 0 |
/// | `max_pending` | 1,000,000 | the most changes of an epoch: it closes when it has as many, or lines of 256 MiB; at most two epochs wait in memory | > 0 |
/// | `strict` | false | a bad line ends the feed, instead of being reported and skipped | |
/// | `from` | the beginning | where to go on: a file is read from there; of other sources that is how far they have come | of an [`Epoch`] of this source |
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Close an epoch this long after its first change.
    pub every: Option<Duration>,
    /// Close an epoch of so many changes.
    pub changes: Option<usize>,
    /// The most changes of an epoch. One is filled while another waits for the model.
    pub max_pending: usize,
    /// Whether a bad line ends the feed.
    pub strict: bool,
    /// How far the source has been read before.
    pub from: Position,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            every: None,
            changes: None,
            max_pending: 1_000_000,
            strict: false,
            from: Position::default(),
        }
    }
}

/// Epochs of changes, as they come. Dropping it ends its threads, at their next line at the latest.
#[derive(Debug)]
pub struct Feed<P, D> {
    epochs: Receiver<Result<Epoch<P, D>, FeedError>>,
    stop: Arc<AtomicBool>,
}

/// What a feed has for its reader at the moment.
#[derive(Debug)]
pub enum Next<P, D> {
    /// An epoch.
    Epoch(Epoch<P, D>),
    /// Nothing yet.
    Wait,
    /// Nothing ever again.
    End,
}

impl<P, D> Feed<P, D>
where
    P: DeserializeOwned + Send + 'static,
    D: DeserializeOwned + Send + 'static,
{
    /// Starts reading. `wake` is unparked whenever there is something new; `note` hears, in one
    /// line each, of lines that are skipped and of what happens to the source.
    ///
    /// # Errors
    /// If options are out of range, the source cannot be opened or is not the one that was read
    /// before, or there is no thread.
    pub fn start(
        source: Source,
        options: Options,
        wake: Thread,
        note: impl Fn(String) + Clone + Send + Sync + 'static,
    ) -> Result<Feed<P, D>, FeedError> {
        options.check().map_err(FeedError::Usage)?;
        let name = source.to_string();
        let failed = |error| FeedError::Source { name: name.clone(), error };
        // A file that is not there is told at once, and by name.
        if let Source::File(path) | Source::Follow(path) = &source {
            let file = File::open(path).map_err(failed)?;
            if !follow::begins(&file, &options.from).map_err(failed)? {
                let bytes = options.from.end;
                let why = format!("expected the {bytes} bytes that were read before, found others");
                return Err(FeedError::Other { name, why });
            }
        }
        #[cfg(feature = "kafka")]
        if let Source::Kafka(partition) = &source {
            partition.begin(&options.from, &note)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (to_lines, lines) = queue::queue(QUEUE, QUEUE_BYTES);
        let (to_epochs, epochs) = mpsc::sync_channel(1);
        let many = matches!(source, Source::Listen { .. });
        let (stopped, from) = (Arc::clone(&stop), options.from);
        let reading = Reading { name: name.clone(), from, stop: stopped, to: to_lines };
        let heard = note.clone();
        let reader = thread::Builder::new().name("strads:feed".into());
        reader.spawn(move || reading.run(source, heard)).map_err(failed)?;
        let filling = Filling::new(options.closing(), options.from);
        let stopped = Arc::clone(&stop);
        let cutting = Cutting { lines, to: to_epochs, filling, many, wake, stop: stopped };
        let cutter = thread::Builder::new().name("strads:epochs".into());
        cutter.spawn(move || cutting.run(options.strict, note)).map_err(failed)?;
        Ok(Feed { epochs, stop })
    }

    /// What there is at the moment.
    ///
    /// # Errors
    /// Why the feed ended before its time.
    pub fn poll(&self) -> Result<Next<P, D>, FeedError> {
        match self.epochs.try_recv() {
            Ok(Ok(epoch)) => Ok(Next::Epoch(epoch)),
            Ok(Err(error)) => Err(error),
            Err(TryRecvError::Empty) => Ok(Next::Wait),
            Err(TryRecvError::Disconnected) => Ok(Next::End),
        }
    }

    /// Ends a feed that would go on for ever: what has been read becomes a last epoch.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl<P, D> Drop for Feed<P, D> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Options {
    fn check(&self) -> Result<(), String> {
        let zero = |what: &str| Err(format!("{what}: expected more than 0"));
        match self {
            Options { every: Some(Duration::ZERO), .. } => zero("time between epochs"),
            Options { changes: Some(0), .. } => zero("changes of an epoch"),
            Options { max_pending: 0, .. } => zero("pending changes"),
            _ => Ok(()),
        }
    }

    fn closing(&self) -> Closing {
        Closing { every: self.every, changes: self.changes, most: self.max_pending }
    }
}

/// The thread that reads the source.
struct Reading {
    name: String,
    from: Position,
    stop: Arc<AtomicBool>,
    to: Sender,
}

impl Reading {
    fn run(self, source: Source, note: impl Fn(String) + Send + Sync + 'static) {
        let Reading { name, from, stop, to } = self;
        let lines = Lines::at(name.as_str().into(), from);
        let (queue, stopped) = (to.clone(), move || stop.load(Ordering::Relaxed));
        let give = move |line| queue.send(line);
        let failed = |error| FeedError::Source { name, error };
        let done = match source {
            Source::Follow(path) => {
                follow::for_ever(&path, lines, note, give, stopped).map_err(failed)
            }
            Source::File(path) => follow::open(&path, &lines)
                .and_then(|file| follow::to_the_end(file, lines, give))
                .map_err(failed),
            Source::Stdin => follow::to_the_end(io::stdin().lock(), lines, give).map_err(failed),
            Source::Listen { listener, secret } => {
                listen::serve(listener, secret, note, give, stopped).map_err(failed)
            }
            #[cfg(feature = "kafka")]
            Source::Kafka(partition) => partition.read(from, note, give, stopped),
        };
        if let Err(error) = done {
            to.fail(error);
        }
    }
}
