//! Fetching: many pieces at once, of one file or of many.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::bars::Bars;
use super::folder::{Folder, Part};
use super::queue::{Queue, Task};
use super::survey::{Survey, Wanted};
use crate::cli::Failure;
use crate::content::{Content, Error, Object, OpenFile};
use crate::report::lock;
use crate::tree::Opened;

/// Bytes of one piece: a request large enough to fill a line, and small enough to share one file among many.
const PIECE: u64 = 4 << 20;
/// After a signal, pieces under way may come to their end for so long: else they would be fetched twice.
const GRACE: Duration = Duration::from_secs(5);
/// How often a file is tried again where what went wrong may pass …
const TRIES: u32 = 3;
/// … and how often one that its server is still preparing is asked for.
const WAITS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(10);
/// How often the one who waits looks for signals.
const GLANCE: Duration = Duration::from_millis(50);

/// What came of a fetch.
#[derive(Default)]
pub struct Haul {
    /// Files that were wanted.
    pub files: usize,
    /// Files that are there.
    pub done: usize,
    /// Files that were left, by `--max-bytes`.
    pub left: usize,
    /// Bytes that were here already.
    pub present: u64,
    /// Bytes that came now.
    pub fetched: u64,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// What is not there, and why.
    pub failures: Vec<String>,
    /// Where the pins are that were set.
    pub pins: HashSet<PathBuf>,
}

/// How a file came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was here.
    Present,
    /// It came.
    Fetched,
    /// It was left for another time.
    Left,
}

/// A file that is open, with those of its pieces that are not here yet.
struct Opening {
    number: usize,
    file: Arc<OpenFile>,
    part: Option<Part>,
    bar: ProgressBar,
    /// Pieces under way or to come.
    pieces: AtomicU64,
    failed: AtomicBool,
}

/// A piece of an open file, in bytes.
struct Piece {
    opening: Arc<Opening>,
    range: Range<u64>,
}

/// What all workers share.
struct Work {
    content: Arc<Content>,
    files: Vec<Wanted>,
    folder: Option<Folder>,
    pin: Option<String>,
    /// Bytes that may still be begun.
    room: Mutex<Option<u64>>,
    queue: Queue<Piece>,
    stop: Arc<AtomicBool>,
    haul: Mutex<Haul>,
    bars: Bars,
}

/// How files are to be fetched.
pub struct Order {
    /// Where they are read.
    pub content: Arc<Content>,
    /// The folder they are made in, beside being kept in the cache.
    pub folder: Option<Folder>,
    /// For whom they are pinned in the cache.
    pub pin: Option<String>,
    /// Most bytes to be begun.
    pub most: Option<u64>,
    /// Most requests at once.
    pub parallel: usize,
}

/// Fetches files. A signal ends it; a second one at once.
///
/// # Errors
/// Where signals or threads are not to be had.
pub fn pull(order: Order, survey: Survey, bars: &Bars) -> Result<Haul, Failure> {
    let Order { content, folder, pin, most, parallel } = order;
    let files = survey.files;
    let here = files.iter().map(|file| file.cached).sum();
    bars.begin(files.len(), files.iter().filter_map(|file| file.size), here);
    let stop = stop_on_signal()?;
    let count = files.len();
    let haul = Haul { files: count, failures: survey.failures, ..Haul::default() };
    let work = Arc::new(Work {
        content,
        files,
        folder,
        pin,
        room: Mutex::new(most),
        queue: Queue::new(count),
        stop: Arc::clone(&stop),
        haul: Mutex::new(haul),
        bars: bars.clone(),
    });
    let (sender, ended) = mpsc::channel::<()>();
    for _ in 0..parallel.clamp(1, count.max(1) * 4) {
        let (work, sender) = (Arc::clone(&work), sender.clone());
        let worker = move || {
            work.work();
            drop(sender);
        };
        let thread = std::thread::Builder::new().name("stacfs-fetch".to_owned()).spawn(worker);
        thread.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
    }
    drop(sender);
    wait(&ended, &work);
    bars.end();
    let mut haul = std::mem::take(&mut *lock(&work.haul));
    haul.interrupted = stop.load(Ordering::Relaxed) && haul.done + haul.left < haul.files;
    Ok(haul)
}

