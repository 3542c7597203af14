//! Files to column shards, streaming and in parallel by byte range.
