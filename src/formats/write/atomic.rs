//! A file that is replaced as a whole or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Fills a new file beside `path`, compressed as the name asks, and puts it in its place.
pub(super) fn replace(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As other programs create files: what the process's mask leaves of these.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let new = builder.prefix(".strads-").tempfile_in(directory)?;
    compressed(new.as_file(), path, fill)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    // The new name lasts only once its directory is on disk.
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

fn compressed(
    file: &File,
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = BufWriter::with_capacity(1 << 16, file);
    match path.extension().and_then(OsStr::to_str) {
        Some("gz") => {
            let mut to = flate2::write::GzEncoder::new(buffer, flate2::Compression::default());
            buffered(&mut to, fill)?;
            to.finish()?.flush()
        }
        Some("zst") => {
            let mut to = zstd::stream::write::Encoder::new(buffer, 0)?;
            buffered(&mut to, fill)?;
            to.finish()?.flush()
        }
        _ => {
            fill(&mut buffer)?;
            buffer.flush()
        }
    }
}

/// Compressors take few large pieces better than many small ones.
fn buffered(
    to: &mut impl Write,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = BufWriter::with_capacity(1 << 16, to);
    fill(&mut buffer)?;
    buffer.flush()
}
