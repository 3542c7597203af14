//! Chunks parsed in parallel, their results handed back in order.

use super::files::Files;
use super::options::Kept;
use super::stream::{Chunk, Cut, End, Stream};
use super::{Progress, ReadError, ReadOptions};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many chunks wait at each parser, on either side of it.
const QUEUE: usize = 2;

/// The most rows, and the most columns, a table may have: all but the last 32-bit number.
pub(super) const MOST: usize = u32::MAX as usize - 1;

/// What a reader is given.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub files: &'a dyn Files,
    pub options: &'a ReadOptions,
    pub progress: &'a dyn Progress,
    /// About how many bytes a chunk has.
    pub chunk: usize,
    /// The most rows, and the most columns.
    pub most: usize,
}

/// What an empty column takes at most while it is built and afterwards.
type EmptyColumn = [u64; 6];

impl Job<'_> {
    pub fn kept(&self) -> Kept {
        Kept::new(self.options)
    }

    /// Fails if the kept ones of so many columns could not be held even if they were empty: one
    /// index in a sparse file can ask for any number of columns.
    pub fn check_memory(&self, name: &str, columns: usize) -> Result<(), ReadError> {
        let Kept { layout, shards, .. } = self.kept();
        let count: usize = shards.map(|shard| layout.count(shard, columns)).sum();
        let mut probe = Vec::<EmptyColumn>::new();
        let outcome = probe.try_reserve_exact(count);
        // A space that nobody looks at might never be asked for.
        std::hint::black_box(&probe);
        outcome.map_err(|_| {
            let reason = format!("no memory for {count} columns");
            ReadError::io(name, "read", io::Error::new(io::ErrorKind::OutOfMemory, reason))
        })
    }
}

/// A chunk and what was made of it up to an error.
struct Parsed<P> {
    chunk: Chunk,
    made: P,
    outcome: Result<(), ReadError>,
}

/// What goes from the reader to a parser.
enum Input {
    Chunk(Chunk),
    End(Result<End, ReadError>),
}

/// What goes from a parser to the caller.
enum Output<P> {
    Parsed(Parsed<P>),
    End(Result<End, ReadError>),
}

/// Reads the rest of a stream: one thread reads chunks, `threads` parse them, and the calling
/// thread consumes the results in the order of the file.
///
/// Chunk i goes to parser i modulo their number, so order needs no sorting and the queues bound
/// the memory. What was made of a chunk before an error is consumed before the error counts, so
/// that the earliest error is the one reported whatever the chunks.
pub(super) fn in_order<P: Default + Send>(
    job: &Job,
    stream: Stream,
    cut: Cut,
    parse: impl Fn(&Chunk, &mut P) -> Result<(), ReadError> + Sync,
    mut consume: impl FnMut(P, &Chunk) -> Result<(), ReadError>,
) -> Result<End, ReadError> {
    let name = stream.name.clone();
    let failed = |reason| ReadError::io(&name, "read with threads", reason);
    let threads = job.options.threads.max(1);
    let (inputs, sources): (Vec<_>, Vec<_>) = (0..threads).map(|_| sync_channel(QUEUE)).unzip();
    thread::scope(|scope| {
        let mut results = Vec::with_capacity(threads);
        for source in sources {
            let (sender, receiver) = sync_channel(QUEUE);
            results.push(receiver);
            let parse = &parse;
            thread::Builder::new()
                .name("parse".into())
                .spawn_scoped(scope, move || parse_all(&source, &sender, parse))
                .map_err(failed)?;
        }
        // The reader is not awaited: after an error it may be stuck in a read from a terminal.
        let size = job.chunk;
        thread::Builder::new()
            .name("read".into())
            .spawn(move || read_all(stream, size, cut, &inputs))
            .map_err(failed)?;
        for result in results.iter().cycle() {
            match result.recv() {
                Ok(Output::Parsed(Parsed { chunk, made, outcome })) => {
                    consume(made, &chunk)?;
                    outcome?;
                    job.progress.advance(chunk.taken);
                }
                Ok(Output::End(end)) => {
                    let end = end?;
                    job.progress.advance(end.taken);
                    return Ok(end);
                }
                Err(_) => break,
            }
        }
        Err(failed(io::Error::other("a thread ended early")))
    })
}

fn read_all(mut stream: Stream, size: usize, cut: Cut, parsers: &[SyncSender<Input>]) {
    for parser in parsers.iter().cycle() {
        let input = match stream.chunk(size, cut) {
            Ok(Some(chunk)) => Input::Chunk(chunk),
            Ok(None) => Input::End(Ok(stream.position())),
            Err(error) => Input::End(Err(error)),
        };
        let ended = matches!(input, Input::End(_));
        // A parser that is gone means that the caller has given up.
        if parser.send(input).is_err() || ended {
            return;
        }
    }
}

fn parse_all<P: Default>(
    inputs: &Receiver<Input>,
    outputs: &SyncSender<Output<P>>,
    parse: &impl Fn(&Chunk, &mut P) -> Result<(), ReadError>,
) {
    for input in inputs {
        let output = match input {
            Input::Chunk(chunk) => {
                let mut made = P::default();
                let outcome = parse(&chunk, &mut made);
                Output::Parsed(Parsed { chunk, made, outcome })
            }
            Input::End(end) => Output::End(end),
        };
        if outputs.send(output).is_err() {
            return;
        }
    }
}

/// Reads the rest of a stream on the calling thread.
pub(super) fn one_by_one(
    job: &Job,
    stream: &mut Stream,
    cut: Cut,
    mut parse: impl FnMut(&Chunk) -> Result<(), ReadError>,
) -> Result<End, ReadError> {
    while let Some(chunk) = stream.chunk(job.chunk, cut)? {
        parse(&chunk)?;
    }
    Ok(stream.position())
}
