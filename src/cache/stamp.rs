//! What a cache depends on beside the build: the files that it came from, and how they are read.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::formats::{Parts, ReadOptions, sources};

/// The coarsest time stamps of files that are allowed for.
const TICK: Duration = Duration::from_millis(20);

/// The state of all sources, and how they are read, in 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(pub [u64; 4]);

impl Stamp {
    /// The digest of some bytes.
    pub fn of(parts: &[&[u8]]) -> Stamp {
        let mut digest = Sha256::new();
        parts.iter().for_each(|part| digest.update(part));
        let digest = digest.finalize();
        let words = digest.as_chunks::<8>().0;
        Stamp(std::array::from_fn(|at| u64::from_le_bytes(words[at])))
    }
}

/// The files that a table comes from, as they were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    /// The name of the cache: of the paths and how they are read.
    pub name: String,
    pub stamp: Stamp,
    /// When the last of them was changed.
    changed: Option<SystemTime>,
}

impl Sources {
    /// Looks at the files; nothing if one of them is no regular file.
    pub fn look(path: &Path, options: &ReadOptions) -> Option<Sources> {
        let regular = |path: &Path| fs::metadata(path).ok().filter(Metadata::is_file);
        regular(path)?;
        let mut identity = Sha256::new();
        let mut put = |bytes: &[u8]| {
            identity.update((bytes.len() as u64).to_le_bytes());
            identity.update(bytes);
        };
        put(how(options).as_bytes());
        let (mut states, mut changed) = (Vec::new(), None);
        for source in sources(path, options).ok()? {
            let data = regular(&source)?;
            put(fs::canonicalize(&source).ok()?.as_os_str().as_encoded_bytes());
            states.extend(state(&data));
            changed = changed.max(data.modified().ok());
        }
        let identity = identity.finalize();
        let stamp = Stamp::of(&[&identity, &states]);
        let digits: String = identity[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Sources { name: format!("{}-{digits}", stem(path)), stamp, changed })
    }

    /// Waits until a change of the sources from now on would give them another time.
    pub fn settle(&self) {
        let age = self.changed.and_then(|changed| changed.elapsed().ok());
        if let Some(rest) = age.and_then(|age| TICK.checked_sub(age)) {
            std::thread::sleep(rest);
        }
    }
}

/// What decides, beside the files, which values are read.
fn how(options: &ReadOptions) -> String {
    let ReadOptions { format, base, target, response, response_column, need_response, .. } =
        options;
    let response: Option<&PathBuf> = response.as_ref();
    let storage = options.storage;
    let parts = match options.parts {
        Parts::Columns => "columns",
        Parts::Rows => "rows",
        // A rule is part of the build.
        Parts::ByShape(_) => "by shape",
    };
    format!(
        "{format:?} {base:?} {target:?} {response:?} {response_column} {need_response} {storage:?} \
         {parts}"
    )
}

/// Size, times and identity of a file.
pub(super) fn state(data: &Metadata) -> Vec<u8> {
    let time = |time: std::io::Result<SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_nanos())
    };
    let mut state = [u128::from(data.len()), time(data.modified())].to_vec();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        state.extend([data.ctime(), data.ctime_nsec()].map(|part| part as u128));
        state.push(data.ino().into());
    }
    state.iter().flat_map(|part| part.to_le_bytes()).collect()
}

/// The letters and digits that a file's name begins with.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).take(40).collect()
}
