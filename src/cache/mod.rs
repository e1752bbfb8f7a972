//! The cache on disk: bytes of objects by block, and metadata documents.
//!
//! In: blocks and documents from the network, with the version they belong to. Out: the same, verified
//! against their checksums, after any crash. Bounded in bytes and by the disk's free space, least recently
//! used first; shared by all mounts of a user; mode 0700. A disk that is full or broken makes it forget, never
//! fail.

use std::sync::Arc;

use crate::report::Report;

/// The cache; one per process, any number of processes on one folder.
pub struct Cache {}

/// How the cache is bounded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its folder; made with mode 0700.
    pub folder: std::path::PathBuf,
    /// Most bytes; `None` is a tenth of the file system.
    pub max_bytes: Option<u64>,
    /// Bytes of the file system always left free.
    pub min_free: u64,
}

impl Cache {
    /// Opens or makes the cache. A folder that cannot be used makes a cache that keeps nothing, and a note.
    pub fn open(_settings: Settings, _report: Arc<Report>) -> Cache {
        unimplemented!()
    }
}
