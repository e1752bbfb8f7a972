//! Files and listings made of what is known here.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::feed::{End, Feed, Named};
use super::{Attributes, Entry, Error, File, Listing, Opened};

type Text = Box<dyn Fn() -> Result<Arc<[u8]>, Error> + Send + Sync>;

/// A file whose bytes are made when it is looked at.
pub struct Generated {
    modified: Timestamp,
    lifetime: Duration,
    /// The text where it can be had without a request.
    known: Option<Arc<[u8]>>,
    text: Text,
}

impl Generated {
    /// A file of fixed text.
    pub fn fixed(text: impl Into<Vec<u8>>, modified: Timestamp, lifetime: Duration) -> Generated {
        let text: Arc<[u8]> = text.into().into();
        Generated {
            modified,
            lifetime,
            known: Some(Arc::clone(&text)),
            text: Box::new(move || Ok(Arc::clone(&text))),
        }
    }

    /// A file whose text must be asked for; `text` remembers, or asks again each time.
    pub fn asked(
        modified: Timestamp,
        lifetime: Duration,
        text: impl Fn() -> Result<Vec<u8>, Error> + Send + Sync + 'static,
    ) -> Generated {
        Generated { modified, lifetime, known: None, text: Box::new(move || text().map(Arc::from)) }
    }

    /// An entry for it.
    pub fn entry(self, name: &str) -> Entry {
        let lifetime = self.lifetime;
        Entry::file(name, self, lifetime)
    }

    /// Text that is asked for may be longer at the next open, and a kernel that kept the size would cut it.
    fn attributes_of(&self, size: Option<u64>) -> Attributes {
        let lifetime = if self.known.is_some() { self.lifetime } else { Duration::ZERO };
        Attributes { size, modified: self.modified, lifetime }
    }
}

impl File for Generated {
    fn attributes(&self) -> Attributes {
        self.attributes_of(self.known.as_ref().map(|text| text.len() as u64))
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        let text = (self.text)()?;
        Ok(self.attributes_of(Some(text.len() as u64)))
    }

    fn open(&self) -> Result<Opened, Error> {
        (self.text)().map(Opened::Snapshot)
    }
}

/// Text that was written to disk as it was made.
#[derive(Clone)]
pub struct Written {
    /// The text, in a file without a name.
    pub file: Arc<std::fs::File>,
    /// Its length in bytes.
    pub size: u64,
}

/// When a file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// At the first real look: its size is right from then on.
    WhenLookedAt,
    /// When it is opened, as it may take many requests: its size is right from then on, and 0 before.
    WhenOpened,
}

/// A file whose text may be large: it is made on disk, and remembered by `written`.
pub struct Spooled {
    made: Made,
    modified: Timestamp,
    lifetime: Duration,
    known: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    written: Box<dyn Fn() -> Result<Written, Error> + Send + Sync>,
}

impl Spooled {
    /// A file of what `written` makes; `known` is its size where it was made already.
    pub fn new(
        made: Made,
        modified: Timestamp,
        lifetime: Duration,
        known: impl Fn() -> Option<u64> + Send + Sync + 'static,
        written: impl Fn() -> Result<Written, Error> + Send + Sync + 'static,
    ) -> Spooled {
        Spooled { made, modified, lifetime, known: Box::new(known), written: Box::new(written) }
    }

    /// An entry for it.
    pub fn entry(self, name: &str) -> Entry {
        let lifetime = self.lifetime;
        Entry::file(name, self, lifetime)
    }

    /// Never kept: another listing makes a file of another size.
    fn attributes_of(&self, size: Option<u64>) -> Attributes {
        Attributes { size, modified: self.modified, lifetime: Duration::ZERO }
    }
}

impl File for Spooled {
    fn attributes(&self) -> Attributes {
        self.attributes_of((self.known)())
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        match self.made {
            Made::WhenLookedAt => (self.written)().map(|written| self.attributes_of(Some(written.size))),
            Made::WhenOpened => Ok(self.attributes()),
        }
    }

    fn open(&self) -> Result<Opened, Error> {
        (self.written)().map(|written| Opened::Spooled(written.file, written.size))
    }
}

/// A file that changes all the time: size 0, lifetime 0, one snapshot per handle, as in `/proc`.
pub struct Live {
    began: Timestamp,
    text: Box<dyn Fn() -> String + Send + Sync>,
}

impl Live {
    /// A file whose text is made anew at each open.
    pub fn new(began: Timestamp, text: impl Fn() -> String + Send + Sync + 'static) -> Live {
        Live { began, text: Box::new(text) }
    }

