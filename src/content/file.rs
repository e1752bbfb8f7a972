//! One open file: a version of an object, and how it is being read.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, OnceLock};

use super::Error;
use super::body::Body;
use super::contact::{HEAD, SMALL};
use super::pattern::{Layout, Pattern};
use super::segment::CHUNK;
use super::turns::Urgency;
use super::windows::{Wanted, Windows};
use crate::cache::{BLOCK, Backing, blocks_over};
use crate::report::lock;

/// The tiles of a window are fetched side by side, in about so many requests …
const TILES_REQUESTS: u64 = 6;
/// … of these sizes.
const TILES_PIECE: Range<u64> = 256 * 1024..512 * 1024;

/// A file up to this size is verified while it is opened; a slow disk checks no more within the deadline of an
/// open.
#[cfg(not(test))]
const VERIFIED_AT_OPEN: u64 = 1 << 30;
#[cfg(test)]
const VERIFIED_AT_OPEN: u64 = 10 << 20;

/// One open file: a version of an object, held until it is dropped.
pub struct OpenFile {
    pub(super) body: Arc<Body>,
    /// Which bytes of the object it is: all, or a member of an archive.
    part: Range<u64>,
    /// How it is being read by all who have it open: pages that one reader brought into the kernel's cache are
    /// not asked for by the others, so no handle alone sees who reads through.
    pattern: Arc<Mutex<Pattern>>,
    /// The windows that this handle reads.
    windows: Mutex<Windows>,
    backing: OnceLock<Option<Backing>>,
}

/// What a read calls for beyond itself.
#[derive(Default)]
struct Called {
    /// The tile it is of, and in requests of at most so many bytes.
    tile: Option<(Range<u64>, u64)>,
    /// What is to be fetched ahead, in requests of at most so many bytes.
    ahead: Vec<(Range<u64>, u64)>,
}

impl OpenFile {
    pub(super) fn new(body: Arc<Body>) -> OpenFile {
        let part = 0..body.size();
        OpenFile::of_part(body, part)
    }

    fn of_part(body: Arc<Body>, part: Range<u64>) -> OpenFile {
        body.opened();
        let pattern = body.pattern_of(part.start);
        OpenFile { body, part, pattern, windows: Mutex::default(), backing: OnceLock::new() }
    }

    /// A part of the file, as a file of its own.
    pub(super) fn part(&self, part: Range<u64>) -> OpenFile {
        let (start, end) = (self.part.start + part.start, self.part.start + part.end);
        let part = start.min(self.part.end)..end.min(self.part.end);
        OpenFile::of_part(self.body.clone(), part)
    }

    /// The size of this version, in bytes.
    pub fn size(&self) -> u64 {
        self.part.end - self.part.start
    }

    /// Whether it is all of its object.
    fn is_whole(&self) -> bool {
        self.size() == self.body.size()
    }

    /// Where a read stands in the object, and how long it is there.
    fn place(&self, offset: u64, length: usize) -> (u64, usize) {
        let offset = offset.min(self.size());
        let left = usize::try_from(self.size() - offset).unwrap_or(usize::MAX);
        (self.part.start + offset, length.min(left))
    }

