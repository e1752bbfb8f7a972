//! Assets as random-access bytes.
//!
//! In: an [`Object`] (who it is, where its bytes are to be had, what is declared of it). Out: its true size,
//! and an [`OpenFile`] to read from. Between them: versions (the bytes of one open file come from one version
//! of the object), windows and read-ahead, single flight, the block cache on disk.
//!
//! `catalog` and `espa` implement [`Origin`]; `tree` opens; `fuse` reads.

mod error;
mod object;

pub use error::Error;
pub use object::{Location, Object, Origin, Trouble, Version};

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::cache::Cache;
use crate::http::Http;
use crate::report::Report;

/// The service that opens objects; one per process.
pub struct Content {
    _http: Arc<Http>,
    _cache: Arc<Cache>,
    _report: Arc<Report>,
}

/// One open file: a version of an object, held until it is dropped.
pub struct OpenFile {}

impl Content {
    /// A content service over a client and a cache.
    pub fn new(
        http: Arc<Http>,
        cache: Arc<Cache>,
        report: Arc<Report>,
        version_lifetime: std::time::Duration,
    ) -> Content {
        let _ = version_lifetime;
        Content { _http: http, _cache: cache, _report: report }
    }

    /// The size where it is known without a request: declared, or met before (also by an earlier mount).
    pub fn known_size(&self, _object: &Object) -> Option<u64> {
        unimplemented!()
    }

    /// The sizes of several objects, found in parallel where they must be asked for; each fails alone.
    /// `None` is a length that no rung of the ladder gives: such an object is fetched at its first open.
    pub fn sizes(&self, _objects: &[Object]) -> Vec<Result<Option<u64>, Error>> {
        unimplemented!()
    }

    /// How often an object was seen to change in this process: a new generation is a new inode.
    pub fn generation(&self, _identity: &str) -> u64 {
        unimplemented!()
    }

    /// The version of an object that was last seen, where one was.
    pub fn known_version(&self, _object: &Object) -> Option<Version> {
        unimplemented!()
    }

    /// Bytes of the object's current version in the cache.
    pub fn cached_bytes(&self, _object: &Object) -> u64 {
        unimplemented!()
    }

    /// Opens an object as the given generation. Asks the server where the known version is older than its
    /// lifetime.
    ///
    /// # Errors
    /// [`Error::Changed`] where the object is of another generation now.
    pub fn open(&self, _object: &Object, _generation: u64) -> Result<Arc<OpenFile>, Error> {
        unimplemented!()
    }
}

impl OpenFile {
    /// The size of this version, in bytes.
    pub fn size(&self) -> u64 {
        unimplemented!()
    }

    /// Reads what is here already, without waiting: `None` where the network is needed. Fewer bytes than asked
    /// for mean the end of the file.
    pub fn read_cached(&self, _offset: u64, _length: usize) -> Option<Result<Vec<u8>, Error>> {
        unimplemented!()
    }

    /// Reads, and waits for the network where it must. Fewer bytes than asked for mean the end of the file.
    pub fn read(&self, _offset: u64, _length: usize) -> Result<Vec<u8>, Error> {
        unimplemented!()
    }

    /// The backing file, where all of this version is on disk and verified: for passthrough. While the handle
    /// lives, no block of it is evicted.
    pub fn backing_file(&self) -> Option<BorrowedFd<'_>> {
        unimplemented!()
    }
}
