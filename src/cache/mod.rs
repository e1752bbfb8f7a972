//! The cache on disk: bytes of objects by block, and metadata documents.
//!
//! In: blocks and documents from the network, with the version they belong to. Out: the same, verified
//! against their checksums, after any crash. Bounded in bytes and by the disk's free space, least recently
//! used first; shared by all mounts of a user; mode 0700. A disk that is full or broken makes it forget, never
//! fail; documents then stay in memory for a while.
//!
//! ```text
//! FOLDER/v1/objects/ab/cdef….map     which blocks are here, and their checksums
//! FOLDER/v1/objects/ab/cdef….data    the blocks in their places, holes elsewhere
//! FOLDER/v1/objects/ab/cdef….pin     who wants it kept, where anybody does
//! FOLDER/v1/documents/ab/cdef…       metadata documents
//! FOLDER/v1/facts                    sizes and validators of objects
//! FOLDER/v1/locks/cdef…              what processes take turns by
//! ```
//!
//! The rule on trust: every block is checked against its checksum at every read, since another process may
//! have put it out a moment ago. Only a file lent to the kernel is checked once, and then locked.

mod claim;
mod documents;
mod facts;
mod keeper;
mod map;
mod object;
mod pins;
mod shelf;
mod space;
mod spare;
mod stock;

pub use claim::Claim;
pub use documents::Document;
pub use facts::Facts;
pub use map::{BLOCK, blocks_of, blocks_over};
pub use object::{Backing, CachedObject};
pub use stock::{PutOut, Stocked, Which};

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use facts::FactTable;
use shelf::Shelf;
use spare::Spare;

use crate::report::{Report, lock};

