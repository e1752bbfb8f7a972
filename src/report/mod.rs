//! What the mount is doing, for people to see: counters, the last failures, the last requests, notes.
//!
//! In: every room says what it did. Out: what `.stacfs/` and `stacfs top` show. Nothing here blocks, makes a
//! request or holds more than a bounded number of lines, and nothing that comes in may hold a secret: URLs
//! arrive already stripped of signatures and tokens.

mod allowance;
mod counters;
mod metrics;
mod progress;
pub mod render;
mod ring;
mod turn;

pub use allowance::{Allowance, afford, current_allowance};
pub use counters::{Counter, Counters};
pub use metrics::metrics;
pub use progress::{Progress, current_progress, with_progress};
pub use ring::Ring;
pub use turn::{Turn, Turns};

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lru::LruCache;

/// How many failures and requests are kept to be shown.
const KEPT: usize = 500;
/// Subjects of notes; those least lately spoken of go first.
const SUBJECTS: NonZeroUsize = NonZeroUsize::new(500).unwrap();

/// One failed call, as `.stacfs/errors` shows it.
#[derive(Debug, Clone)]
pub struct ErrorRecord {
    /// When it was answered.
    pub at: SystemTime,
    /// The path below the mount point.
    pub path: String,
    /// The errno that was answered, or that will be.
    pub errno: i32,
    /// The cause, the thing and the next step; the server's own words where there are any.
    pub words: String,
}

/// One HTTP request, as `.stacfs/requests` shows it.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// When it was sent.
    pub at: SystemTime,
    /// The HTTP method.
    pub method: String,
    /// The URL without user info, signatures, tokens and keys.
    pub url: String,
    /// The `Range` that was asked for, where there was one.
    pub range: Option<String>,
    /// The status, or why there was none (`timeout`, `refused`, …).
    pub outcome: String,
    /// Bytes of body that arrived over the wire.
    pub bytes: u64,
    /// From sending to the last byte (or to giving up).
    pub took: Duration,
}

/// One line of a section of `.stacfs/status`: a name and what is said of it.
pub type Row = (String, String);

/// What a room says of itself whenever somebody looks.
type Gauge = Arc<dyn Fn() -> Vec<Row> + Send + Sync>;

/// The one report of a process; shared by all rooms.
pub struct Report {
    /// Running totals.
    pub counters: Counters,
    began: SystemTime,
    sections: Mutex<Vec<(String, Gauge)>>,
    errors: Mutex<Ring<ErrorRecord>>,
    requests: Mutex<Ring<RequestRecord>>,
    notes: Mutex<LruCache<String, String>>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Report {
        Report {
            counters: Counters::default(),
            began: SystemTime::now(),
            sections: Mutex::default(),
            errors: Mutex::new(Ring::new(KEPT)),
            requests: Mutex::new(Ring::new(KEPT)),
            notes: Mutex::new(LruCache::new(SUBJECTS)),
        }
    }

    /// Keeps a failure. The path is below the mount point; the words end with what to do next.
    pub fn error(&self, path: &str, errno: i32, words: &str) {
        tracing::warn!(path, errno, "{words}");
        self.counters.errors.add(1);
        let record =
            ErrorRecord { at: SystemTime::now(), path: path.to_owned(), errno, words: words.to_owned() };
        lock(&self.errors).push(record);
    }

    /// Keeps a request and counts it.
    pub fn request(&self, record: RequestRecord) {
        tracing::debug!(
            method = record.method,
            url = record.url,
            range = record.range,
            outcome = record.outcome
        );
        self.counters.requests.add(1);
        self.counters.network_bytes.add(record.bytes);
        lock(&self.requests).push(record);
    }

    /// Says something lasting about a subject, in one line: a source that is away, a filter done here, a
    /// stale answer served, a cache that is down. A newer note on the same subject replaces the older.
    pub fn note(&self, subject: &str, words: &str) {
        lock(&self.notes).put(subject.to_owned(), words.to_owned());
    }

    /// Takes a note back: the subject is well again.
    pub fn clear_note(&self, subject: &str) {
        lock(&self.notes).pop(subject);
    }

    /// Adds a section to `.stacfs/status`, in the order of the calls; a later one of the same title replaces
    /// the earlier. `gauge` is called at each look and must not wait. Where what it captures holds this report,
    /// let it capture a `Weak`.
    pub fn section(&self, title: &str, gauge: impl Fn() -> Vec<Row> + Send + Sync + 'static) {
        let mut sections = lock(&self.sections);
        match sections.iter_mut().find(|(other, _)| other == title) {
            Some((_, other)) => *other = Arc::new(gauge),
            None => sections.push((title.to_owned(), Arc::new(gauge))),
        }
    }

    /// All sections with their rows now.
    pub fn sections(&self) -> Vec<(String, Vec<Row>)> {
        // Copied first: a gauge may itself have something to report.
        let gauges = lock(&self.sections).clone();
        gauges.into_iter().map(|(title, gauge)| (title, gauge())).collect()
    }

    /// The kept failures, oldest first.
    pub fn errors(&self) -> Vec<ErrorRecord> {
        lock(&self.errors).iter().cloned().collect()
    }

    /// The kept requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.requests).iter().cloned().collect()
    }

    /// All notes in force: subject and words.
    pub fn notes(&self) -> BTreeMap<String, String> {
        lock(&self.notes).iter().map(|(subject, words)| (subject.clone(), words.clone())).collect()
    }
}

impl Default for Report {
    fn default() -> Report {
        Report::new()
    }
}

/// Locks a mutex whose data stays valid even where a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_many_subjects_are_bounded_and_the_latest_stay() {
        let report = Report::new();
        report.note("cache", "full");
        for number in 0..2 * SUBJECTS.get() {
            report.note("cache", "full");
            report.note(&format!("file {number}"), "not confirmed");
        }
        let notes = report.notes();
        assert_eq!(notes.len(), SUBJECTS.get());
        assert!(notes.contains_key("cache") && !notes.contains_key("file 0"));
    }
}
