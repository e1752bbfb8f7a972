//! A whole object as it streams in: for servers that ignore ranges, do not tell the length, or compress what
//! nobody asked to be compressed.
//!
//! The bytes go to an unnamed file, front to back, once for all readers; whoever reads waits until the stream
//! has passed. It lives as long as the object is open.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use flate2::read::MultiGzDecoder;

use super::answer::Head;
use super::body::Body;
use super::fetch::{Answer, ask_whole};
use super::place::Place;
use super::segment::{CHUNK, Outcome};
use super::{Error, Version};
use crate::cache::{BLOCK, Cache};
use crate::http::{self, Http, shown};
use crate::report::{current_progress, lock};

/// Read from the network at a time.
const PIECE: usize = 64 * 1024;

/// The file that a stream goes to.
pub struct Spool {
    file: File,
    cache: Arc<Cache>,
    state: Mutex<State>,
    changed: Condvar,
    readers: AtomicUsize,
    cancelled: AtomicBool,
    /// Set where the disk failed, and another stream would go elsewhere.
    broken: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Bytes that are here, from the first on.
    filled: u64,
    outcome: Option<Outcome>,
}

impl Spool {
    /// An empty one, beside the cache where there is one.
    pub fn new(cache: &Arc<Cache>) -> io::Result<Spool> {
        Ok(Spool {
            file: cache.unnamed_file()?,
            cache: cache.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
            readers: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        })
    }

    /// Bytes that are here.
    pub fn filled(&self) -> u64 {
        lock(&self.state).filled
    }