/// The cache; one per process, any number of processes on one folder.
pub struct Cache {
    /// `None` where the folder cannot be used: then nothing is kept.
    shelf: Option<Arc<Shelf>>,
    facts: Option<FactTable>,
    /// Documents that the disk does not take.
    spare: Option<Spare>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    report: Arc<Report>,
}

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
    /// Nothing is scanned before it answers.
    pub fn open(settings: Settings, report: Arc<Report>) -> Cache {
        let shelf = match Shelf::open(&settings, &report) {
            Ok(shelf) => Some(Arc::new(shelf)),
            Err(error) => {
                let folder = settings.folder.display();
                let next = "nothing is cached; make it writable or choose another with --cache-dir";
                tracing::warn!("cache folder {folder}: {error}");
                report.note("cache", &format!("{folder}: {error}; {next}"));
                None
            }
        };
        let facts = shelf.as_ref().and_then(|shelf| FactTable::open(&shelf.facts).ok());
        let keeper = shelf.clone().and_then(|shelf| {
            std::thread::Builder::new().name("cache-keeper".into()).spawn(move || keeper::keep(&shelf)).ok()
        });
        Cache { shelf, facts, spare: Some(Spare::default()), keeper: Mutex::new(keeper), report }
    }

    /// A cache that keeps nothing.
    pub fn none(report: Arc<Report>) -> Cache {
        Cache { shelf: None, facts: None, spare: None, keeper: Mutex::default(), report }
    }

    /// The blocks of one version of an object: `identity` is its canonical href, `validator` tells its
    /// versions apart, `size` is that version's in bytes. `None` where they cannot be kept.
    pub fn object(&self, identity: &str, validator: &str, size: u64) -> Option<Arc<CachedObject>> {
        let shelf = self.shelf.as_ref()?;
        match shelf.object(identity, validator, size) {
            Ok(object) => object,
            // The disk is well; no file on it may be as long as this one is said to be.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidInput) =>
            {
                None
            }
            Err(error) => {
                shelf.space.trouble("opening a cached object", &error);
                None
            }
        }
    }

    /// Bytes here of one version of an object. Makes nothing.
    pub fn cached_bytes(&self, identity: &str, validator: &str, size: u64) -> u64 {
        self.shelf.as_ref().map_or(0, |shelf| shelf.cached_bytes(identity, validator, size))
    }

    /// What was found out about an object, by this or another process.
    pub fn facts(&self, identity: &str) -> Option<Facts> {
        self.facts.as_ref()?.get(identity)
    }

    /// Keeps what was found out about an object.
    pub fn keep_facts(&self, identity: &str, facts: &Facts) {
        if let Some(Err(error)) = self.facts.as_ref().map(|table| table.put(identity, facts)) {
            tracing::debug!(%error, "a fact is not kept");
        }
    }

    /// The document kept for a key, expired or not.
    pub fn document(&self, key: &str) -> Option<Document> {
        let spare = self.spare.as_ref().and_then(|spare| spare.get(key));
        spare.or_else(|| documents::get(&self.shelf.as_ref()?.documents, key))
    }

    /// Keeps a document: on disk, where there is room and the disk is well, else in memory for a while.
    pub fn keep_document(&self, key: &str, document: &Document) {
        let is_on_disk = self.shelf.as_ref().is_some_and(|shelf| keep_on(shelf, key, document));
        match &self.spare {
            Some(spare) if is_on_disk => spare.remove(key),
            Some(spare) => spare.put(key, document),
            None => {}
        }
    }

    /// Forgets a document.
    pub fn forget_document(&self, key: &str) {
        self.spare.iter().for_each(|spare| spare.remove(key));
        if let Some(shelf) = &self.shelf {
            documents::remove(&shelf.documents, key);
        }
    }

    /// Whether there is a cache, and what comes is kept there now, as far as known.
    pub fn keeps(&self) -> bool {
        self.shelf.as_ref().is_some_and(|shelf| shelf.space.keeps())
    }

    /// The bounds and their use, where there is a cache.
    pub fn usage(&self) -> Option<Usage> {
        let space = &self.shelf.as_ref()?.space;
        Some(Usage { used: space.used(), limit: space.limit() })
    }

    /// A file without a name, for bytes that are not kept: in the cache's folder, unless there is none, or its disk
    /// is ill. It is gone when it is closed, also by a crash.
    pub fn unnamed_file(&self) -> io::Result<std::fs::File> {
        match self.shelf.as_ref().filter(|shelf| !shelf.space.rests()) {
            Some(shelf) => tempfile::tempfile_in(&shelf.objects).or_else(|_| tempfile::tempfile()),
            None => tempfile::tempfile(),
        }
    }

    /// An unnamed file could not be read or written. Tells whether the next one stands elsewhere: not where the disk
    /// is full, for what is too large here may be so there.
    pub fn unnamed_file_failed(&self, what: &str, error: &io::Error) -> bool {
        let Some(shelf) = &self.shelf else { return false };
        shelf.space.trouble(what, error);
        shelf.space.rests()
    }

    /// A file for a lock that all processes on this folder know by this key; nothing is written to it. `None` where
    /// there is no folder for it.
    pub fn lock_file(&self, key: &str) -> Option<std::fs::File> {
        let folder = self.shelf.as_ref()?.documents.with_file_name("locks");
        make_folder(&folder).ok()?;
        let path = folder.join(hex(&Sha256::digest(key.as_bytes())[..16]));
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).ok()
    }

    /// The report that is told of hits and evictions.
    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }
}

/// Puts a document on disk. Tells whether it is there now.
fn keep_on(shelf: &Shelf, key: &str, document: &Document) -> bool {
    let bytes = document.body.len() as u64;
    if !shelf.space.admit(bytes) {
        return false;
    }
    if let Err(error) = documents::put(&shelf.documents, key, document) {
        shelf.space.give_back(bytes);
        shelf.space.trouble("keeping a document", &error);
        return false;
    }
    true
}

/// How full a cache is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes kept now, as far as this process knows.
    pub used: u64,
    /// Most bytes to be kept.
    pub limit: u64,
}

impl Drop for Cache {
    fn drop(&mut self) {
        if let Some(shelf) = &self.shelf {
            shelf.space.stop();
        }
        if let Some(keeper) = lock(&self.keeper).take() {
            let _ = keeper.join();
        }
    }
}

/// Makes a folder and those above it, for their owner only.
fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
