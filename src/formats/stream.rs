//! A file as a stream of chunks that end where the format allows it.

use super::ReadError;
use super::files::{self, Files};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest line, record or unit, in bytes: what a chunk may grow to.
const LONGEST: usize = 1 << 30;

/// Where a chunk may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// After a line.
    Lines,
    /// After a line that is not inside double quotes.
    Records,
    /// After a whole number of units of so many bytes.
    Units(usize),
}

/// Neighbouring bytes of a file.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    /// The number of the first line, from 1, counting only line feeds.
    pub line: u64,
    /// How many bytes of the decompressed file come before.
    pub offset: u64,
    /// How many stored bytes were taken in since the chunk before.
    pub taken: u64,
}

/// The end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// How many bytes the decompressed file has.
    pub bytes: u64,
    /// The number of the line after the last line feed.
    pub line: u64,
    /// How many stored bytes were taken in since the last chunk.
    pub taken: u64,
}

/// A file being read from its start to its end.
pub(super) struct Stream {
    pub name: Arc<str>,
    pub size: Option<u64>,
    read: Box<dyn Read + Send>,
    action: &'static str,
    taken: Arc<AtomicU64>,
    told: u64,
    buffer: Vec<u8>,
    line: u64,
    offset: u64,
    ended: bool,
    failure: Option<ReadError>,
}

impl Stream {
    /// Opens a file and looks through its compression.
    pub fn open(files: &dyn Files, path: &Path) -> Result<Self, ReadError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let opened = files::open(files, path, &name)?;
        Ok(Stream {
            name,
            size: opened.size,
            read: opened.read,
            action: if opened.compressed { "decompress" } else { "read" },
            taken: opened.taken,
            told: 0,
            buffer: Vec::new(),
            line: 1,
            offset: 0,
            ended: false,
            failure: None,
        })
    }

    /// Where everything handed out ends.
    pub fn position(&self) -> End {
        let taken = self.taken.load(Ordering::Relaxed) - self.told;
        End { bytes: self.offset, line: self.line, taken }
    }

    /// The next bytes without taking them: `count`, or fewer at the end of the file.
    pub fn peek(&mut self, count: usize) -> &[u8] {
        self.fill(count);
        self.buffer.get(..count).unwrap_or(&self.buffer)
    }

    /// Passes over a UTF-8 byte order mark.
    pub fn skip_mark(&mut self) {
        if self.peek(3) == b"\xef\xbb\xbf" {
            self.take(3);
            self.line = 1;
        }
    }

    /// The first line or record, or nothing at the end of the file.
    pub fn first(&mut self, cut: Cut) -> Result<Option<Chunk>, ReadError> {
        self.grow(1 << 12, |bytes| match cut {
            Cut::Lines => memchr::memchr(b'\n', bytes).map(|end| end + 1),
            Cut::Records => record_ends(bytes).next(),
            Cut::Units(unit) => (bytes.len() >= unit).then_some(unit),
        })
    }

    /// About `size` bytes up to a cut, or nothing at the end of the file.
    pub fn chunk(&mut self, size: usize, cut: Cut) -> Result<Option<Chunk>, ReadError> {
        let size = match cut {
            Cut::Units(unit) => (size / unit.max(1)).max(1).saturating_mul(unit.max(1)),
            Cut::Lines | Cut::Records => size,
        };
        let chunk = self.grow(size, |bytes| match cut {
            Cut::Lines => memchr::memrchr(b'\n', bytes).map(|end| end + 1),
            Cut::Records if memchr::memchr(b'"', bytes).is_some() => record_ends(bytes).last(),
            Cut::Records => memchr::memrchr(b'\n', bytes).map(|end| end + 1),
            Cut::Units(unit) => {
                Some(bytes.len() / unit.max(1) * unit.max(1)).filter(|&end| end > 0)
            }
        })?;
        let taken = self.taken.load(Ordering::Relaxed);
        let since = taken - std::mem::replace(&mut self.told, taken);
        Ok(chunk.map(|chunk| Chunk { taken: since, ..chunk }))
    }

    /// Reads on until `end` finds where to cut; at the end of the file the rest is handed out,
    /// and before a failure only what is complete.
    fn grow(
        &mut self,
        mut size: usize,
        end: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<Chunk>, ReadError> {
        let longest = LONGEST.max(size);
        loop {
            self.fill(size);
            let all = self.buffer.len() <= size;
            if let Some(end) = end(self.buffer.get(..size).unwrap_or(&self.buffer)) {
                return Ok(Some(self.take(end)));
            }
            if all && let Some(failure) = self.failure.take() {
                self.buffer.clear();
                return Err(failure);
            }
            if all && self.ended {
                let rest = self.buffer.len();
                return Ok((rest > 0).then(|| self.take(rest)));
            }
            if size >= longest {
                let expected = format!("a line of at most {LONGEST} bytes");
                let place = (self.line, 1);
                return Err(ReadError::content(&self.name, place, expected, "a longer one"));
            }
            size = size.saturating_mul(2);
        }
    }

    /// Reads until the buffer has `size` bytes, the file ends, or reading fails.
    fn fill(&mut self, size: usize) {
        if self.ended || self.buffer.len() >= size {
            return;
        }
        let missing = size - self.buffer.len();
        // More than this is only believed once it has been read.
        self.buffer.reserve(missing.min(1 << 20));
        match (&mut self.read).take(missing as u64).read_to_end(&mut self.buffer) {
            Ok(_) => self.ended = self.buffer.len() < size,
            Err(reason) => {
                self.ended = true;
                self.failure = Some(ReadError::io(&self.name, self.action, reason));
            }
        }
    }

    fn take(&mut self, count: usize) -> Chunk {
        let rest = self.buffer.split_off(count);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let chunk = Chunk { line: self.line, offset: self.offset, taken: 0, bytes };
        self.line += memchr::memchr_iter(b'\n', &chunk.bytes).count() as u64;
        self.offset += chunk.bytes.len() as u64;
        chunk
    }
}