/// The first signal stops, a second one kills.
fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let failed = |error| Failure::failed(format!("cannot listen for signals: {error}"));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal only sets the flag, which arms the next.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop)).map_err(failed)?;
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(failed)?;
    }
    Ok(stop)
}

/// Waits for all workers; after a signal, only for a while.
fn wait(ended: &mpsc::Receiver<()>, work: &Work) {
    let mut until = None;
    while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        if work.stop.load(Ordering::Relaxed) {
            work.queue.stop();
            if Instant::now() > *until.get_or_insert(Instant::now() + GRACE) {
                return;
            }
        }
    }
}

impl Work {
    fn work(&self) {
        while let Some(task) = self.queue.next() {
            match task {
                Task::Open(number) => {
                    let pieces = self.open(number);
                    self.queue.opened(pieces);
                }
                Task::Piece(piece) => self.fetch(&piece),
            }
        }
    }

    /// A file of this size came to its end.
    fn note(&self, number: usize, size: u64, done: Result<Done, String>) {
        let Some(file) = self.files.get(number) else { return };
        let name = file.place.display().to_string();
        if matches!(done, Ok(Done::Present | Done::Fetched)) {
            self.bars.done(&name, size, self.files.len());
        }
        lock(&self.haul).note(&name, done);
    }

    /// Opens a file, and says which pieces of it are to come.
    fn open(&self, number: usize) -> Vec<Piece> {
        let Some(wanted) = self.files.get(number) else { return Vec::new() };
        let opened = match &wanted.object {
            Some(object) => self.open_object(number, wanted, object),
            None => self.make(wanted).map(|()| Vec::new()),
        };
        match opened {
            Ok(pieces) if !pieces.is_empty() => return pieces,
            // `open_object` has told of what needs no pieces.
            Ok(_) if wanted.object.is_some() => {}
            Ok(_) => self.note(number, wanted.size.unwrap_or(0), Ok(Done::Present)),
            Err(why) => self.note(number, 0, Err(why)),
        }
        Vec::new()
    }

    fn open_object(&self, number: usize, wanted: &Wanted, object: &Object) -> Result<Vec<Piece>, String> {
        if let Some(folder) = self.folder.as_ref().filter(|folder| folder.has_some(&wanted.place))
            && let Some(size) = self.size(wanted, object)
            && folder.has(&wanted.place, size, wanted.modified)
        {
            lock(&self.haul).present += size;
            self.bars.came(&ProgressBar::hidden(), size.saturating_sub(wanted.cached));
            self.note(number, size, Ok(Done::Present));
            return Ok(Vec::new());
        }
        if !self.has_room(wanted.size.unwrap_or(0).saturating_sub(wanted.cached)) {
            self.note(number, 0, Ok(Done::Left));
            return Ok(Vec::new());
        }
        let Some(file) = self.patiently(|| open_now(&self.content, object))? else { return Ok(Vec::new()) };
        if let Some(label) = &self.pin {
            // Before its bytes come: they are not to go while others come.
            let pinned = file.pin(label).map_err(|error| format!("cannot be pinned: {error}"))?;
            lock(&self.haul).pins.extend(pinned);
        }
        let part =
            self.folder.as_ref().map(|folder| folder.begin(&wanted.place, file.size(), wanted.modified));
        let part = part.transpose().map_err(|error| format!("cannot be written: {error}"))?;
        if wanted.size.is_none() {
            self.bars.learned(file.size());
        }
        let here = file.cached_bytes();
        lock(&self.haul).present += here.min(wanted.cached);
        lock(&self.haul).fetched += here.saturating_sub(wanted.cached);
        let bar = self.bars.file(&wanted.place.display().to_string(), file.size(), here);
        self.bars.came(&ProgressBar::hidden(), here.saturating_sub(wanted.cached));
        let size = file.size();
        // Of what stays in the cache only what is missing is read; a copy needs every byte.
        let copies = part.as_ref().is_some_and(Part::wants_bytes);
        let pieces = (0..size).step_by(PIECE as usize).map(|at| at..(at + PIECE).min(size));
        let ranges: Vec<Range<u64>> =
            pieces.filter(|range| copies || file.cached_of(range) < range.end - range.start).collect();
        let pieces = AtomicU64::new(ranges.len() as u64);
        let opening = Arc::new(Opening { number, file, part, bar, pieces, failed: AtomicBool::new(false) });
        if ranges.is_empty() {
            self.finish(&opening);
        }
        Ok(ranges.into_iter().map(|range| Piece { opening: Arc::clone(&opening), range }).collect())
    }

