//! How much may be kept, and what to do where the disk will not have it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::report::render::bytes;
use crate::report::{Report, lock};

/// Eviction works in steps of at most this many bytes below a bound …
const STEP: u64 = 512 * 1024 * 1024;
/// … at most one part in so many of the limit …
const LIMIT_PARTS: u64 = 8;
/// … and at most one part in so many of the file system.
const FILE_SYSTEM_PARTS: u64 = 64;
/// How long a broken disk is left alone before it is tried again.
const REST: Duration = Duration::from_secs(30);
/// How long writes wait for the first survey of what is here, all together.
const FIRST_SURVEY: Duration = Duration::from_secs(5);
const SUBJECT: &str = "cache";
const NO_ROOM: &str = "cache room";

/// The bounds of a cache folder, and what is used of it as far as known.
pub struct Space {
    folder: PathBuf,
    limit: u64,
    min_free: u64,
    /// Eviction begins at one step below a bound, and ends at two.
    step: u64,
    /// Bytes on disk: the last survey, and what was written and put out since.
    used: AtomicU64,
    /// Goes up with every use; orders uses within this process.
    clock: AtomicU64,
    ill: AtomicBool,
    /// Whether the last bytes that came were refused for want of room.
    full: AtomicBool,
    /// Whether `.stacfs/errors` says that there is no room.
    told: AtomicBool,
    rest_until: Mutex<Option<Instant>>,
    /// Until then, writes wait for the first survey.
    survey_due: Instant,
    calls: Mutex<Calls>,
    called: Condvar,
    pub(super) report: Arc<Report>,
}

/// What was said between writers and the keeper.
#[derive(Debug, Default)]
struct Calls {
    surveyed: bool,
    wanted: bool,
    stop: bool,
}

/// What the keeper is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Look again, and make room where it is short.
    Survey,
    /// The cache is closed.
    Stop,
}

impl Space {
    /// The bounds of `folder`; without a limit, a tenth of its file system.
    pub fn new(
        folder: &Path,
        max_bytes: Option<u64>,
        min_free: u64,
        report: Arc<Report>,
    ) -> io::Result<Space> {
        let file_system = rustix::fs::statvfs(folder)?;
        let all = file_system.f_blocks * file_system.f_frsize;
        let limit = max_bytes.unwrap_or(all / 10);
        Ok(Space {
            folder: folder.to_owned(),
            limit,
            min_free,
            step: (limit / LIMIT_PARTS).min(STEP).min(all / FILE_SYSTEM_PARTS),
            used: AtomicU64::new(0),
            clock: AtomicU64::new(1),
            ill: AtomicBool::new(false),
            full: AtomicBool::new(false),
            told: AtomicBool::new(false),
            rest_until: Mutex::default(),
            survey_due: Instant::now() + FIRST_SURVEY,
            calls: Mutex::default(),
            called: Condvar::new(),
            report,
        })
    }

    /// Most bytes to be kept.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes kept now, as far as known.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether what comes is kept, as far as known.
    pub fn keeps(&self) -> bool {
        !self.full.load(Ordering::Relaxed) && !self.ill.load(Ordering::Relaxed)
    }

    /// A time stamp for a use.
    pub fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Bytes that an ordinary user may still write to the file system. As many as one likes where it does not tell:
    /// a disk that is ill is found out by writing to it, and nothing is put out for it.
    fn free(&self) -> u64 {
        rustix::fs::statvfs(&self.folder).map_or(u64::MAX, |fs| fs.f_bavail * fs.f_frsize)
    }

    /// Whether the disk is left alone for now, because it refused something.
    pub fn rests(&self) -> bool {
        lock(&self.rest_until).is_some_and(|until| Instant::now() < until)
    }

    /// Whether `bytes` more may be written; if so, they count as used. Where not, room is being made.
    pub fn admit(&self, bytes: u64) -> bool {
        if self.rests() {
            return false;
        }
        self.await_survey();
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= self.limit && self.free() >= self.min_free.saturating_add(bytes);
        self.full.store(!fits, Ordering::Relaxed);
        if !fits {
            self.give_back(bytes);
        }
        if !fits || self.shortage() > 0 {
            self.call();
        }
        fits
    }

