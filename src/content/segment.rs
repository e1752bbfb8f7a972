//! A run of blocks on its way here.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::Error;
use super::memory::{Loan, Wish};
use crate::cache::BLOCK;
use crate::report::{current_progress, lock};

/// Bytes come to readers and to the disk in pieces of this size: that of a kernel read.
pub const CHUNK: u64 = 4 * BLOCK;
/// A waiting reader shows a sign of life at least this often, if bytes came for anybody.
const GLANCE: Duration = Duration::from_millis(500);

/// Blocks that one request fetches, and everybody who wants them waits for.
#[derive(Debug)]
pub struct Segment {
    /// Which blocks.
    pub blocks: Range<u64>,
    /// The bytes they span; the last block of an object may be short.
    pub bytes: Range<u64>,
    /// Whether what arrives goes to the cache.
    pub is_shared: bool,
    state: Mutex<State>,
    changed: Condvar,
    /// Bytes that came over the network, also those of a chunk that is not whole yet.
    received: AtomicU64,
    readers: AtomicUsize,
    cancelled: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Chunk>,
    /// How many chunks in memory nobody has read to their end.
    unread: usize,
    /// The room for what stays in memory.
    loan: Option<Loan>,
    outcome: Option<Outcome>,
}

/// A piece that has arrived: `CHUNK` bytes, the last one fewer.
#[derive(Debug, Clone)]
enum Chunk {
    /// In memory only; whether somebody has read it to its end.
    Memory(Arc<Vec<u8>>, Read),
    /// In the cache, and no longer here.
    Disk,
}

/// Whether a chunk was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    NotYet,
    Once,
}

/// How a segment ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// All of it arrived.
    Complete,
    /// It was given up: whoever still wants the rest must fetch it anew.
    Abandoned,
    /// It failed.
    Failed(Error),
}

/// Where a wanted byte of a segment is.
#[derive(Debug)]
pub enum Held {
    /// Here: the chunk it is in, and where that chunk begins in the object.
    Memory(Arc<Vec<u8>>, u64),
    /// It went to the cache, with all up to here.
    Disk(u64),
    /// It has not arrived yet.
    Coming,
    /// It will not come with this segment.
    Lost,
    /// Nor will it at all.
    Failed(Error),
}

impl Segment {
    /// A segment of an object of `size` bytes; nothing of it has arrived.
    pub fn new(blocks: Range<u64>, size: u64) -> Segment {
        let bytes = (blocks.start * BLOCK).min(size)..(blocks.end * BLOCK).min(size);
        Segment {
            blocks,
            bytes,
            is_shared: true,
            state: Mutex::default(),
            changed: Condvar::new(),
            received: AtomicU64::new(0),
            readers: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
        }
    }

    /// A segment for one reader alone, past the cache.
    pub fn private(blocks: Range<u64>, size: u64) -> Segment {
        Segment { is_shared: false, ..Segment::new(blocks, size) }
    }

    /// Where the next byte to arrive stands in the object.
    pub fn arrived(&self) -> u64 {
        (self.bytes.start + lock(&self.state).chunks.len() as u64 * CHUNK).min(self.bytes.end)
    }

    /// The bytes of the chunk that comes next, empty at the end.
    pub fn next_chunk(&self) -> Range<u64> {
        let start = self.arrived();
        start..(start + CHUNK).min(self.bytes.end)
    }