    /// The size of a file that may stand in the folder already: only for such a one it is asked for by itself.
    fn size(&self, wanted: &Wanted, object: &Object) -> Option<u64> {
        let asked = || self.content.sizes(std::slice::from_ref(object)).into_iter().next();
        wanted.size.or_else(|| asked()?.ok()?)
    }

    /// Whether so many bytes may still be begun; if so, they are.
    fn has_room(&self, bytes: u64) -> bool {
        let mut room = lock(&self.room);
        match room.map(|room| room.checked_sub(bytes)) {
            None => true,
            Some(Some(rest)) => {
                *room = Some(rest);
                true
            }
            Some(None) => false,
        }
    }

    /// Does what may fail for a while, again and again. `None` where a signal came meanwhile.
    fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, Error>) -> Result<Option<T>, String> {
        let mut tries = 0;
        loop {
            let error = match work() {
                Ok(done) => return Ok(Some(done)),
                Err(error) => error,
            };
            tries += 1;
            let pause = match &error {
                Error::NotYet { .. } if tries < WAITS => PAUSE,
                Error::Http(error) if error.is_passing() && tries < TRIES => PAUSE / 10 * tries,
                Error::Changed { .. } if tries < TRIES => Duration::ZERO,
                _ => return Err(error.to_string()),
            };
            let until = Instant::now() + pause;
            while Instant::now() < until {
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                std::thread::sleep(GLANCE);
            }
        }
    }

    fn fetch(&self, piece: &Piece) {
        let Piece { opening, range } = piece;
        if !opening.failed.load(Ordering::Relaxed)
            && let Err(why) = self.fetch_range(opening, range)
            && !opening.failed.swap(true, Ordering::Relaxed)
        {
            self.note(opening.number, 0, Err(why));
        }
        let was_last = opening.pieces.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && !opening.failed.load(Ordering::Relaxed) {
            self.finish(opening);
        }
    }

    fn fetch_range(&self, opening: &Opening, range: &Range<u64>) -> Result<(), String> {
        let length = (range.end - range.start) as usize;
        let before = opening.file.cached_of(range);
        let read = self.patiently(|| opening.file.read_piece(range.start, length))?;
        let Some(bytes) = read.filter(|bytes| bytes.len() == length) else {
            return Err("was interrupted".to_owned());
        };
        let came = length as u64 - before;
        lock(&self.haul).fetched += came;
        self.bars.came(&opening.bar, came);
        match &opening.part {
            Some(part) => {
                part.write(range.start, &bytes).map_err(|error| format!("cannot be written: {error}"))
            }
            None => Ok(()),
        }
    }

    /// All of a file came.
    fn finish(&self, opening: &Opening) {
        opening.bar.finish_and_clear();
        let file = &opening.file;
        let checked = file.check().map_err(|error| error.to_string());
        let finished = checked.and_then(|()| match &opening.part {
            Some(part) => part.finish(Some(file)),
            None if file.cached_bytes() == file.size() => Ok(()),
            None => {
                Err("does not fit into the cache; raise max_bytes of [cache], make room with stacfs cache \
                         prune, or fetch to a folder with --to"
                    .to_owned())
            }
        });
        self.note(opening.number, file.size(), finished.map(|()| Done::Fetched));
    }

    /// A file that is made here, into the folder.
    fn make(&self, wanted: &Wanted) -> Result<(), String> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let failed = |error: std::io::Error| format!("cannot be written: {error}");
        let part = folder.begin(&wanted.place, 0, wanted.modified).map_err(failed)?;
        match wanted.file.open().map_err(|error| error.to_string())? {
            Opened::Snapshot(bytes) | Opened::Live(bytes) => part.write_made(&bytes).map_err(failed)?,
            Opened::Spooled(file, size) => part.copy_made(&file, size).map_err(failed)?,
            Opened::Content(_) => return Err("is an object without a name".to_owned()),
        }
        part.finish(None)
    }
}

/// Opens an object as the version it has now; its first piece comes along.
fn open_now(content: &Content, object: &Object) -> Result<Arc<OpenFile>, Error> {
    content.open_whole(object, content.generation(object.origin.identity()), PIECE)
}
