//! A tree in memory that can be slow, silent, broken, and change under the mount.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use stacfs::content;
use stacfs::tree::{Attributes, Directory, Entry, Error, File, Found, Identity, Listing, Node, Opened};

/// How long the kernel may keep things here: longer than any test.
pub const KEPT: Duration = Duration::from_secs(600);

/// Lets work through, or makes it wait.
#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub fn shut(&self) {
        *self.shut.lock().unwrap() = true;
    }

    pub fn open(&self) {
        *self.shut.lock().unwrap() = false;
        self.changed.notify_all();
    }

    fn pass(&self) {
        drop(self.changed.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
    }
}

/// A directory.
#[derive(Default)]
pub struct Folder {
    pub entries: Mutex<Vec<Entry>>,
    /// How many entries can be had without waiting at the gate.
    pub known: AtomicUsize,
    /// Whether names are known without waiting.
    pub names_known: AtomicBool,
    pub gate: Gate,
    /// The place where listing fails, where it does.
    pub breaks_at: Mutex<Option<usize>>,
    /// How often a name was asked for.
    pub finds: AtomicUsize,
    /// How long an absent name may be kept.
    pub absent: Mutex<Duration>,
    /// Set: every call panics.
    pub panics: AtomicBool,
}

impl Folder {
    /// A directory of which all is known.
    pub fn of(entries: Vec<Entry>) -> Arc<Folder> {
        let folder = Folder::unknown(entries);
        folder.known.store(usize::MAX, Ordering::SeqCst);
        folder.names_known.store(true, Ordering::SeqCst);
        folder
    }

    /// A directory for which a worker must ask.
    pub fn unknown(entries: Vec<Entry>) -> Arc<Folder> {
        let folder = Folder { absent: Mutex::new(KEPT), ..Folder::default() };
        *folder.entries.lock().unwrap() = entries;
        Arc::new(folder)
    }

    fn look(&self, name: &OsStr) -> Found {
        assert!(!self.panics.load(Ordering::SeqCst), "a directory that panics on purpose");
        self.finds.fetch_add(1, Ordering::SeqCst);
        match self.entries.lock().unwrap().iter().find(|entry| entry.name == name) {
            Some(entry) => Found::Entry(entry.clone()),
            None => Found::Absent(*self.absent.lock().unwrap()),
        }
    }

    fn batch(&self, at: usize, end: usize) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap();
        entries[at.min(entries.len())..end.min(entries.len())].to_vec()
    }
}

/// A directory as the tree hands it out.
pub struct Handed(pub Arc<Folder>);

impl Directory for Handed {
    fn attributes(&self) -> Attributes {
        Attributes { size: None, modified: Timestamp::UNIX_EPOCH, lifetime: KEPT }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        self.0.names_known.load(Ordering::SeqCst).then(|| Ok(self.0.look(name)))
    }

    fn find(&self, name: &OsStr) -> Result<Found, Error> {
        self.0.gate.pass();
        Ok(self.0.look(name))
    }

    fn list(&self) -> Arc<dyn Listing> {
        Arc::new(Handed(self.0.clone()))
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        vec![("user.stac.collection".to_owned(), b"moon".to_vec())]
    }
}

impl Listing for Handed {
    fn read_known(&self, at: usize, most: usize) -> Option<Vec<Entry>> {
        let known = self.0.known.load(Ordering::SeqCst);
        if at < known {
            return Some(self.0.batch(at, known.min(at + most)));
        }
        None
    }

    fn read(&self, at: usize, most: usize) -> Result<Vec<Entry>, Error> {
        self.0.gate.pass();
        if *self.0.breaks_at.lock().unwrap() == Some(at) {
            // ENOENT, which no program would see: the C library takes it for the end.
            return Err(Error::Vanished("broken on purpose".to_owned()));
        }
        Ok(self.0.batch(at, at + most))
    }
}

/// What a file does when it is opened and asked for its size.
pub enum Kind {
    /// The size is known and the bytes are a snapshot.
    Plain,
    /// The size must be asked for.
    UnknownSize,
    /// The size must be asked for each time: the next one may be another.
    Untold,
    /// As in `/proc`.
    Live,
}

/// A file.
pub struct Document {
    pub bytes: Mutex<Arc<[u8]>>,
    pub kind: Kind,
    pub modified: Timestamp,
    /// How often its size was asked for.
    pub resolves: AtomicUsize,
    /// Set: it changed since it was found.
    pub stale: AtomicBool,
    pub gate: Gate,
}

impl Document {
    pub fn new(bytes: &[u8]) -> Arc<Document> {
        Document::of(Kind::Plain, bytes)
    }

    pub fn of(kind: Kind, bytes: &[u8]) -> Arc<Document> {
        Arc::new(Document {
            bytes: Mutex::new(Arc::from(bytes)),
            kind,
            modified: Timestamp::UNIX_EPOCH,
            resolves: AtomicUsize::new(0),
            stale: AtomicBool::new(false),
            gate: Gate::default(),
        })
    }

    pub fn write(&self, bytes: &[u8]) {
        *self.bytes.lock().unwrap() = Arc::from(bytes);
    }

    fn length(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }
}

impl File for Document {
    fn attributes(&self) -> Attributes {
        let (size, lifetime) = match self.kind {
            Kind::Plain => (Some(self.length()), KEPT),
            Kind::UnknownSize if self.resolves.load(Ordering::SeqCst) > 0 => (Some(self.length()), KEPT),
            Kind::UnknownSize => (None, KEPT),
            Kind::Untold => (None, Duration::ZERO),
            Kind::Live => (Some(0), Duration::ZERO),
        };
        Attributes { size, modified: self.modified, lifetime }
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        self.gate.pass();
        self.resolves.fetch_add(1, Ordering::SeqCst);
        Ok(match self.kind {
            Kind::Untold => Attributes { size: Some(self.length()), ..self.attributes() },
            _ => self.attributes(),
        })
    }

    fn open(&self) -> Result<Opened, Error> {
        self.gate.pass();
        if self.stale.load(Ordering::SeqCst) {
            return Err(Error::Content(content::Error::Changed { identity: "a document".to_owned() }));
        }
        let bytes = self.bytes.lock().unwrap().clone();
        Ok(match self.kind {
            Kind::Live => Opened::Live(bytes),
            _ => Opened::Snapshot(bytes),
        })
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        vec![
            ("user.stac.href".to_owned(), b"https://example.org/a.tif".to_vec()),
            ("user.stac.item".to_owned(), b"a".to_vec()),
        ]
    }
}

/// An entry that is a directory.
pub fn folder(name: &str, folder: &Arc<Folder>) -> Entry {
    let node = Node::Directory(Arc::new(Handed(folder.clone())));
    Entry { name: name.into(), node, identity: Identity::Path, lifetime: KEPT }
}

/// An entry that is a generated file.
pub fn file(name: &str, document: &Arc<Document>) -> Entry {
    Entry { name: name.into(), node: Node::File(document.clone()), identity: Identity::Path, lifetime: KEPT }
}

/// An entry that is an object.
pub fn object(name: &str, document: &Arc<Document>, key: &str, generation: u64) -> Entry {
    let identity = Identity::Object { key: key.into(), generation };
    Entry { name: name.into(), node: Node::File(document.clone()), identity, lifetime: KEPT }
}
