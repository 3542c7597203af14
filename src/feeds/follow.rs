//! Sources that are read from one end to the other, and files that grow.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::line::{Line, Position};
use super::lines::Lines;

/// How often a file is looked at for growth.
const POLL: Duration = Duration::from_millis(50);

const BUFFER: usize = 1 << 16;

/// Whether a file begins with what was read of it before.
pub(super) fn begins(mut file: &File, position: &Position) -> io::Result<bool> {
    let (mut left, mut sum) = (position.end, crc32fast::Hasher::new());
    let mut buffer = vec![0; BUFFER];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok(false),
            Ok(read) => {
                sum.update(&buffer[..read]);
                left -= read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum.finalize() == position.sum)
}

/// Opens a file where its next lines are.
pub(super) fn open(path: &Path, lines: &Lines) -> io::Result<File> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(lines.end_of_last()))?;
    Ok(file)
}

/// Reads a source to its end.
pub(super) fn to_the_end(
    mut from: impl Read,
    mut lines: Lines,
    mut give: impl FnMut(Line) -> bool,
) -> io::Result<()> {
    if pump(&mut from, &mut lines, &mut give)? {
        lines.end(give);
    }
    Ok(())
}

/// Reads a file and whatever is appended to it, until `give` returns false. A file that was
/// truncated is read from its beginning; one that was replaced by another of its name is read to
/// its end, and then the other. `note` hears of both.
pub(super) fn for_ever(
    path: &Path,
    mut lines: Lines,
    note: impl Fn(String),
    mut give: impl FnMut(Line) -> bool,
    stop: impl Fn() -> bool,
) -> io::Result<()> {
    let mut file = open(path, &lines)?;
    let (name, mut read) = (lines.source(), lines.end_of_last());
    while !stop() {
        let (going, count) = pump_counted(&mut file, &mut lines, &mut give)?;
        if !going {
            return Ok(());
        }
        read += count;
        match change_of(path, &file, read)? {
            Fate::Same => sleep(POLL),
            Fate::Truncated => {
                note(format!("{name}: truncated, reading from its beginning"));
                file = File::open(path)?;
                (lines, read) = (Lines::new(name.clone()), 0);
            }
            Fate::Replaced(other) => {
                // What came between the last look and the replacement.
                let going = pump(&mut file, &mut lines, &mut give)? && lines.end(&mut give);
                if !going {
                    return Ok(());
                }
                note(format!("{name}: replaced by another file, reading that"));
                (file, lines, read) = (other, Lines::new(name.clone()), 0);
            }
        }
    }
    Ok(())
}

enum Fate {
    Same,
    Truncated,
    Replaced(File),
}

/// What has become of a file of which `read` bytes have been read.
fn change_of(path: &Path, file: &File, read: u64) -> io::Result<Fate> {
    let ours = file.metadata()?;
    match File::open(path) {
        Ok(other) if !is_same(&ours, &other.metadata()?) => Ok(Fate::Replaced(other)),
        // Between two rotations there may be no file: it will come.
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ if ours.len() < read => Ok(Fate::Truncated),
        _ => Ok(Fate::Same),
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

/// Reads all there is at the moment; false if `give` wants no more.
fn pump(
    from: &mut impl Read,
    lines: &mut Lines,
    give: &mut impl FnMut(Line) -> bool,
) -> io::Result<bool> {
    pump_counted(from, lines, give).map(|(going, _)| going)
}

fn pump_counted(
    from: &mut impl Read,
    lines: &mut Lines,
    give: &mut impl FnMut(Line) -> bool,
) -> io::Result<(bool, u64)> {
    let mut buffer = vec![0; BUFFER];
    let mut count = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((true, count)),
            Ok(read) => {
                count += read as u64;
                if !lines.take(&buffer[..read], &mut *give) {
                    return Ok((false, count));
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