/// Where records end: after each line feed with an even number of double quotes before it.
fn record_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    memchr::memchr2_iter(b'"', b'\n', bytes).filter_map(move |at| {
        if bytes.get(at) == Some(&b'"') {
            quoted = !quoted;
            return None;
        }
        (!quoted).then_some(at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::super::files::Memory;
    use super::*;

    fn chunks(bytes: &[u8], size: usize, cut: Cut) -> Vec<(u64, u64, Vec<u8>)> {
        let files = [("x", bytes)];
        let mut stream = Stream::open(&Memory(&files), Path::new("x")).unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.chunk(size, cut).unwrap() {
            chunks.push((chunk.line, chunk.offset, chunk.bytes));
        }
        chunks
    }

    #[test]
    fn chunks_end_after_lines() {
        let text = b"one\ntwo\r\n\nlonger than a chunk\nlast";
        for size in 1..40 {
            let chunks = chunks(text, size, Cut::Lines);
            let mut all = Vec::new();
            for (line, offset, bytes) in chunks {
                assert_eq!(offset, all.len() as u64);
                assert_eq!(line, 1 + all.iter().filter(|&&b| b == b'\n').count() as u64);
                all.extend_from_slice(&bytes);
                assert!(bytes.ends_with(b"\n") || all.len() == text.len());
            }
            assert_eq!(all, text);
        }
    }

    #[test]
    fn chunks_do_not_end_inside_quotes() {
        let text = b"\"a\nb\",c\nd,\"\"\"\n\"\ne,f\n";
        for size in 1..30 {
            let ends = chunks(text, size, Cut::Records)
                .into_iter()
                .map(|(_, offset, bytes)| offset as usize + bytes.len());
            assert!(ends.into_iter().all(|end| [8, 16, 20].contains(&end)));
        }
    }

    #[test]
    fn units_stay_whole() {
        let lengths: Vec<_> =
            chunks(&[7; 20], 7, Cut::Units(3)).iter().map(|chunk| chunk.2.len()).collect();
        assert_eq!(lengths, [6, 6, 6, 2]);
    }
}
