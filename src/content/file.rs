//! One open file: a version of an object, and how it is being read.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, OnceLock};

use super::Error;
use super::body::Body;
use super::contact::{HEAD, SMALL};
use super::ledger::Ledger;
use super::pattern::Pattern;
use super::turns::Urgency;
use crate::cache::{Backing, blocks_of, blocks_over};
use crate::report::lock;

/// One open file: a version of an object, held until it is dropped.
pub struct OpenFile {
    body: Arc<Body>,
    ledger: Arc<Ledger>,
    pattern: Mutex<Pattern>,
    backing: OnceLock<Option<Backing>>,
}

impl OpenFile {
    pub(super) fn new(body: Arc<Body>, ledger: Arc<Ledger>) -> OpenFile {
        body.opened();
        OpenFile { body, ledger, pattern: Mutex::default(), backing: OnceLock::new() }
    }

    /// The size of this version, in bytes.
    pub fn size(&self) -> u64 {
        self.body.size()
    }

    /// Reads what is here already, without waiting: `None` where the network is needed. Fewer bytes than asked
    /// for mean the end of the file.
    pub fn read_cached(&self, offset: u64, length: usize) -> Option<Result<Vec<u8>, Error>> {
        let bytes = self.body.read_now(offset, length)?;
        let counters = &self.body.means.report.counters;
        counters.cache_hits.add(1);
        counters.cache_bytes.add(bytes.len() as u64);
        counters.read_bytes.add(bytes.len() as u64);
        self.fetch_ahead(offset, length);
        Some(Ok(bytes))
    }

    /// Reads, and waits for the network where it must. Fewer bytes than asked for mean the end of the file.
    ///
    /// # Errors
    /// [`Error::Changed`] where the server has another version by now and these bytes are not here.
    pub fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        if let Some(read) = self.read_cached(offset, length) {
            return read;
        }
        self.body.means.report.counters.cache_misses.add(1);
        let blocks = self.widen(self.body.blocks(offset, length));
        self.fetch_ahead(offset, length);
        let read = self.body.read(offset, length, blocks);
        match &read {
            Ok(bytes) => self.body.means.report.counters.read_bytes.add(bytes.len() as u64),
            Err(Error::Changed { identity }) => self.ledger.doubt(identity),
            Err(_) => {}
        }
        read
    }

    /// The backing file, where all of this version is on disk and verified: for passthrough. While the handle
    /// lives, no block of it is evicted.
    ///
    /// The first call decides for the life of the handle, and may read all of the file.
    pub fn backing_file(&self) -> Option<BorrowedFd<'_>> {
        let backing = self.backing.get_or_init(|| self.body.cached.as_ref()?.backing());
        backing.as_ref().map(AsFd::as_fd)
    }

    /// What a request for some missing blocks is made to fetch: all of a small file, the head with the first
    /// byte.
    fn widen(&self, blocks: Range<u64>) -> Range<u64> {
        let size = self.size();
        if size <= SMALL {
            return 0..blocks_of(size);
        }
        match blocks.start {
            0 => 0..blocks.end.max(blocks_over(0, HEAD).end),
            _ => blocks,
        }
    }

    fn fetch_ahead(&self, offset: u64, length: usize) {
        let size = self.size();
        let read = offset.min(size)..offset.saturating_add(length as u64).min(size);
        if size <= SMALL || read.is_empty() {
            return;
        }
        let means = &self.body.means;
        let farthest = means.ahead / means.turns.active().max(1);
        let ahead = lock(&self.pattern).note(read, size, farthest);
        if let Some(ahead) = ahead {
            let blocks = blocks_over(ahead.range.start, ahead.range.end - ahead.range.start);
            self.body.fetch(blocks, ahead.piece, Urgency::Ahead);
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.body.closed();
    }
}
