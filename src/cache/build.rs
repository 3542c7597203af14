//! Which build is running: a checksum of its executable.
//!
//! An executable of tens of megabytes takes longer to read than a small table, so a directory of
//! caches keeps the checksum in the file `build`, stamped with the executable's size, times and
//! identity, by which the sources of tables are known as well.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use super::section::{self, Damage, Label};
use super::stamp::{Stamp, state};
use super::{open, write};

/// The file in a directory of caches.
const NAME: &str = "build";

/// What the file's only section is.
const KIND: u64 = 5;

/// A build of this program: a checksum of its executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Build(pub u64);

/// The checksum of this process, once it is known.
static RUNNING: OnceLock<Build> = OnceLock::new();

impl Build {
    /// The build that is running, as a directory of caches knows it or else from the executable;
    /// nothing if that cannot be read.
    pub fn running(directory: &Path) -> Option<Build> {
        if let Some(&build) = RUNNING.get() {
            return Some(build);
        }
        let executable = executable().ok()?;
        let label = label(&executable.metadata().ok()?);
        let build = known(directory, &label).or_else(|_| checksum(executable)).ok()?;
        Some(*RUNNING.get_or_init(|| build))
    }

    /// Lets a directory of caches know the build that is running.
    pub fn keep(self, directory: &Path) -> io::Result<()> {
        let label = label(&executable()?.metadata()?);
        if known(directory, &label).is_ok() { Ok(()) } else { keep(directory, &label, self) }
    }
}

/// What runs, even if another build has taken its place since.
fn executable() -> io::Result<File> {
    File::open("/proc/self/exe").or_else(|_| std::env::current_exe().and_then(File::open))
}

pub(super) fn label(executable: &Metadata) -> Label {
    Label { build: Build(0), stamp: Stamp::of(&[&state(executable)]), kind: KIND, index: 0 }
}

pub(super) fn known(directory: &Path, label: &Label) -> Result<Build, Damage> {
    let mut from = open(&directory.join(NAME))?;
    let checksum = from.next::<u64>(label)?;
    from.end()?;
    match checksum[..] {
        [checksum] => Ok(Build(checksum)),
        _ => Err(Damage::Content("no checksum of a build")),
    }
}

pub(super) fn keep(directory: &Path, label: &Label, Build(checksum): Build) -> io::Result<()> {
    write(directory, NAME, |to| section::write(to, label, &vec![checksum]))
}

fn checksum(mut executable: File) -> io::Result<Build> {
    let (mut hash, mut length) = (crc32fast::Hasher::new(), 0u64);
    let mut piece = vec![0; 1 << 17];
    loop {
        match executable.read(&mut piece)? {
            0 => return Ok(Build(u64::from(hash.finalize()) << 32 ^ length)),
            count => {
                hash.update(&piece[..count]);
                length += count as u64;
            }
        }
    }
}
