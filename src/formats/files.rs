//! Where bytes come from: the disk, standard input, or memory.

use super::ReadError;
use super::format::split_compression;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of a file as they are stored, and how many there are, if that is known.
pub(super) struct Opened {
    pub read: Box<dyn Read + Send>,
    pub size: Option<u64>,
}

/// Something that has files.
pub(super) trait Files: Sync {
    /// Opens a file for reading from its start.
    fn open(&self, path: &Path) -> io::Result<Opened>;

    /// Whether there is such a file.
    fn exists(&self, path: &Path) -> bool;
}

/// The file system; `-` is standard input.
pub(super) struct Disk;

impl Files for Disk {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        if path == Path::new("-") {
            return Ok(Opened { read: Box::new(io::stdin()), size: None });
        }
        let file = File::open(path)?;
        let data = file.metadata()?;
        Ok(Opened { read: Box::new(file), size: data.is_file().then_some(data.len()) })
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

/// Decompressed bytes, and a count of the stored bytes taken so far.
pub(super) struct Decompressed {
    pub read: Box<dyn Read + Send>,
    pub taken: Arc<AtomicU64>,
    pub size: Option<u64>,
    pub compressed: bool,
}

/// Opens a file through the decompressor its first bytes ask for.
pub(super) fn open(files: &dyn Files, path: &Path, name: &str) -> Result<Decompressed, ReadError> {
    let Opened { mut read, size } =
        files.open(path).map_err(|reason| ReadError::io(name, "open", reason))?;
    let mut magic = Vec::with_capacity(4);
    (&mut read)
        .take(4)
        .read_to_end(&mut magic)
        .map_err(|reason| ReadError::io(name, "read", reason))?;
    let (gzip, zstandard) = (magic.starts_with(&[0x1f, 0x8b]), magic == [0x28, 0xb5, 0x2f, 0xfd]);
    let wanted = match split_compression(path).1 {
        ".gz" if !gzip => Some("gzip data"),
        ".zst" if !zstandard => Some("zstandard data"),
        _ => None,
    };
    if let Some(wanted) = wanted {
        return Err(ReadError::content(name, (1, 1), wanted, "something else"));
    }
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Counted { read: io::Cursor::new(magic).chain(read), taken: taken.clone() };
    let read: Box<dyn Read + Send> = if gzip {
        Box::new(flate2::bufread::MultiGzDecoder::new(buffered(counted)))
    } else if zstandard {
        let decoder = zstd::stream::read::Decoder::with_buffer(buffered(counted))
            .map_err(|reason| ReadError::io(name, "decompress", reason))?;
        Box::new(decoder)
    } else {
        Box::new(counted)
    };
    Ok(Decompressed { read, taken, size, compressed: gzip || zstandard })
}

fn buffered<R: Read>(read: R) -> BufReader<R> {
    BufReader::with_capacity(1 << 17, read)
}

/// Counts the bytes that go through it.
struct Counted<R> {
    read: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Files in memory, by name.
pub(super) struct Memory<'a>(pub &'a [(&'a str, &'a [u8])]);

impl Memory<'_> {
    fn find(&self, path: &Path) -> Option<&[u8]> {
        self.0.iter().find(|(name, _)| Path::new(name) == path).map(|&(_, bytes)| bytes)
    }
}

impl Files for Memory<'_> {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let bytes = self.find(path).ok_or(io::ErrorKind::NotFound)?.to_vec();
        let size = Some(bytes.len() as u64);
        Ok(Opened { read: Box::new(io::Cursor::new(bytes)), size })
    }

    fn exists(&self, path: &Path) -> bool {
        self.find(path).is_some()
    }
}
