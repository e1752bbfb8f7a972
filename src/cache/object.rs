//! One version of one object on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fs::{FallocateFlags, FlockOperation, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::map::{BLOCK, BlockMap, Finding, blocks_of, blocks_over, is_here};
use super::space::Space;
use crate::report::lock;

/// Large files go out by extents of this many bytes.
pub const EXTENT: u64 = 4 * 1024 * 1024;
const BLOCKS_PER_EXTENT: u64 = EXTENT / BLOCK;
/// Read at a time when a whole file is verified.
const VERIFY_STEP: u64 = 1024 * 1024;

/// The blocks of one version of an object. Shared by all who have it open in this process.
///
/// Two locks (flock, so they hold between processes and go with a process that dies): whoever has the object
/// open shares the map's, and then it is not unlinked; whoever has lent the data file to the kernel shares the
/// data file's, and then no block of it is put out.
pub struct CachedObject {
    map: BlockMap,
    data: File,
    data_path: PathBuf,
    size: u64,
    may_write: bool,
    /// Set where wrong blocks cannot be forgotten on disk: then nothing of it is believed.
    distrusted: AtomicBool,
    space: Arc<Space>,
    /// When each extent was last used, by the cache's clock.
    uses: Mutex<BTreeMap<u64, u64>>,
    /// The data file's state when all of it was last found right.
    verified: Mutex<Option<FileState>>,
    /// Set while a thread verifies all of it.
    is_being_verified: AtomicBool,
}

/// Inode, modification and change time. Whoever writes or punches changes them.
type FileState = [i64; 5];

/// What is another string after each start of the machine; `None` where it is not told.
fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    BOOT.get_or_init(|| std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()).as_deref()
}

/// A whole file, lent to be read past us. While it lives, no block of it goes.
pub struct Backing {
    file: File,
    _object: Arc<CachedObject>,
}

impl AsFd for Backing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl CachedObject {
    /// Over a map and a data file, with the map's lock shared already.
    pub(super) fn new(
        map: BlockMap,
        data: File,
        data_path: PathBuf,
        size: u64,
        may_write: bool,
        space: Arc<Space>,
    ) -> CachedObject {
        let object = CachedObject {
            map,
            data,
            data_path,
            size,
            may_write,
            distrusted: AtomicBool::new(false),
            space,
            uses: Mutex::default(),
            verified: Mutex::default(),
            is_being_verified: AtomicBool::new(false),
        };
        object.touch();
        object
    }