    /// Bytes that were admitted, or were here, and are not.
    pub fn give_back(&self, bytes: u64) {
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes)));
    }

    /// Replaces what was known when the used bytes were `before` by a survey's `found`.
    pub fn correct(&self, before: u64, found: u64) {
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            Some((used + found).saturating_sub(before))
        });
        lock(&self.calls).surveyed = true;
        self.called.notify_all();
    }

    /// Bytes to be put out; 0 while there is room for a step more.
    pub fn shortage(&self) -> u64 {
        let over = |margin: u64| {
            let over_limit = (self.used() + margin).saturating_sub(self.limit);
            over_limit.max((self.min_free + margin).saturating_sub(self.free()))
        };
        if over(self.step) > 0 { over(2 * self.step) } else { 0 }
    }

    /// The disk refused a write or a read.
    pub fn trouble(&self, what: &str, error: &io::Error) {
        tracing::warn!("cache: {what}: {error}");
        let full = matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT));
        let next = if full { "room is being made" } else { "it is tried again in a while" };
        self.report.note(SUBJECT, &format!("{what}: {error}; reads go on uncached, {next}"));
        self.ill.store(true, Ordering::Relaxed);
        if full {
            self.call();
        } else {
            *lock(&self.rest_until) = Some(Instant::now() + REST);
        }
    }

    /// A write went well.
    pub fn well(&self) {
        if self.ill.swap(false, Ordering::Relaxed) {
            self.report.clear_note(SUBJECT);
        }
    }

    /// After room was made: says so where there is none all the same.
    pub fn tell_room(&self) {
        if self.shortage() == 0 {
            self.told.store(false, Ordering::Relaxed);
            self.report.clear_note(NO_ROOM);
            return;
        }
        let words = self.why_no_room();
        let is_refusing = self.full.load(Ordering::Relaxed);
        if is_refusing && !self.told.swap(true, Ordering::Relaxed) {
            self.report.error(&self.folder.display().to_string(), libc::ENOSPC, &words);
        }
        self.report.note(NO_ROOM, &words);
    }

    /// Which bound leaves no room, and the key to set.
    fn why_no_room(&self) -> String {
        let (free, used) = (bytes(self.free()), bytes(self.used()));
        let (min_free, limit) = (bytes(self.min_free), bytes(self.limit));
        if self.free() < self.min_free + 2 * self.step {
            return format!(
                "the disk is nearly full: {free} are free, and [cache] min_free = {min_free} are left free always; \
                 nothing more is kept, so what is read twice is fetched twice; free some space, lower min_free, or \
                 choose another folder with --cache-dir"
            );
        }
        format!(
            "{used} of [cache] max_bytes = {limit} are used by what is open or pinned; what does not fit is read \
             uncached; close or unpin something, or raise max_bytes"
        )
    }

    /// Wakes the keeper.
    pub fn call(&self) {
        lock(&self.calls).wanted = true;
        self.called.notify_all();
    }

    /// Ends the keeper.
    pub fn stop(&self) {
        lock(&self.calls).stop = true;
        self.called.notify_all();
    }

    /// Waits for the next call, at most `wait`.
    pub fn next_call(&self, wait: Duration) -> Call {
        let calls = lock(&self.calls);
        let (mut calls, _) = self
            .called
            .wait_timeout_while(calls, wait, |calls| !calls.wanted && !calls.stop)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        calls.wanted = false;
        if calls.stop { Call::Stop } else { Call::Survey }
    }

    /// Nothing is written before it is known how much is here: the bound holds from the first byte on. A survey
    /// that takes long, of many files on a slow disk, is not waited for.
    fn await_survey(&self) {
        let left = self.survey_due.saturating_duration_since(Instant::now());
        let calls = lock(&self.calls);
        drop(self.called.wait_timeout_while(calls, left, |calls| !calls.surveyed && !calls.stop));
    }
}