    /// Bytes came in.
    pub fn receive(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The next chunk has arrived. Tells its place among the chunks.
    pub fn push(&self, chunk: Arc<Vec<u8>>) -> usize {
        let mut state = lock(&self.state);
        state.chunks.push(Chunk::Memory(chunk, Read::NotYet));
        state.unread += 1;
        self.changed.notify_all();
        state.chunks.len() - 1
    }

    /// The next chunk is in the cache already: another process put it there.
    pub fn skip(&self) {
        lock(&self.state).chunks.push(Chunk::Disk);
        self.changed.notify_all();
    }

    /// A chunk is in the cache now: its memory is given up.
    pub fn is_on_disk(&self, place: usize) {
        let mut state = lock(&self.state);
        let State { chunks, unread, loan, .. } = &mut *state;
        let Some(chunk) = chunks.get_mut(place) else { return };
        if let Chunk::Memory(bytes, read) = std::mem::replace(chunk, Chunk::Disk) {
            *unread -= usize::from(read == Read::NotYet);
            let back = loan.as_mut().map(|loan| loan.split(bytes.len() as u64));
            drop(state);
            drop(back);
        }
    }

    /// Gives up all memory: what is not on disk must be fetched again.
    pub fn forget(&self) {
        let mut state = lock(&self.state);
        state.chunks.iter_mut().for_each(|chunk| *chunk = Chunk::Disk);
        state.unread = 0;
        let loan = state.loan.take();
        drop(state);
        drop(loan);
    }

    /// The room for what stays in memory of it.
    pub fn stand_on(&self, loan: Loan) {
        let before = lock(&self.state).loan.replace(loan);
        drop(before);
    }

    /// Bytes of memory that are lent to it.
    pub fn lent(&self) -> u64 {
        lock(&self.state).loan.as_ref().map_or(0, Loan::bytes)
    }

    /// Whether somebody has read all that is in memory of it.
    pub fn is_read(&self) -> bool {
        lock(&self.state).unread == 0
    }

    /// A reader has these bytes of the object. Tells whether they were the last of what is in memory here.
    pub fn was_read(&self, range: &Range<u64>) -> bool {
        let mut state = lock(&self.state);
        let State { chunks, unread, .. } = &mut *state;
        let first = (range.start.saturating_sub(self.bytes.start) / CHUNK) as usize;
        let before = *unread;
        for (place, chunk) in (0..).zip(chunks.iter_mut()).skip(first) {
            let end = (self.bytes.start + (place + 1) * CHUNK).min(self.bytes.end);
            if end > range.end {
                break;
            }
            if let Chunk::Memory(_, read @ Read::NotYet) = chunk {
                *read = Read::Once;
                *unread -= 1;
            }
        }
        before > 0 && *unread == 0
    }

    /// How much the room for it is wanted.
    pub fn wish(&self) -> Wish {
        match self.readers.load(Ordering::Relaxed) {
            _ if !self.is_shared => Wish::Awaited,
            0 if self.cancelled.load(Ordering::Relaxed) => Wish::Vain,
            0 => Wish::Ahead,
            _ => Wish::Awaited,
        }
    }

    /// Bytes that are held in memory.
    pub fn in_memory(&self) -> u64 {
        let held = |chunk: &Chunk| match chunk {
            Chunk::Memory(bytes, _) => bytes.len() as u64,
            Chunk::Disk => 0,
        };
        lock(&self.state).chunks.iter().map(held).sum()
    }

    /// It is over.
    pub fn end(&self, outcome: Outcome) {
        lock(&self.state).outcome = Some(outcome);
        self.changed.notify_all();
    }

    /// Whether it is over, however.
    pub fn is_over(&self) -> bool {
        lock(&self.state).outcome.is_some()
    }

    /// Nobody is expected to want it any more. A reader who waits now keeps it going.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it may stop: it was cancelled, and nobody waits.
    pub fn may_stop(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) && self.readers.load(Ordering::Relaxed) == 0
    }

    /// Where the byte at `at` is now. It must be of this segment.
    pub fn held(&self, at: u64) -> Held {
        self.held_in(&lock(&self.state), at)
    }

    fn held_in(&self, state: &State, at: u64) -> Held {
        let place = ((at - self.bytes.start) / CHUNK) as usize;
        match (state.chunks.get(place), &state.outcome) {
            (Some(Chunk::Memory(chunk, _)), _) => {
                Held::Memory(chunk.clone(), self.bytes.start + place as u64 * CHUNK)
            }
            (Some(Chunk::Disk), _) => {
                Held::Disk((self.bytes.start + (place as u64 + 1) * CHUNK).min(self.bytes.end))
            }
            (None, None) => Held::Coming,
            (None, Some(Outcome::Failed(error))) => Held::Failed(error.clone()),
            (None, Some(_)) => Held::Lost,
        }
    }

    /// Waits until the byte at `at` is here, or is known not to come. What arrives meanwhile is a sign of life
    /// for whoever waits for this thread.
    pub fn wait_for(&self, at: u64) -> Held {
        let _reader = Reader::new(&self.readers);
        let progress = current_progress();
        let mut seen = self.received.load(Ordering::Relaxed);
        let mut state = lock(&self.state);
        loop {
            match self.held_in(&state, at) {
                Held::Coming => {}
                held => return held,
            }
            state = self.wait(state);
            let now = self.received.load(Ordering::Relaxed);
            if let Some(progress) = progress.as_ref().filter(|_| now > seen) {
                progress.touch(now - seen);
            }
            seen = now;
        }
    }

    /// Waits until it is over: then what arrived of it is on disk, or will not be.
    pub fn settle(&self) {
        let _reader = Reader::new(&self.readers);
        let progress = current_progress();
        let mut seen = self.received.load(Ordering::Relaxed);
        let mut state = lock(&self.state);
        while state.outcome.is_none() {
            state = self.wait(state);
            let now = self.received.load(Ordering::Relaxed);
            if let Some(progress) = progress.as_ref().filter(|_| now > seen) {
                progress.touch(now - seen);
            }
            seen = now;
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, GLANCE);
        waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }
}

/// Counts a waiting reader.
struct Reader<'a>(&'a AtomicUsize);

impl Reader<'_> {
    fn new(readers: &AtomicUsize) -> Reader<'_> {
        readers.fetch_add(1, Ordering::Relaxed);
        Reader(readers)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
