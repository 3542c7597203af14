//! The local cache of parsed data: files that were read before are not parsed again.
//!
//! A cache belongs to the build that wrote it and to the state of its sources: their paths, sizes
//! and times, and the options that say how they are read. Whatever does not match, cannot be read
//! or is damaged is passed over, and the sources are read and the cache is written anew; a cache
//! can be slow or absent, but never wrong.
//!
//! ```text
//! DIR/build                       the checksum of the program's executable, so that it need not be read
//!    /NAME-DIGEST/table           rows, columns, names, response
//!                /S-s.columns     the columns of shard s of S
//!                /S-s.rows        or its rows, if the table is kept by rows, block after block
//! ```
//!
//! Each file is a sequence of sections, each one flat vector of plain numbers in the abomonation
//! format behind a header with magic, version, fingerprints of build and type, the sources' stamp,
//! length and checksum. Columns are a section for each of the arrays that they lie in in memory, so
//! that nothing is taken apart and put together again. A section is read (and not mapped: a mapped
//! file could still be changed or cut by others) into private memory, and its checksum, then its
//! content are checked before it is believed. A process reads and writes the columns of its own
//! shards; those of any number of shards can be read, if all that are needed are there.

mod arrays;
mod build;
mod columns;
mod flat;
mod rows;
mod section;
mod shards;
mod stamp;
mod table;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use build::Build;
use section::{Damage, Label, Sections};
use stamp::Sources;

use crate::formats::{self, Progress, ReadError, ReadOptions, Table};

/// A directory of caches.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// Where a table came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The cache.
    Cache,
    /// Its sources, and now it is in the cache.
    Sources {
        /// Why the cache was of no use; nothing if there was none yet.
        because: Option<String>,
    },
    /// Its sources, and it is not in the cache.
    Uncached {
        /// Why it could not be written.
        because: String,
    },
}

/// One cache: the directory of what came from some sources.
struct Entry {
    directory: PathBuf,
    label: Label,
}

impl Cache {
    /// The caches in a directory, which is made when it is needed.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Cache { directory: directory.into() }
    }

    /// [`formats::read`], from the cache if that is as good. Otherwise from the sources, and the
    /// cache is written for the next time.
    ///
    /// # Errors
    /// Those of [`formats::read`]. What goes wrong with the cache itself is no error.
    pub fn read(
        &self,
        path: &Path,
        options: &ReadOptions,
        progress: &dyn Progress,
    ) -> Result<(Table, Origin), ReadError> {
        let (Some(sources), Some(build)) =
            (Sources::look(path, options), Build::running(&self.directory))
        else {
            let table = formats::read(path, options, progress)?;
            let because = format!("{} is no file that could be read again", path.display());
            return Ok((table, Origin::Uncached { because }));
        };
        let entry = Entry {
            directory: self.directory.join(&sources.name),
            label: Label { build, stamp: sources.stamp, kind: 0, index: 0 },
        };
        let because = match entry.load(options) {
            Ok(table) => {
                // To look at the executable again is only slower.
                let _ = build.keep(&self.directory);
                return Ok((table, Origin::Cache));
            }
            Err(damage) => damage.because(),
        };
        sources.settle();
        let table = formats::read(path, options, progress)?;
        let stored = if Sources::look(path, options).as_ref() == Some(&sources) {
            entry.store(&table, options).and_then(|()| build.keep(&self.directory))
        } else {
            Err(io::Error::other("the data changed while it was read"))
        };
        let origin = match stored {
            Ok(()) => Origin::Sources { because },
            Err(error) => {
                Origin::Uncached { because: format!("{}: {error}", self.directory.display()) }
            }
        };
        Ok((table, origin))
    }
}

impl Damage {
    /// What is wrong; nothing if there is no such file.
    fn because(&self) -> Option<String> {
        match self {
            Damage::Io(error) if error.kind() == io::ErrorKind::NotFound => None,
            Damage::Io(error) => Some(error.to_string()),
            Damage::Content(what) => Some((*what).to_owned()),
        }
    }
}

impl Entry {
    fn load(&self, options: &ReadOptions) -> Result<Table, Damage> {
        let mut from = self.open("table")?;
        let mut table = table::read(&mut from, &self.label)?;
        from.end()?;
        match &table.row_shards {
            Some(_) => table.row_shards = Some(rows::read(self, &table, options)?),
            None => table.shards = columns::read(self, &table, options)?,
        }
        Ok(table)
    }

    fn store(&self, table: &Table, options: &ReadOptions) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        match &table.row_shards {
            Some(shards) => rows::write(self, shards, options)?,
            None => columns::write(self, table, options)?,
        }
        self.write("table", |to| table::write(to, &self.label, table))
    }

    fn open(&self, name: &str) -> Result<Sections<BufReader<File>>, Damage> {
        open(&self.directory.join(name))
    }

    fn write(
        &self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<()> {
        write(&self.directory, name, content)
    }
}

fn open(path: &Path) -> Result<Sections<BufReader<File>>, Damage> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Sections::new(BufReader::new(file), bytes))
}

/// Writes a file that appears whole or not at all. It need not survive a crash of the machine: one
/// that did not reach the disk is recognised.
fn write(
    directory: &Path,
    name: &str,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    let mut to = BufWriter::with_capacity(1 << 16, temporary.as_file());
    content(&mut to)?;
    to.flush()?;
    drop(to);
    temporary.persist(directory.join(name))?;
    Ok(())
}
