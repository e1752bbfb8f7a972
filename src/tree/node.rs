//! What `fuse` sees of the tree: the door between the two rooms.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Error;
use crate::content::{Object, OpenFile};

/// A place in the tree.
#[derive(Clone)]
pub enum Node {
    /// A directory.
    Directory(Arc<dyn Directory>),
    /// A file.
    File(Arc<dyn File>),
}

/// What kind of node a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
}

/// Which inode a node gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// One of its own at each path: directories and generated files.
    Path,
    /// One on every path that leads to it: an asset. A new generation is a new inode.
    Object {
        /// Source, collection, item and asset key, unambiguously joined.
        key: Arc<str>,
        /// How often it was seen to change.
        generation: u64,
    },
}

/// One name of a directory and what it stands for.
#[derive(Clone)]
pub struct Entry {
    /// The name, escaped, at most 255 bytes.
    pub name: OsString,
    /// What it stands for.
    pub node: Node,
    /// Which inode it gets.
    pub identity: Identity,
    /// How long the kernel may keep the name.
    pub lifetime: Duration,
}

impl Entry {
    /// A file made here, of which each path has its own.
    pub fn file(name: &str, file: impl File + 'static, lifetime: Duration) -> Entry {
        Entry { name: name.into(), node: Node::File(Arc::new(file)), identity: Identity::Path, lifetime }
    }

    /// A directory.
    pub fn directory(name: &OsStr, directory: Arc<dyn Directory>, lifetime: Duration) -> Entry {
        let node = Node::Directory(directory);
        Entry { name: name.to_owned(), node, identity: Identity::Path, lifetime }
    }
}

/// The answer to a name.
#[derive(Clone)]
pub enum Found {
    /// There is such a thing.
    Entry(Entry),
    /// There is none: for so long the kernel may keep that.
    Absent(Duration),
}

/// What stat shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes {
    /// Size in bytes; `None` where it must still be asked for (shown as 0 with lifetime 0).
    pub size: Option<u64>,
    /// Modification time; before 1970 too.
    pub modified: Timestamp,
    /// How long the kernel may keep this. Zero for files that change, as in `/proc`.
    pub lifetime: Duration,
}

impl Attributes {
    /// Of a file of this size: good for `lifetime` once the size is known.
    pub fn of_file(size: Option<u64>, modified: Timestamp, lifetime: Duration) -> Attributes {
        let lifetime = if size.is_some() { lifetime } else { Duration::ZERO };
        Attributes { size, modified, lifetime }
    }
}

/// A directory. Cheap to make: nothing is asked of a server before something is asked of it.
pub trait Directory: Send + Sync {
    /// What stat shows. Never waits.
    fn attributes(&self) -> Attributes;

    /// What a name stands for, where that is known without a request; `None` where a worker must ask.
    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>>;

    /// What a name stands for that is not known. May wait for the network. A directory that knows all its names is
    /// never asked.
    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let _ = name;
        Ok(Found::Absent(self.attributes().lifetime))
    }

    /// What a name stands for: known, or asked for. May wait for the network.
    fn find(&self, name: &OsStr) -> Result<Found, Error> {
        self.find_known(name).unwrap_or_else(|| self.ask(name))
    }

    /// The listing, a snapshot: the same one for every handle opened while it is fresh. Never waits; errors
    /// come from reading it.
    fn list(&self) -> Arc<dyn Listing>;

    /// Extended attributes, `user.stac.*`: name and value. Never waits.
    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
}

/// A directory's entries in a fixed order. Append-only: what was read at a place is there for ever.
pub trait Listing: Send + Sync {
    /// Up to `most` entries from place `at` (from 0), as far as known without a request: `None` where a worker
    /// must ask. An empty answer is the end.
    fn read_known(&self, at: usize, most: usize) -> Option<Vec<Entry>>;

    /// Up to `most` entries from place `at`: waits for at least one, or the end (an empty answer). An error
    /// belongs to this place and time: the next call tries again.
    fn read(&self, at: usize, most: usize) -> Result<Vec<Entry>, Error>;
}

/// A file.
pub trait File: Send + Sync {
    /// What stat shows, as far as known. Never waits.
    fn attributes(&self) -> Attributes;

    /// The same, with the size asked for where it must be (and its siblings' with it). May wait.
    fn resolve(&self) -> Result<Attributes, Error>;

    /// Opens it for reading. May wait.
    ///
    /// # Errors
    /// ESTALE where it changed since this node was found: the kernel then looks the name up again.
    fn open(&self) -> Result<Opened, Error>;

    /// The object whose bytes these are, for who fetches whole files; `None` where they are made here. May wait.
    fn as_object(&self) -> Option<Result<Object, Error>> {
        None
    }

    /// Extended attributes, `user.stac.*`: name and value. Never waits.
    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
}

/// An open file.
#[derive(Clone)]
pub enum Opened {
    /// Bytes made now: one snapshot per handle. Its length is the file's size.
    Snapshot(Arc<[u8]>),
    /// The same for a file whose stat says size 0 (`.stacfs/*`): to be opened with direct I/O.
    Live(Arc<[u8]>),
    /// Bytes made now that are too many for memory: a file on local disk, of this size.
    Spooled(Arc<std::fs::File>, u64),
    /// An object's bytes.
    Content(Arc<OpenFile>),
}