    /// An entry for it.
    pub fn entry(self, name: &str) -> Entry {
        Entry::file(name, self, Duration::from_secs(3600))
    }
}

impl File for Live {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.began, lifetime: Duration::ZERO }
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        Ok(self.attributes())
    }

    fn open(&self) -> Result<Opened, Error> {
        Ok(Opened::Live((self.text)().into_bytes().into()))
    }
}

/// A listing that is all here.
pub struct Fixed(pub Vec<Entry>);

impl Listing for Fixed {
    fn read_known(&self, at: usize, most: usize) -> Option<Vec<Entry>> {
        Some(self.0.iter().skip(at).take(most).cloned().collect())
    }

    fn read(&self, at: usize, most: usize) -> Result<Vec<Entry>, Error> {
        Ok(self.0.iter().skip(at).take(most).cloned().collect())
    }
}

type Asks = Box<dyn Fn() -> Result<Vec<Entry>, Error> + Send + Sync>;

/// A listing that is asked for at its first read, and then stays.
pub struct Asked {
    ask: Asks,
    entries: OnceLock<Vec<Entry>>,
}

impl Asked {
    /// A listing of what `ask` gives. Where that fails, the next read asks again.
    pub fn new(ask: impl Fn() -> Result<Vec<Entry>, Error> + Send + Sync + 'static) -> Asked {
        Asked { ask: Box::new(ask), entries: OnceLock::new() }
    }
}

impl Listing for Asked {
    fn read_known(&self, at: usize, most: usize) -> Option<Vec<Entry>> {
        Some(self.entries.get()?.iter().skip(at).take(most).cloned().collect())
    }

    fn read(&self, at: usize, most: usize) -> Result<Vec<Entry>, Error> {
        if let Some(known) = self.read_known(at, most) {
            return Ok(known);
        }
        let asked = (self.ask)()?;
        // Two first reads at once: both get the one that was first.
        Ok(self.entries.get_or_init(|| asked).iter().skip(at).take(most).cloned().collect())
    }
}

type Makes<R> = Box<dyn Fn(&R) -> Entry + Send + Sync>;
/// Makes the entry that says why a listing was cut.
type Says = Box<dyn Fn(&str) -> Entry + Send + Sync>;

/// Some entries in front, then the rows of a feed, then a word where the feed was cut.
pub struct Fed<R> {
    front: Vec<Entry>,
    feed: Arc<Feed<R>>,
    entry: Makes<R>,
    truncated: Option<Says>,
}

impl<R: Named + Clone> Fed<R> {
    /// A listing of `front` and of the feed's rows, each made an entry by `entry`.
    pub fn new(
        front: Vec<Entry>,
        feed: Arc<Feed<R>>,
        entry: impl Fn(&R) -> Entry + Send + Sync + 'static,
    ) -> Fed<R> {
        Fed { front, feed, entry: Box::new(entry), truncated: None }
    }

    /// Ends a cut listing with the entry that `truncated` makes of the reason.
    pub fn with_word(mut self, truncated: impl Fn(&str) -> Entry + Send + Sync + 'static) -> Fed<R> {
        self.truncated = Some(Box::new(truncated));
        self
    }

    /// The entry behind the last row, at place `at`.
    fn behind(&self, at: usize) -> Vec<Entry> {
        match (self.feed.end(), &self.truncated) {
            (Some(End::Cut(why)), Some(truncated)) if at == self.feed.len() => vec![truncated(&why)],
            _ => Vec::new(),
        }
    }

    fn entries(&self, at: usize, rows: Vec<R>) -> Vec<Entry> {
        if rows.is_empty() {
            return self.behind(at);
        }
        rows.iter().map(|row| (self.entry)(row)).collect()
    }
}

impl<R: Named + Clone + Send + Sync> Listing for Fed<R> {
    fn read_known(&self, at: usize, most: usize) -> Option<Vec<Entry>> {
        if at < self.front.len() {
            return Some(self.front.iter().skip(at).take(most).cloned().collect());
        }
        let at = at - self.front.len();
        self.feed.known(at, most).map(|rows| self.entries(at, rows))
    }

    fn read(&self, at: usize, most: usize) -> Result<Vec<Entry>, Error> {
        if let Some(known) = self.read_known(at, most) {
            return Ok(known);
        }
        let at = at - self.front.len();
        self.feed.read(at, most).map(|rows| self.entries(at, rows))
    }
}