    /// Reads what is here already, without waiting: `None` where the network is needed. Fewer bytes than asked
    /// for mean the end of the file.
    pub fn read_cached(&self, offset: u64, length: usize) -> Option<Result<Vec<u8>, Error>> {
        let (at, most) = self.place(offset, length);
        let bytes = match self.body.read_now(at, most)? {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        let counters = &self.body.means.report.counters;
        counters.cache_hits.add(1);
        counters.cache_bytes.add(bytes.len() as u64);
        self.fetch_ahead(&self.note(offset, length));
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
        let called = self.note(offset, length);
        let (at, most) = self.place(offset, length);
        let (tile, piece) =
            called.tile.as_ref().map_or((None, u64::MAX), |(tile, piece)| (Some(tile), *piece));
        let blocks = self.widen(self.body.blocks(at, most), tile);
        // What is waited for is put in the queue before what is fetched ahead of it.
        self.body.fetch(blocks.clone(), piece, Urgency::Now);
        self.fetch_ahead(&called);
        let read = self.body.read(at, most, blocks);
        if let Err(Error::Changed { identity }) = &read {
            self.body.means.ledger.doubt(identity);
        }
        read
    }

    /// Reads a piece of a file that is wanted whole: one request for what is missing of the piece, and nothing
    /// ahead of it.
    ///
    /// # Errors
    /// As [`OpenFile::read`].
    pub fn read_piece(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let (at, most) = self.place(offset, length);
        let read = self.body.read(at, most, self.body.blocks(at, most));
        if let Err(Error::Changed { identity }) = &read {
            self.body.means.ledger.doubt(identity);
        }
        read
    }

    /// Bytes of this version that are in the cache.
    pub fn cached_bytes(&self) -> u64 {
        self.cached_of(&(0..self.size()))
    }

    /// Bytes of a range, in bytes, that are in the cache.
    pub fn cached_of(&self, range: &Range<u64>) -> u64 {
        let Some(cached) = &self.body.cached else { return 0 };
        let range = self.part.start + range.start..self.part.start + range.end;
        let within = |run: Range<u64>| {
            let (start, end) = (run.start * BLOCK, run.end * BLOCK);
            end.min(range.end).saturating_sub(start.max(range.start))
        };
        let blocks = blocks_over(range.start, range.end - range.start);
        let missing: u64 = cached.missing(blocks).into_iter().map(within).sum();
        (range.end - range.start).saturating_sub(missing)
    }

    /// Once all was read: waits until the cache has what it will have of it, and checks what is wholly there
    /// against its declared checksum.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the bytes are others; they are no longer in the cache then.
    pub fn check(&self) -> Result<(), Error> {
        self.body.settle();
        self.body.check();
        self.body.be_sound()
    }

    /// Checks a copy of the file against its declared checksum: for what the cache does not keep.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the bytes are others, [`Error::Disk`] where they cannot be read.
    pub fn check_copy(&self, copy: &std::fs::File) -> Result<(), Error> {
        if !self.is_whole() {
            return Ok(()); // The checksum is that of the archive it is a member of.
        }
        self.body.check_copy(copy)
    }

    /// Pins this version in the cache for `label`, which says who wants it kept. Tells where the pin is; `None`
    /// where there is no cache to keep it in.
    ///
    /// # Errors
    /// Where the pin cannot be written.
    pub fn pin(&self, label: &str) -> std::io::Result<Option<std::path::PathBuf>> {
        self.body.cached.as_ref().map(|cached| cached.pin(label)).transpose()
    }

    /// Whether a read that [`OpenFile::read_cached`] could not answer is the kernel's own read-ahead behind what
    /// somebody reads of a tiled image, as far as can be told, and its bytes are not on their way. The kernel drops
    /// a read-ahead that fails, and asks again, page by page, for what a program turns out to want: then this says
    /// no. So such a read may be answered with an error that no program sees, and its bytes need not be fetched.
    pub fn is_read_ahead(&self, offset: u64, length: usize) -> bool {
        let Some(tiles) = self.body.tiles(&self.part) else { return false };
        let end = offset.saturating_add(length as u64).min(self.size());
        let (at, most) = self.place(offset, length);
        !self.body.is_coming(self.body.blocks(at, most))
            && lock(&self.windows).is_read_ahead(&tiles, &(offset..end))
    }

    /// The backing file, where all of this version is on disk and verified: for passthrough. While the handle
    /// lives, no block of it is evicted.
    ///
    /// The first call decides for the life of the handle, and may read all of the file.
    pub fn backing_file(&self) -> Option<BorrowedFd<'_>> {
        let cached = self.body.cached.as_ref().filter(|_| self.is_whole());
        let backing = self.backing.get_or_init(|| cached?.backing());
        backing.as_ref().map(AsFd::as_fd)
    }

    /// The same without waiting long: of a large file that nobody verified since the machine started, `None`,
    /// while all of it is read and verified for whoever opens it next.
    pub fn backing_file_soon(&self) -> Option<BorrowedFd<'_>> {
        if self.backing.get().is_none()
            && self.size() > VERIFIED_AT_OPEN
            && let Some(cached) = self.body.cached.as_ref().filter(|_| self.is_whole())
            && !cached.is_verified()
        {
            if cached.cached_bytes() == self.size() {
                cached.verify_soon();
            }
            return self.backing.get_or_init(|| None).as_ref().map(AsFd::as_fd);
        }
        self.backing_file()
    }

    /// What a request for some missing blocks is made to fetch: all of a small file, the head with the first
    /// byte, all of a tile.
    fn widen(&self, blocks: Range<u64>, tile: Option<&Range<u64>>) -> Range<u64> {
        let size = self.size();
        if size <= SMALL {
            return blocks_over(self.part.start, size);
        }
        let first = self.part.start;
        let more = match tile {
            Some(tile) => blocks_over(first + tile.start, tile.end.min(size) - tile.start),
            None if blocks.start == first / BLOCK => blocks_over(first, HEAD),
            None => blocks.clone(),
        };
        blocks.start.min(more.start)..blocks.end.max(more.end)
    }

    /// A read came: what does it call for beyond itself?
    fn note(&self, offset: u64, length: usize) -> Called {
        let size = self.size();
        let read = offset.min(size)..offset.saturating_add(length as u64).min(size);
        let mut called = Called::default();
        if size <= SMALL || read.is_empty() {
            return called;
        }
        let tiles = self.body.tiles(&self.part);
        let means = &self.body.means;
        let farthest = means.ahead() / means.turns.active().max(1);
        if let Some(Wanted { tile, next }) =
            tiles.as_ref().and_then(|tiles| lock(&self.windows).note(tiles, read.clone()))
        {
            let bytes: u64 = next.iter().chain([&tile]).map(|run| run.end - run.start).sum();
            let piece = (bytes / TILES_REQUESTS).next_multiple_of(CHUNK);
            let piece = piece.clamp(TILES_PIECE.start, TILES_PIECE.end);
            called.tile = Some((tile, piece));
            called.ahead.extend(next.into_iter().map(|run| (run, piece)));
        }
        let layout =
            tiles.map_or(Layout::Plain, |tiles| Layout::Tiled { first_image_end: tiles.first_image_end() });
        let ahead = lock(&self.pattern).note(read, size, layout, farthest);
        called.ahead.extend(ahead.map(|ahead| (ahead.range, ahead.piece)));
        called
    }

    fn fetch_ahead(&self, called: &Called) {
        for (range, piece) in &called.ahead {
            let blocks = blocks_over(self.part.start + range.start, range.end - range.start);
            self.body.fetch(blocks, *piece, Urgency::Ahead);
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.body.closed();
    }
}