    /// Reads `length` bytes from `offset`, cut at the end of the object, if all of them are here and right.
    pub fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let end = offset.saturating_add(length as u64).min(self.size);
        if offset >= end {
            return Some(Vec::new());
        }
        let blocks = blocks_over(offset, end - offset);
        let mut bytes = self.read_blocks(blocks.clone())?;
        bytes.truncate((end - blocks.start * BLOCK) as usize);
        let lead = (offset - blocks.start * BLOCK) as usize;
        if lead > 0 {
            bytes.drain(..lead);
        }
        self.use_blocks(blocks);
        Some(bytes)
    }

    /// Whole blocks, if they are all here and right.
    fn read_blocks(&self, blocks: Range<u64>) -> Option<Vec<u8>> {
        let slots = self.slots(blocks.clone())?;
        if !slots.iter().all(|slot| is_here(*slot)) {
            return None;
        }
        let bytes = match self.read_data(self.bytes_of(blocks.clone())) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.space.trouble("reading a cached block", &error);
                self.forget(blocks);
                return None;
            }
        };
        let wrong = self.wrong_blocks(blocks.start, &bytes, &slots);
        wrong.iter().for_each(|at| self.repair(blocks.start + *at as u64, slots[*at]));
        wrong.is_empty().then_some(bytes)
    }

    /// Which blocks do not agree with their slots: their places in `slots`.
    fn wrong_blocks(&self, first: u64, bytes: &[u8], slots: &[u64]) -> Vec<usize> {
        let mut chunks = bytes.chunks(BLOCK as usize);
        (0..slots.len())
            .filter(|at| {
                let chunk = chunks.next().unwrap_or_default();
                self.map.slot_for(first + *at as u64, chunk) != slots[*at]
            })
            .collect()
    }

    /// A block was not what its slot said: forgets it, unless it was put out in the meantime.
    fn repair(&self, block: u64, seen: u64) {
        if self.slots(block..block + 1) != Some(vec![seen]) {
            return;
        }
        self.space.report.counters.cache_repairs.add(1);
        tracing::warn!(path = %self.data_path.display(), block, "a cached block is wrong; it is fetched again");
        self.forget(block..block + 1);
    }

    /// Says that blocks are not here, whatever is on disk.
    fn forget(&self, blocks: Range<u64>) {
        if !self.may_write || self.map.clear(blocks).is_err() {
            self.distrusted.store(true, Ordering::Relaxed);
        }
    }

    /// The runs of blocks among `blocks` that are not here.
    pub fn missing(&self, blocks: Range<u64>) -> Vec<Range<u64>> {
        let blocks = blocks.start..blocks.end.min(blocks_of(self.size));
        if blocks.is_empty() {
            return Vec::new();
        }
        let Some(slots) = self.slots(blocks.clone()) else { return vec![blocks] };
        let mut runs: Vec<Range<u64>> = Vec::new();
        for (block, _) in blocks.zip(slots).filter(|(_, slot)| !is_here(*slot)) {
            match runs.last_mut() {
                Some(run) if run.end == block => run.end += 1,
                _ => runs.push(block..block + 1),
            }
        }
        runs
    }

    /// Keeps whole blocks, from block `first` on (only the object's last may be short). Tells whether they are
    /// on disk now; where not, they do not fit, or the disk is ill.
    pub fn write(&self, first: u64, bytes: &[u8]) -> bool {
        let blocks = first..first + blocks_of(bytes.len() as u64);
        if !self.may_write || blocks.end > blocks_of(self.size) || bytes.is_empty() {
            return false;
        }
        debug_assert_eq!(
            self.bytes_of(blocks.clone()).end - first * BLOCK,
            bytes.len() as u64,
            "whole blocks"
        );
        let slots: Vec<u64> = (first..)
            .zip(bytes.chunks(BLOCK as usize))
            .map(|(block, chunk)| self.map.slot_for(block, chunk))
            .collect();
        let Some(before) = self.slots(blocks.clone()) else { return false };
        if before == slots {
            self.use_blocks(blocks);
            return true;
        }
        let new = before.iter().filter(|slot| !is_here(**slot)).count() as u64 * BLOCK;
        if !self.space.admit(new) {
            return false;
        }
        let written = self.data.write_all_at(bytes, first * BLOCK).and_then(|()| self.map.set(first, &slots));
        match written {
            Ok(()) => {
                self.space.well();
                self.use_blocks(blocks);
                true
            }
            Err(error) => {
                self.space.give_back(new);
                self.space.trouble("keeping a block", &error);
                false
            }
        }
    }

    /// Bytes that are here.
    pub fn cached_bytes(&self) -> u64 {
        let missing: u64 = self
            .missing(0..blocks_of(self.size))
            .into_iter()
            .map(|run| self.bytes_of(run))
            .map(|bytes| bytes.end - bytes.start)
            .sum();
        self.size - missing
    }

    /// The data file, if all of it is here and right: every block is checked unless the file is unchanged
    /// since they were.
    pub fn backing(self: &Arc<CachedObject>) -> Option<Backing> {
        let file = File::open(&self.data_path).ok()?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
        let ours = self.data.metadata().ok()?;
        let opened = file.metadata().ok()?;
        let same = (ours.dev(), ours.ino()) == (opened.dev(), opened.ino()) && opened.len() == self.size;
        let good = same && self.is_whole() && self.is_readable();
        good.then_some(Backing { file, _object: self.clone() })
    }

    /// Whether the disk still gives what was found right before: a block of it, another each time. Once a file is
    /// lent, nobody tells us what becomes of reading it.
    fn is_readable(&self) -> bool {
        let block = self.space.tick() % blocks_of(self.size).max(1);
        self.size == 0 || self.read_blocks(block..block + 1).is_some()
    }

    /// Whether every block is here and right.
    fn is_whole(&self) -> bool {
        if self.is_verified() {
            return true;
        }
        let all = blocks_of(self.size);
        let Some(state) = self.state() else { return false };
        if !self.missing(0..all).is_empty() {
            return false;
        }
        let step = VERIFY_STEP / BLOCK;
        let right = (0..all)
            .step_by(step as usize)
            .all(|first| self.read_blocks(first..(first + step).min(all)).is_some());
        let unchanged = self.state() == Some(state);
        if right && unchanged {
            *lock(&self.verified) = Some(state);
            if let Some(boot) = boot() {
                self.mark(Finding::Verified, boot.as_bytes(), &state);
            }
        }
        right && unchanged
    }

    /// Whether every block is here, and the file is as it was when all of it was found right: by this process,
    /// or by another one since the machine started.
    pub fn is_verified(&self) -> bool {
        let all = blocks_of(self.size);
        let Some(state) = self.state() else { return false };
        if !self.missing(0..all).is_empty() {
            return false;
        }
        if *lock(&self.verified) == Some(state) {
            return true;
        }
        let is_marked = boot().is_some_and(|boot| self.is_marked(Finding::Verified, boot.as_bytes(), &state));
        if is_marked {
            *lock(&self.verified) = Some(state);
        }
        is_marked
    }

    /// Whether all of it, which must be here, agrees with a declared checksum: what `judge` says, or said before of
    /// the file as it is, in whichever process. `None` where it could not tell.
    pub fn agrees(&self, checksum: &[u8], judge: impl FnOnce() -> Option<bool>) -> Option<bool> {
        let state = self.state()?;
        if self.is_marked(Finding::Sound, checksum, &state) {
            return Some(true);
        }
        let verdict = judge();
        if verdict == Some(true) && self.state() == Some(state) {
            self.mark(Finding::Sound, checksum, &state);
        }
        verdict
    }

    fn is_marked(&self, finding: Finding, what: &[u8], state: &FileState) -> bool {
        let mark = self.map.mark(blocks_of(self.size), finding);
        mark.is_ok_and(|mark| mark == self.map.mark_for(finding, what, state))
    }

    /// Puts a mark behind the map's slots. Where that fails, it is found out once more.
    fn mark(&self, finding: Finding, what: &[u8], state: &FileState) {
        if self.may_write {
            let mark = self.map.mark_for(finding, what, state);
            let _ = self.map.set_mark(blocks_of(self.size), finding, &mark);
        }
    }

    /// Has a thread verify all of it, unless one does.
    pub fn verify_soon(self: &Arc<CachedObject>) {
        if self.is_being_verified.swap(true, Ordering::Relaxed) {
            return;
        }
        let object = self.clone();
        let verify = move || {
            object.is_whole();
            object.is_being_verified.store(false, Ordering::Relaxed);
        };
        if let Err(error) = std::thread::Builder::new().name("verify".into()).spawn(verify) {
            tracing::debug!(%error, "not verified");
            self.is_being_verified.store(false, Ordering::Relaxed);
        }
    }

    /// Checks every block that is here, forgets the wrong ones, and tells how many there were of each.
    pub fn verify(&self) -> (u64, u64) {
        self.verify_some(u64::MAX)
    }

    /// The same for at most so many of the blocks that are here, evenly spread.
    pub(super) fn verify_some(&self, most: u64) -> (u64, u64) {
        let here = |block: &u64| self.missing(*block..*block + 1).is_empty();
        let missing: u64 = self.missing(0..blocks_of(self.size)).iter().map(|run| run.end - run.start).sum();
        let step = (blocks_of(self.size) - missing).div_ceil(most.max(1)).max(1);
        let (right, wrong): (Vec<u64>, Vec<u64>) = (0..blocks_of(self.size))
            .filter(here)
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .partition(|block| self.read_blocks(*block..*block + 1).is_some());
        (right.len() as u64, wrong.len() as u64)
    }

    fn state(&self) -> Option<FileState> {
        let file = self.data.metadata().ok()?;
        let inode = i64::from_ne_bytes(file.ino().to_ne_bytes());
        Some([inode, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
    }

    /// The file of its bytes.
    pub(super) fn data_path(&self) -> &Path {
        &self.data_path
    }

    pub(super) fn map(&self) -> &BlockMap {
        &self.map
    }

    /// Says that nothing of it is here: what came is not what it should be.
    pub fn discard(&self) {
        self.forget(0..blocks_of(self.size));
    }

    /// When each extent in use was last used.
    pub(super) fn uses(&self) -> BTreeMap<u64, u64> {
        lock(&self.uses).clone()
    }

    fn use_blocks(&self, blocks: Range<u64>) {
        let tick = self.space.tick();
        let mut uses = lock(&self.uses);
        for extent in blocks.start / BLOCKS_PER_EXTENT..=(blocks.end - 1) / BLOCKS_PER_EXTENT {
            uses.insert(extent, tick);
        }
    }

    /// Says on disk that the object is in use: the map's time of modification orders objects by use.
    fn touch(&self) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let kept = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let _ =
            rustix::fs::futimens(self.map.file(), &Timestamps { last_access: kept, last_modification: now });
    }

    fn slots(&self, blocks: Range<u64>) -> Option<Vec<u64>> {
        if self.distrusted.load(Ordering::Relaxed) {
            return None;
        }
        match self.map.slots(blocks) {
            Ok(slots) => Some(slots),
            Err(error) => {
                self.space.trouble("reading a block map", &error);
                None
            }
        }
    }

    /// The bytes of a run of blocks, cut at the end of the object.
    fn bytes_of(&self, blocks: Range<u64>) -> Range<u64> {
        (blocks.start * BLOCK).min(self.size)..(blocks.end * BLOCK).min(self.size)
    }

    /// Reads into memory that was never zeroed: this is every cached read.
    fn read_data(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let length = (range.end - range.start) as usize;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = range.start + bytes.len() as u64;
            match rustix::io::pread(&self.data, rustix::buffer::spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Drop for CachedObject {
    fn drop(&mut self) {
        self.touch();
    }
}

/// Puts blocks of a data file out: first they are no longer said to be here, then their bytes go.
pub(super) fn punch(map: &BlockMap, data: &File, size: u64, extent: u64) -> io::Result<()> {
    let first = extent * BLOCKS_PER_EXTENT;
    map.clear(first..(first + BLOCKS_PER_EXTENT).min(blocks_of(size)))?;
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(rustix::fs::fallocate(data, mode, extent * EXTENT, EXTENT)?)
}

/// The extents of an object that hold anything, and how many bytes each.
pub(super) fn extents(map: &BlockMap, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let slots = map.slots(0..blocks_of(size))?;
    Ok((0..)
        .zip(slots.chunks(BLOCKS_PER_EXTENT as usize))
        .map(|(extent, slots)| (extent, slots.iter().filter(|slot| is_here(**slot)).count() as u64 * BLOCK))
        .filter(|(_, bytes)| *bytes > 0)
        .collect())
}
