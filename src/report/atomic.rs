//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::failpoint::pass;

/// Writes a file so that, whatever happens, its path holds either what it held before or all of the
/// new content, on disk: a temporary file in the same directory is written, synced and renamed, and
/// the directory is synced. If `content` or the disk fails, the temporary file is removed.
///
/// The file gets the usual permissions (0666 less the umask). A symbolic link is followed; a path
/// that is no regular file (a terminal, a pipe, `/dev/null`) is simply written to.
pub fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    match fs::canonicalize(path) {
        Ok(existing) if existing.is_file() => replace(&existing, content),
        Ok(existing) => fill(&OpenOptions::new().write(true).open(existing)?, content),
        Err(_) => replace(path, content),
    }
}

/// Says whether [`write()`] could write to a path: it is no directory, and if it is a regular file
/// or absent, its directory takes a temporary file. Leaves everything as it is.
pub fn check(path: &Path) -> io::Result<()> {
    match fs::canonicalize(path) {
        Ok(existing) if existing.is_file() => temporary(&existing).map(drop),
        Ok(existing) if existing.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // Opening a pipe to try would end it for its reader.
        Ok(_) => Ok(()),
        Err(_) if path.file_name().is_none() => Err(io::ErrorKind::InvalidFilename.into()),
        Err(_) => temporary(path).map(drop),
    }
}

fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary(path)?;
    pass("before-write")?;
    fill(temporary.as_file(), content)?;
    pass("after-write")?;
    temporary.as_file().sync_all()?;
    pass("after-sync")?;
    temporary.persist(path)?;
    pass("after-rename")?;
    sync_directory(directory_of(path))?;
    pass("after-directory-sync")
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A temporary file beside the path, with the permissions of any new file.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".strads-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory_of(path))
}

fn fill(file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(file);
    content(&mut buffered)?;
    buffered.flush()
}

/// Makes a rename in the directory durable. Only Unix lets directories be opened for it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn files_are_created_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        for text in ["first", "second, longer", "3"] {
            write(&path, |to| to.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(dir.path()), ["model"]);
    }

    #[test]
    fn failures_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let fail = |to: &mut dyn Write| {
            to.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        };
        let (kept, absent) = (dir.path().join("kept"), dir.path().join("absent"));
        fs::write(&kept, "before").unwrap();
        assert!(write(&kept, fail).is_err() && write(&absent, fail).is_err());
        assert_eq!(fs::read_to_string(&kept).unwrap(), "before");
        assert_eq!(names(dir.path()), ["kept"]);
        assert!(check(&kept).is_ok() && check(&absent).is_ok());
        assert_eq!(names(dir.path()), ["kept"]);
        for bad in [dir.path().join("none").join("file"), dir.path().to_owned()] {
            assert!(check(&bad).is_err());
        }
        assert!(write(&dir.path().join("none").join("file"), |_| Ok(())).is_err());
        assert!(write(dir.path(), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (plain, atomic) = (dir.path().join("plain"), dir.path().join("atomic"));
        fs::write(&plain, "").unwrap();
        write(&atomic, |_| Ok(())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&atomic));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "before").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, |to| to.write_all(b"after")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "after");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write(Path::new("/dev/null"), |to| to.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
