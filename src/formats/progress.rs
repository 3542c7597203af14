//! How far a read has come.

/// Told, on the thread that reads, how much of the main file has been taken in.
pub trait Progress: Sync {
    /// The read begins; the size of the file on disk, if it has one.
    fn begin(&self, total_bytes: Option<u64>);

    /// So many more bytes of the file on disk have been taken in.
    fn advance(&self, bytes: u64);
}

/// Tells nobody.
impl Progress for () {
    fn begin(&self, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
}