    /// The next bytes.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let filled = self.filled();
        self.file.write_all_at(bytes, filled).inspect_err(|error| self.failed("keeping a stream", error))?;
        lock(&self.state).filled = filled + bytes.len() as u64;
        self.changed.notify_all();
        Ok(())
    }

    /// The stream is over.
    pub fn end(&self, outcome: Outcome) {
        lock(&self.state).outcome = Some(outcome);
        self.changed.notify_all();
    }

    /// Whether the stream is over.
    pub fn is_over(&self) -> bool {
        lock(&self.state).outcome.is_some()
    }

    /// Whether the stream is over and did not come to its end, or cannot be read.
    pub fn is_lost(&self) -> bool {
        let is_lost = matches!(lock(&self.state).outcome, Some(Outcome::Abandoned | Outcome::Failed(_)));
        is_lost || self.is_broken()
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The disk failed. Where the next stream goes elsewhere, this one is given up.
    fn failed(&self, what: &str, error: &io::Error) {
        if self.cache.unnamed_file_failed(what, error) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// Nobody is expected to want more of it.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn may_stop(&self) -> bool {
        self.is_broken()
            || self.cancelled.load(Ordering::Relaxed) && self.readers.load(Ordering::Relaxed) == 0
    }

    /// Reads a range if it is here.
    pub fn read_now(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        if self.filled() < range.end {
            return None;
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = self.file.read_exact_at(&mut bytes, range.start);
        read.inspect_err(|error| self.failed("reading a stream back", error)).ok()?;
        Some(bytes)
    }

    /// Reads a range when it is here. `None` where the stream was given up before.
    pub fn read(&self, range: &Range<u64>) -> Result<Option<Vec<u8>>, Error> {
        self.readers.fetch_add(1, Ordering::Relaxed);
        let outcome = self.wait_for(range.end);
        self.readers.fetch_sub(1, Ordering::Relaxed);
        match outcome {
            _ if self.is_broken() => Ok(None),
            Some(Outcome::Failed(error)) => Err(error),
            Some(Outcome::Abandoned) => Ok(None),
            Some(Outcome::Complete) | None => Ok(self.read_now(range)),
        }
    }

    /// Waits until the stream is over: then what came of it is in the cache, or will not be.
    pub fn settle(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
        self.wait_for(u64::MAX);
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until so many bytes are here (`None`), or the stream ended before.
    fn wait_for(&self, end: u64) -> Option<Outcome> {
        let progress = current_progress();
        let mut state = lock(&self.state);
        while state.filled < end {
            if let Some(outcome) = &state.outcome {
                return Some(outcome.clone());
            }
            let before = state.filled;
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(progress) = &progress {
                progress.touch(state.filled - before);
            }
        }
        None
    }

    /// Lets an answer stream in, after what is here already. `None` where it was cancelled.
    fn pour(
        &self,
        answer: Answer,
        size: Option<u64>,
        url: &str,
        mut each: impl FnMut(&Spool),
    ) -> Result<Result<Option<()>, Error>, http::Error> {
        let Answer { head, stream, first } = answer;
        let mut raw = io::Cursor::new(first).chain(stream);
        let mut body: Box<dyn Read + '_> =
            if head.coded { Box::new(MultiGzDecoder::new(&mut raw)) } else { Box::new(&mut raw) };
        let mut to_skip = self.filled();
        let mut buffer = vec![0; PIECE];
        loop {
            if self.may_stop() {
                return Ok(Ok(None));
            }
            let read = match body.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(http::Error::of_read(url.to_owned(), self.filled(), error)),
            };
            if read == 0 && size.is_none_or(|size| size == self.filled()) {
                return Ok(Ok(Some(())));
            }
            if read == 0 {
                let why = "the body ended early".to_owned();
                return Err(http::Error::Broken { url: url.to_owned(), got: self.filled(), why });
            }
            let skip = to_skip.min(read as u64);
            to_skip -= skip;
            let new = &buffer[skip as usize..read];
            if size.is_some_and(|size| self.filled() + new.len() as u64 > size) {
                let why = "more came than the object has bytes".to_owned();
                return Err(http::Error::Unexpected { url: url.to_owned(), why });
            }
            if let Err(error) = self.append(new) {
                let what = "keeping a stream on disk".to_owned();
                return Ok(Err(Error::Disk { what, why: error.to_string() }));
            }
            each(self);
        }
    }

    /// Copies what is here into the cache, in whole chunks, from `done` on. Gives where it ended.
    fn keep(&self, body: &Body, done: u64) -> u64 {
        let mut done = done;
        while done < body.size() {
            let end = (done + CHUNK).min(body.size());
            let Some(chunk) = self.read_now(&(done..end)) else { break };
            body.keep(done / BLOCK, &chunk);
            done = end;
        }
        done
    }
}

/// Fetches an object of unknown length whole. Gives its version and the bytes.
pub fn fetch_whole(http: &Http, place: &Place, cache: &Arc<Cache>) -> Result<(Version, Spool), Error> {
    let spool = new_spool(cache)?;
    let head = place.ask(http, |location| {
        let answer = match ask_whole(http, place, location, None)? {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let head = answer.head.clone();
        // Another version may have come: nothing of the one before is to stay.
        lock(&spool.state).filled = 0;
        let size = head.size;
        Ok(spool.pour(answer, size, &shown(&location.url), |_| ())?.map(|_| head))
    })?;
    let Head { etag, modified, .. } = head;
    let version = Version { size: spool.filled(), etag, modified };
    spool.end(Outcome::Complete);
    Ok((version, spool))
}

/// An empty one, or why there is none.
pub fn new_spool(cache: &Arc<Cache>) -> Result<Spool, Error> {
    let disk =
        |error: io::Error| Error::Disk { what: "making a file for a stream".into(), why: error.to_string() };
    Spool::new(cache).map_err(disk)
}

impl Body {
    /// Goes over to streaming the whole object, with an answer that has begun: unless another thread does.
    pub(super) fn stream_whole(&self, answer: Answer) {
        if let Some(spool) = self.begin_stream() {
            self.stream_into(&spool, answer);
        }
    }

    /// The same, on another thread. Readers from now on wait for the stream. It does not stand in line: the answer
    /// has its turn at the server, and those before it in line may be waiting for just that.
    pub(super) fn stream_whole_soon(self: &Arc<Body>, answer: Answer) {
        let Some(spool) = self.begin_stream() else { return };
        let stream = Streaming { body: self.clone(), spool };
        let pour = move || stream.body.stream_into(&stream.spool, answer);
        if let Err(error) = std::thread::Builder::new().name("stream".into()).spawn(pour) {
            tracing::warn!(%error, "no thread for a stream");
        }
    }

    /// The place for a stream of the whole object, unless there is one.
    fn begin_stream(&self) -> Option<Arc<Spool>> {
        let mut slot = lock(&self.spool);
        if slot.as_ref().is_some_and(|spool| !spool.is_lost()) {
            return None;
        }
        match new_spool(&self.means.cache) {
            Ok(spool) => Some(slot.insert(Arc::new(spool)).clone()),
            Err(error) => {
                tracing::warn!(%error);
                None
            }
        }
    }

    fn stream_into(&self, spool: &Spool, answer: Answer) {
        let mut begun = Some(answer);
        let mut kept = 0;
        let poured = self.place.ask(&self.means.http, |location| {
            let answer = match begun.take() {
                Some(answer) => answer,
                None => match ask_whole(&self.means.http, &self.place, location, Some(&self.pinned()))? {
                    Ok(answer) => answer,
                    Err(error) => return Ok(Err(error)),
                },
            };
            spool.pour(answer, Some(self.size()), &shown(&location.url), |spool| {
                if self.cached.is_some() && (spool.filled() >= kept + CHUNK || spool.filled() == self.size())
                {
                    kept = spool.keep(self, kept);
                }
            })
        });
        spool.end(match poured {
            Ok(Some(())) => Outcome::Complete,
            Ok(None) => Outcome::Abandoned,
            Err(error) => Outcome::Failed(error),
        });
        self.check();
    }

    /// Bytes that streamed in whole, before the object was opened.
    pub(super) fn accept_whole(&self, spool: Spool) {
        if self.cached.is_some() {
            spool.keep(self, 0);
        }
        *lock(&self.spool) = Some(Arc::new(spool));
    }
}

/// A stream on its way: whatever becomes of it, its readers are told.
struct Streaming {
    body: Arc<Body>,
    spool: Arc<Spool>,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if !self.spool.is_over() {
            self.spool.end(Outcome::Abandoned);
        }
    }
}
